/* Trajectories from a file of any format: what is taken is whole and finite, and its constant columns are so. */
#include "base/memory.h"
#include "data/recording_build.h"
#include "fuzz.h"

#include <math.h>

typedef orr_status (*reader)(const struct orr_recording_config *config, struct orr_file_reader *file,
                             struct orr_recording *recording, struct orr_error *err);

static void expect_finite(const struct orr_recording_columns *columns, uint64_t rows)
{
    for (uint64_t i = 0; i < rows * columns->count; ++i)
        fuzz_expect(isfinite(columns->number[i]), "finite numbers");
    for (uint32_t i = 0; i < columns->count; ++i)
        fuzz_expect(columns->field[i].name && columns->field[i].unit, "names and units");
}

static void try_reader(reader read, const struct orr_recording_config *config)
{
    struct orr_error err = {.code = ORR_OK};
    struct orr_recording *recording = orr_memory_array(1, sizeof *recording);
    fuzz_expect(recording != NULL, "memory");
    struct orr_file_reader file;
    fuzz_expect(orr_file_reader_open(&file, config->path, &err) == ORR_OK, "an open file");
    const orr_status status = read(config, &file, recording, &err);
    fuzz_expect(status != ORR_OK || file.left == 0, "every byte read, and so in the checksum");
    orr_file_reader_close(&file);
    if (status == ORR_OK) {
        const uint64_t points = recording->trajectories * recording->steps;
        fuzz_expect(points >= 1 && recording->time != NULL, "points and their times");
        fuzz_expect(recording->observed.count >= 1, "an observed column");
        for (uint32_t i = 1; i < recording->steps; ++i)
            fuzz_expect(recording->time[i] > recording->time[i - 1], "times that ascend");
        expect_finite(&recording->observed, points);
        expect_finite(&recording->hidden, points);
        expect_finite(&recording->constant, recording->trajectories);
    } else {
        fuzz_expect_refusal(status, &err, "");
    }
    orr_recording_destroy(recording);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const observed[] = {"x"};
    const reader readers[] = {orr_recording_read_csv, orr_recording_read_npy, orr_recording_read_safetensors};
    struct orr_recording_config config = {.path = fuzz_file(data, size)};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; ++i) {
        config.n_observed = 0;
        try_reader(readers[i], &config);
        config.observed = observed;
        config.n_observed = 1;
        try_reader(readers[i], &config);
    }
    return 0;
}
