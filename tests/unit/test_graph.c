/* The graph itself: builders and their errors, views and places, the verifier, text that parses back. */
#include "base/memory.h"
#include "graph/append.h"
#include "graph/optable.h"
#include "model/transformer.h"
#include "op_cases.h"

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct orr_graph *new_graph(void)
{
    struct orr_graph *g;
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_graph_create(ORR_F32, &g, &err), ORR_OK);
    return g;
}

static void expect_error(struct orr_graph *g, orr_status code, const char *part)
{
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_graph_status(g, &err), code);
    if (!strstr(err.text, part)) fail_msg("'%s' does not contain '%s'", err.text, part);
    orr_graph_destroy(g);
}

static void the_first_error_is_kept(void **state)
{
    (void)state;
    struct orr_graph *g = new_graph();
    const int64_t a_dim[2] = {2, 3}, b_dim[2] = {2, 4};
    const orr_handle a = orr_graph_input(g, "a", ORR_F32, 2, a_dim), b = orr_graph_input(g, "b", ORR_F32, 2, b_dim);
    assert_int_equal(orr_add(g, a, b), ORR_NONE);
    assert_int_equal(orr_matmul(g, a, b, true, true), ORR_NONE);
    expect_error(g, ORR_ESHAPE, "add(f32[2,3], f32[2,4]): shapes must be equal");
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    const int64_t dim[2] = {2, 3}, negative[1] = {-1}, huge[2] = {INT64_C(1) << 40, 2};
    struct orr_graph *g = new_graph();
    orr_graph_input(g, "n", ORR_F32, 1, negative);
    expect_error(g, ORR_ESHAPE, "-1");
    g = new_graph();
    orr_graph_input(g, "h", ORR_F32, 2, huge);
    expect_error(g, ORR_ESHAPE, "2^40");
    g = new_graph();
    orr_graph_view(g, 0, 0, 0, NULL);
    expect_error(g, ORR_EINVAL, "no value of this graph");
    g = new_graph();
    orr_graph_view(g, orr_graph_input(g, "x", ORR_F32, 2, dim), 5, 1, &dim[0]);
    expect_error(g, ORR_ESHAPE, "do not lie in a value of 6");
    g = new_graph();
    orr_reshape(g, orr_graph_input(g, "x", ORR_F32, 2, dim), 1, &dim[0]);
    expect_error(g, ORR_ESHAPE, "reshape");
    g = new_graph();
    orr_matmul(g, orr_graph_input(g, "x", ORR_F32, 2, dim), orr_graph_input(g, "y", ORR_F32, 2, dim), false, false);
    expect_error(g, ORR_ESHAPE, "inner sizes 3 and 2");
    g = new_graph();
    orr_graph_set_batch(g, orr_graph_input(g, "x", ORR_F32, 2, dim), 4);
    expect_error(g, ORR_ESHAPE, "4 equal groups");
    g = new_graph();
    orr_graph_apply(g, 99, NULL, 0, NULL, NULL, 0, NULL);
    expect_error(g, ORR_EINVAL, "no operation");
    g = new_graph();
    const orr_handle x = orr_graph_input(g, "x", ORR_F32, 2, dim);
    orr_graph_apply(g, ORR_OP_NEG, &x, 2, NULL, NULL, 0, NULL);
    expect_error(g, ORR_EINVAL, "takes 1 inputs");
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_graph_create(ORR_I32, &g, &err), ORR_EDTYPE);
}

/* Batches survive folding of (batch, time, channel) to rows, row-wise ops and products with a shared weight; a sum over
 * the batch ends them. */
static void batch_survives_folding(void **state)
{
    (void)state;
    struct orr_graph *g = new_graph();
    const int64_t cube[3] = {4, 5, 6}, folded[2] = {20, 6}, weight[2] = {6, 7};
    const orr_handle x = orr_graph_input(g, "x", ORR_F32, 3, cube), w = orr_graph_input(g, "w", ORR_F32, 2, weight);
    orr_graph_set_batch(g, x, 4);
    const orr_handle rows = orr_reshape(g, x, 2, folded);
    assert_int_equal(orr_shape_of(g, rows)->batch, 4);
    const orr_handle y = orr_matmul(g, orr_unary(g, ORR_OP_EXP, rows), w, false, false);
    assert_int_equal(orr_shape_of(g, y)->batch, 4);
    assert_int_equal(orr_shape_of(g, orr_sum(g, y, 1))->batch, 4);
    assert_int_equal(orr_shape_of(g, orr_sum(g, y, 0))->batch, 0);
    assert_int_equal(orr_shape_of(g, orr_matmul(g, rows, y, true, false))->batch, 0);
    assert_int_equal(orr_shape_of(g, orr_graph_view(g, x, 6, 2, weight))->batch, 0);
    orr_graph_destroy(g);
}

static void places(void **state)
{
    (void)state;
    struct orr_graph *g = new_graph();
    struct orr_error err = {.code = ORR_OK};
    const int64_t ten = 10, five = 5;
    const orr_handle block = orr_graph_input(g, "block", ORR_F32, 1, &ten);
    const orr_handle x = orr_graph_input(g, "x", ORR_F32, 1, &five);
    const orr_handle low = orr_graph_view(g, block, 0, 1, &five), high = orr_graph_view(g, block, 5, 1, &five);
    const orr_handle moved = orr_graph_place(g, orr_unary(g, ORR_OP_EXP, x), low);
    const size_t before = g->n_nodes;
    const orr_handle copied = orr_graph_place(g, moved, high);
    assert_int_equal(g->n_nodes, before + 1);
    assert_int_equal(g->value[moved].storage, g->value[block].storage);
    assert_int_equal(g->value[copied].offset, 20);
    const orr_handle all = orr_graph_view(g, block, 0, 1, &ten);
    orr_unary(g, ORR_OP_NEG, all);
    assert_int_equal(orr_graph_verify(g, &err), ORR_OK);
    orr_unary(g, ORR_OP_NEG, low);
    assert_int_equal(orr_graph_verify(g, &err), ORR_EBUG);
    assert_non_null(strstr(err.text, "overwritten"));
    orr_graph_destroy(g);
}

/* Each fault is planted into a sound graph; the verifier must name it. */
static void verifier_finds_planted_faults(void **state)
{
    (void)state;
    enum { FAULTS = 9 };
    static const char *const expected[FAULTS] = {"made later",        "lie in its storage", "shape of its rule",
                                                 "no such operation", "is no value",        "does not lie where",
                                                 "equal groups",      "not kept",           "overlaps an input"};
    for (int fault = 0; fault < FAULTS; ++fault) {
        struct orr_graph *g = new_graph();
        struct orr_error err = {.code = ORR_OK};
        const int64_t dim[2] = {4, 6}, flat = 24;
        const orr_handle x = orr_graph_input(g, "x", ORR_F32, 2, dim);
        const orr_handle y = orr_unary(g, ORR_OP_EXP, x);
        const orr_handle v = orr_reshape(g, y, 1, &flat);
        const orr_handle z = orr_sum(g, y, 0);
        orr_unary(g, ORR_OP_NEG, v);
        assert_int_equal(orr_graph_verify(g, &err), ORR_OK);
        if (fault == 0) g->node[0].in[0] = z;
        if (fault == 1) g->value[y].offset = 64;
        if (fault == 2) g->value[z].shape.dim[1] = 5;
        if (fault == 3) g->node[2].op = 77;
        if (fault == 4) g->node[2].in[0] = 1000;
        if (fault == 5) g->node[1].attr.i[0] = 2;
        if (fault == 6) g->value[x].shape.batch = 3;
        if (fault == 7) g->storage[g->value[x].storage].kept = false;
        if (fault == 8) g->value[z].storage = g->value[y].storage;
        assert_int_not_equal(orr_graph_verify(g, &err), ORR_OK);
        if (!strstr(err.text, expected[fault])) fail_msg("fault %d: '%s' lacks '%s'", fault, err.text, expected[fault]);
        orr_graph_destroy(g);
    }
}

static void expect_round_trip(const struct orr_graph *g)
{
    struct orr_error err = {.code = ORR_OK};
    struct orr_graph *back = NULL;
    char *first = NULL, *second = NULL;
    if (orr_graph_print(g, &first, &err) != ORR_OK) fail_msg("%s", err.text);
    if (orr_graph_parse(first, "text", &back, &err) != ORR_OK) fail_msg("%s\n%s", err.text, first);
    assert_int_equal(orr_graph_print(back, &second, &err), ORR_OK);
    assert_string_equal(first, second);
    assert_int_equal(back->n_nodes, g->n_nodes);
    assert_int_equal(back->n_values, g->n_values);
    orr_memory_free(first);
    orr_memory_free(second);
    orr_graph_destroy(back);
}

static void text_parses_back(void **state)
{
    (void)state;
    struct orr_graph *empty = new_graph();
    expect_round_trip(empty);
    orr_graph_destroy(empty);
    for (size_t i = 0; i < n_op_cases; ++i) {
        struct op_run r;
        op_run_build(&r, i, i % 2 ? ORR_F64 : ORR_F32);
        expect_round_trip(r.g);
        op_run_free(&r);
    }
}

static void a_whole_model_parses_back(void **state)
{
    (void)state;
    const struct orr_transformer m = {
        .n_layer = 2, .n_head = 2, .n_embd = 8, .block_size = 6, .n_input = 2, .n_output = 2};
    const int64_t shape[3] = {3, 5, 2};
    struct orr_parameters p = {0};
    struct orr_error err = {.code = ORR_OK};
    struct orr_graph *g = new_graph(), *clone;
    orr_handle view[40], grad[40];
    assert_int_equal(orr_transformer_parameters(&m, &p, &err), ORR_OK);
    assert_int_equal(orr_parameters_arrange(&p, NULL, 0, &err), ORR_OK);
    const orr_handle x = orr_graph_input(g, "a \"quoted\\ name", ORR_F32, 3, shape);
    orr_graph_set_batch(g, x, 3);
    const orr_handle block = orr_graph_input(g, "parameters", ORR_F32, 1, &p.elements);
    const orr_handle block_grad = orr_graph_input(g, "gradients", ORR_F32, 1, &p.elements);
    orr_parameters_views(g, &p, block, view);
    const orr_handle y = orr_transformer_forward(g, &m, &p, view, x, true);
    orr_graph_gradient(g, orr_mse(g, y, orr_graph_input(g, "y", ORR_F32, 3, shape)), view, p.count, grad);
    for (size_t i = 0; i < p.count; ++i)
        orr_graph_place(g, grad[i], orr_graph_view(g, block_grad, p.item[i].first, p.item[i].rank, p.item[i].dim));
    orr_graph_cut(g, "update");
    orr_add_in_place(g, block, orr_graph_view(g, block_grad, 0, 1, &p.elements));
    if (orr_graph_verify(g, &err) != ORR_OK) fail_msg("%s", err.text);
    expect_round_trip(g);
    assert_int_equal(orr_graph_clone(g, &clone, &err), ORR_OK);
    expect_round_trip(clone);
    char *dot = NULL;
    assert_int_equal(orr_graph_print_dot(clone, &dot, &err), ORR_OK);
    assert_non_null(strstr(dot, "blocks.1.hook_resid_post"));
    orr_memory_free(dot);
    orr_graph_destroy(clone);
    orr_graph_destroy(g);
    orr_parameters_fini(&p);
}

static void text_written_by_hand(void **state)
{
    (void)state;
    struct orr_graph *g;
    struct orr_error err = {.code = ORR_OK};
    const char *text = "# a linear map\n\ngraph f64\n%0 = input : f64[2,3] \"x\"\n%1 = input : f64[3]\n"
                       "%2 = view %0 {i=3} : f64[3]\n%3 = add %2, %1 : f64[3] keep \"y\" # sum\n";
    if (orr_graph_parse(text, "hand", &g, &err) != ORR_OK) fail_msg("%s", err.text);
    assert_int_equal(g->value[2].storage, g->value[0].storage);
    assert_int_equal(g->value[2].offset, 24);
    assert_true(g->storage[g->value[orr_graph_find(g, "y")].storage].kept);
    orr_graph_destroy(g);
}

static void hostile_text_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } hostile[] = {
        {"", "expected 'graph f32'"},
        {"graph", "an element type"},
        {"graph i32\n", "f32 or f64"},
        {"graph f32 f32\n", "end of the line"},
        {"graph f32\n%1 = input : f32[2]\n", "must be called %0"},
        {"graph f32\n%0 = input : f32[2,2,2,2,2]\n", "at most 4 sizes"},
        {"graph f32\n%0 = input : f32[-2]\n", "within bounds"},
        {"graph f32\n%0 = input : f32[99999999999999999999]\n", "within bounds"},
        {"graph f32\n%0 = input : f32[1000000000000,1000000000000]\n", "sound shape"},
        {"graph f32\n%0 = input : f32[2] \"never closed\n", "closing quote"},
        {"graph f32\n%0 = input : f32[2]\n%1 = frobnicate %0 : f32[2]\n", ":3: expected an operation"},
        {"graph f32\n%0 = input : f32[2]\n%1 = neg %7 : f32[2]\n", "within bounds"},
        {"graph f32\n%0 = input : f32[2]\n%1 = neg %0 : f32[3]\n", "shape of its rule"},
        {"graph f32\n%0 = input : f32[2]\n%1 = add %0 : f32[2]\n", "no such operation"},
        {"graph f32\n%0 = input : f32[2] @s0+0\n", "within bounds"},
        {"graph f32\nstorage s0 4 kept\n%0 = input : f32[2] @s0+0\n", "does not lie in its storage"},
        {"graph f32\nstorage s1 4\n", "within bounds"},
        {"graph f32\n%0 = input : f32[4] batch=3\n", "sound shape"},
        {"graph f32\n%0, %1, %2, %3, %4 = input : f32[4]\n", "at most 4 outputs"},
        {"graph f32\n%0 = input : f32[4]\n%1 = view %0 {i=9223372036854775807} : f32[1]\n", "graph"},
        {"graph f32\n%0 = input : f32[4]\n%1 = view %0 {i=-4} : f32[1]\n", "graph"},
    };
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); ++i) {
        struct orr_graph *g = NULL;
        struct orr_error err = {.code = ORR_OK};
        if (orr_graph_parse(hostile[i].text, "hostile", &g, &err) == ORR_OK) fail_msg("text %zu was accepted", i);
        assert_null(g);
        if (!strstr(err.text, hostile[i].part))
            fail_msg("text %zu: '%s' does not contain '%s'", i, err.text, hostile[i].part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_error_is_kept),       cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(batch_survives_folding),        cmocka_unit_test(places),
        cmocka_unit_test(verifier_finds_planted_faults), cmocka_unit_test(text_parses_back),
        cmocka_unit_test(a_whole_model_parses_back),     cmocka_unit_test(text_written_by_hand),
        cmocka_unit_test(hostile_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
