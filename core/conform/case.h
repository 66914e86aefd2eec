/* The cases that every backend must pass: for each operation shapes, attributes and kinds of numbers.
 *
 * A case is one call. The rows are in conform/cases.def; each is multiplied by a list of sizes and by the kinds of
 * numbers it names. Case numbers count the cases of one operation and are the same at every level.
 */
#ifndef ORR_CONFORM_CASE_H
#define ORR_CONFORM_CASE_H

#include "graph/graph.h"

enum orr_conform_level { ORR_CONFORM_QUICK, ORR_CONFORM_FULL };

/* What an input holds, before `values` changes it. DERIVED: a result of the forward operation, for gradients. */
enum orr_input_kind {
    ORR_INPUT_REAL,     /* normal */
    ORR_INPUT_POSITIVE, /* 0.5 to 2 */
    ORR_INPUT_INDEX,    /* i32, 0 .. below-1, and some -1 */
    ORR_INPUT_WHOLE,    /* i32 of any size */
    ORR_INPUT_STEP,     /* i32, `below` itself */
    ORR_INPUT_SCHEDULE, /* AdamW's row of four */
    ORR_INPUT_DERIVED
};

enum orr_values {
    ORR_VALUES_UNIT,     /* as the input's kind says */
    ORR_VALUES_NAN,      /* one NaN */
    ORR_VALUES_INFINITE, /* both infinities */
    ORR_VALUES_ZERO,     /* zeros of both signs among the others */
    ORR_VALUES_DENORMAL, /* numbers below the smallest normal one; left out where the device flushes them */
    ORR_VALUES_WIDE,     /* many magnitudes: exp and its relatives over- and underflow */
    ORR_VALUES_LARGE,    /* logits of 1e4 */
    ORR_VALUES_MASKED,   /* rows that are minus infinity but for one */
    ORR_VALUES_CONSTANT, /* every row has one value: no variance */
    ORR_VALUES_GAPS,     /* every index is -1 */
    ORR_VALUES_OFFSET,   /* rows of whole numbers near 1000, whose mean is 1000: E[x^2] - mean^2 cancels */
    ORR_VALUES_ALIKE,    /* every number is 1.1: each rounding of a running sum goes the same way */
    ORR_VALUES_EQUAL,    /* the second input is the first, also in memory */
    ORR_VALUES_COUNT
};

struct orr_case_input {
    enum orr_input_kind kind;
    struct orr_shape shape; /* dtype 0 stands for the real type that is tested */
    int64_t below;
};

struct orr_case {
    uint32_t op, number;
    enum orr_values values;
    enum orr_conform_level level;
    uint32_t n_in, n_out;
    struct orr_case_input in[ORR_IN_MAX];
    struct orr_attr attr;
    struct orr_shape wanted;           /* of output 0 where the inputs do not tell; rank and dtype 0: they do */
    struct orr_shape out[ORR_OUT_MAX]; /* dtype 0: real */
};

/* Cases of an operation, at all levels; 0 for an operation without rows. */
uint32_t orr_case_count(uint32_t op);
/* Case `number` (from 0) of an operation; EINVAL when there is none, EBUG when its row is wrong. */
ORR_CHECKED orr_status orr_case_get(uint32_t op, uint32_t number, struct orr_case *out, struct orr_error *err);
/* "matmul case 7: f32[3,4], f32[4,5] -> f32[3,5], infinite, i=0,1" into text. */
void orr_case_describe(const struct orr_case *c, char *text, size_t size);
const char *orr_values_name(enum orr_values values);

/* Input k of a case, drawn from (seed, op, number, k): real or whole, whichever its kind has, holds its elements.
 * Real numbers are floats, so that every element type begins with the same ones. DERIVED inputs are left alone. */
void orr_case_fill(const struct orr_case *c, uint32_t k, uint64_t seed, double *real, int32_t *whole);

/* The operation whose results are the DERIVED inputs of a gradient: its inputs and results as inputs of that. */
struct orr_forward {
    uint32_t op, n_in;
    uint32_t in[3];           /* its input j is input in[j] of the gradient */
    int32_t out[ORR_OUT_MAX]; /* its result j is input out[j] of the gradient; ORR_NONE: not needed */
};
/* NULL where an operation has no derived inputs. */
const struct orr_forward *orr_case_forward(uint32_t op);

#endif
