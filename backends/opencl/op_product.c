/* Matrix products: the table of who can compute them, the rule that chooses, and what happens where the choice fails.
 */
#include "record.h"

#include <stdlib.h>
#include <string.h>

/* So many shapes that CLBlast was tried at are remembered; where one more fails, it is asked no more. */
enum { TRIED_MAX = 64 };

struct tried {
    uint64_t m, n, k;
    bool ta, tb, failed;
};

struct opencl_products {
    bool forced[OPENCL_PROVIDERS];
    bool clblast; /* it is here, and may be asked */
    uint32_t n_tried;
    struct tried tried[TRIED_MAX];
    struct opencl_product_tally tally[OPENCL_PROVIDERS];
};

typedef orr_status (*provider_function)(struct orr_device *dev, const struct product *p, struct orr_error *err);

const char *const opencl_provider_names[OPENCL_PROVIDERS] = {[OPENCL_OWN] = "own", [OPENCL_CLBLAST] = "clblast"};
static const provider_function providers[OPENCL_PROVIDERS] = {
    [OPENCL_OWN] = opencl_product_own, [OPENCL_CLBLAST] = opencl_product_clblast};

const struct opencl_product_tally *opencl_product_tally(const struct orr_device *dev) { return dev->products->tally; }

/* --- opening and closing ----------------------------------------------------------------------------------------- */

static orr_status read_forced(struct opencl_products *products, struct orr_error *err)
{
    const char *given = secure_getenv("ORRERY_GEMM");
    if (!given || !given[0]) return ORR_OK;
    for (int i = 0; i < OPENCL_PROVIDERS; ++i)
        if (strcmp(given, opencl_provider_names[i]) == 0) products->forced[i] = true;
    if (products->forced[OPENCL_OWN] || products->forced[OPENCL_CLBLAST]) return ORR_OK;
    return OPENCL_FAIL(err, ORR_EINVAL,
                       "ORRERY_GEMM is '%s': expected clblast or own, or nothing to let device and shape decide",
                       given);
}

/* CLBlast is not even loaded where the rule never asks for it. */
static orr_status find_clblast(struct orr_device *dev, struct orr_error *err)
{
    struct opencl_products *products = dev->products;
    struct orr_error missing = {.code = ORR_OK};
    if (products->forced[OPENCL_CLBLAST]) OPENCL_TRY(opencl_clblast_load(err));
    if (products->forced[OPENCL_OWN] || (!dev->variant.groups && !products->forced[OPENCL_CLBLAST])) return ORR_OK;
    products->clblast = opencl_clblast_load(&missing) == ORR_OK;
    if (!products->clblast)
        opencl_host->log(ORR_LOG_INFO, "opencl", "own kernels compute every product: %s", missing.text);
    return ORR_OK;
}

orr_status opencl_products_open(struct orr_device *dev, struct orr_error *err)
{
    dev->products = opencl_host->alloc(sizeof *dev->products, 64);
    if (!dev->products)
        return OPENCL_FAIL(err, ORR_ENOMEM, "out of memory: %zu bytes for the table of products",
                           sizeof *dev->products);
    memset(dev->products, 0, sizeof *dev->products);
    OPENCL_TRY(read_forced(dev->products, err));
    return find_clblast(dev, err);
}

void opencl_products_close(struct orr_device *dev)
{
    if (!dev->products) return;
    const struct opencl_product_tally *t = dev->products->tally;
    opencl_host->log(ORR_LOG_DEBUG, "opencl", "products: own %llu (%llu multiply-adds), clblast %llu (%llu)",
                     (unsigned long long)t[OPENCL_OWN].products, (unsigned long long)t[OPENCL_OWN].multiply_adds,
                     (unsigned long long)t[OPENCL_CLBLAST].products,
                     (unsigned long long)t[OPENCL_CLBLAST].multiply_adds);
    opencl_host->dealloc(dev->products);
}

/* --- who computes a product -------------------------------------------------------------------------------------- */

static bool same_shape(const struct tried *t, const struct product *p)
{
    return t->m == p->m && t->n == p->n && t->k == p->k;
}

static bool has_failed(const struct opencl_products *products, const struct product *p)
{
    for (uint32_t i = 0; i < products->n_tried; ++i)
        if (products->tried[i].failed && same_shape(&products->tried[i], p)) return true;
    return false;
}

static bool was_tried(const struct opencl_products *products, const struct product *p)
{
    for (uint32_t i = 0; i < products->n_tried; ++i) {
        const struct tried *t = &products->tried[i];
        if (same_shape(t, p) && t->ta == p->ta && t->tb == p->tb) return true;
    }
    return false;
}

static void remember(struct opencl_products *products, const struct product *p, bool failed)
{
    if (products->n_tried < TRIED_MAX)
        products->tried[products->n_tried++] = (struct tried){p->m, p->n, p->k, p->ta, p->tb, failed};
    else if (failed)
        products->clblast = false;
}

/* Do two tensors share memory? */
static bool overlap(const struct orr_tensor *a, const struct orr_tensor *b)
{
    return a->buffer == b->buffer && a->offset < b->offset + 4 * (uint64_t)opencl_count(b) &&
           b->offset < a->offset + 4 * (uint64_t)opencl_count(a);
}

/* CLBlast writes the result before the epilogue reads what it wants, and sums no columns. */
static bool clblast_can(const struct product *p)
{
    const struct opencl_epilogue *more = &p->more;
    if (more->sums || (more->residual && overlap(more->residual, p->y))) return false;
    return !more->slope || !overlap(more->at, p->y);
}

/* The rule. Processors: own kernels, many times as fast there as CLBlast at every shape measured. Everything else:
 * CLBlast where its tiles fill the device and the inner axis is long enough to pay for them, that is for single
 * products of 64 tiles of 64 x 64 and 128 inner elements or more; own kernels for small and for batched ones (CLBlast
 * would be a call for each) and for small results of a long inner axis, which CLBlast does not divide. */
static bool suits_clblast(const struct orr_device *dev, const struct product *p)
{
    return dev->variant.groups && p->count == 1 && p->m >= 64 && p->n >= 64 && p->k >= 128 &&
           p->m * p->n >= 64 * 64 * 64;
}

static enum opencl_provider choose(const struct orr_device *dev, const struct product *p)
{
    const struct opencl_products *products = dev->products;
    if (!products->clblast || has_failed(products, p) || !clblast_can(p)) return OPENCL_OWN;
    return products->forced[OPENCL_CLBLAST] || suits_clblast(dev, p) ? OPENCL_CLBLAST : OPENCL_OWN;
}

void opencl_product_count(struct orr_device *dev, enum opencl_provider by, uint64_t products, uint64_t multiply_adds)
{
    struct opencl_product_tally *tally = dev->recording ? dev->recording->products : dev->products->tally;
    tally[by].products += products;
    tally[by].multiply_adds += multiply_adds;
}

/* From now on the own kernels compute products of this shape, since CLBlast has failed at it as `why` says. */
static void demote(struct opencl_products *products, const struct product *p, const struct orr_error *why)
{
    opencl_host->log(
        ORR_LOG_WARN, "opencl",
        "CLBlast fails at products of (%llu, %llu) and (%llu, %llu), which own kernels compute instead: %s",
        (unsigned long long)p->m, (unsigned long long)p->k, (unsigned long long)p->k, (unsigned long long)p->n,
        why->text);
    remember(products, p, true);
}

/* Before the first step CLBlast is tried at each shape once, so that it compiles, or fails, then and not later. */
static orr_status multiply(struct orr_device *dev, const struct product *p, struct orr_error *err)
{
    struct opencl_products *const products = dev->products;
    enum opencl_provider chosen = choose(dev, p);
    orr_status status = ORR_OK;
    if (chosen == OPENCL_CLBLAST && dev->rehearsing && !was_tried(products, p)) {
        status = opencl_product_clblast_try(dev, p, err);
        if (status == ORR_OK) remember(products, p, false);
    }
    if (status == ORR_OK) status = providers[chosen](dev, p, err);
    if (status != ORR_OK && chosen == OPENCL_CLBLAST) {
        demote(products, p, err);
        chosen = OPENCL_OWN;
        status = opencl_product_own(dev, p, err);
    }
    if (status != ORR_OK || dev->rehearsing) return status;
    opencl_product_count(dev, chosen, 1, p->count * p->m * p->n * p->k);
    return ORR_OK;
}

/* --- calls ------------------------------------------------------------------------------------------------------- */

static struct product read_matmul(const struct orr_call *call)
{
    const struct orr_tensor *a = &call->in[0], *out = &call->out[0];
    const uint32_t rank = out->rank;
    const bool ta = call->attr.i[0] != 0, tb = call->attr.i[1] != 0;
    return (struct product){.count = (uint64_t)opencl_span(out, 0, rank - 2),
                            .m = (uint64_t)out->dim[rank - 2],
                            .n = (uint64_t)out->dim[rank - 1],
                            .k = (uint64_t)a->dim[rank - 1 - ta],
                            .ta = ta,
                            .tb = tb};
}

/* One product of (all rows, in), whatever the rank of x. */
static struct product read_linear(const struct orr_call *call)
{
    const struct orr_tensor *x = &call->in[0], *weight = &call->in[1];
    return (struct product){
        .count = 1, .m = (uint64_t)opencl_rows(x), .n = (uint64_t)weight->dim[1], .k = (uint64_t)weight->dim[0]};
}

/* The call as a product; its tensors are the call's and those of `more`. */
static struct product read_call(const struct orr_call *call, const struct opencl_epilogue *more)
{
    struct product p = call->op == ORR_OP_LINEAR ? read_linear(call) : read_matmul(call);
    p.a = &call->in[0];
    p.b = &call->in[1];
    p.y = &call->out[0];
    if (more) p.more = *more;
    if (call->op == ORR_OP_LINEAR) p.more.bias = &call->in[2];
    return p;
}

/* A sum of no terms is 0, to which the epilogue is applied. */
static orr_status multiply_nothing(struct orr_device *dev, const struct product *p, struct orr_error *err)
{
    const int count = (int)(p->count * p->m * p->n);
    const struct orr_tensor *sums = p->more.sums;
    struct product rest = *p;
    rest.more.sums = NULL;
    if (sums) OPENCL_TRY(opencl_fill(dev, sums->buffer->memory, opencl_first(sums), opencl_count(sums), 0, err));
    if (count == 0) return ORR_OK;
    cl_mem zeros;
    struct params_product params = opencl_product_params(&rest);
    OPENCL_TRY(opencl_scratch(dev, (uint64_t)count, &zeros, err));
    OPENCL_TRY(opencl_fill(dev, zeros, 0, count, 0, err));
    params.a = 0;
    return opencl_product_finish(dev, &rest, &params, zeros, err);
}

bool opencl_product_takes(const struct orr_device *dev, const struct orr_call *call, const struct opencl_epilogue *more)
{
    const struct product p = read_call(call, more);
    const struct params_product params = opencl_product_params(&p);
    if (more && more->bias && call->op == ORR_OP_LINEAR) return false; /* it has one */
    if (p.more.sums && p.count != 1) return false;
    if (choose(dev, &p) == OPENCL_OWN) return !dev->products->forced[OPENCL_CLBLAST] || clblast_can(&p);
    return !(params.with & PRODUCT_EPILOGUE);
}

orr_status opencl_product(struct orr_device *dev, const struct orr_call *call, const struct opencl_epilogue *more,
                          struct orr_error *err)
{
    const struct product p = read_call(call, more);
    if ((call->op != ORR_OP_MATMUL && call->op != ORR_OP_LINEAR) || (p.more.sums && p.count != 1) ||
        (more && more->bias && call->op == ORR_OP_LINEAR))
        return OPENCL_FAIL(err, ORR_EINVAL,
                           "no product, sums of a batched one, or a second bias: expected a matmul or "
                           "linear call and what opencl_product_takes");
    if (p.count * p.m * p.n * p.k == 0) return multiply_nothing(dev, &p, err);
    return multiply(dev, &p, err);
}

OPERATION(MATMUL) { return opencl_product(dev, call, NULL, err); }

OPERATION(LINEAR) { return opencl_product(dev, call, NULL, err); }
