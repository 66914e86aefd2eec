/* Sums into rows chosen by index, and rows with a single one: the inverse of gather, and its matrix. */
#include "index.h"
#include "template.h"

/* table (rows, ...), index (any dims, i32), update -> out: the table, and to rows index[k] + j (j below i[0], at least
 * 1) is added row k * i[0] + j of update, in that order, in double; index -1 is skipped. Errors: ORR_EINVAL for an
 * index out of range. */
KERNEL(SCATTER_ADD)
{
    const struct orr_tensor *table = &call->in[0], *index = &call->in[1];
    const int64_t run = reference_index_run(call), count = reference_count(index);
    const int64_t block = run * reference_span(table, 1, table->rank), total = reference_count(table);
    const orr_status status = reference_index_check(call, index, table->dim[0] - run, err);
    if (status != ORR_OK) return status;
    double *sum = reference_scratch(dev, total, err);
    if (!sum) return ORR_ENOMEM;
    const element *source = reference_data(table), *update = reference_data(&call->in[2]);
    const int32_t *at = reference_data(index);
    element *out = reference_data(&call->out[0]);
    for (int64_t i = 0; i < total; ++i)
        sum[i] = (double)source[i];
    for (int64_t k = 0; k < count; ++k) {
        if (at[k] == -1) continue;
        double *target = sum + at[k] * (block / run);
        for (int64_t j = 0; j < block; ++j)
            target[j] += (double)update[k * block + j];
    }
    for (int64_t i = 0; i < total; ++i)
        out[i] = (element)sum[i];
    return ORR_OK;
}

/* index (any dims, i32) -> out (.., i[0]): 1 at the index of each row, 0 elsewhere; index -1 gives zeros. Errors:
 * ORR_EINVAL for an index out of range. */
KERNEL(ONE_HOT)
{
    const struct orr_tensor *index = &call->in[0];
    const int64_t width = call->attr.i[0], rows = reference_count(index);
    const orr_status status = reference_index_check(call, index, width - 1, err);
    if (status != ORR_OK) return status;
    const int32_t *at = reference_data(index);
    element *out = reference_data(&call->out[0]);
    for (int64_t row = 0; row < rows; ++row)
        for (int64_t j = 0; j < width; ++j)
            out[row * width + j] = j == at[row] ? 1 : 0;
    return ORR_OK;
}
