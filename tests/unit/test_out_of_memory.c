/* Memory that runs out while checkpoints, trajectories or weights are read, or a graph is made of them, is reported as
 * such, and costs no checkpoint.
 *
 * Under a sanitizer or valgrind, which bring their own malloc, it is skipped. In: a tiny kepler job with two
 * checkpoints.
 */
#include "base/memory.h"
#include "cli/forward_graph.h"
#include "data/export.h"
#include "failing_memory.h"
#include "io/file.h"
#include "io/safetensors.h"
#include "study/figure.h"
#include "study/report.h"
#include "study/report_html.h"
#include "train/checkpoint.h"
#include "train_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    struct train_fixture f;
    struct orr_parameters p;
    struct orr_train_state state;
    double losses[20];
    char *directory;
};

static void bench_open(struct bench *b)
{
    struct orr_train_result result;
    struct orr_error err = {0};
    *b = (struct bench){.directory = fixture_directory()};
    fixture_open(&b->f, 6, 20, 5);
    b->f.job.directory = b->directory;
    b->f.config.checkpoint_every = 10;
    assert_ok(orr_train_run(&b->f.job, &result, &err), &err);
    orr_train_result_fini(&result);
    assert_ok(orr_model_parameters(&b->f.model, &b->p, &err), &err);
    assert_ok(orr_parameters_arrange(&b->p, NULL, 0, &err), &err);
    assert_ok(orr_train_state_init(&b->state, &b->f.config.optimiser, (size_t)b->p.elements, &err), &err);
}

static void bench_close(struct bench *b)
{
    orr_train_state_fini(&b->state);
    orr_parameters_fini(&b->p);
    fixture_close(&b->f);
    fixture_remove(b->directory);
}

static void assert_both_checkpoints(const struct bench *b, long n)
{
    uint64_t *steps;
    size_t count;
    struct orr_error err = {0};
    assert_ok(orr_checkpoint_list(b->directory, &steps, &count, &err), &err);
    if (count != 2 || steps[0] != 10 || steps[1] != 20) fail_msg("allocation %ld: %zu checkpoints left of 2", n, count);
    orr_memory_free(steps);
}

/* Fail allocation after allocation until a load meets no failure; each ends well or says that memory was short. */
static void load_with_failures(struct bench *b, bool from_then_on)
{
    long n = 0, short_of_memory = 0;
    for (bool met = true; met; ++n) {
        struct orr_error err = {0};
        bool found = false;
        memory.calls = 0;
        memory.from_then_on = from_then_on;
        memory.fail_at = n;
        const orr_status status = orr_checkpoint_load(&b->f.job, &b->p, &b->state, b->losses, &found, &err);
        met = memory.calls > n;
        memory.fail_at = -1;
        if (status != ORR_OK && (status != ORR_ENOMEM || !strstr(err.text, "out of memory")))
            fail_msg("allocation %ld: %s, expected ENOMEM: %s", n, orr_status_name(status), err.text);
        if (status == ORR_OK && (!found || b->state.step != 20))
            fail_msg("allocation %ld: step %llu was loaded, not the newest", n, (unsigned long long)b->state.step);
        if (!met) assert_int_equal(status, ORR_OK);
        short_of_memory += status == ORR_ENOMEM;
        assert_both_checkpoints(b, n);
    }
    print_message("%ld allocations, %ld of them needed\n", n - 1, short_of_memory);
    assert_true(short_of_memory >= 20); /* the loop met failures at all: tensors, names, blocks */
}

static void a_failed_allocation_costs_no_checkpoint(void **state)
{
    (void)state;
    if (fixture_is_instrumented()) {
        print_message("SKIPPED failing allocations: a sanitizer or valgrind has its own malloc\n");
        skip();
    }
    struct bench b;
    bench_open(&b);
    load_with_failures(&b, false);
    load_with_failures(&b, true);
    bench_close(&b);
}

/* Something that needs memory; on failure it must have kept none. */
typedef orr_status (*attempt)(const void *what, struct orr_error *err);

/* Fail allocation after allocation until one attempt meets none; each before says what is short. Returns how many. */
static long try_with_failures(attempt try, const void *what, const char *name, bool from_then_on)
{
    long n = 0, short_of_memory = 0;
    for (bool met = true; met; ++n) {
        struct orr_error err = {0};
        memory.calls = 0;
        memory.from_then_on = from_then_on;
        memory.fail_at = n;
        const orr_status status = try(what, &err);
        met = memory.calls > n;
        memory.fail_at = -1;
        if (status != ORR_OK && (status != ORR_ENOMEM || !strstr(err.text, "out of memory")))
            fail_msg("%s, allocation %ld: %s, expected ENOMEM: %s", name, n, orr_status_name(status), err.text);
        if (met != (status == ORR_ENOMEM)) fail_msg("%s: allocation %ld failed, and nothing was said", name, n);
        short_of_memory += met;
    }
    print_message("%s: %ld allocations\n", name, short_of_memory);
    return short_of_memory;
}

static orr_status read_recording(const void *what, struct orr_error *err)
{
    struct orr_recording *recording;
    const orr_status status = orr_recording_read(what, &recording, err);
    if (status != ORR_OK) assert_null(recording);
    orr_recording_destroy(recording);
    return status;
}

static void read_with_failures(const char *path, const char *tensor, bool from_then_on)
{
    const struct orr_recording_config config = {.path = path, .tensor = tensor};
    /* A .npy needs its data, names, places, columns and times. */
    assert_true(try_with_failures(read_recording, &config, path, from_then_on) >= 5);
}

/* A name so long that jansson's buffer must grow for it. No text has an escape: where memory fails inside one, jansson
 * 2.14 itself ends the program. */
#define LONG_NAME "trajectories_of_very_many_planets_around_the_sun"

static void write_tensor(const char *path)
{
    static const float numbers[] = {1, 2, 3, 4};
    struct orr_error err = {0};
    struct orr_safetensors *set;
    assert_ok(orr_safetensors_create(&set, &err), &err);
    assert_ok(orr_safetensors_add(set, LONG_NAME, ORR_NPY_F32, 3, (int64_t[]){2, 2, 1}, numbers, &err), &err);
    assert_ok(orr_safetensors_save(set, path, &err), &err);
    orr_safetensors_destroy(set);
}

static void a_failed_allocation_is_no_damaged_file(void **state)
{
    (void)state;
    static const char *const names[] = {"a.csv", "a.npy", "a.safetensors"};
    if (fixture_is_instrumented()) {
        print_message("SKIPPED failing allocations: a sanitizer or valgrind has its own malloc\n");
        skip();
    }
    struct orr_dataset *data = fixture_data(4, 6, 3);
    char *directory = fixture_directory();
    for (size_t i = 0; i < 3; ++i) {
        struct orr_error err = {0};
        char path[512];
        snprintf(path, sizeof path, "%s", fixture_path(directory, names[i]));
        if (i == 2)
            write_tensor(path);
        else
            assert_ok(orr_dataset_export(data, path, &err), &err);
        read_with_failures(path, i == 2 ? LONG_NAME : NULL, false);
        read_with_failures(path, i == 2 ? LONG_NAME : NULL, true);
    }
    orr_dataset_destroy(data);
    fixture_remove(directory);
}

/* ---- weights, and what orrery forward makes of them ---- */

/* The file says them all. */
static const int64_t sizes[ORR_WEIGHTS_SIZES] = {-1, -1, -1, -1, -1, -1, -1, -1};

static orr_status read_weights(const void *what, struct orr_error *err)
{
    struct orr_weights weights;
    const orr_status status = orr_weights_read(what, sizes, &weights, err);
    if (status != ORR_OK) assert_null(weights.block);
    orr_weights_fini(&weights);
    return status;
}

static orr_status build_forward(const void *what, struct orr_error *err)
{
    struct orr_forward_graph graph;
    const orr_status status = orr_forward_graph_init(what, &graph, err);
    if (status != ORR_OK) assert_null(graph.graph);
    orr_forward_graph_fini(&graph);
    return status;
}

/* Everything that forward can be asked for, on a batch of 3 of 5 points. */
static void build_with_failures(struct orr_open_device *device, const struct orr_weights *weights)
{
    static const char *const hooks[] = {"hook_embed", "blocks.0.attn.hook_pattern"};
    double numbers[3 * 5 * 2] = {1, 2, 3};
    const struct orr_forward_array batch = {.number = numbers, .dim = {3, 5, 2}, .elements = 3 * 5 * 2};
    const struct orr_forward_job job = {.weights = weights,
                                        .input = &batch,
                                        .target = &batch,
                                        .hooks = hooks,
                                        .n_hooks = 2,
                                        .gradients = true,
                                        .steps = true,
                                        .n_steps = 2,
                                        .learning_rate = 1e-3,
                                        .real = ORR_F64,
                                        .device = device};
    /* Nodes, values, names, the plan, the arena. */
    assert_true(try_with_failures(build_forward, &job, "forward", false) >= 20);
    assert_true(try_with_failures(build_forward, &job, "forward", true) >= 20);
}

static void write_weights(const struct train_fixture *f, const char *path)
{
    struct orr_weights weights = {.model = f->model};
    struct orr_error err = {0};
    assert_ok(orr_model_parameters(&f->model, &weights.parameters, &err), &err);
    assert_ok(orr_parameters_arrange(&weights.parameters, NULL, 0, &err), &err);
    weights.block = orr_memory_array((size_t)weights.parameters.elements, sizeof *weights.block);
    assert_non_null(weights.block);
    assert_ok(orr_weights_write(path, &weights, weights.block, ORR_F64, &err), &err);
    orr_weights_fini(&weights);
}

static void a_failed_allocation_is_no_wrong_model(void **state)
{
    (void)state;
    if (fixture_is_instrumented()) {
        print_message("SKIPPED failing allocations: a sanitizer or valgrind has its own malloc\n");
        skip();
    }
    struct train_fixture f;
    struct orr_weights weights;
    struct orr_error err = {0};
    fixture_open(&f, 6, 20, 5);
    char *directory = fixture_directory();
    const char *path = fixture_path(directory, "weights.safetensors");
    write_weights(&f, path);
    /* A name of every tensor, and the block. */
    assert_true(try_with_failures(read_weights, path, "weights", false) >= 20);
    assert_true(try_with_failures(read_weights, path, "weights", true) >= 20);
    assert_ok(orr_weights_read(path, sizes, &weights, &err), &err);
    build_with_failures(f.device, &weights);
    orr_weights_fini(&weights);
    fixture_remove(directory);
    fixture_close(&f);
}

/* ---- a run, and its report ---- */

static const char *const run_files[][2] = {
    {"recipe.yaml", "name: made-up\nsimulator: {name: none}\ndata: {trajectories: 4, steps: 10, context: 2}\n"
                    "train: {steps: 5, batch_size: 3}\nprobes: [{name: linear}]\n"},
    {"findings.csv", "point,network,probe,quantity,site,target,split,value,uncertainty,n,unit,step\n"
                     ",trained,linear,r2,hook_embed,Fx,held_out,0.5,,7,1,5\n"},
    {"metrics.jsonl", "{\"step\":5,\"loss\":0.5,\"last_loss\":0.25,\"learning_rate\":0.1,\"tokens_per_second\":9,"
                      "\"seconds\":1}\n"},
    {"env.json", "{\"sessions\": [{\"command\": [\"orrery\", \"run\", \"a b\"], \"seconds\": 1, \"weights\": \"w\", "
                 "\"plugins\": [], \"work\": null}]}"},
    {"summary.json", "{\"recipe_hash\": \"1f69f7190162f3b6\", \"measures\": [{\"quantity\": \"q\", \"network\": "
                     "\"trained\", \"probe\": "
                     "\"linear\", \"split\": \"held_out\", \"value\": 0.5}]}"},
};

static orr_status report_run(const void *what, struct orr_error *err)
{
    const char *directory = what;
    const struct orr_gather_options options = {.directory = &directory, .n_directories = 1};
    struct orr_text text = {.data = NULL};
    struct orr_gathered *gathered;
    orr_status status = orr_gathered_read(&options, &gathered, err);
    if (status != ORR_OK) assert_null(gathered);
    if (status == ORR_OK) status = orr_report_print(gathered, &text, err);
    orr_text_fini(&text);
    orr_gathered_destroy(gathered);
    return status;
}

static void a_failed_allocation_is_no_unfinished_point(void **state)
{
    (void)state;
    if (fixture_is_instrumented()) {
        print_message("SKIPPED failing allocations: a sanitizer or valgrind has its own malloc\n");
        skip();
    }
    struct orr_error err = {0};
    char *directory = fixture_directory();
    for (size_t i = 0; i < sizeof run_files / sizeof *run_files; ++i)
        assert_ok(orr_file_write_atomic(fixture_path(directory, run_files[i][0]), run_files[i][1],
                                        strlen(run_files[i][1]), &err),
                  &err);
    /* Nodes of the recipe, rows, lines, names, tables. */
    /* vasprintf tries twice, so that one failure alone may be none. */
    assert_true(try_with_failures(report_run, directory, "report", true) >= 100);
    fixture_remove(directory);
}

/* ---- the page of a sweep, and its parts ---- */

static orr_status write_parts(const void *what, struct orr_error *err)
{
    const char *directory = what;
    struct orr_figure figure = {.name = "figure", .x_label = "x", .log_y = true, .spacing = 1};
    struct orr_figure_curve *curve;
    struct orr_html html = {.err = err};
    struct orr_text svg = {.data = NULL};
    char why[80];
    bool missing = false;
    orr_status status = orr_figure_add(&figure, ORR_CURVE_SEED, 3, &curve, err);
    for (size_t i = 0; status == ORR_OK && i < curve->n; ++i)
        curve->x[i] = curve->y[i] = curve->low[i] = curve->high[i] = (double)(i + 1);
    if (status == ORR_OK) status = orr_figure_tic(&figure, 1, "it's", err);
    if (status == ORR_OK) status = orr_figure_write(&figure, directory, &svg, &missing, why, sizeof why, err);
    if (status == ORR_OK) {
        orr_html_begin(&html, "p");
        orr_html_attribute(&html, "class", "%d", 1);
        orr_html_end(&html);
        orr_html_markdown(&html, "## A\n\n- b\n\n| c | d |\n| - | -: |\n| \\< | e |\n");
        status = html.status;
    }
    orr_text_fini(&html.text);
    orr_text_fini(&svg);
    orr_figure_fini(&figure);
    return status;
}

static const char sweep_recipe[] =
    "name: made-up\nsimulator: {name: none}\ndata: {trajectories: 4, steps: 10, context: %s}\n"
    "train: {steps: 5, batch_size: 3}\nprobes: [{name: linear}]\nscores: {up: [a]}\n"
    "analysis: {file: f, sha256: abc, first_seed: 0}\n"
    "expect: [{claim: c, quantity: q, where: {data.context: 2}, value: 0.5, source: s}]\n";

static void put_file(const char *directory, const char *name, const char *text)
{
    struct orr_error err = {0};
    assert_ok(orr_file_make_directories(directory, &err), &err);
    assert_ok(orr_file_write_atomic(fixture_path(directory, name), text, strlen(text), &err), &err);
}

/* Two contexts, and a score that training changed. */
static void put_sweep(const char *directory)
{
    static const char *const contexts[] = {"2", "9"};
    char text[900];
    snprintf(text, sizeof text, sweep_recipe, "2");
    const size_t n = strlen(text);
    snprintf(text + n, sizeof text - n, "sweep: {data.context: [2, 9]}\n");
    put_file(directory, "recipe.yaml", text);
    put_file(directory, "env.json", run_files[3][1]);
    for (size_t i = 0; i < 2; ++i) {
        char point[512], hash[17];
        snprintf(point, sizeof point, "%s/context=%s", directory, contexts[i]);
        snprintf(text, sizeof text, sweep_recipe, contexts[i]);
        orr_recipe_hash(text, hash);
        put_file(point, "recipe.yaml", text);
        snprintf(
            text, sizeof text,
            "{\"recipe_hash\": \"%s\", \"measures\": [{\"quantity\": \"up\", \"network\": \"trained\", \"probe\": "
            "\"linear\", \"split\": \"held_out\", \"value\": 0.5}, {\"quantity\": \"q\", \"network\": \"trained\", "
            "\"probe\": \"linear\", \"split\": \"held_out\", \"value\": 0.%s}]}",
            hash, contexts[i]);
        put_file(point, "summary.json", text);
        for (size_t k = 1; k < 4; ++k)
            put_file(point, run_files[k][0], run_files[k][1]);
    }
}

static orr_status write_page(const void *what, struct orr_error *err)
{
    const char *directory = what;
    const struct orr_gather_options options = {.directory = &directory, .n_directories = 1};
    struct orr_report_sources sources = {.item = NULL};
    struct orr_text text = {.data = NULL};
    struct orr_gathered *gathered;
    orr_status status = orr_gathered_read(&options, &gathered, err);
    if (status == ORR_OK) status = orr_report_sources_read(&directory, 1, &sources, err);
    if (status == ORR_OK) status = orr_report_write(gathered, &sources, directory, &text, err);
    if (status == ORR_OK) status = orr_report_html_write(gathered, &sources, directory, err);
    orr_text_fini(&text);
    orr_report_sources_fini(&sources);
    orr_gathered_destroy(gathered);
    return status;
}

/* Of a page there are thousands: every 61st, so that it does not take minutes; 61 is prime, and meets each kind. */
static void page_with_failures(const char *directory)
{
    long short_of_memory = 0;
    bool met = true;
    for (long n = 0; met; n += 61) {
        struct orr_error err = {0};
        memory.calls = 0;
        memory.from_then_on = true;
        memory.fail_at = n;
        const orr_status status = write_page(directory, &err);
        met = memory.calls > n;
        memory.fail_at = -1;
        if (met != (status == ORR_ENOMEM) || (status != ORR_OK && status != ORR_ENOMEM))
            fail_msg("allocation %ld: %s, expected ENOMEM: %s", n, orr_status_name(status), err.text);
        short_of_memory += met;
    }
    print_message("page: %ld failures\n", short_of_memory);
    assert_true(short_of_memory >= 20);
}

static void a_failed_allocation_is_no_page(void **state)
{
    (void)state;
    if (fixture_is_instrumented()) {
        print_message("SKIPPED failing allocations: a sanitizer or valgrind has its own malloc\n");
        skip();
    }
    char *directory = fixture_directory(), *path = getenv("PATH"), *kept = path ? strdup(path) : NULL;
    setenv("PATH", directory, 1); /* no gnuplot: that it is missing is found out, with pipes and a process */
    assert_true(try_with_failures(write_parts, directory, "figure", true) >= 20);
    put_sweep(directory);
    page_with_failures(directory);
    setenv("PATH", kept ? kept : "", 1);
    free(kept);
    fixture_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_allocation_costs_no_checkpoint),
        cmocka_unit_test(a_failed_allocation_is_no_damaged_file),
        cmocka_unit_test(a_failed_allocation_is_no_wrong_model),
        cmocka_unit_test(a_failed_allocation_is_no_unfinished_point),
        cmocka_unit_test(a_failed_allocation_is_no_page),
    };
    return cmocka_run_group_tests_name("out_of_memory", tests, NULL, NULL);
}
