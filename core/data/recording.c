/* A recording from a file of any format: by the end of its name; with its checksum, and the names of its columns. */
#include "data/recording.h"

#include "base/memory.h"
#include "data/fields.h"
#include "data/recording_build.h"

#include <string.h>

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

static orr_status check_checksum(const struct orr_recording_config *config, const struct orr_recording *recording,
                                 struct orr_error *err)
{
    if (!config->checksum || strcmp(config->checksum, recording->checksum) == 0) return ORR_OK;
    return orr_fail(err, ORR_EINVAL,
                    "%s: the file has checksum %s, the recipe was made for one with %s: it is another file",
                    config->path, recording->checksum, config->checksum);
}

/* Text of a reader, after the name of the file where it is not there yet. */
static orr_status read_format(const struct orr_recording_config *config, struct orr_file_reader *file,
                              struct orr_recording *recording, struct orr_error *err)
{
    struct orr_error why = {.code = ORR_OK};
    orr_status status;
    if (ends_with(config->path, ".csv"))
        status = orr_recording_read_csv(config, file, recording, &why);
    else if (ends_with(config->path, ".npy"))
        status = orr_recording_read_npy(config, file, recording, &why);
    else if (ends_with(config->path, ".safetensors"))
        status = orr_recording_read_safetensors(config, file, recording, &why);
    else
        status = orr_fail(&why, ORR_EINVAL, "the end of the name tells the format: .npy, .safetensors or .csv");
    if (status == ORR_OK) return ORR_OK;
    const bool named = strncmp(why.text, config->path, strlen(config->path)) == 0;
    return orr_fail(err, status, "%s%s%s", named ? "" : config->path, named ? "" : ": ", why.text);
}

/* The checksum is of the very bytes that were parsed: the file is opened once, and every reader takes all of it. */
static orr_status read_file(const struct orr_recording_config *config, struct orr_recording *recording,
                            struct orr_error *err)
{
    struct orr_file_reader file;
    ORR_TRY(orr_file_reader_open(&file, config->path, err));
    file.hashes = true;
    const orr_status status = read_format(config, &file, recording, err);
    orr_file_reader_checksum(&file, recording->checksum);
    orr_file_reader_close(&file);
    return status;
}

static orr_status fill(const struct orr_recording_config *config, struct orr_recording *recording,
                       struct orr_error *err)
{
    recording->path = orr_memory_text(config->path);
    if (!recording->path) return orr_memory_out(err, "a path", strlen(config->path) + 1);
    ORR_TRY(read_file(config, recording, err));
    ORR_TRY(check_checksum(config, recording, err));
    const struct orr_fields groups[] = {{"observed", recording->observed.field, recording->observed.count},
                                        {"hidden", recording->hidden.field, recording->hidden.count},
                                        {"constant", recording->constant.field, recording->constant.count}};
    return orr_fields_check(groups, 3, recording->path, ORR_EFORMAT, err);
}

orr_status orr_recording_read(const struct orr_recording_config *config, struct orr_recording **out,
                              struct orr_error *err)
{
    *out = NULL;
    struct orr_recording *recording = orr_memory_array(1, sizeof *recording);
    if (!recording) return orr_memory_out(err, "a recording", sizeof *recording);
    const orr_status status = fill(config, recording, err);
    if (status == ORR_OK)
        *out = recording;
    else
        orr_recording_destroy(recording);
    return status;
}

static void forget(struct orr_recording_columns *columns)
{
    orr_memory_free(columns->number);
    columns->number = NULL;
    columns->capacity = 0;
}

void orr_recording_forget_numbers(struct orr_recording *recording)
{
    forget(&recording->observed);
    forget(&recording->hidden);
    forget(&recording->constant);
}

void orr_recording_destroy(struct orr_recording *recording)
{
    if (!recording) return;
    orr_recording_forget_numbers(recording);
    orr_memory_free(recording->observed.field);
    orr_memory_free(recording->hidden.field);
    orr_memory_free(recording->constant.field);
    for (size_t i = 0; i < recording->n_text; ++i)
        orr_memory_free(recording->text[i]);
    orr_memory_free(recording->text);
    orr_memory_free(recording->time);
    orr_memory_free(recording->simulator);
    orr_memory_free(recording->version);
    orr_memory_free(recording->parameters);
    orr_memory_free(recording->path);
    orr_memory_free(recording);
}
