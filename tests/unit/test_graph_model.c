/* Models written as graph text: the words, the parameters, the same numbers as the builders give, and bad text. */
#include "base/memory.h"
#include "expect.h"
#include "graph/build.h"
#include "io/file.h"
#include "model/model.h"
#include "run/exec.h"
#include "train_fixture.h"

#include <math.h>

enum { LONGEST = 3 };

static struct orr_model model_of(const char *text)
{
    return (struct orr_model){.kind = ORR_MODEL_GRAPH,
                              .n_head = 2,
                              .n_embd = 4,
                              .block_size = LONGEST,
                              .n_input = 2,
                              .n_output = 2,
                              .graph = text,
                              .graph_name = "my.graph"};
}

/* Two layers, with a name, a comment and products that the words must not touch or must reach. */
static const char layers[] = "# time*flies, batch by batch\n"
                             "graph f32\n"
                             "%0 = input : f32[batch,time,n_input] \"input\"\n"
                             "%1 = input : f32[n_input,2*n_embd] \"batch.weight\"\n"
                             "%2 = input : f32[2 * n_embd] \"a.bias\"\n"
                             "%3 = input : f32[2*n_embd] \"a.gain\"\n"
                             "%4 = input : f32[n_embd*2,n_output] \"b.weight\"\n"
                             "%5 = input : f32[2] \"b.bias\"\n"
                             "%6 = linear %0, %1, %2 : f32[batch,time,8] batch=batch \"hook_pre\"\n"
                             "%7 = view %6 : f32[batch*time,8]\n"
                             "%8 = silu %7 : f32[batch*time,8] \"hook_post\" # time\n"
                             "%9 = view %3 : f32[1,8] \"a_row\"\n"
                             "%10 = broadcast %9 : f32[time * batch,8]\n"
                             "%11 = mul %8, %10 : f32[batch*time,8] \"time\"\n"
                             "%12 = view %11 : f32[batch,time,8]\n"
                             "%13 = linear %12, %4, %5 : f32[batch,time,n_output] \"hook_output\"\n";

static void test_parameters_are_the_other_inputs(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t rank;
        int64_t dim[2];
        double mean, deviation;
    } expected[] = {{"batch.weight", 2, {2, 8}, 0, 0.02},
                    {"a.bias", 1, {8, 1}, 0, 0},
                    {"a.gain", 1, {8, 1}, 1, 0},
                    {"b.weight", 2, {8, 2}, 0, 0.02},
                    {"b.bias", 1, {2, 1}, 0, 0}};
    const struct orr_model m = model_of(layers);
    struct orr_parameters p = {0};
    struct orr_error err;
    expect_ok(orr_model_parameters(&m, &p, &err), &err);
    assert_int_equal(p.count, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < p.count; ++i) {
        assert_string_equal(p.item[i].name, expected[i].name);
        assert_int_equal(p.item[i].rank, expected[i].rank);
        assert_int_equal(p.item[i].dim[0], expected[i].dim[0]);
        assert_int_equal(p.item[i].dim[1], expected[i].dim[1]);
        assert_false(p.item[i].transposed);
        if (fabs(p.item[i].mean - expected[i].mean) > 0 || fabs(p.item[i].deviation - expected[i].deviation) > 0)
            fail_msg("%s begins as N(%g, %g^2)", p.item[i].name, p.item[i].mean, p.item[i].deviation);
    }
    orr_parameters_fini(&p);
}

/* A view of a parameter has a name, and no row for each position. */
static void test_sites_lie_by_position(void **state)
{
    (void)state;
    static const char *const expected[] = {"hook_pre", "hook_post", "time", "hook_output"};
    const struct orr_model m = model_of(layers);
    struct orr_error err;
    char **names;
    size_t n;
    expect_ok(orr_model_hooks(&m, &names, &n, &err), &err);
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; ++i) {
        assert_string_equal(names[i], expected[i]);
        assert_true(orr_model_hook_is_usual(&m, names[i]));
    }
    orr_model_hooks_free(names, n);
}

/* An axis of n_embd that is as long as the longest window is no time. */
static void test_axis_as_long_as_the_context_is_no_time(void **state)
{
    (void)state;
    static const char text[] = "graph f32\n"
                               "%0 = input : f32[batch,time,2] \"input\"\n"
                               "%1 = input : f32[2,2] \"w.weight\"\n"
                               "%2 = input : f32[2] \"w.bias\"\n"
                               "%3 = linear %0, %1, %2 : f32[batch,time,2] \"hook_output\"\n"
                               "%4 = fill : f32[batch,n_embd,2] \"by_channel\"\n";
    struct orr_model m = model_of(text);
    struct orr_error err;
    char **names;
    size_t n;
    m.n_embd = LONGEST;
    expect_ok(orr_model_hooks(&m, &names, &n, &err), &err);
    if (n != 1) fail_msg("%zu sites, expected 1: the second is %s", n, n > 1 ? names[1] : "none");
    assert_string_equal(names[0], "hook_output");
    orr_model_hooks_free(names, n);
}

/* The same as the text, by builders. */
static orr_handle build_layers(struct orr_graph *g, const orr_handle *view, orr_handle x, int64_t batch, int64_t time)
{
    const int64_t flat[2] = {batch * time, 8}, row[2] = {1, 8}, deep[3] = {batch, time, 8};
    const orr_handle pre = orr_linear(g, x, view[0], view[1]);
    const orr_handle post = orr_unary(g, ORR_OP_SILU, orr_reshape(g, pre, 2, flat));
    const orr_handle gain = orr_broadcast(g, orr_reshape(g, view[2], 2, row), 2, flat);
    return orr_linear(g, orr_reshape(g, orr_mul(g, post, gain), 3, deep), view[3], view[4]);
}

/* In either element type, at this batch and length, the text gives the builders' bits. */
static void check_against_builders(uint32_t real, int64_t batch, int64_t time)
{
    struct train_fixture f;
    struct orr_model m = model_of(layers);
    struct orr_parameters p = {0};
    struct orr_error err;
    struct orr_graph *g;
    struct orr_exec *exec;
    orr_handle view[5];
    double x[24], number[2][24], block[2048];
    const int64_t shape[3] = {batch, time, 2};
    const size_t n = (size_t)(batch * time * 2);
    fixture_open(&f, 4, 8, 4);
    expect_ok(orr_model_parameters(&m, &p, &err), &err);
    expect_ok(orr_parameters_arrange(&p, NULL, 0, &err), &err);
    assert_true(p.elements <= 2048 && n <= 24);
    expect_ok(orr_graph_create(real, &g, &err), &err);
    const orr_handle input = orr_graph_input(g, "x", real, 3, shape);
    orr_graph_set_batch(g, input, (uint32_t)batch);
    const orr_handle parameters = orr_graph_input(g, "parameters", real, 1, &p.elements);
    orr_parameters_views(g, &p, parameters, view);
    const orr_handle out[2] = {orr_model_forward(g, &m, &p, view, input, false),
                               build_layers(g, view, input, batch, time)};
    orr_graph_keep(g, out[0]);
    orr_graph_keep(g, out[1]);
    expect_ok(orr_graph_verify(g, &err), &err);
    expect_ok(orr_exec_create(g, f.device, NULL, &exec, &err), &err);
    for (size_t i = 0; i < n; ++i)
        x[i] = 0.25 * (double)i - 1;
    for (int64_t i = 0; i < p.elements; ++i)
        block[i] = 0.125 * (double)(i % 13) - 0.75;
    expect_ok(orr_exec_write_real(exec, input, x, n, &err), &err);
    expect_ok(orr_exec_write_real(exec, parameters, block, (size_t)p.elements, &err), &err);
    expect_ok(orr_exec_run(exec, &err), &err);
    for (int k = 0; k < 2; ++k)
        expect_ok(orr_exec_read_real(exec, out[k], number[k], n, &err), &err);
    assert_true(fabs(number[0][0]) > 0.01);
    assert_memory_equal(number[0], number[1], n * sizeof *x);
    orr_exec_destroy(exec);
    orr_graph_destroy(g);
    orr_parameters_fini(&p);
    fixture_close(&f);
}

static void test_one_text_serves_every_batch_length_and_type(void **state)
{
    (void)state;
    check_against_builders(ORR_F32, 4, 3);
    check_against_builders(ORR_F64, 4, 3);
    check_against_builders(ORR_F32, 1, 1);
    check_against_builders(ORR_F64, 2, 2);
}

/* --- the example of the documentation -------------------------------------------------------- */

/* The first block of docs/models.md that is fenced as graph. The caller frees it. */
static char *example(void)
{
    static const char fence[] = "```graph\n";
    char path[1024], *page;
    size_t n;
    struct orr_error err;
    snprintf(path, sizeof path, "%s/docs/models.md", getenv("ORRERY_TEST_SOURCE"));
    expect_ok(orr_file_read(path, 1 << 20, &page, &n, &err), &err);
    char *begin = strstr(page, fence), *end = begin ? strstr(begin + sizeof fence, "```") : NULL;
    char *text = NULL;
    if (end) {
        *end = '\0';
        text = orr_memory_text(begin + sizeof fence - 1);
    }
    orr_memory_free(page);
    if (!text) fail_msg("%s has no example", path);
    return text;
}

static void test_example_of_the_documentation_trains(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result result;
    char *text = example();
    fixture_open(&f, 40, 12, 4);
    f.model = model_of(text);
    f.model.block_size = 4;
    f.config.steps = 60;
    f.config.schedule = (struct orr_schedule){.kind = ORR_SCHEDULE_CONSTANT, .learning_rate = 1e-2};
    fixture_train(&f, &result);
    double first = 0, last = 0;
    for (int k = 0; k < 10; ++k) {
        first += result.loss[k] / 10;
        last += result.loss[50 + k] / 10;
    }
    /* It learns to predict something: far more than the noise of four windows a step. */
    if (!(last < 0.7 * first)) fail_msg("loss %g at first, %g at last", first, last);
    orr_train_result_fini(&result);
    fixture_close(&f);
    orr_memory_free(text);
}

/* --- bad text -------------------------------------------------------------------------------- */

#define FORTY_EIGHT "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
#define HEAD                                                                                                           \
    "graph f32\n"                                                                                                      \
    "%0 = input : f32[batch,time,2] \"input\"\n"                                                                       \
    "%1 = input : f32[2,2] \"w.weight\"\n"                                                                             \
    "%2 = input : f32[2] \"w.bias\"\n"
#define OUTPUT "%3 = linear %0, %1, %2 : f32[batch,time,2] \"hook_output\"\n"

static void test_bad_text_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fragment[2];
    } faults[] = {
        {"", {"my.graph", "graph f32"}},
        {"graph f32\n", {"my.graph", "\"input\""}},
        {HEAD, {"my.graph", "\"hook_output\""}},
        {HEAD OUTPUT "%4 = silu %3 : f32[batch,tim,2]\n", {"my.graph:6", "tim"}},
        {HEAD "%3 = linear %0, %1, %2 : f32[batch*,time,2]\n", {"my.graph:5", "after '*', found ','"}},
        {HEAD "%3 = linear %0, %1, %2 : f32[batch*tme,2]\n", {"my.graph:5", "'tme'"}},
        {HEAD "%3 = fill : f32[1099511627776*batch]\n", {"my.graph:5", "2^40"}},
        {HEAD "%3 = fill : f32[99999999999999999999*2]\n", {"my.graph:5", "expected"}},
        {HEAD "%3 = linear %0, %2, %1 : f32[batch,time,2]\n", {"my.graph:5", "linear"}},
        {HEAD OUTPUT "cut \"update\"\n", {"my.graph", "remove cut"}},
        {HEAD OUTPUT "%4 = input : f32[2]\n", {"my.graph:6: %4", "without a name"}},
        {HEAD OUTPUT "%4 = input : i32[2] \"steps\"\n", {"my.graph:6: %4 \"steps\"", "is real"}},
        {HEAD OUTPUT "%4 = input : f32[2,2,2] \"cube\"\n", {"my.graph:6: %4 \"cube\"", "one axis or two"}},
        {HEAD OUTPUT "%4 = input : f32[] \"number\"\n", {"my.graph:6: %4 \"number\"", "one axis or two"}},
        {HEAD OUTPUT "%4 = input : f32[2] \"" FORTY_EIGHT FORTY_EIGHT "\"\n", {"my.graph:6: %4", "at most 95"}},
        {HEAD OUTPUT "%4 = input : f32[2] \"losses\"\n", {"my.graph:6: %4 \"losses\"", "checkpoints"}},
        {HEAD OUTPUT "%4 = input : f32[2] \"__metadata__\"\n", {"my.graph:6: %4", "checkpoints"}},
        {HEAD OUTPUT "%4 = input : f32[2] \"optimizer.x\"\n", {"my.graph:6: %4", "checkpoints"}},
        {HEAD OUTPUT "%4 = silu %3 : f32[batch,time,2] \"../x\"\n", {"my.graph:6: %4 \"../x\"", "characters"}},
        {HEAD OUTPUT "%4 = silu %3 : f32[batch,time,2] \".x\"\n", {"my.graph:6", "characters"}},
        {HEAD OUTPUT "%4 = silu %3 : f32[batch,time,2] \"w.bias\"\n", {"my.graph:4: %2", "later value"}},
        {HEAD OUTPUT "%4 = input : f32[batch,time,2] \"input\"\n", {"my.graph:2: %0", "later value"}},
        {HEAD "%3 = linear %0, %1, %2 : f32[batch,time,2]\n"
              "%4 = view %3 : f32[time,batch,2] \"hook_output\"\n",
         {"my.graph:6: %4", "[batch,time,n_output]"}},
        {HEAD "%3 = input : f32[batch,time,2] \"hook_output\"\n", {"my.graph:5", "one axis or two"}},
        {HEAD "%3 = input : f32[4] \"hook_output\"\n", {"my.graph", "no operation makes"}},
        {"graph f32\n%0 = input : i32[batch,time,2] \"input\"\n", {"my.graph:2: %0", "the data are numbers"}},
        {"graph f32\n%0 = input : f32[batch,time,3] \"input\"\n", {"my.graph:2: %0", "n_input"}},
        {"graph f32\nstorage s0 4 kept\n%0 = input : f32[] @s0+0 \"input\"\n", {"my.graph:3: %0", "n_input"}},
        {"graph f32\n%0 = input : f32[batch,time,2] \"input\"\n%1 = silu %0 : f32[batch,time,2] \"hook_output\"\n",
         {"my.graph", "no parameter"}},
        {"graph f32\n%0 = input : f32[2] \"w\"\n%1 = affine %0 {f=2} : f32[2] @s0+0\n", {"my.graph:3", "overwrites"}},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; ++i) {
        const struct orr_model m = model_of(faults[i].text);
        struct orr_parameters p = {0};
        struct orr_error err = {.code = ORR_OK};
        const orr_status status = orr_model_parameters(&m, &p, &err);
        if (status != ORR_EFORMAT || !strstr(err.text, faults[i].fragment[0]) ||
            !strstr(err.text, faults[i].fragment[1]))
            fail_msg("%s gives %s \"%s\", expected \"%s\" and \"%s\"", faults[i].text, orr_status_name(status),
                     err.text, faults[i].fragment[0], faults[i].fragment[1]);
        orr_parameters_fini(&p);
    }
}

/* What is right for the longest window and wrong for a shorter one is found before training. */
static void test_shorter_windows_are_tried_too(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fragment[2];
    } faults[] = {
        {HEAD OUTPUT "%4 = input : f32[time,2] \"table\"\n", {"my.graph:6: %4 \"table\", f32[3,2]", "changes with"}},
        {HEAD OUTPUT "%4 = input : f32[batch,2] \"table\"\n", {"my.graph:6: %4 \"table\"", "changes with"}},
        {HEAD "%3 = linear %0, %1, %2 : f32[batch,3,2] \"hook_output\"\n", {"windows of 2 points", "my.graph:5"}},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; ++i) {
        struct orr_model m = model_of(faults[i].text);
        struct orr_parameters p = {0};
        struct orr_error err;
        expect_error(orr_model_parameters(&m, &p, &err), &err, ORR_EFORMAT, faults[i].fragment[0],
                     faults[i].fragment[1]);
        orr_parameters_fini(&p);
        m.block_size = 1;
        m.graph = HEAD OUTPUT; /* there is no shorter window than one point */
        expect_ok(orr_model_parameters(&m, &p, &err), &err);
        orr_parameters_fini(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters_are_the_other_inputs),
        cmocka_unit_test(test_sites_lie_by_position),
        cmocka_unit_test(test_axis_as_long_as_the_context_is_no_time),
        cmocka_unit_test(test_one_text_serves_every_batch_length_and_type),
        cmocka_unit_test(test_example_of_the_documentation_trains),
        cmocka_unit_test(test_bad_text_is_refused_with_its_line),
        cmocka_unit_test(test_shorter_windows_are_tried_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
