/* Models that no golden file has: the MLP, tokens in one column and in two, against loops written out here; gradients
 * against differences of the loss. All on the reference in double. */
#include "base/memory.h"
#include "expect.h"
#include "graph/build.h"
#include "model/model.h"
#include "run/exec.h"

#include <math.h>

enum { BATCH = 2, TIME = 3 };

struct bench {
    struct orr_loader *loader;
    struct orr_open_device *device;
    struct orr_model m;
    struct orr_parameters p;
    struct orr_graph *g;
    struct orr_exec *exec;
    orr_handle input, target, block, output, loss, view[48], gradient[48];
    double *value; /* (p.elements) */
    int64_t batch, time;
};

/* A number near unit scale that looks like no other. */
static double number(int64_t i) { return sin(0.7 + 12.9898 * (double)i); }

static int32_t token(const struct bench *b, int64_t i) { return (int32_t)(i * 7919 % b->m.vocab_size); }

static double coordinate(int64_t i) { return number(1000 + i); }

static void write_data(struct bench *b, orr_handle v, int64_t first)
{
    const size_t n = (size_t)(b->batch * b->time * b->m.n_input);
    double real[64];
    int32_t whole[64];
    struct orr_error err;
    assert_true(n <= 64);
    for (size_t i = 0; i < n; ++i) {
        real[i] = coordinate(first + (int64_t)i);
        whole[i] = b->m.vocab_size ? token(b, first + (int64_t)i) : 0;
    }
    if (b->m.vocab_size)
        expect_ok(orr_exec_write(b->exec, v, whole, n * sizeof *whole, &err), &err);
    else
        expect_ok(orr_exec_write_real(b->exec, v, real, n, &err), &err);
}

static void run(struct bench *b)
{
    struct orr_error err;
    expect_ok(orr_exec_write_real(b->exec, b->block, b->value, (size_t)b->p.elements, &err), &err);
    expect_ok(orr_exec_run(b->exec, &err), &err);
}

/* Build the model with loss and gradients, fill everything, run it once. */
static void open_bench(struct bench *b, struct orr_model m, int64_t batch, int64_t time)
{
    const int64_t shape[3] = {batch, time, m.n_input};
    struct orr_error err;
    *b = (struct bench){.m = m, .batch = batch, .time = time};
    expect_ok(orr_loader_create(&b->loader, &err), &err);
    expect_ok(orr_device_open(b->loader, "reference", &b->device, &err), &err);
    expect_ok(orr_model_parameters(&b->m, &b->p, &err), &err);
    expect_ok(orr_parameters_arrange(&b->p, NULL, 0, &err), &err);
    assert_true(b->p.count <= 48);
    expect_ok(orr_graph_create(ORR_F64, &b->g, &err), &err);
    const uint32_t dtype = m.vocab_size ? ORR_I32 : ORR_F64;
    b->input = orr_graph_input(b->g, "input", dtype, 3, shape);
    b->target = orr_graph_input(b->g, "target", dtype, 3, shape);
    orr_graph_set_batch(b->g, b->input, (uint32_t)batch);
    b->block = orr_graph_input(b->g, "parameters", ORR_F64, 1, &b->p.elements);
    orr_parameters_views(b->g, &b->p, b->block, b->view);
    b->output = orr_model_forward(b->g, &b->m, &b->p, b->view, b->input, false);
    b->loss = orr_model_loss(b->g, &b->m, b->output, b->target);
    orr_graph_gradient(b->g, b->loss, b->view, b->p.count, b->gradient);
    for (size_t i = 0; i < b->g->n_values; ++i)
        if (b->g->value[i].name) orr_graph_keep(b->g, (orr_handle)i);
    orr_graph_keep(b->g, b->loss);
    for (size_t i = 0; i < b->p.count; ++i)
        orr_graph_keep(b->g, b->gradient[i]);
    expect_ok(orr_graph_verify(b->g, &err), &err);
    expect_ok(orr_exec_create(b->g, b->device, NULL, &b->exec, &err), &err);
    b->value = orr_memory_array((size_t)b->p.elements, sizeof *b->value);
    assert_non_null(b->value);
    for (int64_t i = 0; i < b->p.elements; ++i)
        b->value[i] = 0.5 * number(i);
    write_data(b, b->input, 0);
    write_data(b, b->target, 100);
    run(b);
}

static void close_bench(struct bench *b)
{
    orr_exec_destroy(b->exec);
    orr_graph_destroy(b->g);
    orr_parameters_fini(&b->p);
    orr_device_close(b->device);
    orr_loader_destroy(b->loader);
    orr_memory_free(b->value);
}

/* The caller frees it. */
static double *read_value(struct bench *b, orr_handle v, size_t *count)
{
    struct orr_error err;
    const struct orr_graph_value *value = orr_graph_value(b->g, v);
    if (!value) fail_msg("no such value");
    const size_t n = value ? (size_t)orr_shape_count(&value->shape) : 0;
    double *data = orr_memory_array(n, sizeof *data);
    assert_non_null(data);
    expect_ok(orr_exec_read_real(b->exec, v, data, n, &err), &err);
    if (count) *count = n;
    return data;
}

static double read_loss(struct bench *b)
{
    double *loss = read_value(b, b->loss, NULL);
    const double x = loss[0];
    orr_memory_free(loss);
    return x;
}

static const struct orr_parameter *find(const struct bench *b, const char *name)
{
    const struct orr_parameter *p = orr_parameters_find(&b->p, name);
    if (!p) fail_msg("there is no parameter %s", name);
    return p ? p : b->p.item;
}

/* Sums of some tens of terms of unit scale in another order. */
static void expect_near(const char *what, int64_t i, double got, double want)
{
    if (!(fabs(got - want) <= 1e-12 * fmax(1, fabs(want))))
        fail_msg("%s[%lld]: %.17g, expected %.17g", what, (long long)i, got, want);
}

/* --- gradients ------------------------------------------------------------------------------- */

/* Along the gradient d of one parameter the loss changes by |d|^2 a unit. Central differences at a distance of 1e-5 are
 * off by its square times the third derivative (largest at the vocabulary of 7000: 4e-8 of the slope), and by rounding
 * of 1e-16 / 1e-5. */
static void check_gradient(struct bench *b, size_t which)
{
    const struct orr_parameter *p = &b->p.item[which];
    size_t n;
    run(b);
    double *d = read_value(b, b->gradient[which], &n), square = 0, loss[2];
    for (size_t i = 0; i < n; ++i)
        square += d[i] * d[i];
    const double h = 1e-5 / sqrt(square);
    for (int side = 0; side < 2; ++side) {
        for (size_t i = 0; i < n; ++i)
            b->value[p->first + (int64_t)i] += (side ? -2 : 1) * h * d[i];
        run(b);
        loss[side] = read_loss(b);
    }
    for (size_t i = 0; i < n; ++i)
        b->value[p->first + (int64_t)i] += h * d[i];
    const double slope = (loss[0] - loss[1]) / (2 * h);
    if (!(square > 0) || !(fabs(slope - square) <= 1e-7 * square))
        fail_msg("gradient of %s: its square is %.12g, the loss changes by %.12g", p->name, square, slope);
    orr_memory_free(d);
}

static void check_gradients(struct bench *b)
{
    for (size_t i = 0; i < b->p.count; ++i)
        check_gradient(b, i);
}

/* --- the MLP --------------------------------------------------------------------------------- */

enum { HIDDEN = 5 };

static struct orr_model mlp_model(void)
{
    return (struct orr_model){
        .kind = ORR_MODEL_MLP, .n_layer = 2, .n_embd = HIDDEN, .block_size = TIME, .n_input = 2, .n_output = 2};
}

/* out = act(in W + b), W (in, out) as in the block. */
static void dense(const struct bench *b, const char *name, const double *in, int64_t n_in, double *out, int64_t n_out,
                  bool silu)
{
    char full[64];
    snprintf(full, sizeof full, "%s.weight", name);
    const double *weight = b->value + find(b, full)->first;
    snprintf(full, sizeof full, "%s.bias", name);
    const double *bias = b->value + find(b, full)->first;
    for (int64_t o = 0; o < n_out; ++o) {
        double x = bias[o];
        for (int64_t i = 0; i < n_in; ++i)
            x += in[i] * weight[i * n_out + o];
        out[o] = silu ? x / (1 + exp(-x)) : x;
    }
}

static void check_mlp(int64_t time)
{
    struct bench b;
    open_bench(&b, mlp_model(), BATCH, time);
    assert_int_equal(find(&b, "layers.0.weight")->dim[0], TIME * 2);
    double *got = read_value(&b, b.output, NULL);
    for (int64_t w = 0; w < BATCH; ++w)
        for (int64_t t = 0; t < time; ++t) {
            double in[TIME * 2] = {0}, first[HIDDEN], second[HIDDEN], out[2];
            for (int64_t i = 0; i < (t + 1) * 2; ++i)
                in[i] = coordinate(w * time * 2 + i);
            dense(&b, "layers.0", in, TIME * 2, first, HIDDEN, true);
            dense(&b, "layers.1", first, HIDDEN, second, HIDDEN, true);
            dense(&b, "output_head", second, HIDDEN, out, 2, false);
            for (int64_t c = 0; c < 2; ++c)
                expect_near("mlp", (w * time + t) * 2 + c, got[(w * time + t) * 2 + c], out[c]);
        }
    orr_memory_free(got);
    check_gradients(&b);
    close_bench(&b);
}

static void test_mlp_sees_the_points_so_far_in_their_places(void **state)
{
    (void)state;
    check_mlp(TIME);
}

static void test_mlp_at_fewer_points(void **state)
{
    (void)state;
    check_mlp(1);
    check_mlp(2);
}

static void test_mlp_sites_and_sizes(void **state)
{
    (void)state;
    static const char *const expected[] = {"layers.0.hook_pre", "layers.0.hook_post", "layers.1.hook_pre",
                                           "layers.1.hook_post", "hook_output"};
    struct orr_model m = mlp_model();
    struct orr_parameters p = {0};
    struct orr_error err;
    char **names;
    size_t n;
    expect_ok(orr_model_hooks(&m, &names, &n, &err), &err);
    assert_int_equal(n, 5);
    for (size_t i = 0; i < n; ++i) {
        assert_string_equal(names[i], expected[i]);
        assert_int_equal(orr_model_hook_is_usual(&m, names[i]), i == 1 || i == 3);
    }
    orr_model_hooks_free(names, n);
    m.vocab_size = 7;
    expect_error(orr_model_parameters(&m, &p, &err), &err, ORR_EUNSUPPORTED, "numbers", "data.bins");
    m.vocab_size = 0;
    m.window = 2;
    expect_error(orr_model_parameters(&m, &p, &err), &err, ORR_EINVAL, "model.window");
    m.window = 0;
    m.n_layer = 0;
    expect_error(orr_model_parameters(&m, &p, &err), &err, ORR_EINVAL, "model.n_layer is 0");
    orr_parameters_fini(&p);
}

/* --- tokens ---------------------------------------------------------------------------------- */

static struct orr_model token_model(int64_t columns, int64_t vocabulary)
{
    return (struct orr_model){.n_layer = 1,
                              .n_head = 2,
                              .n_embd = 4,
                              .block_size = TIME,
                              .n_input = columns,
                              .n_output = columns,
                              .vocab_size = vocabulary};
}

/* Mean over all columns of -log softmax at the target, from the logits. */
static double cross_entropy(const struct bench *b, const double *logit)
{
    const int64_t n = b->batch * b->time * b->m.n_output, classes = b->m.vocab_size;
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) {
        double all = 0;
        for (int64_t c = 0; c < classes; ++c)
            all += exp(logit[i * classes + c]);
        sum += log(all) - logit[i * classes + token(b, 100 + i)];
    }
    return sum / (double)n;
}

static void test_two_columns_have_a_table_and_a_head_each(void **state)
{
    (void)state;
    enum { WORDS = 5, WIDTH = 4, POSITIONS = BATCH * TIME };
    struct bench b;
    open_bench(&b, token_model(2, WORDS), BATCH, TIME);
    const double *table[2] = {b.value + find(&b, "transformer.wte.0.weight")->first,
                              b.value + find(&b, "transformer.wte.1.weight")->first};
    const double *head[2] = {b.value + find(&b, "output_head.0.weight")->first,
                             b.value + find(&b, "output_head.1.weight")->first};
    double *embed = read_value(&b, orr_graph_find(b.g, "hook_embed"), NULL), *logit = read_value(&b, b.output, NULL);
    double *last = read_value(&b, orr_graph_find(b.g, "ln_final.hook_normalized"), NULL);
    assert_null(orr_parameters_find(&b.p, "transformer.wte.weight"));
    assert_null(orr_parameters_find(&b.p, "output_head.0.bias"));
    for (int64_t i = 0; i < POSITIONS; ++i) {
        for (int64_t k = 0; k < WIDTH; ++k)
            expect_near("hook_embed", i * WIDTH + k, embed[i * WIDTH + k],
                        table[0][token(&b, 2 * i) * WIDTH + k] + table[1][token(&b, 2 * i + 1) * WIDTH + k]);
        for (int64_t c = 0; c < 2 * WORDS; ++c) {
            double x = 0;
            for (int64_t k = 0; k < WIDTH; ++k)
                x += last[i * WIDTH + k] * head[c / WORDS][c % WORDS * WIDTH + k];
            expect_near("logits", i * 2 * WORDS + c, logit[i * 2 * WORDS + c], x);
        }
    }
    expect_near("loss", 0, read_loss(&b), cross_entropy(&b, logit));
    orr_memory_free(embed);
    orr_memory_free(logit);
    orr_memory_free(last);
    check_gradients(&b);
    close_bench(&b);
}

static void test_vocabulary_of_7000(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, token_model(1, 7000), BATCH, TIME);
    size_t n;
    double *logit = read_value(&b, b.output, &n);
    assert_int_equal(n, BATCH * TIME * 7000);
    expect_near("loss", 0, read_loss(&b), cross_entropy(&b, logit));
    orr_memory_free(logit);
    assert_null(orr_parameters_find(&b.p, "output_head.weight"));
    /* The one matrix that is table and head: its gradient is the sum of both uses. */
    check_gradient(&b, (size_t)(find(&b, "transformer.wte.weight") - b.p.item));
    close_bench(&b);
}

static void test_input_of_another_type_is_refused(void **state)
{
    (void)state;
    const struct orr_model m = token_model(1, 7);
    struct orr_parameters p = {0};
    struct orr_error err;
    struct orr_graph *g;
    orr_handle view[48];
    const int64_t shape[3] = {BATCH, TIME, 1};
    expect_ok(orr_model_parameters(&m, &p, &err), &err);
    expect_ok(orr_parameters_arrange(&p, NULL, 0, &err), &err);
    expect_ok(orr_graph_create(ORR_F32, &g, &err), &err);
    const orr_handle x = orr_graph_input(g, "x", ORR_F32, 3, shape);
    orr_parameters_views(g, &p, orr_graph_input(g, "parameters", ORR_F32, 1, &p.elements), view);
    assert_int_equal(orr_model_forward(g, &m, &p, view, x, false), ORR_NONE);
    expect_error(orr_graph_status(g, &err), &err, ORR_ESHAPE, "transformer", "i32");
    orr_graph_destroy(g);
    orr_parameters_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mlp_sees_the_points_so_far_in_their_places),
        cmocka_unit_test(test_mlp_at_fewer_points),
        cmocka_unit_test(test_mlp_sites_and_sizes),
        cmocka_unit_test(test_two_columns_have_a_table_and_a_head_each),
        cmocka_unit_test(test_vocabulary_of_7000),
        cmocka_unit_test(test_input_of_another_type_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
