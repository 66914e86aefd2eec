/* Operations that move elements and reduce along an axis, against index arithmetic on every axis of rank 1 to 4. */
#include "reference_fixture.h"

#include <math.h>

/* The position of element i of a tensor along each of its axes. */
static void unravel(const struct operand *t, int64_t i, int64_t at[ORR_RANK_MAX])
{
    for (uint32_t k = t->rank; k-- > 0; i /= t->dim[k])
        at[k] = i % t->dim[k];
}

static int64_t ravel(const struct operand *t, const int64_t at[ORR_RANK_MAX])
{
    int64_t i = 0;
    for (uint32_t k = 0; k < t->rank; ++k)
        i = i * t->dim[k] + at[k];
    return i;
}

/* 1, 2, 3, ... in the dims of t: whole numbers, so that one trial serves reals and i32. */
static struct operand numbered(uint32_t dtype, uint32_t rank, const int64_t dim[ORR_RANK_MAX])
{
    struct operand t = operand_make(dtype, rank, dim[0], dim[1], dim[2], dim[3]);
    for (int64_t i = 0; i < operand_count(&t); ++i)
        t.value[i] = i + 1;
    return t;
}

static const int64_t shapes[][ORR_RANK_MAX] = {{3, 4, 5, 2}, {1, 1, 1, 1}, {2, 0, 3, 2}, {7, 2, 1, 3}};
static const uint32_t types[] = {0, ORR_I32};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static void slices_and_pads(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < 2; ++type)
        for (uint32_t shape = 0; shape < SHAPES; ++shape)
            for (uint32_t rank = 1; rank <= ORR_RANK_MAX; ++rank)
                for (uint32_t axis = 0; axis < rank; ++axis)
                    for (int64_t start = 0; start < 2; ++start) {
                        const struct operand whole = numbered(types[type], rank, shapes[shape]);
                        int64_t dim[ORR_RANK_MAX] = {0};
                        for (uint32_t k = 0; k < rank; ++k)
                            dim[k] = whole.dim[k];
                        if (start >= dim[axis]) continue;
                        dim[axis] -= start + (dim[axis] > 2);
                        struct trial t = {.op = ORR_OP_SLICE, .attr = {.i = {axis, start}}, .in = {whole}};
                        t.out[0] = operand_make(types[type], rank, dim[0], dim[1], dim[2], dim[3]);
                        struct trial back = {.op = ORR_OP_PAD, .attr = t.attr};
                        back.out[0] =
                            operand_make(types[type], rank, whole.dim[0], whole.dim[1], whole.dim[2], whole.dim[3]);
                        for (int64_t i = 0; i < operand_count(&t.out[0]); ++i) {
                            int64_t at[ORR_RANK_MAX];
                            unravel(&t.out[0], i, at);
                            at[axis] += start;
                            t.out[0].value[i] = back.out[0].value[ravel(&whole, at)] = whole.value[ravel(&whole, at)];
                        }
                        back.in[0] = t.out[0];
                        trial_check(&t, 0);
                        trial_check(&back, 0);
                        fixture_setup(state);
                    }
}

static void permutes(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < 2; ++type)
        for (uint32_t shape = 0; shape < SHAPES; ++shape)
            for (int64_t code = 0; code < 256; ++code) {
                const int64_t axis[4] = {code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6};
                unsigned seen = 0;
                for (int k = 0; k < 4; ++k)
                    seen |= 1u << axis[k];
                if (seen != 15) continue;
                struct trial t = {.op = ORR_OP_PERMUTE, .in = {numbered(types[type], 4, shapes[shape])}};
                const int64_t *dim = t.in[0].dim;
                t.out[0] = operand_make(types[type], 4, dim[axis[0]], dim[axis[1]], dim[axis[2]], dim[axis[3]]);
                for (int k = 0; k < 4; ++k)
                    t.attr.i[k] = axis[k];
                for (int64_t i = 0; i < operand_count(&t.in[0]); ++i) {
                    int64_t from[4], to[4];
                    unravel(&t.in[0], i, from);
                    for (int k = 0; k < 4; ++k)
                        to[k] = from[axis[k]];
                    t.out[0].value[ravel(&t.out[0], to)] = t.in[0].value[i];
                }
                trial_check(&t, 0);
                fixture_setup(state);
            }
}

static void broadcasts(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < 2; ++type)
        for (uint32_t repeated = 0; repeated < 16; ++repeated)
            for (uint32_t rank = 0; rank <= ORR_RANK_MAX; ++rank) {
                int64_t dim[ORR_RANK_MAX];
                for (uint32_t k = 0; k < ORR_RANK_MAX; ++k)
                    dim[k] = repeated >> k & 1u ? 1 : shapes[0][k];
                struct trial t = {.op = ORR_OP_BROADCAST, .in = {numbered(types[type], rank, dim)}};
                t.out[0] = numbered(types[type], rank, shapes[0]);
                for (int64_t i = 0; i < operand_count(&t.out[0]); ++i) {
                    int64_t at[ORR_RANK_MAX];
                    unravel(&t.out[0], i, at);
                    for (uint32_t k = 0; k < rank; ++k)
                        if (repeated >> k & 1u) at[k] = 0;
                    t.out[0].value[i] = t.in[0].value[ravel(&t.in[0], at)];
                }
                trial_check(&t, 0);
                fixture_setup(state);
            }
}

static void copies_whole_numbers(void **state)
{
    (void)state;
    for (int64_t size = 0; size < 3; ++size) {
        const int64_t dim[ORR_RANK_MAX] = {size, 3};
        const struct operand t = numbered(ORR_I32, 2, dim);
        const struct trial copy = {.op = ORR_OP_COPY, .in = {t}, .out = {t}};
        trial_check(&copy, 0);
    }
}

static void reduce(uint32_t op, const struct operand *in, uint32_t axis)
{
    int64_t dim[ORR_RANK_MAX] = {0};
    for (uint32_t k = 0; k < in->rank; ++k)
        dim[k] = k == axis ? 1 : in->dim[k];
    /* At most 7 terms of size below 2: a rounding error of 7 * 2^-52 at most. */
    struct trial t = {.op = op, .attr = {.i = {axis}}, .in = {*in}, .absolute = op == ORR_OP_SUM ? 2e-15L : 0};
    t.out[0] = operand_make(0, in->rank, dim[0], dim[1], dim[2], dim[3]);
    for (int64_t i = 0; op == ORR_OP_MAX && i < operand_count(&t.out[0]); ++i)
        t.out[0].value[i] = -INFINITY;
    for (int64_t i = 0; i < operand_count(in); ++i) {
        int64_t at[ORR_RANK_MAX];
        unravel(in, i, at);
        at[axis] = 0;
        long double *to = &t.out[0].value[ravel(&t.out[0], at)], x = in->value[i];
        if (op == ORR_OP_SUM) *to += x;
        if (op == ORR_OP_MAX && (isnan(x) || x > *to)) *to = x;
    }
    trial_check(&t, 0);
}

static void sums_and_maxima(void **state)
{
    (void)state;
    for (uint32_t shape = 0; shape < SHAPES; ++shape)
        for (uint32_t rank = 1; rank <= ORR_RANK_MAX; ++rank)
            for (uint32_t axis = 0; axis < rank; ++axis) {
                const int64_t *dim = shapes[shape];
                const struct operand in = operand_random(2, rank, dim[0], dim[1], dim[2], dim[3]);
                if (operand_count(&in) > 2) in.value[1] = NAN;
                reduce(ORR_OP_SUM, &in, axis);
                if (dim[axis] > 0) reduce(ORR_OP_MAX, &in, axis);
            }
    struct trial empty = {.op = ORR_OP_MAX, .attr = {.i = {1}}, .in = {operand_make(0, 2, 3, 0, 0, 0)}};
    empty.out[0] = operand_make(0, 2, 3, 1, 0, 0);
    trial_refuse(&empty, ORR_ESHAPE, "no elements");
    const struct operand nothing = empty.in[0];
    reduce(ORR_OP_SUM, &nothing, 1);
}

/* 1 and 1,024 times 2^-30: a float accumulator would lose every small term. */
static void sums_in_double(void **state)
{
    (void)state;
    struct trial t = {.op = ORR_OP_SUM, .in = {operand_make(0, 1, 1025, 0, 0, 0)}};
    t.out[0] = operand_make(0, 1, 1, 0, 0, 0);
    t.in[0].value[0] = 1;
    for (int i = 1; i < 1025; ++i)
        t.in[0].value[i] = 0x1p-30L;
    t.out[0].value[0] = 1 + 0x1p-20L;
    trial_check(&t, 0);
}

static void refuses_wrong_shapes(void **state)
{
    (void)state;
    struct trial t = {.op = ORR_OP_SLICE, .attr = {.i = {1, 3}}, .in = {operand_make(0, 2, 2, 4, 0, 0)}};
    t.out[0] = operand_make(0, 2, 2, 2, 0, 0);
    trial_refuse(&t, ORR_ESHAPE, "leaves the input");
    t.attr.i[0] = 2;
    trial_refuse(&t, ORR_ESHAPE, "axis");
    t.op = ORR_OP_PAD;
    t.attr.i[0] = 1;
    trial_refuse(&t, ORR_ESHAPE, "does not fit");
    t.op = ORR_OP_PERMUTE;
    trial_refuse(&t, ORR_ESHAPE, "source axis");
    t.attr.i[0] = 1;
    t.attr.i[1] = 1;
    trial_refuse(&t, ORR_ESHAPE, "source axis");
    t.op = ORR_OP_BROADCAST;
    trial_refuse(&t, ORR_ESHAPE, "dims of 1");
    t.op = ORR_OP_COPY;
    trial_refuse(&t, ORR_ESHAPE, "same dims");
}

int test_reference_move(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(slices_and_pads, fixture_setup),
        cmocka_unit_test_setup(permutes, fixture_setup),
        cmocka_unit_test_setup(broadcasts, fixture_setup),
        cmocka_unit_test_setup(copies_whole_numbers, fixture_setup),
        cmocka_unit_test_setup(sums_and_maxima, fixture_setup),
        cmocka_unit_test_setup(sums_in_double, fixture_setup),
        cmocka_unit_test_setup(refuses_wrong_shapes, fixture_setup),
    };
    return cmocka_run_group_tests_name("reference move", tests, fixture_open, fixture_close);
}
