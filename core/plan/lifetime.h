/* Which nodes need which storage, and results that may take the place of an input which nobody reads again.
 *
 * In: a lowered graph. Out: one lifetime a storage, from which the arena is placed. Called in the order in which they
 * are declared. */
#ifndef ORR_PLAN_LIFETIME_H
#define ORR_PLAN_LIFETIME_H

#include "plan/plan.h"

struct orr_lifetime {
    int32_t first, last; /* nodes; first is ORR_NONE for a storage that no node and no input uses */
};

/* life: caller's, one for each storage of g. Kept storages that nothing touches still count as used. */
void orr_lifetime_find(const struct orr_graph *g, struct orr_lifetime *life);

/* Mark as kept every storage that nodes of more than one program use. */
void orr_lifetime_keep_across_cuts(struct orr_graph *g, const struct orr_lifetime *life);

/* Where ops.def allows it, let outputs take over the storage of an input that dies there. Updates life. */
void orr_lifetime_share(struct orr_graph *g, struct orr_lifetime *life);

#endif
