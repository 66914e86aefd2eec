/* A bench that runs one operation on an OpenCL device and compares it with the reference backend in double precision.
 *
 * Operands lie in buffers of their own, between guards, at aligned and at unaligned offsets; results may be put in
 * place where ops.def allows. Every run is repeated and must give the same bits.
 */
#ifndef OPENCL_FIXTURE_H
#define OPENCL_FIXTURE_H

#include "orrery/backend.h"

/* cmocka.h needs the four before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

enum { OPERAND_MAX = 1 << 20 };

/* Numbers as doubles that a float holds exactly; whole numbers where the type is i32. */
struct operand {
    uint32_t dtype, rank;
    int64_t dim[ORR_RANK_MAX];
    double *value;
};

/* Inputs, shapes of results, and by how much each result may be off. */
struct trial {
    uint32_t op;
    struct orr_attr attr;
    struct operand in[ORR_IN_MAX], out[ORR_OUT_MAX];
    double ulps;     /* units in the last place of the exact result */
    double absolute; /* plus this */
    double relative; /* plus this times bound[k].value[i], where bound[k] is given */
    struct operand bound[ORR_OUT_MAX];
};

/* ORRERY_TEST_OPENCL=tiny leaves large shapes out, for slow devices, and toy nearly all, for simulators. */
bool fixture_left_out(int64_t elements);

/* Empty, single, odd, and on both sides of the work-group of 64 and of the 256 elements that one item reduces. */
enum { FIXTURE_LENGTHS = 10 };
extern const int64_t fixture_lengths[FIXTURE_LENGTHS];

/* The device, and the one string that names it. */
extern const struct orr_backend_ops *fixture_opencl;
extern struct orr_device *fixture_device;
extern char fixture_name[256];
extern double fixture_worst[ORR_OP_COUNT_]; /* largest error seen, as part of what is allowed */

/* cmocka group setup and teardown: the first OpenCL device, or number ORRERY_TEST_OPENCL_DEVICE. */
int fixture_open(void **state);
int fixture_close(void **state);
int fixture_setup(void **state); /* of a test: forgets all operands, restarts the random numbers */

/* Closes the device and opens it again with another bound of a launch's work. */
void fixture_reopen(int64_t launch_work);
/* What the device that was closed last has done, by its own account. */
struct fixture_tally {
    unsigned long long launches, largest, flushes, waits;
};
extern struct fixture_tally fixture_tally;
/* How many devices there are; nothing is opened. */
uint32_t fixture_device_count(void);

struct operand operand_make(uint32_t dtype, uint32_t rank, int64_t a, int64_t b, int64_t c, int64_t d);
struct operand operand_like(const struct operand *shape); /* zeros */
struct operand operand_random(double from, double to, uint32_t rank, int64_t a, int64_t b, int64_t c, int64_t d);
struct operand operand_whole(int64_t from, int64_t to, uint32_t rank, int64_t a, int64_t b); /* i32 in [from, to) */
struct operand operand_absolute(const struct operand *t);
int64_t operand_count(const struct operand *t);

/* The reference in double: results into out[k].value as doubles. */
void trial_reference(struct trial *t);
/* On the device, in f32, into out[k].value; `shift` elements are put before every operand. */
orr_status trial_device(struct trial *t, int64_t shift, bool in_place, struct orr_error *err);
/* Reference and device in every way, compared. */
void trial_check(struct trial *t);

/* test_opencl_layers.c */
void test_opencl_normalisation(void **state);
void test_opencl_losses(void **state);
void test_opencl_classes(void **state);
void test_opencl_products(void **state);
void test_opencl_linear(void **state);
void test_opencl_attention(void **state);
/* count products of (m, k) and (k, n), each operand turned where asked; count -1: rank 2. */
void test_opencl_check_product(int64_t count, int64_t m, int64_t n, int64_t k, bool ta, bool tb);

#endif
