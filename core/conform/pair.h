/* One graph on two devices: in f32 where it is tested, in f64 on the reference; and the distance of their values. */
#ifndef ORR_CONFORM_PAIR_H
#define ORR_CONFORM_PAIR_H

#include "conform/check.h"

struct orr_pair {
    struct orr_graph *narrow, *wide; /* the same nodes and handles */
    struct orr_exec *tested, *truth;
};

/* The same graph with f64 for f32. EUNSUPPORTED where one storage holds values of both sizes. */
ORR_CHECKED orr_status orr_graph_widen(const struct orr_graph *g, struct orr_graph **out, struct orr_error *err);

/* Take over g (f32), widen it and plan both. The caller releases *out by orr_pair_fini, also on failure. */
ORR_CHECKED orr_status orr_pair_init(struct orr_session *s, struct orr_graph *g, struct orr_pair *out,
                                     struct orr_error *err);
void orr_pair_fini(struct orr_pair *p);

/* Fill every input of the graph from (seed, its handle): reals normal times scale, i32 -1, 0 or 1. */
ORR_CHECKED orr_status orr_pair_fill(struct orr_pair *p, uint64_t seed, double scale, struct orr_error *err);
/* Write n numbers to input v of both; they are rounded to float first. */
ORR_CHECKED orr_status orr_pair_write(struct orr_pair *p, orr_handle v, const double *data, size_t n,
                                      struct orr_error *err);
ORR_CHECKED orr_status orr_pair_write_whole(struct orr_pair *p, orr_handle v, const int32_t *data, size_t n,
                                            struct orr_error *err);
/* Run both to their ends. */
ORR_CHECKED orr_status orr_pair_run(struct orr_pair *p, struct orr_error *err);

/* ||a - b|| / ||b|| of kept value v, b from the reference; infinite where they differ in what is not finite, or in any
 * i32. Norms below 1e-6 a number count as that. */
ORR_CHECKED orr_status orr_pair_distance(struct orr_pair *p, orr_handle v, double *distance, struct orr_error *err);

#endif
