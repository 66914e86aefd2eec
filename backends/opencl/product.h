/* Matrix products: what is computed, who can compute it, and the counts of who did. */
#ifndef OPENCL_PRODUCT_H
#define OPENCL_PRODUCT_H

#include "operations.h"

/* What is done to a product before it is written, in this order: bias, `before`, activation, slope, residual. */
struct opencl_epilogue {
    const struct orr_tensor *bias;     /* (n) is added to every row; NULL: none */
    const struct orr_tensor *before;   /* (m, n) gets the value before the activation; NULL: not wanted */
    uint32_t activation;               /* ORR_OP_SILU, ORR_OP_GELU or 0 */
    uint32_t slope;                    /* ORR_OP_SILU_GRAD, ORR_OP_GELU_GRAD or 0: times the slope at `at` */
    const struct orr_tensor *at;       /* (m, n); only with slope */
    const struct orr_tensor *residual; /* (m, n), added last; may be the result; NULL: none. Of fewer rows, by which m
                                          divides: they repeat */
    const struct orr_tensor *sums;     /* (n) := column sums of the second operand as (k, n); NULL: none */
};

/* Queue a MATMUL or LINEAR call, then `more` of it (NULL: nothing). The bias of a LINEAR call is added besides. Batched
 * products take no sums. `at`, `before` and `residual` may be the result, or each other, or overlap in nothing. */
ORR_CHECKED orr_status opencl_product(struct orr_device *dev, const struct orr_call *call,
                                      const struct opencl_epilogue *more, struct orr_error *err);

/* Would opencl_product do all of it in the launches of the product itself? Pure. */
bool opencl_product_takes(const struct orr_device *dev, const struct orr_call *call,
                          const struct opencl_epilogue *more);

enum opencl_provider { OPENCL_OWN, OPENCL_CLBLAST, OPENCL_PROVIDERS };

/* Since the device was opened. A call of a program counts once, when the program is prepared. */
struct opencl_product_tally {
    uint64_t products, multiply_adds;
};

extern const char *const opencl_provider_names[OPENCL_PROVIDERS];
const struct opencl_product_tally *opencl_product_tally(const struct orr_device *dev);

/* So many products, of so many multiply-adds together, were queued; or are one execution of what is being recorded. */
void opencl_product_count(struct orr_device *dev, enum opencl_provider by, uint64_t products, uint64_t multiply_adds);

/* --- between product files --------------------------------------------------------------------------------------- */

/* y (count, m, n) := a (count, m, k) times b (count, k, n), then `more`; a is given as (k, m) when ta, b as (n, k) when
 * tb. No dim is 0. */
struct product {
    uint64_t count, m, n, k;
    bool ta, tb;
    const struct orr_tensor *a, *b, *y;
    struct opencl_epilogue more;
};

/* Multiply-adds of one launch, as a multiple of launch_work: they cost much less than other visits. */
enum { PRODUCT_WORK = 8 };

/* By the own kernels. */
ORR_CHECKED orr_status opencl_product_own(struct orr_device *dev, const struct product *p, struct orr_error *err);

/* By CLBlast; what it fails with is its own and no reason to stop. */
ORR_CHECKED orr_status opencl_product_clblast(struct orr_device *dev, const struct product *p, struct orr_error *err);

/* One product of this shape now, of whatever lies in scratch: CLBlast compiles what it needs, or fails. */
ORR_CHECKED orr_status opencl_product_clblast_try(struct orr_device *dev, const struct product *p,
                                                  struct orr_error *err);

/* y := the sum of params->chunks chunks at params->a of `chunks`, finished as params->with says; sums are left out. */
ORR_CHECKED orr_status opencl_product_finish(struct orr_device *dev, const struct product *p,
                                             const struct params_product *params, cl_mem chunks, struct orr_error *err);

/* The parameters that follow from shapes, places and epilogue, for one chunk. */
struct params_product opencl_product_params(const struct product *p);

/* Fills in the buffers of the epilogue from launch->buffer[first] on: bias, residual, before, at, sums. Those that are
 * not wanted are y's. */
void opencl_product_places(const struct product *p, struct opencl_launch *launch, int first);

/* Reads ORRERY_GEMM and finds CLBlast where it is wanted, when the device is opened and closed. */
struct opencl_products;
ORR_CHECKED orr_status opencl_products_open(struct orr_device *dev, struct orr_error *err);
void opencl_products_close(struct orr_device *dev); /* logs the tally */

#endif
