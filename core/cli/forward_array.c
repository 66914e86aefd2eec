/* Reading a batch for `orrery forward`.
 *
 * In: a .npy file, the model it is for. Out: its numbers in double or its tokens in i32, every one checked. */
#include "cli/forward_array.h"

#include "base/memory.h"
#include "io/npy.h"

#include <inttypes.h>
#include <math.h>

struct reading {
    const char *path;
    const struct orr_model *model;
    bool target;
    const struct orr_array *array;
    struct orr_forward_array *out;
    struct orr_error *err;
};

static bool is_whole(const struct orr_array *a) { return a->dtype == ORR_NPY_I32 || a->dtype == ORR_NPY_I64; }

static orr_status check_shape(const struct reading *r)
{
    const struct orr_array *a = r->array;
    const int64_t columns = r->target ? r->model->n_output : r->model->n_input;
    const bool tokens = r->model->vocab_size > 0, bare = tokens && columns == 1 && a->rank == 2;
    if (is_whole(a) != tokens)
        return orr_fail(r->err, ORR_EINVAL, "%s: holds %s, but the model is one of %s", r->path,
                        tokens ? "real numbers" : "whole numbers",
                        tokens ? "tokens: integers were expected" : "numbers: float32 or float64 was expected");
    if (!bare && (a->rank != 3 || a->dim[2] != columns))
        return orr_fail(r->err, ORR_EINVAL,
                        "%s: has %u dimensions, the last of %" PRId64 "; (batch, time, %" PRId64 ")%s was expected",
                        r->path, (unsigned)a->rank, a->rank ? a->dim[a->rank - 1] : 0, columns,
                        tokens && columns == 1 ? " or (batch, time)" : "");
    if (a->dim[0] < 1 || a->dim[1] < 1 || a->dim[0] > INT32_MAX || a->dim[1] > r->model->block_size)
        return orr_fail(r->err, ORR_EINVAL,
                        "%s: batch %" PRId64 " and time %" PRId64
                        ": at least 1 of each was expected, and no more time than the model's block_size, %" PRId64,
                        r->path, a->dim[0], a->dim[1], r->model->block_size);
    *r->out = (struct orr_forward_array){.dim = {a->dim[0], a->dim[1], columns}, .bare = bare};
    r->out->elements = (size_t)(a->dim[0] * a->dim[1] * columns);
    return ORR_OK;
}

static orr_status read_numbers(const struct reading *r)
{
    const size_t n = r->out->elements;
    double *to = r->out->number = orr_memory_array(n, sizeof *to);
    if (!to) return orr_memory_out(r->err, r->path, n * sizeof *to);
    for (size_t i = 0; i < n; ++i) {
        const bool wide = r->array->dtype == ORR_NPY_F64;
        to[i] = wide ? ((const double *)r->array->data)[i] : (double)((const float *)r->array->data)[i];
        if (!isfinite(to[i]))
            return orr_fail(r->err, ORR_EINVAL, "%s: element %zu is %g: finite numbers were expected", r->path, i,
                            to[i]);
    }
    return ORR_OK;
}

static orr_status read_tokens(const struct reading *r)
{
    const size_t n = r->out->elements;
    const int64_t least = r->target ? -1 : 0;
    size_t counted = 0;
    int32_t *to = r->out->token = orr_memory_array(n, sizeof *to);
    if (!to) return orr_memory_out(r->err, r->path, n * sizeof *to);
    for (size_t i = 0; i < n; ++i) {
        const bool wide = r->array->dtype == ORR_NPY_I64;
        const int64_t token = wide ? ((const int64_t *)r->array->data)[i] : ((const int32_t *)r->array->data)[i];
        if (token < least || token >= r->model->vocab_size)
            return orr_fail(r->err, ORR_EINVAL,
                            "%s: element %zu is %" PRId64 ": tokens 0 to %" PRId64 "%s were expected", r->path, i,
                            token, r->model->vocab_size - 1, r->target ? ", or -1 to be ignored," : "");
        to[i] = (int32_t)token;
        counted += token >= 0;
    }
    if (counted == 0) return orr_fail(r->err, ORR_EINVAL, "%s: every target is -1: there is no loss", r->path);
    return ORR_OK;
}

orr_status orr_forward_array_read(const char *path, const struct orr_model *model, bool target,
                                  struct orr_forward_array *out, struct orr_error *err)
{
    struct orr_array array;
    *out = (struct orr_forward_array){.number = NULL};
    orr_status status = orr_npy_read(path, &array, err);
    if (status == ORR_EIO) status = err->code = ORR_EINVAL;
    ORR_TRY(status);
    const struct reading r = {path, model, target, &array, out, err};
    status = check_shape(&r);
    if (status == ORR_OK) status = model->vocab_size ? read_tokens(&r) : read_numbers(&r);
    orr_array_fini(&array);
    if (status != ORR_OK) orr_forward_array_fini(out);
    return status;
}

void orr_forward_array_fini(struct orr_forward_array *array)
{
    orr_memory_free(array->number);
    orr_memory_free(array->token);
    *array = (struct orr_forward_array){.number = NULL};
}
