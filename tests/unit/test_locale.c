/* Nothing that is written or read depends on the locale of the program that embeds the engine.
 *
 * In: a locale with a decimal comma, made on the spot. */
#include "base/memory.h"
#include "base/number.h"
#include "comma_locale.h"
#include "expect.h"
#include "graph/build.h"
#include "io/file.h"
#include "train/metrics.h"

#include <jansson.h>
#include <locale.h>

static struct orr_error err;

static int set_up(void **state)
{
    *state = comma_locale_set() ? &err : NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    setlocale(LC_ALL, "C");
    return 0;
}

static void skip_without(void *const *state)
{
    if (!*state) skip();
    assert_string_equal(localeconv()->decimal_point, ",");
}

static void test_numbers(void **state)
{
    skip_without(state);
    char text[ORR_NUMBER_SIZE];
    double r = 0;
    assert_true(orr_number_real("0.5", &r));
    assert_true(r == 0.5);
    assert_string_equal(orr_number_print(0.25, text), "0.25");
}

/* One line, which is JSON and still there after a resume. */
static void test_metrics(void **state)
{
    skip_without(state);
    const struct orr_metrics_line line = {
        .step = 5, .loss = 0.1, .last_loss = 0.2, .learning_rate = 1e-3, .tokens_per_second = 1234.5, .seconds = 1.5};
    char directory[256], path[300], *text;
    size_t n;
    int file;
    make_scratch(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/metrics.jsonl", directory);
    expect_ok(orr_metrics_open(directory, orr_metrics_name, 0, &file, &err), &err);
    expect_ok(orr_metrics_write(file, &line, &err), &err);
    close(file);
    expect_ok(orr_metrics_open(directory, orr_metrics_name, 5, &file, &err), &err);
    close(file);
    expect_ok(orr_file_read(path, 1000, &text, &n, &err), &err);
    json_t *object = json_loads(text, 0, NULL);
    if (!object) fail_msg("no JSON: \"%s\"", text);
    assert_true(json_real_value(json_object_get(object, "seconds")) == 1.5);
    assert_true(json_real_value(json_object_get(object, "loss")) == 0.1);
    json_decref(object);
    orr_memory_free(text);
    remove_scratch(directory);
}

static void test_graph_text(void **state)
{
    skip_without(state);
    struct orr_graph *graph, *back;
    char *text;
    const int64_t dim = 3;
    expect_ok(orr_graph_create(ORR_F32, &graph, &err), &err);
    orr_affine(graph, orr_graph_input(graph, "x", ORR_F32, 1, &dim), 0.125, 0);
    expect_ok(orr_graph_status(graph, &err), &err);
    expect_ok(orr_graph_print(graph, &text, &err), &err);
    if (!strstr(text, "0.125") || strstr(text, "0,125")) fail_msg("0.125 is printed as\n%s", text);
    expect_ok(orr_graph_parse(text, "text", &back, &err), &err);
    orr_memory_free(text);
    orr_graph_destroy(graph);
    orr_graph_destroy(back);
}

#define in_locale(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_locale(test_numbers),
        in_locale(test_metrics),
        in_locale(test_graph_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
