/* Operations on whole rows of a table (rows, ...) chosen by index: gather, put. Also compiled for i32. */
#include "index.h"
#include "template.h"

#include <string.h>

/* table (rows, ...), index (any dims, i32) -> out: for each index, i[0] (at least 1) consecutive rows from there; index
 * -1 gives zeros. out holds its rows in the order of the indices. Errors: ORR_EINVAL for an index out of range. */
KERNEL(GATHER)
{
    const struct orr_tensor *table = &call->in[0], *index = &call->in[1];
    const int64_t run = reference_index_run(call), count = reference_count(index);
    const int64_t block = run * reference_span(table, 1, table->rank);
    const orr_status status = reference_index_check(call, index, table->dim[0] - run, err);
    if (status != ORR_OK || block == 0) return status;
    const element *source = reference_data(table);
    const int32_t *at = reference_data(index);
    element *out = reference_data(&call->out[0]);
    for (int64_t k = 0; k < count; ++k) {
        element *target = out + k * block;
        if (at[k] == -1) {
            for (int64_t j = 0; j < block; ++j)
                target[j] = 0;
        } else {
            memcpy(target, source + at[k] * (block / run), (size_t)block * sizeof(element));
        }
    }
    return ORR_OK;
}

/* table (rows, ...), index (one i32), row -> out: the table with row (index mod rows, from 0 to rows - 1) replaced. In
 * place, only that row is written. */
KERNEL(PUT)
{
    const struct orr_tensor *table = &call->in[0], *out = &call->out[0];
    const int64_t rows = table->dim[0], width = reference_span(table, 1, table->rank);
    const int32_t *index = reference_data(&call->in[1]);
    const int64_t row = (*index % rows + rows) % rows;
    if (width == 0) return ORR_OK;
    const element *source = reference_data(table);
    element *target = reference_data(out);
    if (target != source) memcpy(target, source, (size_t)(rows * width) * sizeof(element));
    memmove(target + row * width, reference_data(&call->in[2]), (size_t)width * sizeof(element));
    return ORR_OK;
}
