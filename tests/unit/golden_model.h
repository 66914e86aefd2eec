/* The golden models as graphs on a device: for the tests that compare them with cv_model.txt and token_model.txt. */
#ifndef ORRERY_TESTS_GOLDEN_MODEL_H
#define ORRERY_TESTS_GOLDEN_MODEL_H

#include "golden.h"
#include "graph/build.h"
#include "model/model.h"
#include "run/exec.h"

enum { GOLDEN_BATCH = 3, GOLDEN_TIME = 6 };
enum golden_kind { GOLDEN_NUMBERS, GOLDEN_TOKENS };

struct golden_model {
    struct golden *file;
    struct orr_loader *loader;
    struct orr_open_device *device;
    struct orr_model sizes;
    struct orr_parameters parameters;
    double *block; /* parameters as the file has them, in block order */
};

/* ORRERY_TEST_DEVICE, or the reference. */
const char *golden_device(void);
/* What the main of a test ends with: 77 where there is no such device, else 0. */
int golden_device_missing(void);

/* Opens golden_device() and reads the file; fails the test where that fails. decay: weight decay on every parameter. */
void golden_model_open(struct golden_model *m, enum golden_kind kind, bool decay);
void golden_model_close(struct golden_model *m);
/* Skips the test where the device does not compute in this type. */
void golden_need(uint32_t real);

/* An input of the graph for the file's inputs or targets: real, or i32 tokens, (batch, time, columns). */
orr_handle golden_model_input(const struct golden_model *m, struct orr_graph *g, const char *name);
/* Write tensor `name` of the file to such an input. */
void golden_model_write(const struct golden_model *m, struct orr_exec *exec, orr_handle v, const char *name);
/* Names of the inputs and of the targets in the file. */
const char *golden_inputs(const struct golden_model *m);
const char *golden_targets(const struct golden_model *m);

/* The tensor `prefix``parameter name` of the file in block order, into block (elements doubles, padding 0). */
void golden_model_block(const struct golden_model *m, const char *prefix, double *block);

/* The largest |ours - theirs| over the tensor called name, and the largest |theirs|. */
double golden_largest_difference(const struct golden_tensor *theirs, const double *ours, double *largest);
/* ||ours - theirs|| / ||theirs||, both restricted to the n elements from `first` on. */
double golden_relative_distance(const double *theirs, const double *ours, size_t first, size_t n);

#endif
