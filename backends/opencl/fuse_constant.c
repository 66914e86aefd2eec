/* Constants: a FILL whose result is only read is done once, in a buffer that belongs to the program. */
#include "fuse.h"

/* Larger ones stay where they are, in memory that others share. */
enum { LARGEST = 1 << 16 };

/* Is `fill` the only one that writes to its result, and does everybody who reads it read only that? */
static bool only_read(const struct opencl_plan *plan, size_t fill)
{
    const struct orr_tensor *t = &plan->step[fill].call.out[0];
    for (size_t i = 0; i < plan->count; ++i) {
        const struct opencl_step *step = &plan->step[i];
        if (step->done || i == fill) continue;
        if (opencl_writes(step, t)) return false;
        const struct opencl_accesses a = opencl_accesses_of(step);
        for (size_t k = 0; k < a.n_in; ++k)
            if (a.in[k]->storage == t->storage && opencl_overlap(a.in[k], t) &&
                (i < fill || a.in[k]->offset < t->offset ||
                 a.in[k]->offset + opencl_bytes(a.in[k]) > t->offset + opencl_bytes(t)))
                return false;
    }
    return true;
}

static void move(struct orr_tensor *t, const struct orr_tensor *from, const struct opencl_plan *plan, uint64_t to)
{
    if (t->buffer != from->buffer || t->storage != from->storage || !opencl_overlap(t, from)) return;
    t->offset = to + (t->offset - from->offset);
    t->buffer = plan->constants;
}

void opencl_fuse_constants(const struct orr_device *dev, struct opencl_plan *plan)
{
    for (size_t fill = 0; fill < plan->count; ++fill) {
        struct opencl_step *step = &plan->step[fill];
        const struct orr_tensor was = step->call.out[0];
        const uint64_t bytes = opencl_bytes(&was), at = plan->constant_bytes;
        if (step->done || step->call.op != ORR_OP_FILL || bytes == 0 || bytes > LARGEST) continue;
        if ((was.flags & ORR_KEPT) || opencl_kept(plan, &was) || !only_read(plan, fill)) continue;
        for (size_t i = 0; i < plan->count; ++i) {
            struct opencl_step *other = &plan->step[i];
            for (uint32_t k = 0; k < other->call.n_in; ++k)
                move(&other->call.in[k], &was, plan, at);
            if (other->at.buffer) move(&other->at, &was, plan, at);
            if (other->residual.buffer) move(&other->residual, &was, plan, at);
        }
        move(&step->call.out[0], &was, plan, at);
        step->constant = true;
        plan->constant_bytes = (at + bytes + dev->align - 1) / dev->align * dev->align;
    }
}
