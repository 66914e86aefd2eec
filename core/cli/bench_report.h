/* What orrery bench found, as text and as JSON. */
#ifndef ORR_CLI_BENCH_REPORT_H
#define ORR_CLI_BENCH_REPORT_H

#include "cli/bench_limits.h"

#include <jansson.h>

/* One point of a recipe. */
struct orr_bench_point {
    const char *name;
    int64_t batch, context; /* windows a step, points of each */
    struct orr_timing step;
    double flops, bytes; /* a step, as if each call ran alone */
    size_t calls;
    struct orr_counters counters; /* of one step */
    bool counted;                 /* false: only bytes are known */
    struct orr_bench_calls table; /* empty without --gemm and --ops */
};

/* Versions, device, driver, and what decides about threads. */
void orr_bench_print_head(const struct orr_open_device *device);
json_t *orr_bench_head_json(const struct orr_open_device *device);

/* The step, what the device did in it, and the tables that were asked for. */
void orr_bench_print_point(const struct orr_bench_point *point, const struct orr_bench_limits *limits, bool products,
                           bool operations);
/* All of it; NULL when out of memory, as for the others. */
json_t *orr_bench_point_json(const struct orr_bench_point *point);

/* What the shares are of. */
void orr_bench_print_limits(const struct orr_bench_limits *limits);
/* Rates in operations and bytes a second; 0 where there is none. */
json_t *orr_bench_limits_json(const struct orr_bench_limits *limits);

#endif
