/* orrery diff: how far two runs are apart, step by step in their losses and tensor by tensor in their checkpoints.
 *
 * In: two run directories, such as one recipe on two devices. Out: the first step where losses part, and the distance
 * ||a - b|| / ||b|| of every tensor of the last checkpoint that both have.
 */
#include "base/memory.h"
#include "base/number.h"
#include "cli/verbs.h"
#include "io/safetensors.h"
#include "train/checkpoint.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINES = 12 };

static const struct orr_option options[] = {
    {"--tolerance", "X", "largest distance that counts as the same (default 1e-3)"},
    {"--all", NULL, "every tensor, not only those furthest apart"},
    {NULL, NULL, NULL},
};

struct difference {
    const char *root[2];
    double tolerance, worst;
    bool all;
    size_t compared, missing; /* tensors; points and tensors that only one run has */
};

/* Data of a file need not be aligned. */
static double number_at(const struct orr_safetensors_tensor *t, size_t i)
{
    const bool wide = t->dtype == ORR_NPY_F64 || t->dtype == ORR_NPY_I64;
    union {
        float f32;
        double f64;
        int32_t i32;
        int64_t i64;
    } x;
    memcpy(&x, (const char *)t->data + i * (wide ? 8 : 4), wide ? 8 : 4);
    if (t->dtype == ORR_NPY_F32) return (double)x.f32;
    if (t->dtype == ORR_NPY_F64) return x.f64;
    return t->dtype == ORR_NPY_I32 ? (double)x.i32 : (double)x.i64;
}

static size_t count_of(const struct orr_safetensors_tensor *t)
{
    size_t n = 1;
    for (uint32_t k = 0; k < t->rank; ++k)
        n *= (size_t)t->dim[k];
    return n;
}

/* ||a - b|| / ||b||; infinite where the shapes differ or one alone is not finite. */
static double distance(const struct orr_safetensors_tensor *a, const struct orr_safetensors_tensor *b)
{
    double difference = 0.0, norm = 0.0;
    if (!a || a->rank != b->rank || memcmp(a->dim, b->dim, b->rank * sizeof *b->dim) != 0) return HUGE_VAL;
    for (size_t i = 0; i < count_of(b); ++i) {
        const double x = number_at(a, i), y = number_at(b, i);
        if (isnan(x) && isnan(y)) continue;
        difference += (x - y) * (x - y);
        norm += y * y;
    }
    if (difference == 0.0) return 0.0;
    return isfinite(difference) && norm > 0.0 ? sqrt(difference / norm) : HUGE_VAL;
}

static void print_losses(const struct difference *d, const struct orr_safetensors *a, const struct orr_safetensors *b)
{
    const struct orr_safetensors_tensor *x = orr_safetensors_find(a, "losses"), *y = orr_safetensors_find(b, "losses");
    if (!x || !y) return;
    const size_t n = count_of(x) < count_of(y) ? count_of(x) : count_of(y);
    size_t other_bits = n, beyond = n;
    for (size_t i = 0; i < n; ++i) {
        const double p = number_at(x, i), q = number_at(y, i);
        if (other_bits == n && p != q) other_bits = i;
        if (beyond == n && !(fabs(p - q) <= d->tolerance * fabs(q))) beyond = i;
    }
    if (other_bits == n) {
        printf("  losses of %zu steps: the same bits\n", n);
        return;
    }
    printf("  losses of %zu steps: the first other bits at step %zu (%.9g, %.9g)\n", n, other_bits,
           number_at(x, other_bits), number_at(y, other_bits));
    if (beyond < n)
        printf("  losses are more than %g apart from step %zu on (%.9g, %.9g)\n", d->tolerance, beyond,
               number_at(x, beyond), number_at(y, beyond));
}

struct apart {
    const char *name;
    double distance;
};

static int furthest_first(const void *a, const void *b)
{
    const double x = ((const struct apart *)a)->distance, y = ((const struct apart *)b)->distance;
    return (x < y) - (x > y);
}

/* What a has and b has not is as far apart as can be. */
static void count_missing(struct difference *d, const struct orr_safetensors *a, const struct orr_safetensors *b)
{
    for (size_t i = 0; i < orr_safetensors_count(a); ++i) {
        const struct orr_safetensors_tensor *t = orr_safetensors_tensor(a, i);
        if (orr_safetensors_find(b, t->name)) continue;
        printf("  %-52s only in %s\n", t->name, d->root[0]);
        ++d->missing;
    }
}

/* The tensors of b: those furthest apart, or all in the order of the file. */
static orr_status print_tensors(struct difference *d, const struct orr_safetensors *a, const struct orr_safetensors *b,
                                struct orr_error *err)
{
    const size_t n = orr_safetensors_count(b);
    size_t same = 0, others = 0;
    struct apart *list = orr_memory_array(n, sizeof *list);
    if (!list) return orr_memory_out(err, "a comparison", n * sizeof *list);
    for (size_t i = 0; i < n; ++i) {
        const struct orr_safetensors_tensor *t = orr_safetensors_tensor(b, i);
        if (strcmp(t->name, "losses") == 0) continue;
        list[others] = (struct apart){t->name, distance(orr_safetensors_find(a, t->name), t)};
        same += list[others].distance == 0.0;
        d->worst = fmax(d->worst, list[others++].distance);
    }
    d->compared += others;
    printf("  %zu tensors, %zu with the same bits\n", others, same);
    if (!d->all) qsort(list, others, sizeof *list, furthest_first);
    for (size_t i = 0; i < others && (d->all || (i < LINES && list[i].distance > 0.0)); ++i)
        printf("  %-52s %.3g\n", list[i].name, list[i].distance);
    orr_memory_free(list);
    count_missing(d, a, b);
    return ORR_OK;
}

static bool last_common(const uint64_t *a, size_t n_a, const uint64_t *b, size_t n_b, uint64_t *step)
{
    for (size_t i = n_a; i-- > 0;)
        for (size_t j = n_b; j-- > 0;)
            if (a[i] == b[j]) {
                *step = a[i];
                return true;
            }
    return false;
}

static orr_status load(const char *directory, uint64_t step, struct orr_safetensors **out, struct orr_error *err)
{
    char *path = orr_checkpoint_path(directory, step);
    if (!path) return orr_memory_out(err, "a path", 0);
    const orr_status status = orr_safetensors_load(path, out, err);
    orr_memory_free(path);
    return status;
}

static orr_status compare_checkpoints(struct difference *d, const char *const directory[2], uint64_t step,
                                      struct orr_error *err)
{
    struct orr_safetensors *set[2] = {NULL, NULL};
    orr_status status = load(directory[0], step, &set[0], err);
    if (status == ORR_OK) status = load(directory[1], step, &set[1], err);
    if (status == ORR_OK) {
        printf("after %" PRIu64 " steps, %s and %s:\n", step, directory[0], directory[1]);
        print_losses(d, set[0], set[1]);
        status = print_tensors(d, set[0], set[1], err);
    }
    orr_safetensors_destroy(set[0]);
    orr_safetensors_destroy(set[1]);
    return status;
}

/* One point of both runs; a directory without checkpoints is none. */
static orr_status compare_points(struct difference *d, const char *const directory[2], struct orr_error *err)
{
    uint64_t *steps[2] = {NULL, NULL}, step = 0;
    size_t n[2] = {0, 0};
    orr_status status = orr_checkpoint_list(directory[0], &steps[0], &n[0], err);
    if (status == ORR_OK) status = orr_checkpoint_list(directory[1], &steps[1], &n[1], err);
    if (status == ORR_OK && n[0] && n[1]) {
        if (last_common(steps[0], n[0], steps[1], n[1], &step))
            status = compare_checkpoints(d, directory, step, err);
        else
            status =
                orr_fail(err, ORR_EINVAL, "%s and %s have no checkpoint of the same step", directory[0], directory[1]);
    }
    orr_memory_free(steps[0]);
    orr_memory_free(steps[1]);
    return status;
}

/* Has a directory checkpoints? One that is not there, or no directory, has none. */
static bool is_point(const char *directory)
{
    struct stat there;
    uint64_t *steps = NULL;
    size_t n = 0;
    struct orr_error ignored;
    if (stat(directory, &there) != 0 || !S_ISDIR(there.st_mode)) return false;
    const bool listed = orr_checkpoint_list(directory, &steps, &n, &ignored) == ORR_OK;
    orr_memory_free(steps);
    return listed && n > 0;
}

/* The point of this name: compared where both runs have it, and named where only one has. second: it is a name from the
 * second run, whose common points are done already. */
static orr_status compare_name(struct difference *d, const char *name, bool second, struct orr_error *err)
{
    char *path[2] = {orr_memory_print("%s/%s", d->root[0], name), orr_memory_print("%s/%s", d->root[1], name)};
    orr_status status = path[0] && path[1] ? ORR_OK : orr_memory_out(err, "a path", 0);
    if (status == ORR_OK && name[0] != '.') {
        const bool has[2] = {is_point(path[0]), is_point(path[1])};
        if (has[0] && has[1]) {
            if (!second) status = compare_points(d, (const char *const *)path, err);
        } else if (has[second]) {
            printf("%s is only in %s\n", name, d->root[second]);
            ++d->missing;
        }
    }
    orr_memory_free(path[0]);
    orr_memory_free(path[1]);
    return status;
}

/* Points of a sweep lie in directories of their own, of the same names in both runs. */
static orr_status compare_below(struct difference *d, struct orr_error *err)
{
    orr_status status = ORR_OK;
    for (int k = 0; k < 2; ++k) {
        struct dirent **entry = NULL;
        const int n = scandir(d->root[k], &entry, NULL, alphasort);
        for (int i = 0; i < n; ++i) {
            if (status == ORR_OK) status = compare_name(d, entry[i]->d_name, k == 1, err);
            free(entry[i]);
        }
        free(entry);
    }
    return status;
}

static orr_status run(const struct orr_command *command, struct orr_error *err)
{
    const struct orr_arguments *a = command->arguments;
    const char *tolerance = orr_arguments_value(a, "--tolerance");
    struct difference d = {.tolerance = 1e-3, .all = orr_arguments_count(a, "--all") > 0};
    if (a->n_words != 2) return orr_fail(err, ORR_EINVAL, "expected two run directories");
    if (tolerance && (!orr_number_real(tolerance, &d.tolerance) || d.tolerance < 0.0))
        return orr_fail(err, ORR_EINVAL, "--tolerance \"%s\": expected a number, 0 or more", tolerance);
    d.root[0] = a->word[0];
    d.root[1] = a->word[1];
    ORR_TRY(compare_points(&d, d.root, err));
    if (!d.compared) ORR_TRY(compare_below(&d, err));
    if (!d.compared)
        return orr_fail(err, ORR_EINVAL, "%s and %s hold no checkpoints of the same point", d.root[0], d.root[1]);
    if (d.missing) return orr_fail(err, ORR_ENUMERIC, "%zu points or tensors are in one run only", d.missing);
    if (d.worst <= d.tolerance) return ORR_OK;
    return orr_fail(err, ORR_ENUMERIC, "the runs are %.3g apart, more than %g", d.worst, d.tolerance);
}

const struct orr_verb orr_verb_diff = {
    .name = "diff",
    .words = "RUN_A RUN_B",
    .summary = "Compare two runs: losses by step, tensors of the last common checkpoint",
    .more = "Distances are ||a - b|| / ||b||. Exit codes: 0 all within the tolerance, 1 some are not or are in one\n"
            "run only, 2 nothing to compare. Runs on two devices drift apart with time; orrery run --check compares "
            "single steps.\n",
    .options = options,
    .run = run,
};
