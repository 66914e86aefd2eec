/* Operations on whole rows of a table (rows, ..) chosen by index: gather, scatter-add, put, one-hot.
 *
 * Index -1 is a gap. Any other index out of range reads as NaN (i32: as -1) and writes nothing: never memory that is
 * not the table's.
 */
#include "kernel.h"

/* Consecutive rows an index stands for: i[0], where 0 means 1. */
static int64_t rows_of_index(const struct orr_call *call) { return call->attr.i[0] > 1 ? call->attr.i[0] : 1; }

static void fill_words(void *out, uint32_t value, int64_t n)
{
    for (int64_t i = 0; i < n; ++i)
        memcpy((char *)out + 4 * i, &value, 4);
}

/* table, index (any dims, i32) -> out: for each index, i[0] consecutive rows from there. */
static void gather(const struct cpu_job *job)
{
    const struct cpu_view *table = &job->in[0], *index = &job->in[1];
    const int64_t run = rows_of_index(job->call), width = cpu_span(table, 1, table->rank);
    const int64_t count = cpu_elements(index), last = table->dim[0] - run, bytes = 4 * run * width;
    const int32_t *at = index->data;
    const char *source = table->data;
    char *out = job->out[0].data;
    if (bytes == 0) return;
    for (int64_t k = 0; k < count; ++k, out += bytes) {
        if (at[k] >= 0 && at[k] <= last)
            memcpy(out, source + 4 * width * at[k], (size_t)bytes);
        else
            fill_words(out, at[k] == -1 ? 0 : table->dtype == ORR_I32 ? UINT32_MAX : 0x7FC00000u, run * width);
    }
}

/* sum[0, n) += x, and what rounding took away is added to lost: exact but for the rounding of lost (Knuth 1969). */
CPU_INLINE void add_row(float *restrict sum, float *restrict lost, const float *restrict x, int64_t n)
{
    for (int64_t j = 0; j < n; ++j) {
        const float a = sum[j], b = x[j], s = a + b, part = s - a;
        sum[j] = s;
        lost[j] += (a - (s - part)) + (b - part);
    }
}

/* table, index (any dims, i32), update -> out: the table, and to rows index[k] + j (j below i[0]) is added row
 * k i[0] + j of update, in that order. */
static void scatter_add(const struct cpu_job *job)
{
    const struct cpu_view *table = &job->in[0], *index = &job->in[1];
    const int64_t run = rows_of_index(job->call), width = cpu_span(table, 1, table->rank);
    const int64_t count = cpu_elements(index), last = table->dim[0] - run, total = cpu_elements(table);
    const int32_t *at = index->data;
    const float *update = job->in[2].data;
    float *out = job->out[0].data, *lost = job->scratch;
    if (total == 0) return;
    if (out != table->data) memcpy(out, table->data, (size_t)total * sizeof *out);
    memset(lost, 0, (size_t)total * sizeof *lost);
    for (int64_t k = 0; k < count; ++k)
        if (at[k] >= 0 && at[k] <= last)
            add_row(out + at[k] * width, lost + at[k] * width, update + k * run * width, run * width);
    for (int64_t i = 0; i < total; ++i)
        out[i] = lost[i] == lost[i] ? out[i] + lost[i] : out[i]; /* beside an infinity, what is lost is NaN */
}

static size_t scatter_add_scratch(const struct orr_call *call, int64_t groups, int64_t count)
{
    (void)groups, (void)count;
    return (size_t)orr_tensor_elements(&call->in[0]) * sizeof(float);
}

/* table, index (one i32), row -> out: the table with row (index mod rows, from 0 to rows - 1) replaced. In place, only
 * that row is written. */
static void put(const struct cpu_job *job)
{
    const struct cpu_view *table = &job->in[0];
    const int64_t rows = table->dim[0], bytes = 4 * cpu_span(table, 1, table->rank);
    const int32_t *index = job->in[1].data;
    char *out = job->out[0].data;
    if (rows * bytes == 0) return;
    if (out != table->data) memcpy(out, table->data, (size_t)(rows * bytes));
    memmove(out + (*index % rows + rows) % rows * bytes, job->in[2].data, (size_t)bytes);
}

/* index (any dims, i32) -> out (.., i[0]): 1 at the index of each row, 0 elsewhere. */
static void one_hot(const struct cpu_job *job)
{
    const int64_t width = job->call->attr.i[0], rows = cpu_elements(&job->in[0]);
    const int32_t *at = job->in[0].data;
    float *out = job->out[0].data;
    if (rows * width == 0) return;
    memset(out, 0, (size_t)(rows * width) * sizeof *out);
    for (int64_t i = 0; i < rows; ++i, out += width) {
        if (at[i] >= 0 && at[i] < width)
            out[at[i]] = 1.0f;
        else if (at[i] != -1)
            fill_words(out, 0x7FC00000u, width);
    }
}

const struct cpu_kernel CPU_KERNEL(GATHER) = {.run = gather};
const struct cpu_kernel CPU_KERNEL(SCATTER_ADD) = {.run = scatter_add, .scratch = scatter_add_scratch};
const struct cpu_kernel CPU_KERNEL(PUT) = {.run = put};
const struct cpu_kernel CPU_KERNEL(ONE_HOT) = {.run = one_hot};
