/* Checkpoint files: what is in them, which are kept, what is refused, and what survives a full disk.
 *
 * In: tiny kepler jobs on the reference backend. Seeds: data 7, training 3.
 */
#include "base/memory.h"
#include "capture.h"
#include "io/file.h"
#include "io/safetensors.h"
#include "train/checkpoint.h"
#include "train_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* The steps of the directory's checkpoints are these (0 at the end). */
static void assert_kept(const char *directory, const uint64_t *expected)
{
    uint64_t *steps;
    size_t count;
    struct orr_error err = {0};
    assert_ok(orr_checkpoint_list(directory, &steps, &count, &err), &err);
    size_t wanted = 0;
    while (expected[wanted])
        ++wanted;
    assert_int_equal(count, wanted);
    for (size_t i = 0; i < wanted; ++i)
        assert_int_equal(steps[i], expected[i]);
    orr_memory_free(steps);
}

static void the_file_is_what_pytorch_expects(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result result;
    struct orr_safetensors *set;
    struct orr_error err = {0};
    char *directory = fixture_directory();
    fixture_open(&f, 4, 10, 5);
    f.config.steps = 3;
    f.job.directory = directory;
    f.job.recipe_hash = "0123456789abcdef";
    fixture_train(&f, &result);
    assert_ok(orr_safetensors_load(fixture_path(directory, "checkpoints/step-00000003.safetensors"), &set, &err), &err);
    /* nanoGPT's Linear(n, 3 n) is [3 n, n] in a file and (n, 3 n) in the block. */
    const struct orr_parameter *p = orr_parameters_find(&result.parameters, "transformer.h.0.attn.c_attn.weight");
    const struct orr_safetensors_tensor *t = orr_safetensors_find(set, "transformer.h.0.attn.c_attn.weight");
    assert_non_null(p);
    assert_non_null(t);
    assert_int_equal(t->dtype, ORR_NPY_F32);
    assert_int_equal(t->dim[0], 24);
    assert_int_equal(t->dim[1], 8);
    for (int64_t in = 0; in < 8; ++in)
        for (int64_t out = 0; out < 24; ++out)
            assert_true(((const float *)t->data)[out * 8 + in] == result.trained[p->first + in * 24 + out]);
    for (size_t i = 0; i < result.parameters.count; ++i)
        assert_non_null(orr_safetensors_find(set, result.parameters.item[i].name));
    assert_int_equal(orr_safetensors_count(set), result.parameters.count + 3);

    const struct orr_safetensors_tensor *losses = orr_safetensors_find(set, "losses");
    assert_non_null(losses);
    assert_int_equal(losses->bytes, 3 * sizeof(double));
    assert_memory_equal(losses->data, result.loss, losses->bytes);
    assert_int_equal(orr_safetensors_find(set, "optimizer.first_moment")->dim[0], result.parameters.elements);
    assert_int_equal(orr_safetensors_find(set, "optimizer.second_moment")->dim[0], result.parameters.elements);
    const struct {
        const char *key, *text;
    } facts[] = {{"format", "orrery-checkpoint"},
                 {"format_version", "2"},
                 {"step", "3"},
                 {"seed", "3"},
                 {"recipe", "0123456789abcdef"},
                 {"n_layer", "1"},
                 {"n_head", "2"},
                 {"n_embd", "8"},
                 {"block_size", "5"},
                 {"input_dim", "2"},
                 {"real", "f32"}};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; ++i) {
        const char *text = orr_safetensors_metadata(set, facts[i].key);
        if (!text) fail_msg("no metadata %s", facts[i].key);
        assert_string_equal(text, facts[i].text);
    }
    orr_safetensors_destroy(set);
    orr_train_result_fini(&result);
    fixture_close(&f);
    fixture_remove(directory);
}

static void the_newest_two_and_the_final_one_are_kept(void **state)
{
    (void)state;
    const struct {
        uint64_t steps, every, kept[4];
    } cases[] = {{17, 5, {10, 15, 17}}, {15, 5, {5, 10, 15}}, {17, 0, {17}}, {3, 2, {2, 3}}, {1, 1, {1}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        struct train_fixture f;
        struct orr_train_result result;
        char *directory = fixture_directory();
        fixture_open(&f, 4, 10, 2);
        f.config.steps = cases[i].steps;
        f.config.checkpoint_every = cases[i].every;
        f.job.directory = directory;
        fixture_train(&f, &result);
        assert_kept(directory, cases[i].kept);
        orr_train_result_fini(&result);
        fixture_close(&f);
        fixture_remove(directory);
    }
}

/* A state that a test made up, written and read back. */
static void round_trip(uint32_t real)
{
    struct train_fixture f;
    struct orr_parameters p = {.item = NULL};
    struct orr_train_state state, loaded;
    struct orr_error err = {0};
    char *directory = fixture_directory(), *inside;
    double losses[20], read[20] = {0};
    bool found;
    assert_true(asprintf(&inside, "%s/checkpoints", directory) > 0);
    fixture_open(&f, 4, 10, 5);
    f.job.directory = directory;
    f.job.real = real;
    assert_ok(orr_model_parameters(&f.model, &p, &err), &err);
    assert_ok(orr_parameters_arrange(&p, NULL, 0, &err), &err);
    const size_t n = (size_t)p.elements;
    assert_ok(orr_train_state_init(&state, &f.config.optimiser, n, &err), &err);
    assert_ok(orr_train_state_init(&loaded, &f.config.optimiser, n, &err), &err);

    assert_ok(orr_checkpoint_load(&f.job, &p, &loaded, read, &found, &err), &err);
    assert_false(found); /* not even a directory */

    state.step = 20;
    for (size_t i = 0; i < p.count; ++i)
        for (int64_t k = 0; k < p.item[i].dim[0] * p.item[i].dim[1]; ++k)
            state.parameters[p.item[i].first + k] = real == ORR_F64 ? 1.0 / (double)(k + 3) : (double)k;
    for (size_t i = 0; i < n; ++i) {
        state.block[0][i] = -(double)i;
        state.block[1][i] = 0.5 * (double)i;
    }
    for (size_t s = 0; s < 20; ++s)
        losses[s] = 1.0 / (double)(s + 1);
    assert_int_equal(mkdir(inside, 0777), 0);
    assert_ok(orr_checkpoint_save(&f.job, &p, &state, losses, 0, &err), &err);
    assert_ok(orr_checkpoint_load(&f.job, &p, &loaded, read, &found, &err), &err);
    assert_true(found);
    assert_int_equal(loaded.step, 20);
    assert_memory_equal(loaded.parameters, state.parameters, n * sizeof(double));
    assert_memory_equal(loaded.block[0], state.block[0], n * sizeof(double));
    assert_memory_equal(loaded.block[1], state.block[1], n * sizeof(double));
    assert_memory_equal(read, losses, sizeof losses);

    orr_train_state_fini(&state);
    orr_train_state_fini(&loaded);
    orr_parameters_fini(&p);
    fixture_close(&f);
    fixture_remove(directory);
    free(inside);
}

static void states_read_back(void **state)
{
    (void)state;
    round_trip(ORR_F32);
    round_trip(ORR_F64);
}

/* Every setting that decides the bits, whatever the recipe's hash says. */
static void refuse_other_settings(struct train_fixture *f)
{
    static const char *const decayed[] = {"*.weight"};
    const struct orr_train_config config = f->config;
    struct orr_data_config *data = &f->data->config;
    const struct orr_data_config old = *data;
    const union orr_value value = f->data->values[0];
    f->config.batch = 5;
    fixture_refuse(f, ORR_EINVAL, "batch 4", "this run has 5");
    f->config = config;
    f->config.noise = 0.5;
    fixture_refuse(f, ORR_EINVAL, "noise 0.05", "this run has 0.5");
    f->config = config;
    f->config.schedule.kind = ORR_SCHEDULE_CONSTANT;
    fixture_refuse(f, ORR_EINVAL, "schedule step_drop", "this run has constant");
    f->config = config;
    f->config.schedule.learning_rate = 2e-3;
    fixture_refuse(f, ORR_EINVAL, "learning_rate 0.001", "this run has 0.002");
    f->config = config;
    f->config.optimiser.beta2 = 0.99;
    fixture_refuse(f, ORR_EINVAL, "beta2 0.999", "this run has 0.99");
    f->config = config;
    f->config.optimiser.kind = ORR_OPTIMISER_SGD;
    fixture_refuse(f, ORR_EINVAL, "optimiser adamw", "this run has sgd");
    f->config = config;
    f->config.optimiser.momentum = 0.5;
    fixture_refuse(f, ORR_EINVAL, "momentum 0", "this run has 0.5");
    f->config = config;
    f->config.fresh = true;
    fixture_refuse(f, ORR_EINVAL, "batch_kind random", "this run has fresh");
    f->config = config;
    f->config.schedule.tail_from = 0.5;
    fixture_refuse(f, ORR_EINVAL, "tail_from 0", "this run has 0.5");
    f->config = config;
    f->config.decay_patterns = decayed;
    f->config.n_decay_patterns = 1;
    fixture_refuse(f, ORR_EINVAL, "parameter_order", "this run has");
    f->config = config;
    data->seed = 8;
    fixture_refuse(f, ORR_EINVAL, "data_seed 7", "this run has 8");
    *data = old;
    data->train_fraction = 0.25;
    fixture_refuse(f, ORR_EINVAL, "data_train_fraction 0.5", "this run has 0.25");
    *data = old;
    f->data->values[0].r += 0.125;
    fixture_refuse(f, ORR_EINVAL, "simulator_parameters", "this run has");
    f->data->values[0] = value;
}

static void checkpoints_of_another_run_are_refused(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result result;
    char *directory = fixture_directory();
    fixture_open(&f, 4, 10, 5);
    f.config.steps = 4;
    f.job.directory = directory;
    f.job.recipe_hash = "aaaa";
    fixture_train(&f, &result);
    orr_train_result_fini(&result);

    fixture_refuse(&f, ORR_EINVAL, "already holds checkpoints", "--resume");
    f.job.resume = true;
    f.job.recipe_hash = "bbbb";
    fixture_refuse(&f, ORR_EINVAL, "hash aaaa", "bbbb");
    f.job.recipe_hash = "aaaa";
    f.config.seed = 4;
    fixture_refuse(&f, ORR_EINVAL, "seed 3", "this run has 4");
    f.config.seed = 3;
    f.model.n_embd = 16;
    fixture_refuse(&f, ORR_EINVAL, "n_embd 8", "this run has 16");
    f.model.n_embd = 8;
    f.job.real = ORR_F64;
    fixture_refuse(&f, ORR_EINVAL, "real f32", "this run has f64");
    f.job.real = ORR_F32;
    f.config.steps = 3;
    fixture_refuse(&f, ORR_EINVAL, "steps 4", "this run has 3");
    f.config.steps = 4;
    refuse_other_settings(&f);
    assert_kept(directory, (const uint64_t[]){4, 0});
    fixture_close(&f);
    fixture_remove(directory);
}

/* ---- a full disk ---- */

/* After step 10 no file may grow beyond what metrics.jsonl needs: the next checkpoint does not fit. */
static void fill_disk(void *context, const struct orr_train_progress *progress)
{
    const struct rlimit *full = context;
    if (progress->first + progress->count == 10) assert_int_equal(setrlimit(RLIMIT_FSIZE, full), 0);
}

static void a_full_disk_leaves_the_last_good_checkpoint(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result whole, result;
    struct orr_error err = {0};
    struct rlimit before, full;
    char *directory = fixture_directory();
    fixture_open(&f, 4, 10, 5);
    fixture_train(&f, &whole);

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    full = before;
    full.rlim_cur = 2048;
    signal(SIGXFSZ, SIG_IGN);
    f.config.checkpoint_every = 7;
    f.job.directory = directory;
    f.job.watch = fill_disk;
    f.job.watch_context = &full;
    const orr_status status = orr_train_run(&f.job, &result, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_error(status, &err, ORR_EIO, "step 14 was not saved", "checkpoint of step 7 survives", NULL);
    assert_kept(directory, (const uint64_t[]){7, 0});

    f.job.watch = NULL;
    f.job.resume = true;
    fixture_train(&f, &result);
    assert_memory_equal(result.trained, whole.trained, (size_t)whole.parameters.elements * sizeof(float));
    orr_train_result_fini(&result);
    orr_train_result_fini(&whole);
    fixture_close(&f);
    fixture_remove(directory);
}

/* One digit of the metadata, where only the checksum can tell. */
static void changed_metadata_is_damage(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result result;
    struct orr_error err = {0};
    char *directory = fixture_directory(), *data;
    size_t n;
    fixture_open(&f, 4, 10, 5);
    f.config.steps = 4;
    f.job.directory = directory;
    fixture_train(&f, &result);
    orr_train_result_fini(&result);
    const char *path = fixture_path(directory, "checkpoints/step-00000004.safetensors");
    assert_ok(orr_file_read(path, 1 << 24, &data, &n, &err), &err);
    char *digit = memmem(data, n, "\"batch\":\"4\"", 11);
    assert_non_null(digit);
    digit[9] = '5';
    assert_ok(orr_file_write_atomic(path, data, n, &err), &err);
    orr_memory_free(data);
    f.job.resume = true;
    f.config.batch = 5; /* as the file says now */
    capture_begin();
    fixture_train(&f, &result);
    const char *log = capture_end();
    if (!strstr(log, "is damaged: its contents have checksum")) fail_msg("the log says \"%s\"", log);
    orr_train_result_fini(&result);
    fixture_close(&f);
    fixture_remove(directory);
}

static void metrics_of_another_run_are_not_emptied(void **state)
{
    (void)state;
    struct train_fixture f;
    char *directory = fixture_directory(), *text;
    struct orr_error err = {0};
    size_t n;
    fixture_open(&f, 4, 10, 5);
    f.job.directory = directory;
    assert_ok(orr_file_write_atomic(fixture_path(directory, "metrics.jsonl"), "{}\n", 3, &err), &err);
    fixture_refuse(&f, ORR_EINVAL, "already holds metrics.jsonl", "--resume");
    assert_ok(orr_file_read(fixture_path(directory, "metrics.jsonl"), 100, &text, &n, &err), &err);
    assert_string_equal(text, "{}\n");
    orr_memory_free(text);
    fixture_close(&f);
    fixture_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_is_what_pytorch_expects),
        cmocka_unit_test(the_newest_two_and_the_final_one_are_kept),
        cmocka_unit_test(states_read_back),
        cmocka_unit_test(checkpoints_of_another_run_are_refused),
        cmocka_unit_test(a_full_disk_leaves_the_last_good_checkpoint),
        cmocka_unit_test(changed_metadata_is_damage),
        cmocka_unit_test(metrics_of_another_run_are_not_emptied),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
