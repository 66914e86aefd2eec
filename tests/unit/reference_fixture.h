/* A bench for the reference backend: loads the module with a small host of its own, runs one operation on small
 * tensors, and compares with numbers that the test computed in long double.
 *
 * Tensors live until the next fixture_setup. Every buffer has an offset before and a guard behind its tensor.
 */
#ifndef REFERENCE_FIXTURE_H
#define REFERENCE_FIXTURE_H

#include "orrery/backend.h"

/* cmocka.h needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

/* dtype 0: the element type under test, f64 and then f32. */
struct operand {
    uint32_t dtype, rank;
    int64_t dim[ORR_RANK_MAX];
    long double *value;
};

/* One call and what it must give: |result - out.value| <= absolute + relative * |out.value| in f64. */
struct trial {
    uint32_t op;
    struct orr_attr attr;
    struct operand in[ORR_IN_MAX], out[ORR_OUT_MAX];
    long double relative, absolute;
};

extern const struct orr_backend_ops *fixture_backend;
extern struct orr_device *fixture_device;
extern unsigned fixture_allocations; /* by the modules, through the host */

/* Loads a module of the directory ORRERY_TEST_BACKENDS; fails the test when it cannot. */
const struct orr_plugin *fixture_load(const char *name);

/* cmocka setup of a group: opens the reference device. Teardown: closes it, and fails on memory left behind. */
int fixture_open(void **state);
int fixture_close(void **state);

/* cmocka setup of a test: forgets all operands, restarts the random numbers at a seed that failures print. */
int fixture_setup(void **state);

/* A tensor of zeros. */
struct operand operand_make(uint32_t dtype, uint32_t rank, int64_t a, int64_t b, int64_t c, int64_t d);

/* A tensor of numbers from -scale to scale, each of them a float. */
struct operand operand_random(double scale, uint32_t rank, int64_t a, int64_t b, int64_t c, int64_t d);

/* (count) numbers, given as an array. */
struct operand operand_list(uint32_t dtype, int64_t count, const double *value);

int64_t operand_count(const struct operand *t);

/* A number from -1 to 1. */
double fixture_random(void);

/* Runs the trial once in f64 or f32 with inputs given as they are, results into result[k] (as many as out[k] has). In
 * place where ops.def allows when in_place. */
orr_status trial_run(const struct trial *t, uint32_t real, bool in_place, long double *const result[],
                     struct orr_error *err);

/* Runs the trial in f64 and in f32, apart and in place, and compares: f64 with the expected values; f32 with f64 on the
 * same (rounded) inputs, which it must equal once rounded, or within `ulps` units in the last place when above 0. */
void trial_check(const struct trial *t, unsigned ulps);

/* The trial must be refused, in both types, with this status and a text that contains `part`. */
void trial_refuse(const struct trial *t, orr_status status, const char *part);

/* Fails unless every row of ops.def was compared in every element type that it takes. */
void fixture_check_coverage(void **state);

/* How the gradients are checked: `value` is a scalar of the operand's numbers (in long double); the result is its
 * derivative by central differences, of error about 1e-11 for functions of unit scale. */
typedef long double (*scalar_function)(void *context);
void differentiate(scalar_function value, void *context, const struct operand *at, struct operand *derivative);

/* The groups, one a family. */
int test_reference_elementwise(void);
int test_reference_move(void);
int test_reference_rows(void);
int test_reference_product(void);
int test_reference_activation(void);
int test_reference_softmax(void);
int test_reference_norm(void);
int test_reference_attention(void);
int test_reference_loss(void);
int test_reference_random(void);
int test_reference_device(void);

#endif
