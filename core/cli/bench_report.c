/* Tables of orrery bench. docs/performance.md says what the columns mean. */
#include "cli/bench_report.h"

#include "graph/optable.h"
#include "study/counters_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- head ---- */

/* What the libraries below a backend read to choose their threads. */
static const char *const thread_variables[] = {"OMP_NUM_THREADS",        "OMP_PROC_BIND", "OPENBLAS_NUM_THREADS",
                                               "POCL_MAX_PTHREAD_COUNT", "POCL_AFFINITY", "ORRERY_GEMM",
                                               "ORRERY_KERNELS",         "ORRERY_FUSE"};
enum { VARIABLES = sizeof thread_variables / sizeof *thread_variables };

void orr_bench_print_head(const struct orr_open_device *d)
{
    printf("orrery %s, backend %s %s, device %s:%u: %s, %s, driver %s\n", ORR_VERSION, d->plugin->name,
           d->plugin->version, d->plugin->name, d->index, d->info.name, d->info.vendor, d->info.driver);
    printf("%ld processors on line", sysconf(_SC_NPROCESSORS_ONLN));
    for (size_t k = 0; k < VARIABLES; ++k) {
        const char *value = secure_getenv(thread_variables[k]);
        if (value) printf(", %s=%s", thread_variables[k], value);
    }
    printf("\n");
}

json_t *orr_bench_head_json(const struct orr_open_device *d)
{
    json_t *variables = json_object();
    for (size_t k = 0; k < VARIABLES; ++k) {
        const char *value = secure_getenv(thread_variables[k]);
        if (value) json_object_set_new(variables, thread_variables[k], json_string(value));
    }
    return json_pack("{s:s,s:s,s:s,s:i,s:s,s:s,s:s,s:I,s:o}", "orrery", ORR_VERSION, "backend", d->plugin->name,
                     "backend_version", d->plugin->version, "index", (int)d->index, "device", d->info.name, "vendor",
                     d->info.vendor, "driver", d->info.driver, "processors", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN),
                     "environment", variables);
}

/* ---- limits ---- */

void orr_bench_print_limits(const struct orr_bench_limits *l)
{
    printf("limits: the best that this device's own operations came to in this run\n");
    printf("  products     %8.2f GFLOP/s  (%s)\n", l->flops / 1e9, l->product);
    printf("  movement     %8.2f GB/s     (%s, beyond caches)\n", l->bytes / 1e9, l->movement);
    if (l->host_threads)
        printf(
            "  the host's processors by loops of our own, %u threads, %s: %.2f GFLOP/s of multiply-adds, %.2f GB/s of "
            "triad\n",
            l->host_threads, l->host_instructions, l->host_flops / 1e9, l->host_bytes / 1e9);
}

json_t *orr_bench_limits_json(const struct orr_bench_limits *l)
{
    return json_pack("{s:f,s:s,s:f,s:s,s:i,s:s*,s:f,s:f}", "flops", l->flops, "flops_by", l->product, "bytes", l->bytes,
                     "bytes_by", l->movement, "host_threads", (int)l->host_threads, "host_instructions",
                     l->host_instructions, "host_flops", l->host_flops, "host_bytes", l->host_bytes);
}

/* ---- one point ---- */

static double percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

/* The provider that computed a call's product. */
static const char *provider_of(const struct orr_counters *c)
{
    for (uint32_t k = 0; k < c->n_providers; ++k)
        if (c->provider[k].products) return c->provider[k].name;
    return "-";
}

static void print_products(const struct orr_bench_point *p, const struct orr_bench_limits *l)
{
    double seconds = 0, flops = 0;
    printf("  %-8s %8s %6s %8s %6s %3s %6s %10s %9s %6s  %s\n", "product", "m", "n", "k", "batch", "T", "a step", "us",
           "GFLOP/s", "%", "by");
    for (size_t i = 0; i < p->table.n; ++i) {
        const struct orr_bench_call *c = &p->table.item[i];
        struct orr_product_shape s;
        if (!c->count || !orr_bench_is_product(&c->call, &s)) continue;
        printf("  %-8s %8" PRId64 " %6" PRId64 " %8" PRId64 " %6" PRId64 "  %c%c %6zu %10.1f %9.2f %6.1f  %s\n",
               orr_op_by_id(c->call.op)->name, s.m, s.n, s.k, s.batch, s.transposed[0] ? 'T' : 'N',
               s.transposed[1] ? 'T' : 'N', c->count, 1e6 * c->timing.median, c->flops / c->timing.median / 1e9,
               percent(c->flops / c->timing.median, l->flops), provider_of(&c->counters));
        seconds += (double)c->count * c->timing.median;
        flops += (double)c->count * c->flops;
    }
    if (seconds > 0)
        printf("  all products of a step, one by one: %.3f ms, %.2f GFLOP/s, %.1f %% of the best\n", 1e3 * seconds,
               flops / seconds / 1e9, percent(flops / seconds, l->flops));
}

static void print_result(const struct orr_call *call, char *text, size_t size)
{
    const struct orr_tensor *t = &call->out[0];
    struct orr_shape shape = {.dtype = t->dtype, .rank = t->rank};
    memcpy(shape.dim, t->dim, sizeof shape.dim);
    orr_shape_print(&shape, text, size);
}

static void print_operations(const struct orr_bench_point *p, const struct orr_bench_limits *l)
{
    static const char *const origins[] = {"", "in its lowering", "not in this step"};
    printf("  %-16s %-24s %6s %10s %9s %8s %6s %6s\n", "operation", "first result", "a step", "us", "GFLOP/s", "GB/s",
           "% op", "% byte");
    for (size_t i = 0; i < p->table.n; ++i) {
        const struct orr_bench_call *c = &p->table.item[i];
        const double flops = c->flops / c->timing.median, bytes = c->bytes / c->timing.median;
        char shape[96];
        print_result(&c->call, shape, sizeof shape);
        printf("  %-16s %-24s %6zu %10.1f %9.2f %8.2f %6.1f %6.1f  %s\n", orr_op_by_id(c->call.op)->name, shape,
               c->count, 1e6 * c->timing.median, flops / 1e9, bytes / 1e9, percent(flops, l->flops),
               percent(bytes, l->bytes), origins[c->origin]);
    }
}

static void print_counters(const struct orr_bench_point *p)
{
    char products[ORR_PROVIDERS_MAX * 80];
    const struct orr_counters *c = &p->counters;
    if (p->counted) {
        orr_counters_print_products(c, products, sizeof products);
        printf("  launches     %" PRIu64 " a step, and %" PRIu64 " calls of libraries with launches of their own\n",
               c->launches, c->library_calls);
        printf("  products by  %s\n", products);
    } else {
        printf("  launches     not counted by this backend\n");
    }
    printf("  host bytes   %" PRIu64 " written, %" PRIu64 " read a step\n", c->bytes_written, c->bytes_read);
}

void orr_bench_print_point(const struct orr_bench_point *p, const struct orr_bench_limits *l, bool products,
                           bool operations)
{
    const struct orr_timing *t = &p->step;
    const double tokens = (double)p->batch * (double)p->context;
    printf("%s: %.0f tokens a step (%" PRId64 " windows of %" PRId64 "), %zu calls\n", p->name, tokens, p->batch,
           p->context, p->calls);
    printf("  step         %.3f ms median, %.3f least, %.3f most (%u repetitions of %" PRIu64
           " steps); %.0f tokens a second\n",
           1e3 * t->median, 1e3 * t->least, 1e3 * t->most, t->repeats, t->units, tokens / t->median);
    printf("  arithmetic   %.3f GFLOP a step: %.2f GFLOP/s, %.1f %% of the best product", p->flops / 1e9,
           p->flops / t->median / 1e9, percent(p->flops / t->median, l->flops));
    if (l->host_threads) printf(", %.1f %% of the host's multiply-adds", percent(p->flops / t->median, l->host_flops));
    printf("\n  traffic      %.3f GB a step if each call ran alone: %.2f GB/s, %.1f %% of the best movement\n",
           p->bytes / 1e9, p->bytes / t->median / 1e9, percent(p->bytes / t->median, l->bytes));
    print_counters(p);
    if (products) print_products(p, l);
    if (operations) print_operations(p, l);
}

/* ---- one point as JSON ---- */

static json_t *timing_json(const struct orr_timing *t)
{
    return json_pack("{s:f,s:f,s:f,s:i,s:I}", "least", t->least, "median", t->median, "most", t->most, "repeats",
                     (int)t->repeats, "units", (json_int_t)t->units);
}

static json_t *call_json(const struct orr_bench_call *c)
{
    static const char *const origins[] = {"step", "lowering", "alone"};
    struct orr_product_shape s;
    char shape[96];
    print_result(&c->call, shape, sizeof shape);
    json_t *json = json_pack("{s:s,s:s,s:s,s:I,s:f,s:f,s:o}", "operation", orr_op_by_id(c->call.op)->name, "result",
                             shape, "origin", origins[c->origin], "a_step", (json_int_t)c->count, "flop", c->flops,
                             "bytes_alone", c->bytes, "seconds", timing_json(&c->timing));
    if (json && orr_bench_is_product(&c->call, &s))
        json_object_set_new(json, "product",
                            json_pack("{s:I,s:I,s:I,s:I,s:b,s:b,s:s}", "m", (json_int_t)s.m, "n", (json_int_t)s.n, "k",
                                      (json_int_t)s.k, "batch", (json_int_t)s.batch, "transposed_a",
                                      (int)s.transposed[0], "transposed_b", (int)s.transposed[1], "by",
                                      provider_of(&c->counters)));
    return json;
}

json_t *orr_bench_point_json(const struct orr_bench_point *p)
{
    json_t *calls = json_array();
    for (size_t i = 0; i < p->table.n; ++i)
        if (p->table.item[i].timing.repeats) json_array_append_new(calls, call_json(&p->table.item[i]));
    return json_pack("{s:s,s:I,s:I,s:I,s:f,s:f,s:o,s:o,s:o}", "point", p->name, "batch", (json_int_t)p->batch,
                     "context", (json_int_t)p->context, "calls", (json_int_t)p->calls, "flop", p->flops, "bytes_alone",
                     p->bytes, "seconds", timing_json(&p->step), "work", orr_counters_json(&p->counters, p->counted),
                     "table", calls);
}
