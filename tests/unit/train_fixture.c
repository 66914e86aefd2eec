/* A bench for data and training. See train_fixture.h. */
#include "train_fixture.h"

#include "base/params.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct orr_loader *loader(void)
{
    static struct orr_loader *only;
    struct orr_error err = {0};
    if (!only) assert_ok(orr_loader_create(&only, &err), &err);
    return only;
}

void assert_ok(orr_status status, const struct orr_error *err)
{
    if (status != ORR_OK) fail_msg("%s: %s", orr_status_name(status), err->text);
}

void assert_error(orr_status status, const struct orr_error *err, orr_status expected, ...)
{
    if (status != expected || err->code != expected)
        fail_msg("status %s, code %s, expected %s: %s", orr_status_name(status), orr_status_name(err->code),
                 orr_status_name(expected), err->text);
    va_list args;
    va_start(args, expected);
    for (const char *part = va_arg(args, const char *); part; part = va_arg(args, const char *))
        if (!strstr(err->text, part)) fail_msg("\"%s\" is not in \"%s\"", part, err->text);
    va_end(args);
}

const struct orr_plugin *fixture_kepler(void)
{
    const struct orr_plugin *plugin = NULL;
    struct orr_error err = {0};
    assert_ok(orr_loader_find(loader(), ORR_SIMULATOR, "kepler", &plugin, &err), &err);
    return plugin;
}

void fixture_kepler_values(union orr_value values[FIXTURE_VALUES])
{
    struct orr_error err = {0};
    const struct orr_plugin *plugin = fixture_kepler();
    assert_true(orr_params_count(plugin->params) <= FIXTURE_VALUES);
    assert_ok(orr_params_defaults(plugin->params, values, &err), &err);
}

struct orr_dataset *fixture_data(uint64_t trajectories, uint32_t steps, uint32_t context)
{
    const struct orr_data_config config = {
        .seed = 7, .trajectories = trajectories, .steps = steps, .train_fraction = 0.5, .context = context};
    union orr_value values[FIXTURE_VALUES];
    struct orr_dataset *data = NULL;
    struct orr_error err = {0};
    fixture_kepler_values(values);
    assert_ok(orr_dataset_create(fixture_kepler(), values, &config, 2, &data, &err), &err);
    return data;
}

void fixture_open(struct train_fixture *f, uint64_t trajectories, uint32_t steps, uint32_t context)
{
    struct orr_error err = {0};
    *f = (struct train_fixture){.data = fixture_data(trajectories, steps, context)};
    assert_ok(orr_windows_create(f->data, ORR_TRAIN, &f->windows, &err), &err);
    assert_ok(orr_device_open(loader(), "reference", &f->device, &err), &err);
    f->model =
        (struct orr_model){.n_layer = 1, .n_head = 2, .n_embd = 8, .block_size = context, .n_input = 2, .n_output = 2};
    f->config = (struct orr_train_config){
        .seed = 3,
        .steps = 20,
        .batch = 4,
        .noise = 0.05,
        .schedule = {.kind = ORR_SCHEDULE_STEP_DROP, .learning_rate = 1e-3, .drop_at = 0.5, .drop_factor = 0.1},
        .optimiser = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
        .log_every = 5};
    f->job = (struct orr_train_job){
        .device = f->device, .data = f->data, .windows = &f->windows, .model = &f->model, .config = &f->config};
}

void fixture_use_tokens(struct train_fixture *f, int64_t bins)
{
    struct orr_data_config config = f->data->config;
    union orr_value values[FIXTURE_VALUES];
    struct orr_error err = {0};
    config.bins = bins;
    orr_dataset_destroy(f->data);
    fixture_kepler_values(values);
    assert_ok(orr_dataset_create(fixture_kepler(), values, &config, 2, &f->data, &err), &err);
    f->job.data = f->data;
    f->model.vocab_size = bins;
    f->config.noise = 0;
}

void fixture_close(struct train_fixture *f)
{
    orr_device_close(f->device);
    orr_windows_fini(&f->windows);
    orr_dataset_destroy(f->data);
}

void fixture_train(const struct train_fixture *f, struct orr_train_result *result)
{
    struct orr_error err = {0};
    assert_ok(orr_train_run(&f->job, result, &err), &err);
}

void fixture_refuse(const struct train_fixture *f, orr_status status, const char *part, const char *advice)
{
    struct orr_train_result result;
    struct orr_error err = {0};
    const orr_status got = orr_train_run(&f->job, &result, &err);
    assert_error(got, &err, status, part, advice, NULL);
    assert_null(result.trained);
}

static volatile sig_atomic_t stop_now;

static void stop_at(void *context, const struct orr_train_progress *progress)
{
    const uint64_t *step = context;
    if (progress->first + progress->count == *step) stop_now = 1;
}

void fixture_resumes(struct train_fixture *f, uint64_t step, char **whole, char **resumed)
{
    struct orr_train_result expected, result;
    struct orr_error err = {0};
    const struct orr_train_job before = f->job;
    *whole = fixture_directory();
    *resumed = fixture_directory();
    f->job.directory = *whole;
    fixture_train(f, &expected);

    stop_now = 0;
    f->job.directory = *resumed;
    f->job.stop = &stop_now;
    f->job.watch = stop_at;
    f->job.watch_context = &step;
    assert_error(orr_train_run(&f->job, &result, &err), &err, ORR_ECANCELLED, "--resume", NULL);
    assert_int_equal(result.steps, step);
    orr_train_result_fini(&result);
    stop_now = 0;
    f->job.resume = true;
    f->job.watch = before.watch;
    f->job.watch_context = before.watch_context;
    fixture_train(f, &result);
    assert_memory_equal(result.trained, expected.trained, (size_t)expected.parameters.elements * sizeof(float));
    assert_memory_equal(result.loss, expected.loss, expected.steps * sizeof(double));
    orr_train_result_fini(&result);
    orr_train_result_fini(&expected);
    f->job = before;
}

bool fixture_is_instrumented(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return (int)ORR_BUILD_FLAGS != 0 || (preload && strstr(preload, "vgpreload"));
}

char *fixture_directory(void)
{
    const char *base = getenv("TMPDIR");
    char *name = NULL;
    assert_true(asprintf(&name, "%s/orrery-test-XXXXXX", base ? base : "/tmp") > 0);
    assert_non_null(mkdtemp(name));
    return name;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

void fixture_remove(char *directory)
{
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(directory);
}

const char *fixture_path(const char *directory, const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}
