/* Where memory runs out while env.json or summary.json is written, what is written is whole, or is not written. */
#include "base/memory.h"
#include "failing_memory.h"
#include "study/environment.h"
#include "study/findings.h"
#include "train_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- summary.json ---- */

static const char recipe_text[] =
    "name: made-up\nsimulator: {name: none}\ndata: {trajectories: 4, steps: 10, context: 2}\n"
    "train: {steps: 5, batch_size: 3}\nprobes: [{name: linear}]\n"
    "expect: [{claim: c, quantity: q, value: 0.5, source: s}]\n";

enum { MEASURES = 20 };

struct summary {
    struct orr_measures measures;
    struct orr_recipe *recipe;
    const char *path;
};

/* Whatever allocation fails, a summary that was written is whole: nothing of it is left out. */
static long summaries_with_failures(const struct summary *s, bool from_then_on)
{
    long short_of_memory = 0;
    bool met = true;
    for (long n = 0; met; ++n) {
        struct orr_error err = {0};
        struct orr_measures back = {.item = NULL};
        memory.calls = 0;
        memory.from_then_on = from_then_on;
        memory.fail_at = n;
        const orr_status status = orr_measures_write(&s->measures, s->recipe, "p", "00", s->path, &err);
        met = memory.calls > n;
        memory.fail_at = -1;
        if (status != ORR_OK && status != ORR_ENOMEM)
            fail_msg("allocation %ld: %s, expected ENOMEM: %s", n, orr_status_name(status), err.text);
        short_of_memory += status == ORR_ENOMEM;
        if (status != ORR_OK) continue;
        const orr_status again = orr_measures_read(&back, "00", s->path, &err);
        if (again != ORR_OK) fail_msg("allocation %ld: what was written is no summary: %s", n, err.text);
        for (size_t i = 0; i < back.count || i < MEASURES; ++i)
            if (i >= back.count || i >= MEASURES || back.item[i].value != s->measures.item[i].value ||
                strcmp(back.item[i].quantity, s->measures.item[i].quantity) != 0)
                fail_msg("allocation %ld: measure %zu of %zu is another one", n, i, back.count);
        orr_measures_fini(&back);
    }
    return short_of_memory;
}

static void a_failed_allocation_leaves_no_number_out_of_a_summary(void **state)
{
    (void)state;
    if (fixture_is_instrumented()) {
        print_message("SKIPPED failing allocations: a sanitizer or valgrind has its own malloc\n");
        skip();
    }
    struct orr_error err = {0};
    struct orr_config *config;
    char *directory = fixture_directory(), quantity[ORR_LABEL_SIZE];
    struct summary s = {.measures = {.item = NULL}};
    assert_ok(orr_config_parse(recipe_text, "text", &config, &err), &err);
    assert_ok(orr_recipe_create(config, &s.recipe, &err), &err);
    for (int i = 0; i < MEASURES; ++i) {
        snprintf(quantity, sizeof quantity, "a_number_%d", i);
        assert_ok(orr_measures_add(&s.measures, quantity, "trained", "linear", "train", 0.1 + i, &err), &err);
    }
    char *path = strdup(fixture_path(directory, "summary.json"));
    assert_non_null(path);
    s.path = path;

    assert_true(summaries_with_failures(&s, false) >= 100); /* of each measure four texts, a number and their names */
    assert_true(summaries_with_failures(&s, true) >= 100);

    free(path);
    orr_measures_fini(&s.measures);
    orr_recipe_destroy(s.recipe);
    fixture_remove(directory);
}

/* ---- env.json ---- */

struct environment {
    struct orr_run_job job;
    struct orr_run run;
};

static orr_status write_environment(const struct environment *e, struct orr_error *err)
{
    const orr_status status = orr_environment_begin(&e->job, &e->run, err);
    return status == ORR_OK ? orr_environment_end(&e->job, &e->run, 1, err) : status;
}

static void expect_whole(const char *path, long n)
{
    static const char *const parts[] = {"\"orrery\",", "caf\xc3\xa9.yaml", "\"--out\"", "\"kind\"", "\"point\": \"p\""};
    char text[8000];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i)
        if (!strstr(text, parts[i])) fail_msg("allocation %ld: no %s in:\n%s", n, parts[i], text);
}

/* However memory runs out, what is written is whole: no plugin and no word of the command is left out. What can be done
 * without, such as the processor's name, may be missing, so that not every failure is one of the whole. */
static long environments_with_failures(const struct environment *e, bool from_then_on)
{
    long short_of_memory = 0;
    bool met = true;
    for (long n = 0; met; ++n) {
        struct orr_error err = {0};
        memory.calls = 0;
        memory.from_then_on = from_then_on;
        memory.fail_at = n;
        const orr_status status = write_environment(e, &err);
        met = memory.calls > n;
        memory.fail_at = -1;
        if (status != ORR_OK && status != ORR_ENOMEM)
            fail_msg("allocation %ld: %s, expected ENOMEM: %s", n, orr_status_name(status), err.text);
        if (status == ORR_OK) expect_whole(fixture_path(e->job.directory, "env.json"), n);
        if (!met) assert_int_equal(status, ORR_OK);
        short_of_memory += status == ORR_ENOMEM;
    }
    return short_of_memory;
}

static void a_failed_allocation_loses_no_word_of_the_command(void **state)
{
    (void)state;
    static const char *const words[] = {"orrery", "run", "caf\xc3\xa9.yaml", "--out"};
    struct train_fixture f;
    struct orr_error err = {0};
    if (fixture_is_instrumented()) {
        print_message("SKIPPED failing allocations: a sanitizer or valgrind has its own malloc\n");
        skip();
    }
    fixture_open(&f, 6, 20, 5);
    char *directory = fixture_directory();
    struct orr_loader *loader;
    assert_ok(orr_loader_create(&loader, &err), &err);
    struct orr_open_device device = *f.device;
    struct orr_recipe recipe = {.simulator = {.plugin = device.plugin}};
    struct orr_run_point point = {.name = "p", .recipe = &recipe, .done = true, .seconds = 1};
    const struct environment e = {.job = {.loader = loader,
                                          .device = &device,
                                          .directory = directory,
                                          .command_line = words,
                                          .n_command_line = 4},
                                  .run = {.point = &point, .n_points = 1}};

    assert_true(environments_with_failures(&e, false) >= 100); /* JSON of many parts, twice */
    assert_true(environments_with_failures(&e, true) >= 100);
    snprintf(device.info.name, sizeof device.info.name, "card \xae"); /* a driver's own encoding is no failure */
    assert_ok(write_environment(&e, &err), &err);
    orr_loader_destroy(loader);
    fixture_remove(directory);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_allocation_leaves_no_number_out_of_a_summary),
        cmocka_unit_test(a_failed_allocation_loses_no_word_of_the_command),
    };
    return cmocka_run_group_tests_name("out_of_memory_json", tests, NULL, NULL);
}
