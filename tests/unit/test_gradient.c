/* Every gradient rule, and a whole two-layer transformer, against central differences in double. */
#include "base/memory.h"
#include "graph/optable.h"
#include "model/transformer.h"
#include "op_cases.h"
#include "orrery/random.h"

#include <cmocka.h>
#include <math.h>
#include <string.h>

/* Central differences err by about h^2 f'''/6 and 2^-53 |f| / h. With h = 2e-5 both are near 1e-11 of the values here,
 * so that a relative 1e-7 a tensor leaves room for third derivatives of some hundreds. */
#define STEP_SIZE 2e-5
#define TOLERANCE 1e-7

static double loss_of(const struct op_run *r, struct orr_exec *exec)
{
    struct orr_error err = {.code = ORR_OK};
    double loss = NAN;
    if (orr_exec_run(exec, &err) != ORR_OK || orr_exec_read_real(exec, r->loss, &loss, 1, &err) != ORR_OK)
        fail_msg("%s", err.text);
    return loss;
}

/* ||analytic - numerical|| / ||numerical|| for input k, by nudging each of its numbers. */
static double distance(struct op_run *r, struct orr_exec *exec, uint32_t k, const double *analytic)
{
    struct orr_error err = {.code = ORR_OK};
    const size_t count = (size_t)orr_shape_count(orr_shape_of(r->g, r->in[k]));
    double difference = 0.0, norm = 0.0;
    for (size_t e = 0; e < count; ++e) {
        double side[2];
        const double saved = r->input[k][e];
        for (int s = 0; s < 2; ++s) {
            r->input[k][e] = saved + (s ? -STEP_SIZE : STEP_SIZE);
            assert_int_equal(orr_exec_write_real(exec, r->in[k], r->input[k], count, &err), ORR_OK);
            side[s] = loss_of(r, exec);
        }
        r->input[k][e] = saved;
        const double numerical = (side[0] - side[1]) / (2.0 * STEP_SIZE);
        difference += (analytic[e] - numerical) * (analytic[e] - numerical);
        norm += numerical * numerical;
    }
    assert_int_equal(orr_exec_write_real(exec, r->in[k], r->input[k], count, &err), ORR_OK);
    return sqrt(difference / norm);
}

static void check_case(size_t i, struct orr_open_device *device)
{
    struct op_run r;
    struct orr_exec *exec;
    struct orr_error err = {.code = ORR_OK};
    orr_handle wrt[ORR_IN_MAX], grad[ORR_IN_MAX];
    uint32_t which[ORR_IN_MAX], n = 0;
    op_run_build(&r, i, ORR_F64);
    for (uint32_t k = 0; k < r.n_in; ++k)
        if (r.input[k]) {
            which[n] = k;
            wrt[n++] = r.in[k];
        }
    orr_graph_gradient(r.g, r.loss, wrt, n, grad);
    for (uint32_t j = 0; j < n; ++j)
        orr_graph_keep(r.g, grad[j]);
    orr_graph_keep(r.g, r.loss);
    if (orr_graph_verify(r.g, &err) != ORR_OK || orr_exec_create(r.g, device, NULL, &exec, &err) != ORR_OK)
        fail_msg("case %zu (%s): %s", i, orr_op_by_id(op_cases[i].op)->name, err.text);
    op_run_write(&r, exec);
    loss_of(&r, exec);
    for (uint32_t j = 0; j < n; ++j) {
        const size_t count = (size_t)orr_shape_count(orr_shape_of(r.g, wrt[j]));
        double *analytic = orr_memory_array(count, sizeof(*analytic));
        assert_non_null(analytic);
        assert_true(orr_shape_equal(orr_shape_of(r.g, grad[j]), orr_shape_of(r.g, wrt[j])));
        assert_int_equal(orr_exec_read_real(exec, grad[j], analytic, count, &err), ORR_OK);
        const double worst = distance(&r, exec, which[j], analytic);
        if (!(worst <= TOLERANCE))
            fail_msg("case %zu (%s), input %u: relative distance %.3g, allowed %.3g", i,
                     orr_op_by_id(op_cases[i].op)->name, which[j], worst, TOLERANCE);
        /* The differences moved the gradients too: bring them back for the next input. */
        loss_of(&r, exec);
        orr_memory_free(analytic);
    }
    orr_exec_destroy(exec);
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
    for (size_t i = 0; i < n_op_cases; ++i) {
        if (!orr_op_is_differentiable(orr_op_by_id(op_cases[i].op))) continue;
        check_case(i, device);
        seen[op_cases[i].op] = true;
    }
    for (size_t k = 0; k < n_ops; ++k)
        if (orr_op_is_differentiable(&ops[k]) && !seen[ops[k].id])
            fail_msg("%s has a gradient rule and no case in op_cases.c", ops[k].name);
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

/* A two-layer model: the derivative along random directions in one parameter at a time, and every element of each
 * parameter where that is cheap, would take long; the directions test every element at once. */
static void whole_model(void **state)
{
    (void)state;
    enum { DIRECTIONS = 3 };
    const struct orr_transformer sizes = {
        .n_layer = 2, .n_head = 2, .n_embd = 8, .block_size = 6, .n_input = 2, .n_output = 2, .window = 4};
    const int64_t shape[3] = {3, 5, 2};
    struct orr_parameters p = {0};
    struct orr_error err = {.code = ORR_OK};
    struct orr_loader *loader;
    struct orr_open_device *device = op_device_open(&loader);
    struct orr_exec *exec;
    struct orr_graph *g;
    orr_handle view[40], grad[40];
    assert_int_equal(orr_transformer_parameters(&sizes, &p, &err), ORR_OK);
    assert_int_equal(orr_parameters_arrange(&p, NULL, 0, &err), ORR_OK);
    assert_int_equal(orr_graph_create(ORR_F64, &g, &err), ORR_OK);
    const orr_handle x = orr_graph_input(g, "x", ORR_F64, 3, shape), y = orr_graph_input(g, "y", ORR_F64, 3, shape);
    const orr_handle block = orr_graph_input(g, "parameters", ORR_F64, 1, &p.elements);
    orr_parameters_views(g, &p, block, view);
    const orr_handle loss = orr_mse(g, orr_transformer_forward(g, &sizes, &p, view, x, false), y);
    orr_graph_gradient(g, loss, view, p.count, grad);
    orr_graph_keep(g, loss);
    for (size_t i = 0; i < p.count; ++i)
        orr_graph_keep(g, grad[i]);
    if (orr_exec_create(g, device, NULL, &exec, &err) != ORR_OK) fail_msg("%s", err.text);

    double data[2][30], *values = orr_memory_array((size_t)p.elements, sizeof(double));
    double *moved = orr_memory_array((size_t)p.elements, sizeof(double));
    double *analytic = orr_memory_array((size_t)p.elements, sizeof(double));
    assert_true(values && moved && analytic);
    uint32_t word[4];
    for (uint32_t e = 0; e < 60; ++e) {
        orr_random_block(5, 1, 0, e, word);
        data[e / 30][e % 30] = (double)orr_random_normal(word[0]);
    }
    for (int64_t e = 0; e < p.elements; ++e) {
        orr_random_block(5, 2, 0, (uint32_t)e, word);
        values[e] = 0.3 * (double)orr_random_normal(word[0]);
    }
    assert_int_equal(orr_exec_write_real(exec, x, data[0], 30, &err), ORR_OK);
    assert_int_equal(orr_exec_write_real(exec, y, data[1], 30, &err), ORR_OK);
    assert_int_equal(orr_exec_write_real(exec, block, values, (size_t)p.elements, &err), ORR_OK);
    assert_int_equal(orr_exec_run(exec, &err), ORR_OK);
    for (size_t i = 0; i < p.count; ++i)
        assert_int_equal(orr_exec_read_real(exec, grad[i], analytic + p.item[i].first,
                                            (size_t)(p.item[i].dim[0] * p.item[i].dim[1]), &err),
                         ORR_OK);
    for (size_t i = 0; i < p.count; ++i) {
        const int64_t count = p.item[i].dim[0] * p.item[i].dim[1];
        double difference = 0.0, norm = 0.0, slope_scale = 0.0;
        for (uint32_t d = 0; d < DIRECTIONS; ++d) {
            double along = 0.0, side[2];
            for (int s = 0; s < 2; ++s) {
                memcpy(moved, values, (size_t)p.elements * sizeof(double));
                along = 0.0;
                for (int64_t e = 0; e < count; ++e) {
                    orr_random_block(6, (uint32_t)i, d, (uint32_t)e, word);
                    const double direction = (double)orr_random_normal(word[0]);
                    moved[p.item[i].first + e] += (s ? -STEP_SIZE : STEP_SIZE) * direction;
                    along += direction * analytic[p.item[i].first + e];
                    slope_scale = fmax(slope_scale, fabs(analytic[p.item[i].first + e]));
                }
                assert_int_equal(orr_exec_write_real(exec, block, moved, (size_t)p.elements, &err), ORR_OK);
                assert_int_equal(orr_exec_run(exec, &err), ORR_OK);
                assert_int_equal(orr_exec_read_real(exec, loss, &side[s], 1, &err), ORR_OK);
            }
            const double numerical = (side[0] - side[1]) / (2.0 * STEP_SIZE);
            difference += (along - numerical) * (along - numerical);
            norm += numerical * numerical;
        }
        assert_true(slope_scale > 0.0);
        if (!(sqrt(difference / norm) <= TOLERANCE))
            fail_msg("%s: relative distance %.3g, allowed %.3g", p.item[i].name, sqrt(difference / norm), TOLERANCE);
    }
    orr_memory_free(values);
    orr_memory_free(moved);
    orr_memory_free(analytic);
    orr_exec_destroy(exec);
    orr_graph_destroy(g);
    orr_parameters_fini(&p);
    orr_device_close(device);
    orr_loader_destroy(loader);
}

static void asking_for_none(void **state)
{
    (void)state;
    struct op_run r;
    struct orr_error err = {.code = ORR_OK};
    op_run_build(&r, 1, ORR_F64);
    const size_t before = r.g->n_nodes;
    orr_graph_gradient(r.g, r.loss, NULL, 0, NULL);
    assert_int_equal(r.g->n_nodes, before);
    orr_handle grad = 0;
    const orr_handle apart = orr_graph_input(r.g, "apart", ORR_F64, 0, NULL);
    orr_graph_gradient(r.g, r.loss, &apart, 1, &grad);
    assert_int_equal(grad, ORR_NONE);
    const orr_handle stopped = orr_graph_stop_gradient(r.g, r.loss);
    orr_graph_gradient(r.g, stopped, &r.in[0], 1, &grad);
    assert_int_equal(grad, ORR_NONE);
    assert_int_equal(orr_graph_status(r.g, &err), ORR_OK);
    op_run_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule),
        cmocka_unit_test(every_rule_lowered),
        cmocka_unit_test(whole_model),
        cmocka_unit_test(asking_for_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
