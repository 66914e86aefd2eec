/* Reads the golden files of tests/golden, whose README describes the format.
 *
 * In: a text file of named tensors. Out: the tensors, as doubles in row-major order.
 */
#ifndef ORRERY_TESTS_GOLDEN_H
#define ORRERY_TESTS_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>

struct golden_tensor {
    char name[128];
    bool is_integer; /* i64 in the file; the values are whole numbers below 2^53 */
    int rank;        /* 0 to 4 */
    size_t dim[4];   /* 1 beyond the rank */
    size_t count;    /* product of dim: 1 for rank 0 */
    double *value;   /* count numbers, row-major; owned by the file */
};

struct golden;

/* Reads the file at `path`. 0: *out is the caller's, to be given to golden_free. Otherwise -1: *out is NULL, and one
 * line on stderr says what is wrong and where. */
int golden_load(const char *path, struct golden **out);

/* golden_load of `file` ("probe.txt") in the directory that the environment variable ORRERY_TEST_GOLDEN names. */
int golden_load_named(const char *file, struct golden **out);

/* The tensor called `name`, or NULL when the file has none. It lives as long as `golden`. */
const struct golden_tensor *golden_find(const struct golden *golden, const char *name);

/* The i-th tensor in the order of the file, or NULL when there are fewer. It lives as long as `golden`. */
const struct golden_tensor *golden_at(const struct golden *golden, size_t i);

/* Frees a file and all its tensors; NULL is allowed. */
void golden_free(struct golden *golden);

#endif
