/* What the kinds of model are made of: listing parameters, finding them again, layers, names of hook points.
 *
 * For core/model only. Names are put together from the prefix that is in force and the name given.
 */
#ifndef ORR_MODEL_PARTS_H
#define ORR_MODEL_PARTS_H

#include "model/model.h"

enum { ORR_PREFIX_SIZE = 48 };

/* Parameters being listed. The first failure stays in status, and nothing is added after it. */
struct orr_listing {
    struct orr_parameters *p;
    struct orr_error *err;
    orr_status status;
    char prefix[ORR_PREFIX_SIZE];
};
void orr_list_vector(struct orr_listing *l, const char *name, int64_t n, double value);
/* rows x columns of N(0, deviation^2); transposed: files hold columns x rows. */
void orr_list_matrix(struct orr_listing *l, const char *name, int64_t rows, int64_t columns, bool transposed,
                     double deviation);
/* name.weight (in, out) of N(0, deviation^2) and name.bias (out) of zeros. */
void orr_list_linear(struct orr_listing *l, const char *name, int64_t in, int64_t out, double deviation);

/* A forward pass being built. */
struct orr_building {
    struct orr_graph *g;
    const struct orr_model *m;
    const struct orr_parameters *p;
    const orr_handle *view;
    bool open_attention;
    char prefix[ORR_PREFIX_SIZE], hook_prefix[ORR_PREFIX_SIZE];
};
orr_handle orr_built_parameter(const struct orr_building *b, const char *name);
orr_handle orr_built_linear(const struct orr_building *b, const char *name, orr_handle x);
/* Name v as a hook point; returns v. */
orr_handle orr_built_hook(const struct orr_building *b, const char *name, orr_handle v);

/* Names of hook points being listed; failures as in orr_listing. */
struct orr_naming {
    char **name;
    size_t count, capacity;
    struct orr_error *err;
    orr_status status;
};
void orr_add_name(struct orr_naming *n, const char *fmt, ...) ORR_PRINTF(2, 3);

/* One size of a model and its range. */
struct orr_model_size {
    const char *name;
    int64_t value, least, greatest;
};
ORR_CHECKED orr_status orr_check_sizes(const struct orr_model_size *size, size_t n, struct orr_error *err);

#endif
