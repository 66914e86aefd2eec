/* Which checkpoints a directory holds: names only, no contents. */
#include "base/memory.h"
#include "train/checkpoint.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

char *orr_checkpoint_path(const char *directory, uint64_t step)
{
    return orr_memory_print("%s/checkpoints/step-%08" PRIu64 ".safetensors", directory, step);
}

/* "step-00000600.safetensors" and nothing else. */
static bool step_of_name(const char *name, uint64_t *step)
{
    static const char before[] = "step-", after[] = ".safetensors";
    if (strncmp(name, before, sizeof before - 1) != 0) return false;
    const char *digits = name + sizeof before - 1;
    size_t n = 0;
    while (isdigit((unsigned char)digits[n]))
        ++n;
    if (n < 8 || n > 18 || strcmp(digits + n, after) != 0) return false;
    *step = strtoull(digits, NULL, 10);
    return true;
}

static int compare_steps(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static orr_status read_names(DIR *dir, uint64_t **steps, size_t *count, struct orr_error *err)
{
    size_t capacity = 0;
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        uint64_t step;
        if (!step_of_name(entry->d_name, &step)) continue;
        void *array = *steps;
        const orr_status status = orr_memory_grow(&array, &capacity, *count + 1, sizeof **steps, err);
        *steps = array;
        ORR_TRY(status);
        (*steps)[(*count)++] = step;
    }
    if (*count) qsort(*steps, *count, sizeof **steps, compare_steps);
    return ORR_OK;
}

orr_status orr_checkpoint_list(const char *directory, uint64_t **steps, size_t *count, struct orr_error *err)
{
    *steps = NULL;
    *count = 0;
    char *path = orr_memory_print("%s/checkpoints", directory);
    if (!path) return orr_memory_out(err, "a path", strlen(directory) + 32);
    DIR *dir = opendir(path);
    orr_status status = ORR_OK;
    if (dir) {
        status = read_names(dir, steps, count, err);
        closedir(dir);
    } else if (errno != ENOENT) {
        status = errno == ENOMEM
                     ? orr_memory_out(err, "a list of checkpoints", 1 << 15)
                     : orr_fail(err, ORR_EIO, "%s cannot be listed: %s: check its permissions", path, strerror(errno));
    }
    if (status != ORR_OK) {
        orr_memory_free(*steps);
        *steps = NULL;
        *count = 0;
    }
    orr_memory_free(path);
    return status;
}
