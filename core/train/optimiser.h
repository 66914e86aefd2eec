/* Optimisers: each is a graph builder and a number of state blocks, one row of a table.
 *
 * Everything else (steps, states, checkpoints) knows an optimiser by its row only.
 */
#ifndef ORR_TRAIN_OPTIMISER_H
#define ORR_TRAIN_OPTIMISER_H

#include "graph/build.h"

enum orr_optimiser_kind { ORR_OPTIMISER_ADAMW, ORR_OPTIMISER_SGD, ORR_OPTIMISER_KINDS };

struct orr_optimiser {
    enum orr_optimiser_kind kind;
    double weight_decay;      /* AdamW: decoupled; SGD: added to the gradient, times the parameter */
    double beta1, beta2, eps; /* AdamW */
    double momentum;          /* SGD; 0: none, and no state block */
};

/* State beside the parameters. */
enum { ORR_OPTIMISER_BLOCKS_MAX = 2 };
struct orr_optimiser_block {
    const char *name; /* of its tensor in checkpoints, after "optimizer." */
    const char *one;  /* what a message calls an element: "a first moment" */
};

/* How many blocks of state it has, each of as many numbers as the parameters, all zero at first; and what they are
 * called. */
uint32_t orr_optimiser_blocks(const struct orr_optimiser *o, const struct orr_optimiser_block **block);

/* As recipes and checkpoints say them. */
extern const char *const orr_optimiser_names[ORR_OPTIMISER_KINDS];

/* Append one update, in place, of equally many parameters, state blocks (as orr_optimiser_blocks counts them) and
 * gradients: real (n) each. row: the step's row of orr_schedule_rows, real (4). decays: whether weight_decay applies.
 */
void orr_optimiser_build(struct orr_graph *g, const struct orr_optimiser *o, bool decays, orr_handle parameters,
                         const orr_handle *state, orr_handle gradient, orr_handle row);

#endif
