/* What `orrery validate` is made of: its cases, its numbers, its judgement, its random graphs. */
#include "base/memory.h"
#include "base/text.h"
#include "conform/check.h"
#include "conform/child.h"
#include "conform/distance.h"
#include "conform/layout.h"
#include "conform/pair.h"
#include "conform/random_graph.h"

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <string.h>
#include <time.h>

/* Cases larger than this are only described here, not built. */
enum { ELEMENTS_MAX = 20000, SEED = 5 };

static struct orr_open_device *open_reference(struct orr_loader **loader)
{
    struct orr_error err = {.code = ORR_OK};
    struct orr_open_device *device = NULL;
    if (orr_loader_create(loader, &err) != ORR_OK || orr_device_open(*loader, "reference", &device, &err) != ORR_OK)
        fail_msg("%s", err.text);
    return device;
}

static int64_t elements(const struct orr_case *c)
{
    int64_t n = 0;
    for (uint32_t k = 0; k < c->n_in; ++k)
        n += orr_shape_count(&c->in[k].shape);
    return n + orr_shape_count(&c->out[0]);
}

static void every_operation_has_cases(void **state)
{
    (void)state;
    size_t n_ops;
    const struct orr_op_info *op = orr_op_list(&n_ops);
    char lacking[400] = "";
    for (size_t i = 0; i < n_ops; ++i) {
        uint32_t quick = 0;
        for (uint32_t n = 0; n < orr_case_count(op[i].id); ++n) {
            struct orr_case c;
            struct orr_error err = {.code = ORR_OK};
            if (orr_case_get(op[i].id, n, &c, &err) != ORR_OK) fail_msg("%s", err.text);
            quick += c.level == ORR_CONFORM_QUICK;
        }
        if (quick) continue;
        strncat(lacking, " ", sizeof(lacking) - strlen(lacking) - 1);
        strncat(lacking, op[i].name, sizeof(lacking) - strlen(lacking) - 1);
    }
    if (lacking[0]) fail_msg("no quick case in conform/cases.def for:%s", lacking);
}

static void a_number_that_is_no_case(void **state)
{
    (void)state;
    struct orr_case c;
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_case_get(ORR_OP_ADD, orr_case_count(ORR_OP_ADD), &c, &err), ORR_EINVAL);
    assert_int_equal(orr_case_get(9999, 0, &c, &err), ORR_EINVAL);
    assert_int_equal(orr_case_count(9999), 0);
}

/* Work of one element at a time is split up beyond some size: each such operation is seen there at the quick level. */
static void elementwise_operations_have_many(void **state)
{
    (void)state;
    static const uint32_t op[] = {ORR_OP_FILL,
                                  ORR_OP_COPY,
                                  ORR_OP_NEG,
                                  ORR_OP_EXP,
                                  ORR_OP_LOG,
                                  ORR_OP_SQRT,
                                  ORR_OP_TANH,
                                  ORR_OP_ERF,
                                  ORR_OP_ADD,
                                  ORR_OP_SUB,
                                  ORR_OP_MUL,
                                  ORR_OP_DIV,
                                  ORR_OP_MAXIMUM,
                                  ORR_OP_STEP,
                                  ORR_OP_AFFINE,
                                  ORR_OP_BROADCAST,
                                  ORR_OP_PERMUTE,
                                  ORR_OP_RANDOM_INT,
                                  ORR_OP_RANDOM_NORMAL,
                                  ORR_OP_CAST,
                                  ORR_OP_GELU,
                                  ORR_OP_SILU,
                                  ORR_OP_GELU_GRAD,
                                  ORR_OP_SILU_GRAD,
                                  ORR_OP_MSE_GRAD,
                                  ORR_OP_SOFTMAX,
                                  ORR_OP_ADAMW,
                                  ORR_OP_LAYERNORM,
                                  ORR_OP_LAYERNORM_GRAD,
                                  ORR_OP_RMSNORM,
                                  ORR_OP_RMSNORM_GRAD,
                                  ORR_OP_XENT_GRAD,
                                  ORR_OP_SOFTMAX_GRAD,
                                  ORR_OP_LOG_SOFTMAX_GRAD};
    for (size_t i = 0; i < sizeof(op) / sizeof(op[0]); ++i) {
        int64_t most = 0;
        for (uint32_t n = 0; n < orr_case_count(op[i]); ++n) {
            struct orr_case c;
            struct orr_error err = {.code = ORR_OK};
            assert_int_equal(orr_case_get(op[i], n, &c, &err), ORR_OK);
            const int64_t count = orr_shape_count(&c.out[0]);
            if (c.level == ORR_CONFORM_QUICK && count > most) most = count;
        }
        if (most <= 150000) fail_msg("%s: at most %lld elements", orr_op_by_id(op[i])->name, (long long)most);
    }
}

/* The engine takes every case as a graph, in both types. */
static void cases_are_graphs(void **state)
{
    (void)state;
    size_t n_ops;
    const struct orr_op_info *op = orr_op_list(&n_ops);
    for (size_t i = 0; i < n_ops; ++i)
        for (uint32_t n = 0; n < orr_case_count(op[i].id); ++n)
            for (int wide = 0; wide < 2; ++wide) {
                struct orr_case c;
                struct orr_error err = {.code = ORR_OK};
                struct orr_graph *g = NULL;
                orr_handle in[ORR_IN_MAX], out[ORR_OUT_MAX];
                assert_int_equal(orr_case_get(op[i].id, n, &c, &err), ORR_OK);
                if (orr_case_graph(&c, wide ? ORR_F64 : ORR_F32, &g, in, out, &err) != ORR_OK ||
                    orr_graph_verify(g, &err) != ORR_OK)
                    fail_msg("%s case %u: %s", op[i].name, n, err.text);
                orr_graph_destroy(g);
            }
}

static void numbers_follow_seed_case_and_input(void **state)
{
    (void)state;
    enum { N = 33 };
    struct orr_case c, other;
    struct orr_error err = {.code = ORR_OK};
    double a[N], b[N], second[N], seeded[N];
    uint32_t n = 0;
    do
        assert_int_equal(orr_case_get(ORR_OP_ADD, n++, &c, &err), ORR_OK);
    while (orr_shape_count(&c.in[0].shape) != N || c.values != ORR_VALUES_UNIT);
    orr_case_fill(&c, 0, SEED, a, NULL);
    orr_case_fill(&c, 0, SEED, b, NULL);
    orr_case_fill(&c, 1, SEED, second, NULL);
    orr_case_fill(&c, 0, SEED + 1, seeded, NULL);
    assert_memory_equal(a, b, sizeof(a));
    assert_memory_not_equal(a, second, sizeof(a));
    assert_memory_not_equal(a, seeded, sizeof(a));
    other = c;
    ++other.number;
    orr_case_fill(&other, 0, SEED, b, NULL);
    assert_memory_not_equal(a, b, sizeof(a));
    for (int e = 0; e < N; ++e)
        assert_true(a[e] == (double)(float)a[e]);
}

/* A trial of one real result of n elements, made by hand. */
static struct orr_trial made_up(uint32_t op, double *want, double *allowed, size_t n)
{
    struct orr_trial t = {.op = orr_op_by_id(op), .c = {.op = op, .n_out = 1}};
    t.out[0] = (struct orr_numbers){.count = n, .real = want};
    t.allowed[0] = allowed;
    return t;
}

static double judged(uint32_t op, double want, double allowed, float got)
{
    struct orr_trial t = made_up(op, &want, &allowed, 1);
    struct orr_distance d = {.fraction = -1.0};
    orr_trial_compare(&t, 0, &got, &d);
    return d.fraction;
}

static void judgement(void **state)
{
    (void)state;
    const double largest = (double)FLT_MAX;
    /* Exact operations: the truth, rounded to float, and nothing beside it. */
    assert_true(judged(ORR_OP_ADD, 0.1, 0.0, 0.1F) == 0.0);
    assert_true(isinf(judged(ORR_OP_ADD, 0.1, 0.0, nextafterf(0.1F, 1.0F))));
    assert_true(judged(ORR_OP_ADD, 0.0, 0.0, -0.0F) == 0.0);
    /* Others: the share of what is allowed. */
    assert_true(judged(ORR_OP_EXP, 1.0, 0.5, 1.25F) == 0.5);
    assert_true(judged(ORR_OP_EXP, 1.0, 0.5, 2.0F) == 2.0);
    /* A device that flushes denormal numbers may be off by those, and by nothing else: the truth is rounded as before.
     */
    const double flush = 2.0 * (double)FLT_MIN;
    assert_true(judged(ORR_OP_ADD, 0.1, flush, 0.1F) == 0.0);
    assert_true(judged(ORR_OP_ADD, (double)FLT_MIN, flush, 0.0F) == 0.5);
    assert_true(judged(ORR_OP_ADD, 0.1, flush, nextafterf(0.1F, 1.0F)) > 1.0);
    /* What is not finite. */
    assert_true(judged(ORR_OP_EXP, (double)NAN, 1.0, NAN) == 0.0);
    assert_true(isinf(judged(ORR_OP_EXP, (double)NAN, 1.0, 1.0F)));
    assert_true(isinf(judged(ORR_OP_EXP, 1.0, 1.0, NAN)));
    assert_true(judged(ORR_OP_EXP, HUGE_VAL, HUGE_VAL, INFINITY) == 0.0);
    assert_true(isinf(judged(ORR_OP_EXP, HUGE_VAL, HUGE_VAL, -INFINITY)));
    /* Overflow, and its neighbourhood. */
    assert_true(judged(ORR_OP_EXP, 1e60, 1e50, INFINITY) == 0.0);
    assert_true(isinf(judged(ORR_OP_EXP, 1e60, 1e50, 1e30F)));
    assert_true(judged(ORR_OP_EXP, largest, 1e32, INFINITY) <= 1.0);
    assert_true(isinf(judged(ORR_OP_EXP, 1e30, 1e24, INFINITY)));
}

static double judged_wide(uint32_t op, double want, double allowed, double got)
{
    struct orr_trial t = made_up(op, &want, &allowed, 1);
    struct orr_distance d = {.fraction = -1.0};
    orr_trial_compare_wide(&t, 0, &got, &d);
    return d.fraction;
}

static void f64_is_judged_in_f64(void **state)
{
    (void)state;
    assert_true(judged_wide(ORR_OP_ADD, 0.1, 0.0, 0.1) == 0.0);
    assert_true(isinf(judged_wide(ORR_OP_ADD, 0.1, 0.0, (double)0.1F)));
    /* 4 units of f32: the nearest float is half of one away, 2^19 / 8 of what f64 is allowed. */
    assert_true(judged_wide(ORR_OP_EXP, 1.0, ldexp(4.0, -23), 1.0 + ldexp(1.0, -24)) > 6e4);
    assert_true(judged_wide(ORR_OP_EXP, 1.0, ldexp(4.0, -23), 1.0 + ldexp(1.0, -52)) < 1e-3);
    assert_true(judged_wide(ORR_OP_EXP, (double)NAN, 1.0, (double)NAN) == 0.0);
    assert_true(isinf(judged_wide(ORR_OP_EXP, (double)NAN, 1.0, 1.0)));
    assert_true(isinf(judged_wide(ORR_OP_EXP, 1.0, 1.0, HUGE_VAL)));
}

/* Far below zero 0.5 x (1 + erf(x)) has no digits left: noise moves it by more than is ever allowed. */
static void lowering_of_noise_is_capped(void **state)
{
    (void)state;
    struct orr_loader *loader;
    struct orr_open_device *reference = open_reference(&loader);
    struct orr_error err = {.code = ORR_OK};
    struct orr_case c;
    struct orr_trial t;
    struct orr_distance d = {.fraction = -1.0};
    assert_int_equal(orr_case_get(ORR_OP_GELU, 1, &c, &err), ORR_OK);
    if (orr_trial_init(&c, SEED, reference, false, &t, &err) != ORR_OK) fail_msg("%s", err.text);
    assert_int_equal(t.out[0].count, 1);
    t.in[0].real[0] = -5.5;
    t.out[0].real[0] = -5.5 * 0.5 * erfc(5.5 * sqrt(0.5));
    t.allowed[0][0] = 0.0;
    const float got = (float)(1.02 * t.out[0].real[0]);
    assert_int_equal(orr_trial_compare_lowered(&t, 0, &got, reference, &d, &err), ORR_OK);
    if (!(d.noise == 1e-2 && d.fraction > 1.9 && d.fraction < 2.1))
        fail_msg("2 %% off is %g of what is allowed, with %g for noise", d.fraction, d.noise);
    orr_trial_fini(&t);
    orr_device_close(reference);
    orr_loader_destroy(loader);
}

static void whole_numbers_are_compared_as_such(void **state)
{
    (void)state;
    int32_t want[2] = {INT32_MAX, -78811765};
    const int32_t same[2] = {INT32_MAX, -78811765}, other[2] = {INT32_MAX, -78811766};
    struct orr_trial t = made_up(ORR_OP_COPY, NULL, NULL, 2);
    struct orr_distance d = {.fraction = -1.0};
    t.out[0].whole = want;
    orr_trial_compare(&t, 0, same, &d);
    assert_true(d.fraction == 0.0);
    orr_trial_compare(&t, 0, other, &d);
    assert_true(isinf(d.fraction));
    assert_int_equal(d.at, 1);
}

static void spacing_of_floats(void **state)
{
    (void)state;
    static const float x[] = {1.0F, 1.999F, 2.0F, -3.0F, 1e-3F, 1e30F, FLT_MIN, 1e-40F};
    for (size_t i = 0; i < sizeof(x) / sizeof(x[0]); ++i) {
        const float up = nextafterf(fabsf(x[i]), INFINITY);
        const double expected = (double)up - (double)fabsf(x[i]), got = orr_float_spacing((double)x[i]);
        if (got != expected) fail_msg("spacing at %g is %g, not %g", (double)x[i], got, expected);
    }
    assert_true(orr_float_spacing(0.0) == ldexp(1.0, -149));
}

/* The unit of a sum's tolerance is never smaller than the sum itself. */
static void magnitudes_bound_results(void **state)
{
    (void)state;
    struct orr_loader *loader;
    struct orr_open_device *reference = open_reference(&loader);
    size_t n_ops;
    const struct orr_op_info *op = orr_op_list(&n_ops);
    for (size_t i = 0; i < n_ops; ++i)
        for (uint32_t n = 0; n < orr_case_count(op[i].id) && op[i].tolerance_kind == ORR_TOLERANCE_SUM; ++n) {
            struct orr_case c;
            struct orr_trial t;
            struct orr_error err = {.code = ORR_OK};
            assert_int_equal(orr_case_get(op[i].id, n, &c, &err), ORR_OK);
            if (c.values != ORR_VALUES_UNIT || elements(&c) > ELEMENTS_MAX) continue;
            if (orr_trial_init(&c, SEED, reference, false, &t, &err) != ORR_OK) fail_msg("%s", err.text);
            for (uint32_t k = 0; k < c.n_out; ++k) {
                double *sum = orr_memory_array(t.out[k].count, sizeof(*sum));
                assert_non_null(sum);
                assert_int_equal(orr_trial_magnitude(&t, k, reference, sum, &err), ORR_OK);
                for (size_t e = 0; e < t.out[k].count; ++e)
                    if (!(sum[e] >= fabs(t.out[k].real[e]) * (1.0 - 1e-12)))
                        fail_msg("%s case %u, result %u, element %zu: sum of |terms| %g below |result| %g", op[i].name,
                                 n, k, e, sum[e], fabs(t.out[k].real[e]));
                orr_memory_free(sum);
            }
            orr_trial_fini(&t);
        }
    orr_device_close(reference);
    orr_loader_destroy(loader);
}

static void random_graphs_are_sound_and_repeat(void **state)
{
    (void)state;
    for (uint32_t number = 0; number < 60; ++number) {
        struct orr_graph *g[2];
        struct orr_error err = {.code = ORR_OK};
        char *text[2];
        for (int k = 0; k < 2; ++k) {
            if (orr_random_graph(SEED, number, ORR_RANDOM_GRAPH_LENGTH, &g[k], &err) != ORR_OK ||
                orr_graph_verify(g[k], &err) != ORR_OK || orr_graph_print(g[k], &text[k], &err) != ORR_OK)
                fail_msg("graph %u: %s", number, err.text);
        }
        assert_string_equal(text[0], text[1]);
        for (int k = 0; k < 2; ++k) {
            orr_graph_destroy(g[k]);
            orr_memory_free(text[k]);
        }
    }
}

/* A shorter graph is the beginning of a longer one: what makes cutting one mean anything. */
static void short_graphs_begin_long_ones(void **state)
{
    (void)state;
    struct orr_graph *whole, *part;
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_random_graph(SEED, 3, ORR_RANDOM_GRAPH_LENGTH, &whole, &err), ORR_OK);
    for (uint32_t length = 0; length < ORR_RANDOM_GRAPH_LENGTH; ++length) {
        assert_int_equal(orr_random_graph(SEED, 3, length, &part, &err), ORR_OK);
        assert_int_equal(part->n_nodes, length < whole->n_nodes ? length : whole->n_nodes);
        if (orr_graph_verify(part, &err) != ORR_OK) fail_msg("cut to %u: %s", length, err.text);
        for (size_t i = 0; i < part->n_nodes; ++i) {
            assert_int_equal(part->node[i].op, whole->node[i].op);
            assert_memory_equal(part->node[i].in, whole->node[i].in, sizeof(part->node[i].in));
        }
        orr_graph_destroy(part);
    }
    orr_graph_destroy(whole);
}

static void widening(void **state)
{
    (void)state;
    struct orr_graph *g, *wide = NULL;
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(
        orr_graph_parse("graph f32\n%0 = input : f32[3,4]\n%1 = view %0 {i=4} : f32[2,4]\n%2 = neg %1 : f32[2,4]\n",
                        "here", &g, &err),
        ORR_OK);
    assert_int_equal(orr_graph_widen(g, &wide, &err), ORR_OK);
    if (orr_graph_verify(wide, &err) != ORR_OK) fail_msg("%s", err.text);
    assert_int_equal(wide->value[1].offset, 4 * sizeof(double));
    assert_int_equal(wide->value[2].shape.dtype, ORR_F64);
    orr_graph_destroy(wide);
    orr_graph_destroy(g);
}

/* --- the time limit ---------------------------------------------------------------------------- */

#define LIMIT 2.0 /* seconds */

static void wait_for(double seconds)
{
    const struct timespec t = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - floor(seconds)) * 1e9)};
    nanosleep(&t, NULL);
}

/* Longer than the limit in all, but no case is: as where a driver compiles something for each of them. */
static void many_slow_cases(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    (void)check;
    for (uint32_t i = 0; i < 12; ++i)
        if (orr_check_begin(s, r, i)) wait_for(LIMIT / 8);
}

static void hangs_in_case_1(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    (void)check;
    orr_check_begin(s, r, 0);
    orr_check_begin(s, r, 1);
    wait_for(100.0 * LIMIT);
}

static void a_case_has_the_whole_time_limit(void **state)
{
    (void)state;
    const struct orr_check check[2] = {{.name = "slow", .family = ORR_CHECK_GRAPH, .run = many_slow_cases},
                                       {.name = "hangs", .family = ORR_CHECK_GRAPH, .run = hangs_in_case_1}};
    const struct orr_conform asked = {.backend = "reference", .only_case = -1, .time_limit = LIMIT};
    struct orr_check_result result[3] = {{.cases = 0}};
    struct orr_conform_report report = {.asked = &asked, .result = result, .count = 2};
    struct orr_error err = {.code = ORR_OK};
    size_t next = 0;
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (orr_child_run(&asked, check, 2, 0, &report, &next, &err) != ORR_OK) fail_msg("%s", err.text);
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_int_equal(next, 2);
    assert_int_equal(result[0].state, ORR_CHECK_PASSED);
    assert_int_equal(result[0].cases, 12);
    assert_int_equal(result[1].state, ORR_CHECK_HUNG);
    assert_int_equal(result[1].failed_case, 1);
    /* 12 / 8 of the limit for the first, one for the second, and the time to load two backends. */
    const double seconds = (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
    if (!(seconds < 20.0 * LIMIT)) fail_msg("a hang was found after %g seconds, with a limit of %g", seconds, LIMIT);
}

static void fails_in_another_encoding(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    (void)check;
    if (orr_check_begin(s, r, 0)) orr_check_fail(r, 0, "Ger\xe4t:\n\x1b[1m no");
    snprintf(r->note, sizeof(r->note), "\xfc");
}

static void what_backends_say_becomes_a_line_of_utf8(void **state)
{
    (void)state;
    const struct orr_check check = {.name = "says", .family = ORR_CHECK_GRAPH, .run = fails_in_another_encoding};
    const struct orr_conform asked = {.backend = "reference", .only_case = -1, .time_limit = 60.0};
    struct orr_check_result result[2] = {{.cases = 0}};
    struct orr_conform_report report = {.asked = &asked, .result = result, .count = 1};
    struct orr_error err = {.code = ORR_OK};
    size_t next = 0;
    if (orr_child_run(&asked, &check, 1, 0, &report, &next, &err) != ORR_OK) fail_msg("%s", err.text);
    assert_string_equal(result[0].failure, "Ger?t:  [1m no");
    assert_string_equal(result[0].note, "?");
    assert_true(orr_text_is_utf8(report.device.name));
}

static void a_graph_and_checks_exclude_each_other(void **state)
{
    (void)state;
    const struct orr_conform asked = {
        .backend = "reference", .checks = "add", .graph = "any.graph", .only_case = -1, .time_limit = 60.0};
    struct orr_conform_report report;
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_conform_run(&asked, &report, &err), ORR_EINVAL);
    assert_non_null(strstr(err.text, "--graph"));
    orr_conform_report_fini(&report);
}

static void distances(void **state)
{
    (void)state;
    const double b[2] = {3.0, 4.0}, a[2] = {3.0, 4.5}, zero[2] = {0.0, 0.0};
    const double holed[2] = {(double)NAN, 4.0}, far[2] = {HUGE_VAL, 4.0}, low[2] = {-HUGE_VAL, 4.0};
    assert_true(orr_distance_relative(a, b, 0, 0.0) == 0.0);
    assert_true(orr_distance_relative(a, b, 1, 0.0) == 0.0);
    assert_true(fabs(orr_distance_relative(a, b, 2, 0.0) - 0.1) < 1e-15);
    assert_true(orr_distance_relative(zero, zero, 2, 0.0) == 0.0);
    assert_true(isinf(orr_distance_relative(a, zero, 2, 0.0)));
    assert_true(isfinite(orr_distance_relative(a, zero, 2, 1e-6)));
    assert_true(orr_distance_relative(holed, holed, 2, 0.0) == 0.0);
    assert_true(orr_distance_relative(far, far, 2, 0.0) == 0.0);
    assert_true(isinf(orr_distance_relative(holed, b, 2, 0.0)));
    assert_true(isinf(orr_distance_relative(b, holed, 2, 0.0)));
    assert_true(isinf(orr_distance_relative(far, low, 2, 0.0)));
}

static void choosing_checks(void **state)
{
    (void)state;
    struct orr_conform asked = {.checks = NULL};
    assert_true(orr_check_is_chosen(&asked, "matmul"));
    asked.checks = "mat*";
    assert_true(orr_check_is_chosen(&asked, "matmul"));
    assert_false(orr_check_is_chosen(&asked, "graph/random"));
    asked.checks = "add,graph/*";
    assert_true(orr_check_is_chosen(&asked, "add"));
    assert_true(orr_check_is_chosen(&asked, "graph/random"));
    assert_false(orr_check_is_chosen(&asked, "matmul"));
    asked.checks = "";
    assert_false(orr_check_is_chosen(&asked, "matmul"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_has_cases),
        cmocka_unit_test(a_number_that_is_no_case),
        cmocka_unit_test(cases_are_graphs),
        cmocka_unit_test(elementwise_operations_have_many),
        cmocka_unit_test(numbers_follow_seed_case_and_input),
        cmocka_unit_test(judgement),
        cmocka_unit_test(whole_numbers_are_compared_as_such),
        cmocka_unit_test(spacing_of_floats),
        cmocka_unit_test(magnitudes_bound_results),
        cmocka_unit_test(random_graphs_are_sound_and_repeat),
        cmocka_unit_test(short_graphs_begin_long_ones),
        cmocka_unit_test(widening),
        cmocka_unit_test(a_case_has_the_whole_time_limit),
        cmocka_unit_test(what_backends_say_becomes_a_line_of_utf8),
        cmocka_unit_test(a_graph_and_checks_exclude_each_other),
        cmocka_unit_test(distances),
        cmocka_unit_test(f64_is_judged_in_f64),
        cmocka_unit_test(lowering_of_noise_is_capped),
        cmocka_unit_test(choosing_checks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
