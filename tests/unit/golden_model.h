/* The golden regression model as a graph on a device: for the tests that compare it with cv_model.txt. */
#ifndef ORRERY_TESTS_GOLDEN_MODEL_H
#define ORRERY_TESTS_GOLDEN_MODEL_H

#include "golden.h"
#include "graph/build.h"
#include "model/transformer.h"
#include "run/exec.h"

enum { GOLDEN_BATCH = 3, GOLDEN_TIME = 6 };

struct golden_model {
    struct golden *file;
    struct orr_loader *loader;
    struct orr_open_device *device;
    struct orr_transformer sizes;
    struct orr_parameters parameters;
    double *block; /* parameters as the file has them, in block order */
};

/* Opens `device` and reads the file; fails the test where that fails. decay: weight decay on every parameter. */
void golden_model_open(struct golden_model *m, const char *device, bool decay);
void golden_model_close(struct golden_model *m);

/* The tensor `prefix``parameter name` of the file in block order, into block (elements doubles, padding 0). */
void golden_model_block(const struct golden_model *m, const char *prefix, double *block);

/* The largest |ours - theirs| over the tensor called name, and the largest |theirs|. */
double golden_largest_difference(const struct golden_tensor *theirs, const double *ours, double *largest);
/* ||ours - theirs|| / ||theirs||, both restricted to the n elements from `first` on. */
double golden_relative_distance(const double *theirs, const double *ours, size_t first, size_t n);

#endif
