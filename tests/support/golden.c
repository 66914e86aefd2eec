/* Reads the golden files of tests/golden, whose README describes the format.
 *
 * In: records `tensor NAME DTYPE NDIM d0 d1 ...` with their numbers, then the word `end`. Out: see golden.h.
 * Anything else (another word, too few numbers, no `end`) is an error: a file cut short must not pass for a small one.
 */
#include "golden.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct golden {
    struct golden_tensor *tensor;
    size_t count, capacity;
};

static int fail(const char *path, const char *name, const char *what)
{
    fprintf(stderr, "golden: %s: %s%s%s\n", path, name, *name ? ": " : "", what);
    return -1;
}

static int read_shape(FILE *file, struct golden_tensor *t)
{
    char type[8];
    if (fscanf(file, "%127s %7s %d", t->name, type, &t->rank) != 3) return -1;
    t->is_integer = strcmp(type, "i64") == 0;
    if (!t->is_integer && strcmp(type, "f64") != 0) return -1;
    if (t->rank < 0 || t->rank > 4) return -1;
    t->count = 1;
    for (int i = 0; i < 4; ++i) {
        t->dim[i] = 1;
        if (i < t->rank && fscanf(file, "%zu", &t->dim[i]) != 1) return -1;
        if (t->dim[i] && t->count > SIZE_MAX / sizeof(double) / t->dim[i]) return -1;
        t->count *= t->dim[i];
    }
    return 0;
}

static int read_tensor(FILE *file, const char *path, struct golden_tensor *t)
{
    if (read_shape(file, t)) return fail(path, t->name, "expected NAME, f64 or i64, a rank of 0 to 4, and dimensions");
    t->value = malloc(t->count ? t->count * sizeof(double) : 1);
    if (!t->value) return fail(path, t->name, "out of memory");
    for (size_t i = 0; i < t->count; ++i)
        if (fscanf(file, "%lf", &t->value[i]) != 1) return fail(path, t->name, "fewer numbers than its shape says");
    return 0;
}

/* A zeroed tensor at the end of the list, counted at once so that golden_free finds it; NULL when out of memory. */
static struct golden_tensor *append(struct golden *golden)
{
    if (golden->count == golden->capacity) {
        const size_t capacity = golden->capacity ? 2 * golden->capacity : 16;
        struct golden_tensor *grown = realloc(golden->tensor, capacity * sizeof *grown);
        if (!grown) return NULL;
        golden->tensor = grown;
        golden->capacity = capacity;
    }
    struct golden_tensor *t = &golden->tensor[golden->count++];
    memset(t, 0, sizeof *t);
    return t;
}

static int read_records(FILE *file, const char *path, struct golden *golden)
{
    char word[16];
    while (fscanf(file, "%15s", word) == 1) {
        if (strcmp(word, "end") == 0) return 0;
        if (strcmp(word, "tensor") != 0) return fail(path, word, "expected the word tensor or end");
        struct golden_tensor *t = append(golden);
        if (!t) return fail(path, "", "out of memory");
        if (read_tensor(file, path, t)) return -1;
    }
    return fail(path, "", "the closing word end is missing: the file was cut short");
}

int golden_load(const char *path, struct golden **out)
{
    *out = NULL;
    FILE *file = fopen(path, "r");
    if (!file) return fail(path, "", strerror(errno));
    struct golden *golden = calloc(1, sizeof *golden);
    const int status = golden ? read_records(file, path, golden) : fail(path, "", "out of memory");
    fclose(file);
    if (status) {
        golden_free(golden);
        return status;
    }
    *out = golden;
    return 0;
}

int golden_load_named(const char *file, struct golden **out)
{
    *out = NULL;
    const char *directory = getenv("ORRERY_TEST_GOLDEN");
    if (!directory) return fail(file, "", "set ORRERY_TEST_GOLDEN to the directory of the golden files");
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s/%s", directory, file);
    if (length < 0 || (size_t)length >= sizeof path)
        return fail(file, "", "the path in ORRERY_TEST_GOLDEN is too long");
    return golden_load(path, out);
}

const struct golden_tensor *golden_find(const struct golden *golden, const char *name)
{
    for (size_t i = 0; i < golden->count; ++i)
        if (strcmp(golden->tensor[i].name, name) == 0) return &golden->tensor[i];
    return NULL;
}

const struct golden_tensor *golden_at(const struct golden *golden, size_t i)
{
    return i < golden->count ? &golden->tensor[i] : NULL;
}

void golden_free(struct golden *golden)
{
    if (!golden) return;
    for (size_t i = 0; i < golden->count; ++i)
        free(golden->tensor[i].value);
    free(golden->tensor);
    free(golden);
}
