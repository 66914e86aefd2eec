/* Small graphs for the tests of text, gradients, lowerings and plans: one for each small case of core/conform, and a
 * two-layer model.
 *
 * Inputs are drawn from fixed seeds with Philox; real ones are floats, so that f32 and f64 start from equal numbers.
 */
#ifndef ORRERY_TESTS_OP_CASES_H
#define ORRERY_TESTS_OP_CASES_H

#include "conform/case.h"
#include "graph/build.h"
#include "model/parameters.h"
#include "run/exec.h"

/* The first case of all operations when c->op is 0, the one after c otherwise; false when there is none. Left out are
 * cases of many elements, of special values, and of inputs that other operations compute. */
bool op_case_next(struct orr_case *c);

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

/* Build a case in element type real: inputs, the operation, and the loss. Fails the test when the graph is refused. */
void op_run_build(struct op_run *r, const struct orr_case *c, uint32_t real);
/* Write the drawn inputs to the executor. */
void op_run_write(const struct op_run *r, struct orr_exec *exec);
void op_run_free(struct op_run *r);

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
