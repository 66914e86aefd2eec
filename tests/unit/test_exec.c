/* The executor: both ways to run, failures of a backend at every call, refusals, and the search for what is not finite.
 */
#include "base/memory.h"
#include "op_cases.h"

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A backend around the reference that can fail, and that counts. */
static const struct orr_backend_ops *inner;
static struct {
    int allocs_until_failure; /* -1: never */
    int live_buffers, prepared, executed, discarded;
    orr_status run_status;
    const char *run_text;
} fake;

static orr_status fake_alloc(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err)
{
    if (fake.allocs_until_failure == 0) return ORR_ENOMEM;
    if (fake.allocs_until_failure > 0) --fake.allocs_until_failure;
    ++fake.live_buffers;
    return inner->alloc(dev, bytes, out, err);
}

static void fake_free(struct orr_device *dev, struct orr_buffer *buffer)
{
    --fake.live_buffers;
    inner->free(dev, buffer);
}

static orr_status fake_run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    if (fake.run_status == ORR_OK) return inner->run(dev, call, err);
    if (fake.run_text) strcpy(err->text, fake.run_text);
    return fake.run_status;
}

struct fake_program {
    size_t n;
    struct orr_call call[16];
};

static orr_status fake_prepare(struct orr_device *dev, const struct orr_call *const *calls, size_t n, void **program,
                               struct orr_error *err)
{
    (void)dev, (void)err;
    struct fake_program *p = malloc(sizeof(*p));
    if (!p || n > 16) return free(p), ORR_ENOMEM;
    p->n = n;
    for (size_t i = 0; i < n; ++i)
        p->call[i] = *calls[i];
    *program = p;
    ++fake.prepared;
    return ORR_OK;
}

static orr_status fake_execute(struct orr_device *dev, void *program, struct orr_error *err)
{
    struct fake_program *p = program;
    ++fake.executed;
    for (size_t i = 0; i < p->n; ++i)
        ORR_TRY(inner->run(dev, &p->call[i], err));
    return ORR_OK;
}

static void fake_discard(struct orr_device *dev, void *program)
{
    (void)dev;
    ++fake.discarded;
    free(program);
}

struct fixture {
    struct orr_loader *loader;
    struct orr_open_device *device;
    struct orr_backend_ops ops;
    struct orr_graph *g;
    orr_handle x, y;
};

/* y = tanh(exp(x)) . 2 in two programs, on the fake backend. */
static void open_fixture(struct fixture *f, bool with_prepare)
{
    struct orr_error err = {.code = ORR_OK};
    const int64_t n = 5;
    memset(&fake, 0, sizeof(fake));
    fake.allocs_until_failure = -1;
    f->device = op_device_open(&f->loader);
    inner = f->device->ops;
    memset(&f->ops, 0, sizeof(f->ops));
    memcpy(&f->ops, inner, inner->size < sizeof(f->ops) ? inner->size : sizeof(f->ops));
    f->ops.size = sizeof(f->ops);
    f->ops.alloc = fake_alloc;
    f->ops.free = fake_free;
    f->ops.run = fake_run;
    f->ops.prepare = with_prepare ? fake_prepare : NULL;
    f->ops.execute = with_prepare ? fake_execute : NULL;
    f->ops.discard = with_prepare ? fake_discard : NULL;
    f->device->ops = &f->ops;
    assert_int_equal(orr_graph_create(ORR_F32, &f->g, &err), ORR_OK);
    f->x = orr_graph_input(f->g, "x", ORR_F32, 1, &n);
    const orr_handle t = orr_unary(f->g, ORR_OP_TANH, orr_unary(f->g, ORR_OP_EXP, f->x));
    orr_graph_cut(f->g, "double");
    f->y = orr_affine(f->g, t, 2.0, 0.0);
    orr_graph_keep(f->g, f->y);
    orr_graph_name(f->g, f->y, "y");
}

static void close_fixture(struct fixture *f)
{
    orr_graph_destroy(f->g);
    f->device->ops = inner;
    orr_device_close(f->device);
    orr_loader_destroy(f->loader);
}

static void both_ways_give_the_same(void **state)
{
    (void)state;
    double out[2][5];
    const double x[5] = {-2, -1, 0, 1, 2};
    for (int prepared = 0; prepared < 2; ++prepared) {
        struct fixture f;
        struct orr_exec *exec;
        struct orr_error err = {.code = ORR_OK};
        open_fixture(&f, prepared);
        if (orr_exec_create(f.g, f.device, NULL, &exec, &err) != ORR_OK) fail_msg("%s", err.text);
        assert_int_equal(orr_exec_write_real(exec, f.x, x, 5, &err), ORR_OK);
        for (int k = 0; k < 3; ++k)
            assert_int_equal(orr_exec_run(exec, &err), ORR_OK);
        assert_int_equal(orr_exec_finish(exec, &err), ORR_OK);
        assert_int_equal(orr_exec_read_real(exec, f.y, out[prepared], 5, &err), ORR_OK);
        assert_int_equal(orr_exec_run_program(exec, 2, &err), ORR_EINVAL);
        orr_exec_destroy(exec);
        assert_int_equal(fake.prepared, prepared ? 2 : 0);
        assert_int_equal(fake.executed, prepared ? 6 : 0);
        assert_int_equal(fake.discarded, fake.prepared);
        assert_int_equal(fake.live_buffers, 0);
        assert_int_equal(f.device->buffer_bytes, 0);
        close_fixture(&f);
    }
    assert_memory_equal(out[0], out[1], sizeof(out[0]));
    for (int k = 0; k < 5; ++k) {
        const double expected = 2.0 * tanh(exp(x[k]));
        if (!(fabs(out[0][k] - expected) <= 4e-7)) fail_msg("y[%d] is %.9g, not %.9g", k, out[0][k], expected);
    }
}

/* Memory runs out at each allocation in turn: an error that names it, and nothing left behind. */
static void running_out_of_memory(void **state)
{
    (void)state;
    struct fixture f;
    struct orr_exec *exec;
    struct orr_error err;
    open_fixture(&f, false);
    int failures = 0;
    for (int k = 0; k < 20; ++k) {
        fake.allocs_until_failure = k;
        if (orr_exec_create(f.g, f.device, NULL, &exec, &err) == ORR_OK) {
            orr_exec_destroy(exec);
            break;
        }
        ++failures;
        assert_int_equal(err.code, ORR_ENOMEM);
        assert_non_null(strstr(err.text, "allocating"));
        assert_int_equal(fake.live_buffers, 0);
        assert_int_equal(f.device->buffer_bytes, 0);
    }
    assert_in_range(failures, 2, 10);
    close_fixture(&f);
}

static void errors_with_and_without_text(void **state)
{
    (void)state;
    static const char *const text[2] = {"the fan fell off", NULL};
    static const char *const expected[2] = {"the fan fell off", "the backend gave no reason"};
    for (int k = 0; k < 2; ++k) {
        struct fixture f;
        struct orr_exec *exec;
        struct orr_error err = {.code = ORR_OK};
        open_fixture(&f, false);
        assert_int_equal(orr_exec_create(f.g, f.device, NULL, &exec, &err), ORR_OK);
        fake.run_status = ORR_EDEVICE;
        fake.run_text = text[k];
        assert_int_equal(orr_exec_run_program(exec, 1, &err), ORR_EDEVICE);
        if (!strstr(err.text, expected[k]) || !strstr(err.text, "affine to f32[5] y"))
            fail_msg("'%s' lacks '%s' or the operation", err.text, expected[k]);
        orr_exec_destroy(exec);
        close_fixture(&f);
    }
}

static void wrong_accesses_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    struct orr_exec *exec;
    struct orr_error err = {.code = ORR_OK};
    const int64_t n = 5;
    float data[5] = {0};
    double real[5];
    orr_handle found;
    char text[100];
    open_fixture(&f, false);
    const orr_handle index = orr_graph_input(f.g, "index", ORR_I32, 1, &n);
    const orr_handle scratch = f.g->node[0].out[0];
    assert_int_equal(orr_exec_create(f.g, f.device, NULL, &exec, &err), ORR_OK);
    assert_int_equal(orr_exec_read(exec, scratch, data, sizeof(data), &err), ORR_EINVAL);
    assert_non_null(strstr(err.text, "orr_graph_keep"));
    assert_int_equal(orr_exec_write(exec, f.x, data, sizeof(data) - 4, &err), ORR_ESHAPE);
    assert_non_null(strstr(err.text, "has 20 bytes, not 16"));
    assert_int_equal(orr_exec_read_real(exec, index, real, 5, &err), ORR_EDTYPE);
    assert_int_equal(orr_exec_read_real(exec, f.y, real, 4, &err), ORR_ESHAPE);
    assert_int_equal(orr_exec_read(exec, 1000, data, sizeof(data), &err), ORR_EINVAL);
    assert_int_equal(orr_exec_read(exec, ORR_NONE, data, sizeof(data), &err), ORR_EINVAL);
    assert_int_equal(orr_exec_find_not_finite(exec, &found, text, sizeof(text), &err), ORR_EINVAL);
    assert_non_null(strstr(err.text, "keep_all"));
    orr_exec_destroy(exec);
    close_fixture(&f);
}

static void a_backend_that_plans_scratch_must_prepare(void **state)
{
    (void)state;
    struct fixture f;
    struct orr_exec *exec;
    struct orr_error err = {.code = ORR_OK};
    open_fixture(&f, false);
    f.device->info.plans_scratch = true;
    assert_int_equal(orr_exec_create(f.g, f.device, NULL, &exec, &err), ORR_EBUG);
    assert_non_null(strstr(err.text, "no prepare"));
    assert_int_equal(fake.live_buffers, 0);
    close_fixture(&f);
}

/* Attention from primitives holds minus infinities on purpose; only the planted overflow may be named, and in an input
 * the input. */
static void the_first_value_that_is_not_finite(void **state)
{
    (void)state;
    const struct orr_attention a = {.causal = true, .heads = 1, .scale = 1.0};
    const struct orr_exec_options keep_all = {.keep_all = true};
    const int64_t dim[3] = {1, 3, 6};
    static const struct {
        double value;
        const char *part;
    } planted[] = {{0.5, ""}, {200.0, "grown (exp f32[1,3,2]) holds inf"}, {NAN, "qkv (input f32[1,3,6]) holds nan"}};
    for (size_t k = 0; k < 3; ++k) {
        struct orr_loader *loader;
        struct orr_open_device *device = op_device_open(&loader);
        struct orr_error err = {.code = ORR_OK};
        struct orr_attention_parts parts;
        struct orr_graph *g;
        struct orr_exec *exec;
        orr_handle found;
        char text[200];
        double data[18];
        assert_int_equal(orr_graph_create(ORR_F32, &g, &err), ORR_OK);
        const orr_handle qkv = orr_graph_input(g, "qkv", ORR_F32, 3, dim);
        const orr_handle z = orr_attention_open(g, qkv, &a, &parts);
        const orr_handle grown = orr_unary(g, ORR_OP_EXP, z);
        orr_graph_name(g, grown, "grown");
        orr_unary(g, ORR_OP_TANH, grown);
        for (int e = 0; e < 18; ++e)
            data[e] = planted[k].value;
        if (orr_exec_create(g, device, &keep_all, &exec, &err) != ORR_OK) fail_msg("%s", err.text);
        assert_int_equal(orr_exec_write_real(exec, qkv, data, 18, &err), ORR_OK);
        assert_int_equal(orr_exec_run(exec, &err), ORR_OK);
        assert_int_equal(orr_exec_find_not_finite(exec, &found, text, sizeof(text), &err), ORR_OK);
        assert_int_equal(found == ORR_NONE, k == 0);
        if (!strstr(text, planted[k].part)) fail_msg("'%s' lacks '%s'", text, planted[k].part);
        orr_exec_destroy(exec);
        orr_graph_destroy(g);
        orr_device_close(device);
        orr_loader_destroy(loader);
    }
}

/* Run a graph of doubles once: write n numbers into each of two inputs, and read as many from two values. */
static void run_once(struct orr_graph *g, size_t n, const orr_handle *in, const double (*data)[4],
                     const orr_handle *out, double (*result)[4])
{
    struct orr_loader *loader;
    struct orr_open_device *device = op_device_open(&loader);
    struct orr_exec *exec;
    struct orr_error err = {.code = ORR_OK};
    if (orr_exec_create(g, device, NULL, &exec, &err) != ORR_OK) fail_msg("%s", err.text);
    for (int k = 0; k < 2; ++k)
        assert_int_equal(orr_exec_write_real(exec, in[k], data[k], n, &err), ORR_OK);
    if (orr_exec_run(exec, &err) != ORR_OK) fail_msg("%s", err.text);
    for (int k = 0; k < 2; ++k)
        assert_int_equal(orr_exec_read_real(exec, out[k], result[k], n, &err), ORR_OK);
    orr_exec_destroy(exec);
    orr_graph_destroy(g);
    orr_device_close(device);
    orr_loader_destroy(loader);
}

static void expect_numbers(const char *what, const double *found, const double *expected, size_t n)
{
    for (size_t e = 0; e < n; ++e)
        if (!(found[e] == expected[e])) fail_msg("%s[%zu] is %.17g, not %.17g", what, e, found[e], expected[e]);
}

/* b = 2 p through a view made after a: what is placed into p later must not be there yet. */
static void a_place_keeps_its_contents_until_they_are_read(void **state)
{
    (void)state;
    static const double data[2][4] = {{1, 2}, {5, 7}}, doubled[2] = {2, 4}, placed[2] = {15, 17};
    const int64_t two = 2;
    double result[2][4];
    struct orr_graph *g;
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_graph_create(ORR_F64, &g, &err), ORR_OK);
    const orr_handle in[2] = {orr_graph_input(g, "p", ORR_F64, 1, &two), orr_graph_input(g, "q", ORR_F64, 1, &two)};
    const orr_handle a = orr_affine(g, in[1], 1.0, 10.0);
    const orr_handle b = orr_affine(g, orr_graph_view(g, in[0], 0, 1, &two), 2.0, 0.0);
    orr_graph_keep(g, b);
    orr_graph_place(g, a, in[0]);
    const orr_handle out[2] = {b, in[0]};
    run_once(g, 2, in, data, out, result);
    expect_numbers("b", result[0], doubled, 2);
    expect_numbers("p", result[1], placed, 2);
}

/* s = s s, and a kept value is readable where it is and where it is placed. */
static void what_is_placed_may_come_from_the_place(void **state)
{
    (void)state;
    static const double data[2][4] = {{1, 2, 3, 4}, {0}}, square[4] = {7, 10, 15, 22};
    const int64_t dim[2] = {2, 2};
    double result[2][4];
    struct orr_graph *g;
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_graph_create(ORR_F64, &g, &err), ORR_OK);
    const orr_handle in[2] = {orr_graph_input(g, "s", ORR_F64, 2, dim), orr_graph_input(g, "r", ORR_F64, 2, dim)};
    const orr_handle t = orr_matmul(g, in[0], in[0], false, false);
    orr_graph_place(g, t, in[0]);
    orr_graph_keep(g, t);
    orr_graph_place(g, t, in[1]);
    run_once(g, 4, in, data, in, result);
    expect_numbers("s", result[0], square, 4);
    expect_numbers("r", result[1], square, 4);
}

/* Rows without an element take no time, however many there are. */
static void a_great_many_empty_rows(void **state)
{
    (void)state;
    static const char *const text[] = {
        "graph f32\n%0 = input : f32[1099511627776,0]\n%1 = sum %0 {i=0} : f32[1,0] keep\n",
        "graph f32\n%0 = input : f32[1099511627776,0]\n%1 = permute %0 {i=1,0} : f32[0,1099511627776] keep\n",
        "graph f32\n%0 = input : f32[1099511627776,0]\n%1 = softmax %0 : f32[1099511627776,0] keep\n",
    };
    struct orr_loader *loader;
    struct orr_open_device *device = op_device_open(&loader);
    alarm(20);
    for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); ++i) {
        struct orr_graph *g;
        struct orr_exec *exec;
        struct orr_error err = {.code = ORR_OK};
        if (orr_graph_parse(text[i], "text", &g, &err) != ORR_OK) fail_msg("%s", err.text);
        if (orr_exec_create(g, device, NULL, &exec, &err) != ORR_OK || orr_exec_run(exec, &err) != ORR_OK)
            fail_msg("text %zu: %s", i, err.text);
        orr_exec_destroy(exec);
        orr_graph_destroy(g);
    }
    alarm(0);
    orr_device_close(device);
    orr_loader_destroy(loader);
}

static void devices_by_name(void **state)
{
    (void)state;
    static const char *const good[] = {"reference", "reference:0", "reference:cpu", "reference:REFER"};
    static const struct {
        const char *name, *part;
    } bad[] = {{"reference:1", "has no device '1'; it has 0: "},
               {"reference:gpu", "has no device 'gpu'"},
               {"reference:AMD", "no device 'AMD' that is not a processor; it has 0: "},
               {"reference:intel", "(reference:cpu takes a processor)"},
               {"", "expected BACKEND"},
               {":0", "expected BACKEND"},
               {"reference:0x", "has no device '0x'"}};
    struct orr_loader *loader;
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_loader_create(&loader, &err), ORR_OK);
    for (size_t k = 0; k < sizeof(good) / sizeof(good[0]); ++k) {
        struct orr_open_device *device = NULL;
        if (orr_device_open(loader, good[k], &device, &err) != ORR_OK) fail_msg("%s: %s", good[k], err.text);
        orr_device_close(device);
    }
    for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); ++k) {
        struct orr_open_device *device = NULL;
        assert_int_not_equal(orr_device_open(loader, bad[k].name, &device, &err), ORR_OK);
        assert_null(device);
        if (!strstr(err.text, bad[k].part)) fail_msg("'%s' lacks '%s'", err.text, bad[k].part);
    }
    orr_loader_destroy(loader);
}

/* A table without types is one that names none, not one that has none. */
static void types_of_a_device(void **state)
{
    (void)state;
    static const struct {
        uint32_t dtypes;
        bool f32, f64;
    } cases[] = {{0, true, true}, {1u << ORR_F32, true, false}, {1u << ORR_F32 | 1u << ORR_F64, true, true}};
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); ++k) {
        const struct orr_device_info info = {.size = sizeof(info), .dtypes = cases[k].dtypes};
        const bool f32 = orr_device_has_type(&info, ORR_F32), f64 = orr_device_has_type(&info, ORR_F64);
        if (f32 != cases[k].f32 || f64 != cases[k].f64)
            fail_msg("dtypes %u: f32 %d, f64 %d, expected %d, %d", (unsigned)info.dtypes, f32, f64, cases[k].f32,
                     cases[k].f64);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_give_the_same),
        cmocka_unit_test(running_out_of_memory),
        cmocka_unit_test(errors_with_and_without_text),
        cmocka_unit_test(wrong_accesses_are_refused),
        cmocka_unit_test(a_backend_that_plans_scratch_must_prepare),
        cmocka_unit_test(the_first_value_that_is_not_finite),
        cmocka_unit_test(a_place_keeps_its_contents_until_they_are_read),
        cmocka_unit_test(what_is_placed_may_come_from_the_place),
        cmocka_unit_test(a_great_many_empty_rows),
        cmocka_unit_test(devices_by_name),
        cmocka_unit_test(types_of_a_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
