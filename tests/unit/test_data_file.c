/* A data set from a file is the data set of the simulator that wrote it: numbers, windows, training; and its refusals.
 *
 * In: the kepler module, which the fixture loads.
 */
#include "data/export.h"
#include "train_fixture.h"

#include <stdio.h>
#include <string.h>

static struct orr_error err;

static const char *const formats[] = {"a.safetensors", "a.csv", "a.npy"};
enum { FORMATS = sizeof formats / sizeof *formats };

/* What `orrery generate` writes, read back. */
static orr_status reread(const struct orr_dataset *from, const char *directory, const char *name,
                         const struct orr_data_config *config, struct orr_dataset **out)
{
    static const char *const observed[] = {"x", "y"};
    struct orr_recording_config file = {.path = fixture_path(directory, name)};
    struct orr_recording *recording;
    assert_ok(orr_dataset_export(from, file.path, &err), &err);
    if (strstr(name, ".csv")) {
        file.observed = observed;
        file.n_observed = 2;
    }
    if (strstr(name, ".npy")) {
        file.columns = observed;
        file.n_columns = 2;
    }
    assert_ok(orr_recording_read(&file, &recording, &err), &err);
    return orr_dataset_from_recording(recording, config, 2, out, &err);
}

static uint32_t column(const struct orr_field *field, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; ++i)
        if (strcmp(field[i].name, name) == 0) return i;
    fail_msg("no column %s", name);
    return 0;
}

/* Every hidden and constant column of `want` is one of `have` with the same bits. */
static void assert_same_columns(const struct orr_dataset *want, const struct orr_dataset *have)
{
    enum { COUNT = 3, STEPS = 20 };
    double hidden[2][COUNT * STEPS * 16], constant[2][COUNT * 16], observed[2][COUNT * STEPS * 2];
    const struct orr_dataset *data[] = {want, have};
    for (int k = 0; k < 2; ++k)
        assert_ok(orr_dataset_columns(data[k], 9, COUNT, observed[k], hidden[k], constant[k], &err), &err);
    assert_memory_equal(observed[0], observed[1], sizeof observed[0]);
    assert_int_equal(want->n_hidden, have->n_hidden);
    assert_int_equal(want->n_constant, have->n_constant);
    for (uint32_t c = 0; c < want->n_hidden; ++c) {
        const uint32_t at = column(have->hidden_field, have->n_hidden, want->hidden_field[c].name);
        for (size_t i = 0; i < COUNT * STEPS; ++i)
            assert_memory_equal(&hidden[0][i * want->n_hidden + c], &hidden[1][i * want->n_hidden + at],
                                sizeof(double));
    }
    for (uint32_t c = 0; c < want->n_constant; ++c) {
        const uint32_t at = column(have->constant_field, have->n_constant, want->constant_field[c].name);
        for (size_t k = 0; k < COUNT; ++k)
            assert_memory_equal(&constant[0][k * want->n_constant + c], &constant[1][k * want->n_constant + at],
                                sizeof(double));
    }
}

static void a_file_gives_the_same_numbers_and_windows(void **state)
{
    (void)state;
    struct orr_dataset *want = fixture_data(40, 20, 5);
    char *directory = fixture_directory();
    for (int i = 0; i < FORMATS; ++i) {
        struct orr_dataset *have;
        assert_ok(reread(want, directory, formats[i], &want->config, &have), &err);
        assert_memory_equal(want->observed, have->observed, (size_t)40 * 20 * 2 * sizeof(float));
        assert_int_equal(want->n_train, have->n_train);
        if (i < 2) assert_same_columns(want, have);
        if (i < 2) assert_memory_equal(want->time, have->time, 20 * sizeof(double));
        for (int split = 0; split < 2; ++split) {
            struct orr_windows a, b;
            assert_ok(orr_windows_create(want, (enum orr_split)split, &a, &err), &err);
            assert_ok(orr_windows_create(have, (enum orr_split)split, &b, &err), &err);
            assert_int_equal(a.count, b.count);
            assert_memory_equal(a.start, b.start, a.count * sizeof *a.start);
            orr_windows_fini(&a);
            orr_windows_fini(&b);
        }
        orr_dataset_destroy(have);
    }
    orr_dataset_destroy(want);
    fixture_remove(directory);
}

static void a_file_trains_to_the_same_bits(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result want, have;
    fixture_open(&f, 40, 20, 5);
    char *directory = fixture_directory();
    fixture_train(&f, &want);
    for (int i = 0; i < FORMATS; ++i) {
        struct orr_dataset *data;
        assert_ok(reread(f.data, directory, formats[i], &f.data->config, &data), &err);
        f.job.data = data;
        fixture_train(&f, &have);
        assert_memory_equal(want.trained, have.trained, (size_t)want.parameters.elements * sizeof(float));
        orr_train_result_fini(&have);
        orr_dataset_destroy(data);
    }
    orr_train_result_fini(&want);
    fixture_close(&f);
    fixture_remove(directory);
}

/* The safetensors of a data set that came from a .safetensors is the same file but for the split. */
static void an_origin_outlives_reading_and_writing(void **state)
{
    (void)state;
    struct orr_dataset *want = fixture_data(10, 8, 4), *have, *again;
    char *directory = fixture_directory();
    assert_ok(reread(want, directory, "a.safetensors", &want->config, &have), &err);
    assert_ok(reread(have, directory, "b.safetensors", &want->config, &again), &err);
    assert_string_equal(again->recording->simulator, "kepler");
    assert_string_equal(again->recording->version, fixture_kepler()->version);
    assert_int_equal(again->recording->seed, 7);
    assert_string_equal(again->recording->parameters, have->recording->parameters);
    assert_string_equal(again->recording->checksum, have->recording->checksum);
    orr_dataset_destroy(want);
    orr_dataset_destroy(have);
    orr_dataset_destroy(again);
    fixture_remove(directory);
}

static void a_part_of_a_file_is_its_beginning(void **state)
{
    (void)state;
    struct orr_dataset *want = fixture_data(40, 20, 5), *have;
    struct orr_data_config part = want->config;
    char *directory = fixture_directory();
    part.trajectories = 6;
    part.steps = 8;
    assert_ok(reread(want, directory, "a.safetensors", &part, &have), &err);
    for (size_t k = 0; k < 6; ++k)
        assert_memory_equal(have->observed + k * 8 * 2, want->observed + k * 20 * 2, 8 * 2 * sizeof(float));
    orr_dataset_destroy(have);
    part.trajectories = 41;
    assert_error(reread(want, directory, "a.safetensors", &part, &have), &err, ORR_EINVAL, "40 trajectories of 20",
                 NULL);
    assert_null(have);
    part = want->config;
    part.steps = 21;
    assert_error(reread(want, directory, "a.safetensors", &part, &have), &err, ORR_EINVAL, "40 trajectories of 20",
                 NULL);
    orr_dataset_destroy(want);
    fixture_remove(directory);
}

static void a_file_has_nothing_fresh_and_no_number_beyond_float(void **state)
{
    (void)state;
    struct orr_dataset *want = fixture_data(4, 8, 4), *have;
    char *directory = fixture_directory();
    float fresh[16];
    assert_ok(reread(want, directory, "a.npy", &want->config, &have), &err);
    assert_error(orr_dataset_fresh(have, 0, 1, fresh, &err), &err, ORR_EUNSUPPORTED, "a.npy", "simulator", NULL);
    orr_dataset_destroy(have);

    const char *path = fixture_path(directory, "large.csv");
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fprintf(out, "trajectory,step,x\n0,0,1\n0,1,2\n1,0,3\n1,1,1e39\n");
    fclose(out);
    const struct orr_recording_config file = {.path = path};
    const struct orr_data_config config = {.trajectories = 2, .steps = 2, .train_fraction = 0.5, .context = 1};
    struct orr_recording *recording;
    assert_ok(orr_recording_read(&file, &recording, &err), &err);
    assert_error(orr_dataset_from_recording(recording, &config, 1, &have, &err), &err, ORR_ENUMERIC, "large.csv",
                 "column x of trajectory 1 at step 1", "1e+39", NULL);
    orr_dataset_destroy(want);
    fixture_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_gives_the_same_numbers_and_windows),
        cmocka_unit_test(a_file_trains_to_the_same_bits),
        cmocka_unit_test(an_origin_outlives_reading_and_writing),
        cmocka_unit_test(a_part_of_a_file_is_its_beginning),
        cmocka_unit_test(a_file_has_nothing_fresh_and_no_number_beyond_float),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
