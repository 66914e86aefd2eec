/* What steps read and write, and so in which order they may be done. In: steps whose tensors have buffers; two storages
 * may lie on the same bytes of a buffer, one after the other. */
#include "fuse.h"

struct opencl_accesses opencl_accesses_of(const struct opencl_step *step)
{
    struct opencl_accesses a = {.n_in = 0};
    for (uint32_t k = 0; k < step->call.n_in; ++k)
        a.in[a.n_in++] = &step->call.in[k];
    for (uint32_t k = 0; k < step->call.n_out; ++k)
        a.out[a.n_out++] = &step->call.out[k];
    if (step->at.buffer) a.in[a.n_in++] = &step->at;
    if (step->residual.buffer) a.in[a.n_in++] = &step->residual;
    if (step->before.buffer) a.out[a.n_out++] = &step->before;
    if (step->sums.buffer) a.out[a.n_out++] = &step->sums;
    return a;
}

uint64_t opencl_bytes(const struct orr_tensor *t) { return (uint64_t)orr_tensor_elements(t) * 4; }

bool opencl_overlap(const struct orr_tensor *a, const struct orr_tensor *b)
{
    return a->buffer == b->buffer && a->offset < b->offset + opencl_bytes(b) && b->offset < a->offset + opencl_bytes(a);
}

bool opencl_same_place(const struct orr_tensor *a, const struct orr_tensor *b)
{
    return a->buffer == b->buffer && a->offset == b->offset && opencl_bytes(a) == opencl_bytes(b);
}

static bool any_overlap(const struct orr_tensor *const *a, size_t n_a, const struct orr_tensor *const *b, size_t n_b)
{
    for (size_t i = 0; i < n_a; ++i)
        for (size_t j = 0; j < n_b; ++j)
            if (opencl_overlap(a[i], b[j])) return true;
    return false;
}

/* What is read element by element, just before the result of the step is written there. */
static bool in_place(const struct opencl_step *step, const struct orr_tensor *in, const struct orr_tensor *out)
{
    return (in == &step->at || in == &step->residual) && out == &step->call.out[0] && opencl_same_place(in, out);
}

bool opencl_apart(const struct opencl_step *step)
{
    const struct opencl_accesses a = opencl_accesses_of(step);
    for (size_t i = 0; i < a.n_out; ++i) {
        if (any_overlap(&a.out[i], 1, a.out + i + 1, a.n_out - i - 1)) return false;
        for (size_t k = 0; k < a.n_in; ++k)
            if (opencl_overlap(a.out[i], a.in[k]) && !in_place(step, a.in[k], a.out[i])) return false;
    }
    return true;
}

/* Must a stay before (or after) b? */
static bool ordered(const struct opencl_step *a, const struct opencl_step *b)
{
    const struct opencl_accesses x = opencl_accesses_of(a), y = opencl_accesses_of(b);
    return any_overlap(x.out, x.n_out, y.out, y.n_out) || any_overlap(x.out, x.n_out, y.in, y.n_in) ||
           any_overlap(x.in, x.n_in, y.out, y.n_out);
}

static bool can_pass(const struct opencl_plan *plan, size_t mover, size_t from, size_t to)
{
    for (size_t i = from; i < to; ++i)
        if (!plan->step[i].done && ordered(&plan->step[mover], &plan->step[i])) return false;
    return true;
}

bool opencl_can_meet(const struct opencl_plan *plan, size_t from, size_t to, size_t *place)
{
    *place = to;
    if (can_pass(plan, from, from + 1, to)) return true;
    *place = from;
    return can_pass(plan, to, from + 1, to);
}

/* Storages tell apart what lies on the same bytes one after the other; what is kept has its bytes for itself. */
static bool same_value(const struct orr_tensor *a, const struct orr_tensor *b)
{
    return opencl_overlap(a, b) && (a->storage == b->storage || (b->flags & ORR_KEPT));
}

bool opencl_reads(const struct opencl_step *step, const struct orr_tensor *t)
{
    const struct opencl_accesses a = opencl_accesses_of(step);
    for (size_t i = 0; i < a.n_in; ++i)
        if (same_value(t, a.in[i])) return true;
    return false;
}

bool opencl_writes(const struct opencl_step *step, const struct orr_tensor *t)
{
    const struct opencl_accesses a = opencl_accesses_of(step);
    for (size_t i = 0; i < a.n_out; ++i)
        if (same_value(t, a.out[i])) return true;
    return false;
}

bool opencl_overwrites(const struct opencl_step *step, const struct orr_tensor *t)
{
    const struct opencl_accesses a = opencl_accesses_of(step);
    for (size_t i = 0; i < a.n_out; ++i)
        if (a.out[i]->storage == t->storage && opencl_same_place(a.out[i], t)) return true;
    return false;
}

bool opencl_kept(const struct opencl_plan *plan, const struct orr_tensor *t)
{
    for (size_t i = 0; i < plan->count; ++i) {
        const struct opencl_accesses a = opencl_accesses_of(&plan->step[i]);
        for (size_t k = 0; k < a.n_in + a.n_out; ++k) {
            const struct orr_tensor *other = k < a.n_in ? a.in[k] : a.out[k - a.n_in];
            if ((other->flags & ORR_KEPT) && opencl_overlap(t, other)) return true;
        }
    }
    return false;
}

bool opencl_wanted(const struct opencl_plan *plan, const struct orr_tensor *t, size_t writer, size_t reader)
{
    if ((t->flags & ORR_KEPT) || opencl_kept(plan, t)) return true;
    for (size_t i = writer + 1; i < plan->count; ++i) {
        if (plan->step[i].done) continue;
        if (i != reader && opencl_reads(&plan->step[i], t)) return true;
        if (opencl_overwrites(&plan->step[i], t)) return false;
    }
    return false;
}
