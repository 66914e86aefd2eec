/* Writing what `orrery forward` computed, and taking it back.
 *
 * In: a directory, arrays. Out: files, each written atomically; none of them after a failure. */
#include "cli/forward_write.h"

#include "base/memory.h"
#include "base/number.h"
#include "io/file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

orr_status orr_forward_output_check(const char *directory, struct orr_error *err)
{
    static const char *const names[] = {"output.npy", "activations", "loss.json", "gradients.safetensors",
                                        "parameters.safetensors"};
    struct stat there;
    if (stat(directory, &there) != 0) return ORR_OK;
    if (!S_ISDIR(there.st_mode))
        return orr_fail(err, ORR_EINVAL, "%s is not a directory: choose another one with --out", directory);
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        char *path = orr_memory_print("%s/%s", directory, names[i]);
        if (!path) return orr_memory_out(err, "a path", strlen(directory) + 32);
        const bool found = access(path, F_OK) == 0;
        orr_memory_free(path);
        if (found)
            return orr_fail(err, ORR_EINVAL,
                            "%s already holds results (%s): remove them, or choose another directory with --out",
                            directory, names[i]);
    }
    return ORR_OK;
}

orr_status orr_forward_output_open(struct orr_forward_output *out, const char *directory, struct orr_error *err)
{
    out->made = access(directory, F_OK) != 0;
    out->directory = orr_memory_text(directory);
    if (!out->directory) return orr_memory_out(err, "a path", strlen(directory));
    return orr_file_make_directories(directory, err);
}

void orr_forward_output_close(struct orr_forward_output *out, bool keep)
{
    char *activations = out->directory && !keep ? orr_memory_print("%s/activations", out->directory) : NULL;
    for (size_t i = 0; i < out->n_files; ++i) {
        if (!keep) (void)unlink(out->file[i]);
        orr_memory_free(out->file[i]);
    }
    if (activations) (void)rmdir(activations);
    if (!keep && out->made) (void)rmdir(out->directory);
    orr_memory_free(activations);
    orr_memory_free(out->file);
    orr_memory_free(out->directory);
    *out = (struct orr_forward_output){.directory = NULL};
}

orr_status orr_forward_output_path(struct orr_forward_output *out, const char *name, const char **path,
                                   struct orr_error *err)
{
    void *files = out->file;
    const orr_status grown = orr_memory_grow(&files, &out->capacity, out->n_files + 1, sizeof *out->file, err);
    out->file = files;
    ORR_TRY(grown);
    char *full = orr_memory_print("%s/%s", out->directory, name);
    if (!full) return orr_memory_out(err, "a path", strlen(out->directory) + strlen(name));
    *path = out->file[out->n_files++] = full;
    return ORR_OK;
}

orr_status orr_forward_output_array(struct orr_forward_output *out, const char *name, const struct orr_array *array,
                                    struct orr_error *err)
{
    const char *path;
    ORR_TRY(orr_forward_output_path(out, name, &path, err));
    const char *slash = strrchr(path, '/');
    char *directory = orr_memory_print("%.*s", (int)(slash - path), path);
    if (!directory) return orr_memory_out(err, "a path", strlen(path));
    const orr_status status = orr_file_make_directories(directory, err);
    orr_memory_free(directory);
    ORR_TRY(status);
    return orr_npy_write(path, array, err);
}

orr_status orr_forward_output_loss(struct orr_forward_output *out, double loss, struct orr_error *err)
{
    const char *path;
    char number[ORR_NUMBER_SIZE], text[ORR_NUMBER_SIZE + 16];
    const int n = snprintf(text, sizeof text, "{\"loss\": %s}\n", orr_number_print(loss, number));
    ORR_TRY(orr_forward_output_path(out, "loss.json", &path, err));
    return orr_file_write_atomic(path, text, (size_t)n, err);
}
