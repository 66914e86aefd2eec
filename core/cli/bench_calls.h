/* The calls that orrery bench times: every product and every operation, at the sizes of a workload. */
#ifndef ORR_CLI_BENCH_CALLS_H
#define ORR_CLI_BENCH_CALLS_H

#include "cli/plan_point.h"
#include "run/timing.h"

/* Where a call is found: in the step; in the step where composites are taken apart; or, at the step's widest shape. */
enum orr_bench_origin { ORR_BENCH_STEP, ORR_BENCH_LOWERED, ORR_BENCH_ALONE };

struct orr_bench_call {
    struct orr_call call;
    size_t count; /* in a step; 0: not in this one */
    enum orr_bench_origin origin;
    double flops, bytes; /* of one */
    struct orr_timing timing;
    struct orr_counters counters; /* of one */
};

struct orr_bench_calls {
    struct orr_bench_call *item;
    size_t n, capacity;
};

/* The step's calls, equal ones once. On success the caller releases *out. */
ORR_CHECKED orr_status orr_bench_calls_init(struct orr_bench_calls *out, const struct orr_plan *plan,
                                            struct orr_error *err);
void orr_bench_calls_fini(struct orr_bench_calls *calls); /* zeroed is fine */

/* Add the operations that the step lacks, one call each: those of its lowering, and what is left at the step's widest
 * shape. */
ORR_CHECKED orr_status orr_bench_calls_complete(struct orr_bench_calls *calls, const struct orr_planned_point *point,
                                                struct orr_error *err);

/* Time every one, or only products. */
ORR_CHECKED orr_status orr_bench_calls_time(struct orr_bench_calls *calls, bool only_products,
                                            struct orr_open_device *device, const struct orr_timing_plan *plan,
                                            struct orr_error *err);

/* A matrix product (m, k) x (k, n), `batch` times. */
struct orr_product_shape {
    int64_t m, n, k, batch;
    bool transposed[2];
};
/* False for a call that is none. */
bool orr_bench_is_product(const struct orr_call *call, struct orr_product_shape *shape);

#endif
