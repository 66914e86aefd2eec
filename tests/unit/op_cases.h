/* Small graphs for the tests of text, gradients, lowerings and plans: one for each operation, and a two-layer model.
 *
 * Inputs are drawn from fixed seeds with Philox; real ones are floats, so that f32 and f64 start from equal numbers.
 */
#ifndef ORRERY_TESTS_OP_CASES_H
#define ORRERY_TESTS_OP_CASES_H

#include "graph/build.h"
#include "model/parameters.h"
#include "run/exec.h"

enum op_input_kind { INPUT_NONE, INPUT_REAL, INPUT_POSITIVE, INPUT_MASKED, INPUT_INDEX, INPUT_STEP };

struct op_input {
    /* REAL: normal; POSITIVE: 0.5 to 2; MASKED: normal, the last of each row minus infinity; INDEX: 0 .. below-1 with
     * one -1; STEP: one i32 */
    enum op_input_kind kind;
    uint32_t rank;
    int64_t dim[4];
    int64_t below;
};

struct op_case {
    enum orr_op op;
    struct op_input in[ORR_IN_MAX];
    struct orr_attr attr;
    struct orr_shape wanted; /* rank or dtype set: handed to orr_graph_apply */
};

extern const struct op_case op_cases[];
extern const size_t n_op_cases;

/* Values of one case, on a device. */
struct op_run {
    struct orr_graph *g;
    orr_handle in[ORR_IN_MAX], out[ORR_OUT_MAX];
    uint32_t n_in, n_out;
    double *input[ORR_IN_MAX]; /* what was drawn; NULL for i32 inputs */
    int32_t *index[ORR_IN_MAX];
    orr_handle weight; /* input of out[0]'s shape */
    orr_handle loss;   /* sum of weight * out[0] */
    double *weights;
};

/* Build case `i` in element type real: inputs, the operation, and the loss. Fails the test when the graph is refused.
 */
void op_run_build(struct op_run *r, size_t i, uint32_t real);
/* Write the drawn inputs to the executor. */
void op_run_write(const struct op_run *r, struct orr_exec *exec);
void op_run_free(struct op_run *r);
/* Has any input of case `i` no elements? Then every result is exact. */
bool op_case_is_empty(size_t i);

enum { MODEL_PARAMETERS = 40, MODEL_DATA = 3 * 5 * 2 };

/* A two-layer transformer with its loss and every gradient placed in one block. */
struct model_run {
    struct orr_graph *g;
    struct orr_parameters p;
    orr_handle x, y, block, block_grad, loss;
    orr_handle grad[MODEL_PARAMETERS]; /* as placed */
    double data[2][MODEL_DATA];        /* of x and y */
    double *values;                    /* of block: p.elements */
};

/* Build it in element type real, attention whole or from primitives. */
void model_run_build(struct model_run *r, uint32_t real, bool open_attention);
/* Write x, y and the block. */
void model_run_write(const struct model_run *r, struct orr_exec *exec);
void model_run_free(struct model_run *r);

/* Opens ORRERY_TEST_DEVICE (default: reference). */
struct orr_open_device *op_device_open(struct orr_loader **loader);
/* Make an open device say that it has primitives only, until closed. */
void op_device_refuse_composites(struct orr_open_device *device);

#endif
