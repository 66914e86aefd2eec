/* The graph itself: builders and their errors, views and places, the verifier, text that parses back. */
#include "base/memory.h"
#include "graph/append.h"
#include "graph/optable.h"
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

/* What stays as it is: a value that is there already. What arrives by a copy: a value that is kept where it is, that is
 * part of a larger storage, or whose place something reads between its making and its placing. */
static void places_by_copy(void **state)
{
    (void)state;
    struct orr_error err = {.code = ORR_OK};
    const int64_t square[2] = {2, 2}, four = 4, two = 2;
    struct orr_graph *g = new_graph();
    const orr_handle p = orr_graph_input(g, "p", ORR_F32, 2, square), q = orr_graph_input(g, "q", ORR_F32, 1, &four);
    assert_int_equal(orr_graph_place(g, p, p), p);
    assert_int_equal(g->n_nodes, 0);
    const orr_handle kept = orr_unary(g, ORR_OP_EXP, q), part = orr_graph_view(g, orr_copy(g, q), 2, 1, &two);
    const orr_handle read = orr_matmul(g, p, p, false, false);
    const orr_handle half = orr_graph_view(g, orr_graph_input(g, "r", ORR_F32, 1, &two), 0, 1, &two);
    orr_graph_keep(g, kept);
    const struct {
        orr_handle v, place;
    } copied[] = {{kept, orr_graph_input(g, "k", ORR_F32, 1, &four)}, {part, half}, {read, p}};
    for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); ++i) {
        const int32_t home = g->value[copied[i].v].storage;
        const orr_handle placed = orr_graph_place(g, copied[i].v, copied[i].place);
        if (placed == copied[i].v || g->value[copied[i].v].storage != home) fail_msg("place %zu was moved", i);
        assert_int_equal(g->value[placed].storage, g->value[copied[i].place].storage);
        assert_int_equal(g->value[placed].offset, g->value[copied[i].place].offset);
        if (orr_graph_verify(g, &err) != ORR_OK) fail_msg("place %zu: %s", i, err.text);
    }
    /* Scratch whose place nobody touches after it is made is moved; what was made before it is not, for the last one
     * that is placed must win. */
    const orr_handle l = orr_graph_input(g, "l", ORR_F32, 1, &four), early = orr_copy(g, orr_copy(g, l));
    const orr_handle late = orr_unary(g, ORR_OP_NEG, q);
    assert_int_equal(orr_graph_place(g, late, l), late);
    assert_int_not_equal(orr_graph_place(g, early, l), early);
    assert_int_equal(orr_graph_verify(g, &err), ORR_OK);
    orr_graph_destroy(g);
}

/* Each fault is planted into a sound graph; the verifier must name it. */
static void verifier_finds_planted_faults(void **state)
{
    (void)state;
    enum { FAULTS = 14 };
    static const char *const expected[FAULTS] = {
        "made later",   "lie in its storage", "shape of its rule", "no such operation", "is no value",
        "does not lie", "equal groups",       "not kept",          "overlaps an input", "overlaps an input",
        "outputs over", "out of order",       "out of order",      "overlaps an input"};
    for (int fault = 0; fault < FAULTS; ++fault) {
        struct orr_graph *g = new_graph();
        struct orr_error err = {.code = ORR_OK};
        const int64_t dim[2] = {4, 6}, flat = 24, six = 6;
        orr_handle normal[3];
        const orr_handle x = orr_graph_input(g, "x", ORR_F32, 2, dim);
        const orr_handle gain = orr_graph_input(g, "gain", ORR_F32, 1, &six);
        const orr_handle y = orr_unary(g, ORR_OP_EXP, x);
        const orr_handle v = orr_reshape(g, y, 1, &flat);
        const orr_handle z = orr_sum(g, y, 0);
        orr_graph_cut(g, "first");
        orr_unary(g, ORR_OP_NEG, v);
        orr_graph_cut(g, "second");
        const orr_handle shifted = orr_unary(g, ORR_OP_TANH, orr_graph_view(g, orr_copy(g, y), 0, 1, &six));
        const orr_handle copy = orr_copy(g, y), three[3] = {copy, gain, gain};
        const struct orr_attr eps = {.f = {1e-5}};
        orr_graph_apply(g, ORR_OP_LAYERNORM, three, 3, &eps, NULL, 0, normal);
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
        /* A copy exactly where its input is: copy's row of ops.def has no alias bit, neg's would allow it. */
        if (fault == 9) g->value[copy].storage = g->value[y].storage;
        if (fault == 10) g->value[normal[2]].storage = g->value[normal[1]].storage;
        if (fault == 11) g->cut[0].first = g->cut[1].first + 1;
        if (fault == 13) {
            g->value[shifted].storage = g->value[shifted - 1].storage;
            g->value[shifted].offset = 4;
        }
        if (fault == 12) g->cut[1].first = (int32_t)g->n_nodes + 1;
        assert_int_not_equal(orr_graph_verify(g, &err), ORR_OK);
        if (!strstr(err.text, expected[fault])) fail_msg("fault %d: '%s' lacks '%s'", fault, err.text, expected[fault]);
        orr_graph_destroy(g);
    }
}

static bool same_text(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

static void expect_same_value(const struct orr_graph_value *a, const struct orr_graph_value *b, size_t i)
{
    if (!orr_shape_equal(&a->shape, &b->shape) || a->shape.batch != b->shape.batch)
        fail_msg("%%%zu has another shape or batch (%u, %u)", i, a->shape.batch, b->shape.batch);
    if (a->storage != b->storage || a->offset != b->offset || a->node != b->node) fail_msg("%%%zu lies elsewhere", i);
    if (!same_text(a->name, b->name))
        fail_msg("%%%zu is called %s, not %s", i, b->name ? b->name : "nothing", a->name ? a->name : "nothing");
}

static void expect_same_node(const struct orr_graph_node *a, const struct orr_graph_node *b, size_t i)
{
    if (a->op != b->op || a->stops_gradient != b->stops_gradient) fail_msg("node %zu is of another kind", i);
    if (a->n_in != b->n_in || memcmp(a->in, b->in, a->n_in * sizeof(a->in[0])) != 0 || a->n_out != b->n_out ||
        memcmp(a->out, b->out, a->n_out * sizeof(a->out[0])) != 0)
        fail_msg("node %zu has other inputs or outputs", i);
    if (memcmp(&a->attr, &b->attr, sizeof(a->attr)) != 0) fail_msg("node %zu has other attributes", i);
}

/* Field by field, reals by their bits. */
static void expect_same_graph(const struct orr_graph *a, const struct orr_graph *b)
{
    assert_int_equal(a->real, b->real);
    assert_int_equal(a->n_values, b->n_values);
    assert_int_equal(a->n_nodes, b->n_nodes);
    assert_int_equal(a->n_storages, b->n_storages);
    assert_int_equal(a->n_cuts, b->n_cuts);
    for (size_t i = 0; i < a->n_values; ++i)
        expect_same_value(&a->value[i], &b->value[i], i);
    for (size_t i = 0; i < a->n_nodes; ++i)
        expect_same_node(&a->node[i], &b->node[i], i);
    for (size_t i = 0; i < a->n_storages; ++i)
        if (a->storage[i].bytes != b->storage[i].bytes || a->storage[i].kept != b->storage[i].kept)
            fail_msg("storage %zu differs", i);
    for (size_t i = 0; i < a->n_cuts; ++i)
        if (a->cut[i].first != b->cut[i].first || !same_text(a->cut[i].name, b->cut[i].name))
            fail_msg("cut %zu differs", i);
}

static void expect_round_trip(const struct orr_graph *g)
{
    struct orr_error err = {.code = ORR_OK};
    struct orr_graph *back = NULL;
    char *text = NULL;
    if (orr_graph_print(g, &text, &err) != ORR_OK) fail_msg("%s", err.text);
    if (orr_graph_parse(text, "text", &back, &err) != ORR_OK) fail_msg("%s\n%s", err.text, text);
    expect_same_graph(g, back);
    orr_memory_free(text);
    orr_graph_destroy(back);
}

/* Everything that a line of text can hold, where forgetting it would change nothing else. */
static void every_field_parses_back(void **state)
{
    (void)state;
    static const double reals[] = {-0.0, 0.1, 1.0 / 3.0, 5e-324, 1.7976931348623157e308, -1e-5, 0.0};
    const int64_t dim[2] = {6, 4};
    struct orr_graph *g = new_graph();
    const orr_handle x = orr_graph_input(g, "line\nbreak, \"quote\", \\ and %0", ORR_F32, 2, dim);
    const orr_handle plain = orr_graph_input(g, NULL, ORR_F32, 2, dim);
    orr_graph_set_batch(g, x, 3);
    orr_graph_stop_gradient(g, x);
    orr_graph_cut(g, "before \"it\"");
    for (size_t k = 0; k < sizeof(reals) / sizeof(reals[0]); ++k) {
        orr_affine(g, x, 1.5, reals[k]);
        orr_affine(g, x, reals[k], 1.5);
    }
    orr_graph_cut(g, "two in one place");
    orr_graph_cut(g, "the second");
    orr_graph_keep(g, orr_graph_view(g, orr_unary(g, ORR_OP_EXP, plain), 5, 1, &dim[1]));
    const orr_handle last = orr_unary(g, ORR_OP_NEG, x);
    orr_graph_name(g, last, "last");
    orr_graph_set_batch(g, last, 2);
    orr_graph_cut(g, "at the end");
    expect_round_trip(g);
    orr_graph_destroy(g);
}

static void names_are_bounded(void **state)
{
    (void)state;
    char name[ORR_GRAPH_NAME_SIZE + 1];
    const int64_t two = 2;
    memset(name, 'x', sizeof(name));
    name[ORR_GRAPH_NAME_SIZE] = '\0';
    struct orr_graph *g = new_graph();
    assert_int_equal(orr_graph_input(g, name, ORR_F32, 1, &two), ORR_NONE);
    expect_error(g, ORR_EINVAL, "names have 1 to");
    g = new_graph();
    orr_graph_name(g, orr_graph_input(g, NULL, ORR_F32, 1, &two), "");
    expect_error(g, ORR_EINVAL, "names have 1 to");
    g = new_graph();
    orr_graph_cut(g, name);
    expect_error(g, ORR_EINVAL, "names have 1 to");
    name[ORR_GRAPH_NAME_SIZE - 1] = '\0';
    g = new_graph();
    orr_graph_input(g, name, ORR_F32, 1, &two);
    orr_graph_cut(g, name);
    expect_round_trip(g);
    orr_graph_destroy(g);
}

static void text_parses_back(void **state)
{
    (void)state;
    struct orr_graph *empty = new_graph();
    expect_round_trip(empty);
    orr_graph_destroy(empty);
    struct orr_case c = {.op = 0};
    while (op_case_next(&c)) {
        struct op_run r;
        op_run_build(&r, &c, c.number % 2 ? ORR_F64 : ORR_F32);
        expect_round_trip(r.g);
        op_run_free(&r);
    }
}

static void a_whole_model_parses_back(void **state)
{
    (void)state;
    struct model_run r;
    struct orr_graph *clone;
    struct orr_error err = {.code = ORR_OK};
    char *dot = NULL;
    model_run_build(&r, ORR_F32, true);
    orr_graph_cut(r.g, "update");
    orr_add_in_place(r.g, r.block, orr_graph_view(r.g, r.block_grad, 0, 1, &r.p.elements));
    if (orr_graph_verify(r.g, &err) != ORR_OK) fail_msg("%s", err.text);
    expect_round_trip(r.g);
    assert_int_equal(orr_graph_clone(r.g, &clone, &err), ORR_OK);
    expect_same_graph(r.g, clone);
    assert_int_equal(orr_graph_print_dot(clone, &dot, &err), ORR_OK);
    assert_non_null(strstr(dot, "blocks.1.hook_resid_post"));
    orr_memory_free(dot);
    orr_graph_destroy(clone);
    model_run_free(&r);
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

/* Texts that are no graph: the line where it shows, and what is said of it. */
static const struct {
    const char *text;
    int line;
    const char *part;
} hostile[] = {
    {"", 1, "expected 'graph f32'"},
    {"graph", 1, "an element type"},
    {"graph i32\n", 1, "f32 or f64"},
    {"graph f32 f32\n", 1, "end of the line"},
    {"graph f32\n%1 = input : f32[2]\n", 2, "must be called %0"},
    {"graph f32\n%0 = input : f32[2,2,2,2,2]\n", 2, "at most 4 sizes"},
    {"graph f32\n%0 = input : f32[-2]\n", 2, "within bounds"},
    {"graph f32\n%0 = input : f32[99999999999999999999]\n", 2, "within bounds"},
    {"graph f32\n%0 = input : f32[1000000000000,1000000000000]\n", 2, "at most 2^40"},
    {"graph f32\n%0 = input : f32[0,1099511627776,1099511627776,1099511627776]\n", 2, "at most 2^40"},
    {"graph f32\n%0 = input : f32[2] \"never closed\n", 2, "closing quote"},
    {"graph f32\n%0 = input : f32[2]\n%1 = frobnicate %0 : f32[2]\n", 3, "expected an operation"},
    {"graph f32\n%0 = input : f32[2]\n%1 = neg %7 : f32[2]\n", 3, "within bounds"},
    {"graph f32\n%0 = input : f32[2]\n%1 = neg %0 : f32[3]\n\n%2 = neg %1 : f32[3]\n", 3, "shape of its rule"},
    {"graph f32\n%0 = input : f32[2]\n# nothing\n%1 = add %0 : f32[2]\n", 4, "no such operation"},
    {"graph f32\n%0 = input : f32[2]\n%1 = matmul %0, %0 : f32[2]\n", 3, "ranks must be equal"},
    {"graph f32\n%0 = input : f32[2] @s0+0\n", 2, "within bounds"},
    {"graph f32\nstorage s0 4 kept\n%0 = input : f32[2] @s0+0\n", 0, "does not lie in its storage"},
    {"graph f32\nstorage s1 4\n", 2, "within bounds"},
    {"graph f32\n%0 = input : f32[4] batch=3\n", 2, "equal groups"},
    {"graph f32\n%0, %1, %2, %3, %4 = input : f32[4]\n", 2, "at most 4 outputs"},
    {"graph f32\n%0 = input : f32[4]\n%1 = view %0 {i=9223372036854775807} : f32[1]\n", 0,
     "does not lie in its storage"},
    {"graph f32\n%0 = input : f32[4]\n%1 = view %0 {i=-4} : f32[1]\n", 0, "does not lie in its storage"},
    {"graph f32\n%0 = fill {f=\n2} : f32[1]\n", 2, "a number"},
    {"graph f32\n%0 = fill {f=1e999} : f32[1]\n", 2, "a number"},
    {"graph f32\n%0 = fill {f=0x} : f32[1]\n", 2, "a number"},
    {"graph f32\n%0 = input : f64[1]\n", 2, "f64 in a graph of f32"},
    {"graph f32\n%0 = input : i32[2]\n%1 = sub %0, %0 : i32[2]\n", 3, "sub"},
};

static void expect_refusal(const char *text, int line, const char *part)
{
    struct orr_graph *g = NULL;
    struct orr_error err = {.code = ORR_OK};
    char place[32] = "hostile:";
    if (line) snprintf(place, sizeof(place), "hostile:%d:", line);
    if (orr_graph_parse(text, "hostile", &g, &err) == ORR_OK) fail_msg("accepted:\n%s", text);
    assert_null(g);
    if (err.code != ORR_EFORMAT) fail_msg("status %d, not EFORMAT: '%s'", (int)err.code, err.text);
    if (strncmp(err.text, place, strlen(place)) != 0 || !strstr(err.text, part))
        fail_msg("'%s' does not begin with '%s' and contain '%s'", err.text, place, part);
}

static void hostile_text_is_refused(void **state)
{
    (void)state;
    char text[ORR_GRAPH_NAME_SIZE + 64] = "graph f32\n%0 = input : f32[2] \"";
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); ++i)
        expect_refusal(hostile[i].text, hostile[i].line, hostile[i].part);
    const size_t start = strlen(text);
    memset(text + start, 'x', ORR_GRAPH_NAME_SIZE);
    strcpy(text + start + ORR_GRAPH_NAME_SIZE, "\"\n");
    expect_refusal(text, 2, "a shorter name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_error_is_kept), cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(batch_survives_folding),  cmocka_unit_test(places),
        cmocka_unit_test(places_by_copy),          cmocka_unit_test(verifier_finds_planted_faults),
        cmocka_unit_test(text_parses_back),        cmocka_unit_test(every_field_parses_back),
        cmocka_unit_test(names_are_bounded),       cmocka_unit_test(a_whole_model_parses_back),
        cmocka_unit_test(text_written_by_hand),    cmocka_unit_test(hostile_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
