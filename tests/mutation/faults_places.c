/* Faults that show only beyond a size, at an offset, in a program, or the second time. */
#include "faulty.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t width_of(const struct orr_tensor *t) { return t->rank ? t->dim[t->rank - 1] : 1; }

static int64_t rows_of(const struct orr_tensor *t) { return width_of(t) ? reference_count(t) / width_of(t) : 0; }

/* --- beyond a size ------------------------------------------------------------------------------- */

FAULTY_RUN(sum_last_row)
{
    const struct orr_tensor *x = &call->in[0];
    const uint32_t axis = (uint32_t)call->attr.i[0];
    const int64_t length = x->dim[axis], inner = reference_span(x, axis + 1, x->rank);
    const orr_status status = faulty_real_run(dev, call, err);
    for (int64_t i = 0; length > 256 && i < faulty_count(call); ++i)
        faulty_out(call, 0)[i] -= faulty_in(call, 0)[(i / inner * length + length - 1) * inner + i % inner];
    return status;
}

FAULTY_RUN(attention_long)
{
    struct orr_call wrong = *call;
    if (call->in[0].dim[1] > 64 && (!call->attr.i[1] || call->attr.i[1] > 64)) wrong.attr.i[1] = 64;
    return faulty_real_run(dev, &wrong, err);
}

FAULTY_RUN(attention_later_sequences)
{
    const int64_t batch = call->in[0].dim[0];
    struct orr_call wrong = *call;
    orr_status status = faulty_real_run(dev, call, err);
    if (batch < 2) return status;
    wrong.attr.i[0] = wrong.attr.i[1] = 0;
    struct orr_tensor *part[3] = {&wrong.in[0], &wrong.out[0], &wrong.out[1]};
    for (int k = 0; k < 3; ++k) {
        part[k]->dim[0] = 1;
        part[k]->offset += (uint64_t)reference_count(part[k]) * sizeof(float);
        part[k]->dim[0] = batch - 1;
    }
    if (status == ORR_OK) status = faulty_real_run(dev, &wrong, err);
    return status;
}

FAULTY_RUN(permute_partial_tile)
{
    enum { TILE = 32 };
    const int64_t width = width_of(&call->out[0]), whole = width / TILE * TILE, count = faulty_count(call);
    float *kept = malloc((size_t)count * sizeof(float) + 1);
    if (!kept) return ORR_ENOMEM;
    memcpy(kept, faulty_out(call, 0), (size_t)count * sizeof(float));
    const orr_status status = faulty_real_run(dev, call, err);
    for (int64_t i = 0; whole && i < count; ++i)
        if (i % width >= whole) faulty_out(call, 0)[i] = kept[i];
    free(kept);
    return status;
}

FAULTY_RUN(random_normal_index)
{
    enum { PERIOD = 1024 };
    const orr_status status = faulty_real_run(dev, call, err);
    for (int64_t i = PERIOD; i < faulty_count(call); ++i)
        faulty_out(call, 0)[i] = faulty_out(call, 0)[i % PERIOD];
    return status;
}

FAULTY_RUN(linear_depth)
{
    const int64_t depth = width_of(&call->in[0]), columns = width_of(&call->out[0]);
    const orr_status status = faulty_real_run(dev, call, err);
    for (int64_t i = 0; i < faulty_count(call); ++i)
        for (int64_t k = 32; k < depth; ++k)
            faulty_out(call, 0)[i] -=
                faulty_in(call, 0)[i / columns * depth + k] * faulty_in(call, 1)[k * columns + i % columns];
    return status;
}

FAULTY_RUN(mse_large)
{
    const orr_status status = faulty_real_run(dev, call, err);
    const int64_t count = reference_count(&call->in[0]);
    if (count > 65535) faulty_out(call, 0)[0] *= (float)count / 65535.0F;
    return status;
}

/* --- the second time ----------------------------------------------------------------------------- */

FAULTY_RUN(layernorm_grad_stale)
{
    enum { WIDEST = 4096 };
    static _Thread_local float left[WIDEST];
    static _Thread_local int64_t n_left;
    const int64_t width = width_of(&call->in[1]);
    const orr_status status = faulty_real_run(dev, call, err);
    if (width > WIDEST) return status;
    float *dbias = faulty_out(call, 2);
    for (int64_t j = 0; j < width; ++j) {
        const float before = n_left == width ? left[j] : 0.0F;
        left[j] = dbias[j];
        dbias[j] += before;
    }
    n_left = width;
    return status;
}

/* --- in place, at an offset ---------------------------------------------------------------------- */

FAULTY_RUN(mul_in_place_prepared)
{
    return faulty_in_program && faulty_out(call, 0) == faulty_in(call, 0) ? ORR_OK : faulty_real_run(dev, call, err);
}

FAULTY_RUN(gelu_unaligned)
{
    struct orr_call wrong = *call;
    if (faulty_out(call, 0) != faulty_in(call, 0)) wrong.in[0].offset &= ~UINT64_C(15);
    return faulty_real_run(dev, &wrong, err);
}

FAULTY_RUN(sub_offset)
{
    struct orr_call wrong = *call;
    wrong.out[0].offset = 0;
    const orr_status status = faulty_real_run(dev, &wrong, err);
    return status == ORR_OK ? ORR_OK : faulty_real_run(dev, call, err);
}

/* --- some operands ------------------------------------------------------------------------------- */

FAULTY_RUN(gather_gap_last)
{
    int32_t *index = reference_data(&call->in[1]);
    const int64_t n = reference_count(&call->in[1]);
    if (!n || index[n - 1] != -1) return faulty_real_run(dev, call, err);
    index[n - 1] = 0;
    const orr_status status = faulty_real_run(dev, call, err);
    index[n - 1] = -1;
    return status;
}

FAULTY_RUN(scatter_add_span)
{
    const int64_t span = call->attr.i[0] > 1 ? call->attr.i[0] : 1,
                  width = reference_span(&call->in[0], 1, call->in[0].rank);
    const int32_t *index = reference_data(&call->in[1]);
    const orr_status status = faulty_real_run(dev, call, err);
    for (int64_t k = 0; k < reference_count(&call->in[1]); ++k)
        for (int64_t j = width; index[k] >= 0 && j < span * width; ++j)
            faulty_out(call, 0)[index[k] * width + j] -= faulty_in(call, 2)[k * span * width + j];
    return status;
}

/* The only operation here whose numbers are whole: called for i32 alone (faulty.c). */
FAULTY_RUN(slice_whole)
{
    const orr_status status = faulty_real_run(dev, call, err);
    int32_t *out = reference_data(&call->out[0]);
    for (int64_t i = 0; i < faulty_count(call); ++i)
        out[i] = (int32_t)(float)out[i];
    return status;
}

FAULTY_RUN(cast_wraps)
{
    const orr_status status = faulty_real_run(dev, call, err);
    if (call->out[0].dtype != ORR_I32 || call->in[0].dtype != ORR_F32) return status;
    int32_t *out = reference_data(&call->out[0]);
    for (int64_t i = 0; i < faulty_count(call); ++i) {
        const float x = faulty_in(call, 0)[i];
        if (fabsf(x) < 0x1p62F) out[i] = (int32_t)((uint64_t)(int64_t)x & UINT32_MAX);
    }
    return status;
}

FAULTY_RUN(step_flushes)
{
    const orr_status status = faulty_real_run(dev, call, err);
    for (int64_t i = 0; i < faulty_count(call) && faulty_out(call, 0) != faulty_in(call, 0); ++i)
        if (fabsf(faulty_in(call, 0)[i]) < FLT_MIN) faulty_out(call, 0)[i] = 0.0F;
    return status;
}

FAULTY_RUN(layernorm_unwritten)
{
    const int64_t last = rows_of(&call->in[0]) - 1;
    if (last < 0) return faulty_real_run(dev, call, err);
    const float mean = faulty_out(call, 1)[last], rstd = faulty_out(call, 2)[last];
    const orr_status status = faulty_real_run(dev, call, err);
    faulty_out(call, 1)[last] = mean;
    faulty_out(call, 2)[last] = rstd;
    return status;
}

FAULTY_RUN(adamw_schedule)
{
    float *row = faulty_in(call, 4);
    const float first = row[1], second = row[2];
    row[1] = second;
    row[2] = first;
    const orr_status status = faulty_real_run(dev, call, err);
    row[1] = first;
    row[2] = second;
    return status;
}
