/* Gradients against central differences in double: every rule, views and stops, and a whole two-layer transformer. */
#include "base/memory.h"
#include "graph/optable.h"
#include "op_cases.h"
#include "orrery/random.h"

#include <cmocka.h>
#include <math.h>
#include <string.h>

/* Central differences err by about h^2 f'''/6 and 2^-53 |f| / h. With h = 2e-5 both are near 1e-11 of the values here,
 * so that a relative 1e-7 a tensor leaves room for third derivatives of some hundreds. Where a gradient is zero or
 * nearly so (the norm of one number), a third derivative of 15 leaves 1e-9 an element. */
#define STEP_SIZE 2e-5
#define TOLERANCE 1e-7
#define LEAST     1e-9

/* One number to differentiate, on a device. */
struct slope {
    struct orr_graph *g;
    struct orr_exec *exec;
    orr_handle loss;
};

static double loss_of(const struct slope *s)
{
    struct orr_error err = {.code = ORR_OK};
    double loss = NAN;
    if (orr_exec_run(s->exec, &err) != ORR_OK || orr_exec_read_real(s->exec, s->loss, &loss, 1, &err) != ORR_OK)
        fail_msg("%s", err.text);
    return loss;
}

/* The loss at input x + step direction. Leaves that on the device. */
static double loss_at(const struct slope *s, orr_handle x, const double *at, const double *direction, double step)
{
    struct orr_error err = {.code = ORR_OK};
    const size_t count = (size_t)orr_shape_count(orr_shape_of(s->g, x));
    double *moved = orr_memory_array(count, sizeof(*moved));
    assert_non_null(moved);
    for (size_t e = 0; e < count; ++e)
        moved[e] = at[e] + step * direction[e];
    if (orr_exec_write_real(s->exec, x, moved, count, &err) != ORR_OK) fail_msg("%s", err.text);
    orr_memory_free(moved);
    return loss_of(s);
}

static double slope_along(const struct slope *s, orr_handle x, const double *at, const double *direction)
{
    const double ahead = loss_at(s, x, at, direction, STEP_SIZE), behind = loss_at(s, x, at, direction, -STEP_SIZE);
    return (ahead - behind) / (2.0 * STEP_SIZE);
}

/* Each element's slope by differences; x is left as it was. */
static void differences(const struct slope *s, orr_handle x, const double *at, double *out)
{
    struct orr_error err = {.code = ORR_OK};
    const size_t count = (size_t)orr_shape_count(orr_shape_of(s->g, x));
    double *direction = orr_memory_array(count, sizeof(*direction));
    assert_non_null(direction);
    for (size_t e = 0; e < count; ++e) {
        direction[e] = 1.0;
        out[e] = slope_along(s, x, at, direction);
        direction[e] = 0.0;
    }
    orr_memory_free(direction);
    if (orr_exec_write_real(s->exec, x, at, count, &err) != ORR_OK) fail_msg("%s", err.text);
}

/* ||a - b|| / ||b||: NaN where b is zero and the test compares nothing. */
static double distance(const double *a, const double *b, size_t count)
{
    double difference = 0.0, norm = 0.0;
    for (size_t e = 0; e < count; ++e) {
        difference += (a[e] - b[e]) * (a[e] - b[e]);
        norm += b[e] * b[e];
    }
    return sqrt(difference / norm);
}

static const char *name_of(const struct orr_case *c) { return orr_op_by_id(c->op)->name; }

/* The gradient that was read against differences of input k. */
static void compare_input(const struct op_run *r, const struct slope *s, const struct orr_case *c, uint32_t k,
                          const double *analytic)
{
    const size_t count = (size_t)orr_shape_count(orr_shape_of(r->g, r->in[k]));
    double *numerical = orr_memory_array(count, sizeof(*numerical));
    double difference = 0.0, norm = 0.0;
    assert_non_null(numerical);
    differences(s, r->in[k], r->input[k], numerical);
    for (size_t e = 0; e < count; ++e) {
        difference = hypot(difference, analytic[e] - numerical[e]);
        norm = hypot(norm, numerical[e]);
    }
    const double allowed = TOLERANCE * norm + LEAST * sqrt((double)count);
    if (!(difference <= allowed))
        fail_msg("%s case %u, input %u: %.3g from differences of norm %.3g, allowed %.3g", name_of(c), c->number, k,
                 difference, norm, allowed);
    orr_memory_free(numerical);
}

/* Gradients of the loss for every real input, kept; which[j] is the input of grad[j]. */
static uint32_t append_gradients(struct op_run *r, orr_handle *grad, uint32_t *which)
{
    orr_handle wrt[ORR_IN_MAX];
    uint32_t n = 0;
    for (uint32_t k = 0; k < r->n_in; ++k)
        if (r->input[k]) {
            which[n] = k;
            wrt[n++] = r->in[k];
        }
    orr_graph_gradient(r->g, r->loss, wrt, n, grad);
    for (uint32_t j = 0; j < n; ++j) {
        orr_graph_keep(r->g, grad[j]);
        assert_true(orr_shape_equal(orr_shape_of(r->g, grad[j]), orr_shape_of(r->g, wrt[j])));
    }
    orr_graph_keep(r->g, r->loss);
    return n;
}

static void check_case(const struct orr_case *c, struct orr_open_device *device)
{
    struct op_run r;
    struct orr_error err = {.code = ORR_OK};
    orr_handle grad[ORR_IN_MAX];
    uint32_t which[ORR_IN_MAX];
    op_run_build(&r, c, ORR_F64);
    const uint32_t n = append_gradients(&r, grad, which);
    struct slope s = {.g = r.g, .loss = r.loss};
    if (orr_graph_verify(r.g, &err) != ORR_OK || orr_exec_create(r.g, device, NULL, &s.exec, &err) != ORR_OK)
        fail_msg("%s case %u: %s", name_of(c), c->number, err.text);
    op_run_write(&r, s.exec);
    for (uint32_t j = 0; j < n; ++j) {
        const size_t count = (size_t)orr_shape_count(orr_shape_of(r.g, grad[j]));
        double *analytic = orr_memory_array(count, sizeof(*analytic));
        assert_non_null(analytic);
        loss_of(&s);
        assert_int_equal(orr_exec_read_real(s.exec, grad[j], analytic, count, &err), ORR_OK);
        compare_input(&r, &s, c, which[j], analytic);
        orr_memory_free(analytic);
    }
    orr_exec_destroy(s.exec);
    op_run_free(&r);
}

static void check_all_cases(bool lowered)
{
    struct orr_loader *loader;
    struct orr_open_device *device = op_device_open(&loader);
    bool seen[256] = {false};
    size_t n_ops;
    const struct orr_op_info *ops = orr_op_list(&n_ops);
    if (lowered) op_device_refuse_composites(device);
    struct orr_case c = {.op = 0};
    while (op_case_next(&c)) {
        if (!orr_op_is_differentiable(orr_op_by_id(c.op)) || c.out[0].dtype) continue;
        check_case(&c, device);
        seen[c.op] = true;
    }
    for (size_t k = 0; k < n_ops; ++k)
        if (orr_op_is_differentiable(&ops[k]) && !seen[ops[k].id])
            fail_msg("%s has a gradient rule and no small case in conform/cases.def", ops[k].name);
    orr_device_close(device);
    orr_loader_destroy(loader);
}

static void every_rule(void **state)
{
    (void)state;
    check_all_cases(false);
}

static void every_rule_lowered(void **state)
{
    (void)state;
    check_all_cases(true);
}

/* --- views, stops, values used often --------------------------------------------------------- */

enum { NUMBERS = 12 };

/* Each appends a function of x (12) and of frozen, which has the same numbers and no gradient. */
static orr_handle square_of_a_part(struct orr_graph *g, orr_handle x, orr_handle frozen)
{
    const int64_t dim[2] = {2, 3};
    (void)frozen;
    const orr_handle part = orr_graph_view(g, x, 4, 2, dim);
    return orr_mul(g, part, part);
}

static orr_handle view_of_a_view(struct orr_graph *g, orr_handle x, orr_handle frozen)
{
    const int64_t eight = 8, dim[2] = {2, 2};
    (void)frozen;
    return orr_unary(g, ORR_OP_EXP, orr_graph_view(g, orr_graph_view(g, x, 2, 1, &eight), 3, 2, dim));
}

static orr_handle views_that_overlap(struct orr_graph *g, orr_handle x, orr_handle frozen)
{
    const int64_t seven = 7;
    (void)frozen;
    return orr_mul(g, orr_graph_view(g, x, 0, 1, &seven), orr_graph_view(g, x, 5, 1, &seven));
}

static orr_handle used_many_times(struct orr_graph *g, orr_handle x, orr_handle frozen)
{
    (void)frozen;
    orr_handle sum = orr_mul(g, x, x);
    for (int k = 0; k < 4; ++k)
        sum = orr_add(g, orr_mul(g, sum, x), orr_unary(g, ORR_OP_TANH, x));
    return sum;
}

static orr_handle beside_a_stop(struct orr_graph *g, orr_handle x, orr_handle frozen)
{
    return orr_mul(g, orr_mul(g, x, x), orr_unary(g, ORR_OP_EXP, frozen));
}

static orr_handle view_of_a_stop(struct orr_graph *g, orr_handle x, orr_handle frozen)
{
    const int64_t six = 6;
    return orr_mul(g, orr_graph_view(g, frozen, 3, 1, &six), orr_graph_view(g, x, 6, 1, &six));
}

typedef orr_handle (*builder)(struct orr_graph *g, orr_handle x, orr_handle frozen);

static orr_handle weighted_sum(struct orr_graph *g, orr_handle v)
{
    const int64_t count = orr_shape_count(orr_shape_of(g, v)), row[2] = {1, count};
    const orr_handle flat = orr_reshape(g, v, 2, row);
    return orr_reshape(g, orr_sum(g, orr_mul(g, flat, orr_affine(g, flat, 0.5, 1.0)), 1), 0, NULL);
}

/* Build on x and, for frozen, on an input of its own (differences leave it alone) or on x behind a stop. */
static void build_slope(struct slope *s, struct orr_open_device *device, builder build, const double *at, bool stop,
                        orr_handle *x, orr_handle *grad)
{
    const int64_t count = NUMBERS;
    struct orr_graph *g;
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_graph_create(ORR_F64, &g, &err), ORR_OK);
    *x = orr_graph_input(g, "x", ORR_F64, 1, &count);
    const orr_handle apart = orr_graph_input(g, "frozen", ORR_F64, 1, &count);
    *s = (struct slope){.g = g};
    s->loss = weighted_sum(g, build(g, *x, stop ? orr_graph_stop_gradient(g, *x) : apart));
    orr_graph_gradient(g, s->loss, x, 1, grad);
    orr_graph_keep(g, s->loss);
    orr_graph_keep(g, *grad);
    if (orr_graph_verify(g, &err) != ORR_OK || orr_exec_create(g, device, NULL, &s->exec, &err) != ORR_OK)
        fail_msg("%s", err.text);
    assert_int_equal(orr_exec_write_real(s->exec, *x, at, NUMBERS, &err), ORR_OK);
    assert_int_equal(orr_exec_write_real(s->exec, apart, at, NUMBERS, &err), ORR_OK);
}

static void check_builder(struct orr_open_device *device, builder build, const char *name)
{
    struct orr_error err = {.code = ORR_OK};
    double at[NUMBERS], analytic[NUMBERS], numerical[NUMBERS];
    for (uint32_t e = 0; e < NUMBERS; ++e) {
        uint32_t word[4];
        orr_random_block(11, 0, 0, e, word);
        at[e] = (double)orr_random_normal(word[0]);
    }
    for (int stop = 0; stop < 2; ++stop) {
        struct slope s;
        orr_handle x, grad;
        build_slope(&s, device, build, at, stop, &x, &grad);
        loss_of(&s);
        assert_int_equal(orr_exec_read_real(s.exec, grad, analytic, NUMBERS, &err), ORR_OK);
        if (!stop) differences(&s, x, at, numerical);
        const double worst = distance(analytic, numerical, NUMBERS);
        if (!(worst <= TOLERANCE))
            fail_msg("%s%s: relative distance %.3g, allowed %.3g", name, stop ? " behind a stop" : "", worst,
                     TOLERANCE);
        orr_exec_destroy(s.exec);
        orr_graph_destroy(s.g);
    }
}

static void views_and_stops(void **state)
{
    (void)state;
    static const struct {
        builder build;
        const char *name;
    } cases[] = {{square_of_a_part, "square of a part"},     {view_of_a_view, "view of a view"},
                 {views_that_overlap, "views that overlap"}, {used_many_times, "used many times"},
                 {beside_a_stop, "beside a stop"},           {view_of_a_stop, "view of a stop"}};
    struct orr_loader *loader;
    struct orr_open_device *device = op_device_open(&loader);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i)
        check_builder(device, cases[i].build, cases[i].name);
    orr_device_close(device);
    orr_loader_destroy(loader);
}

/* --- ties ------------------------------------------------------------------------------------ */

static void expect_gradient(struct orr_graph *g, orr_handle v, const orr_handle *wrt, size_t n, const double *at,
                            const double (*expected)[4])
{
    struct orr_loader *loader;
    struct orr_open_device *device = op_device_open(&loader);
    struct orr_error err = {.code = ORR_OK};
    struct orr_exec *exec;
    orr_handle grad[2];
    const int64_t row[2] = {1, orr_shape_count(orr_shape_of(g, v))};
    orr_graph_gradient(g, orr_reshape(g, orr_sum(g, orr_reshape(g, v, 2, row), 1), 0, NULL), wrt, n, grad);
    for (size_t i = 0; i < n; ++i)
        orr_graph_keep(g, grad[i]);
    if (orr_exec_create(g, device, NULL, &exec, &err) != ORR_OK) fail_msg("%s", err.text);
    for (size_t i = 0; i < n; ++i)
        assert_int_equal(orr_exec_write_real(exec, wrt[i], at + 4 * i, 4, &err), ORR_OK);
    assert_int_equal(orr_exec_run(exec, &err), ORR_OK);
    for (size_t i = 0; i < n; ++i) {
        double found[4];
        assert_int_equal(orr_exec_read_real(exec, grad[i], found, 4, &err), ORR_OK);
        for (size_t e = 0; e < 4; ++e)
            if (!(found[e] == expected[i][e]))
                fail_msg("input %zu, [%zu]: %.17g, not %.17g", i, e, found[e], expected[i][e]);
    }
    orr_exec_destroy(exec);
    orr_graph_destroy(g);
    orr_device_close(device);
    orr_loader_destroy(loader);
}

/* MAX shares equally; MAXIMUM gives all to the second input. */
static void ties(void **state)
{
    (void)state;
    const int64_t four = 4, row[2] = {1, 4};
    const double shared[1][4] = {{0.5, 0.0, 0.5, 0.0}}, second[2][4] = {{0, 1, 0, 0}, {1, 0, 1, 1}};
    const double at[4] = {3, -1, 3, 2}, pair[8] = {3, 2, 0, 1, 3, 1, 0, 4};
    struct orr_graph *g;
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_graph_create(ORR_F64, &g, &err), ORR_OK);
    const orr_handle x = orr_graph_input(g, "x", ORR_F64, 2, row);
    expect_gradient(g, orr_max(g, x, 1), &x, 1, at, shared);
    assert_int_equal(orr_graph_create(ORR_F64, &g, &err), ORR_OK);
    const orr_handle in[2] = {orr_graph_input(g, "a", ORR_F64, 1, &four), orr_graph_input(g, "b", ORR_F64, 1, &four)};
    expect_gradient(g, orr_maximum(g, in[0], in[1]), in, 2, pair, second);
}

/* --- a whole model --------------------------------------------------------------------------- */

/* Random numbers in parameter i's place of the block, zeros elsewhere. */
static void draw_direction(const struct model_run *r, size_t i, uint32_t number, double *direction)
{
    const struct orr_parameter *item = &r->p.item[i];
    memset(direction, 0, (size_t)r->p.elements * sizeof(*direction));
    for (int64_t e = 0; e < item->dim[0] * item->dim[1]; ++e) {
        uint32_t word[4];
        orr_random_block(6, (uint32_t)i, number, (uint32_t)e, word);
        direction[item->first + e] = (double)orr_random_normal(word[0]);
    }
}

static double product(const double *a, const double *b, int64_t count)
{
    double sum = 0.0;
    for (int64_t e = 0; e < count; ++e)
        sum += a[e] * b[e];
    return sum;
}

static void check_parameter(const struct model_run *r, const struct slope *s, size_t i, const double *analytic)
{
    enum { DIRECTIONS = 3 };
    double along[DIRECTIONS], numerical[DIRECTIONS];
    double *direction = orr_memory_array((size_t)r->p.elements, sizeof(*direction));
    assert_non_null(direction);
    for (uint32_t d = 0; d < DIRECTIONS; ++d) {
        draw_direction(r, i, d, direction);
        along[d] = product(direction, analytic, r->p.elements);
        numerical[d] = slope_along(s, r->block, r->values, direction);
    }
    orr_memory_free(direction);
    const double worst = distance(along, numerical, DIRECTIONS);
    if (!(worst <= TOLERANCE))
        fail_msg("%s: relative distance %.3g, allowed %.3g", r->p.item[i].name, worst, TOLERANCE);
}

/* The slope along three random directions in each parameter: a direction tests all its elements at once, where nudging
 * them one by one would take a thousand runs. */
static void whole_model(void **state)
{
    (void)state;
    struct model_run r;
    struct orr_loader *loader;
    struct orr_open_device *device = op_device_open(&loader);
    struct orr_error err = {.code = ORR_OK};
    model_run_build(&r, ORR_F64, false);
    struct slope s = {.g = r.g, .loss = r.loss};
    if (orr_exec_create(r.g, device, NULL, &s.exec, &err) != ORR_OK) fail_msg("%s", err.text);
    double *analytic = orr_memory_array((size_t)r.p.elements, sizeof(*analytic));
    assert_non_null(analytic);
    model_run_write(&r, s.exec);
    loss_of(&s);
    assert_int_equal(orr_exec_read_real(s.exec, r.block_grad, analytic, (size_t)r.p.elements, &err), ORR_OK);
    for (size_t i = 0; i < r.p.count; ++i)
        check_parameter(&r, &s, i, analytic);
    orr_memory_free(analytic);
    orr_exec_destroy(s.exec);
    model_run_free(&r);
    orr_device_close(device);
    orr_loader_destroy(loader);
}

static void asking_for_none(void **state)
{
    (void)state;
    struct op_run r;
    struct orr_error err = {.code = ORR_OK};
    struct orr_case copy;
    assert_int_equal(orr_case_get(ORR_OP_COPY, 2, &copy, &err), ORR_OK);
    op_run_build(&r, &copy, ORR_F64);
    const size_t before = r.g->n_nodes;
    orr_graph_gradient(r.g, r.loss, NULL, 0, NULL);
    assert_int_equal(r.g->n_nodes, before);
    orr_handle grad = 0;
    const orr_handle apart = orr_graph_input(r.g, "apart", ORR_F64, 0, NULL);
    orr_graph_gradient(r.g, r.loss, &apart, 1, &grad);
    assert_int_equal(grad, ORR_NONE);
    const orr_handle stopped = orr_graph_stop_gradient(r.g, r.loss);
    const size_t with_stop = r.g->n_nodes;
    orr_graph_gradient(r.g, stopped, &r.in[0], 1, &grad);
    assert_int_equal(grad, ORR_NONE);
    assert_int_equal(r.g->n_nodes, with_stop);
    assert_int_equal(orr_graph_status(r.g, &err), ORR_OK);
    op_run_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule), cmocka_unit_test(every_rule_lowered), cmocka_unit_test(views_and_stops),
        cmocka_unit_test(ties),       cmocka_unit_test(whole_model),        cmocka_unit_test(asking_for_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
