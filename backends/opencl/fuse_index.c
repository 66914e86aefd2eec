/* Indices to which a constant is added on their way to a GATHER: the GATHER adds it. */
#include "fuse.h"

/* The step before i that made the whole value t by a FILL; i for none. */
static size_t fill_of(const struct opencl_plan *plan, size_t i, const struct orr_tensor *t)
{
    for (size_t j = i; j-- > 0;) {
        const struct opencl_step *step = &plan->step[j];
        if (step->done) continue;
        if (step->call.op == ORR_OP_FILL && opencl_overwrites(step, t)) return j;
        /* Also another storage on the same bytes. */
        const struct opencl_accesses a = opencl_accesses_of(step);
        for (size_t k = 0; k < a.n_out; ++k)
            if (opencl_overlap(a.out[k], t)) return i;
    }
    return i;
}

/* The only step after i that wants its result, if that is a GATHER by it; 0 for none. */
static size_t gather_by(const struct opencl_plan *plan, size_t i)
{
    const struct orr_tensor *index = &plan->step[i].call.out[0];
    for (size_t j = i + 1; j < plan->count; ++j) {
        const struct opencl_step *step = &plan->step[j];
        if (step->done || !opencl_reads(step, index)) continue;
        const bool by = step->call.op == ORR_OP_GATHER && !step->shift && opencl_same_place(&step->call.in[1], index) &&
                        !opencl_overlap(&step->call.in[0], index);
        return by && !opencl_wanted(plan, index, i, j) ? j : 0;
    }
    return 0;
}

bool opencl_fuse_index(struct opencl_plan *plan, size_t i)
{
    const struct orr_call *add = &plan->step[i].call;
    if (add->op != ORR_OP_ADD || add->out[0].dtype != ORR_I32) return false;
    const size_t gather = gather_by(plan, i);
    for (int k = 0; gather && k < 2; ++k) {
        const size_t fill = fill_of(plan, i, &add->in[k]);
        if (fill == i) continue;
        const struct orr_tensor *other = &add->in[1 - k];
        const struct orr_tensor constant = plan->step[fill].call.out[0];
        struct opencl_step both = plan->step[gather];
        both.shift = opencl_fill_word(plan->step[fill].call.attr.f[0], ORR_I32);
        both.call.in[1].buffer = other->buffer;
        both.call.in[1].offset = other->offset;
        both.call.in[1].storage = other->storage;
        both.call.in[1].storage_bytes = other->storage_bytes;
        both.call.in[1].flags = other->flags;
        if (!both.shift || !opencl_apart(&both) || !opencl_unite(plan, i, gather, &both)) continue;
        if (!opencl_wanted(plan, &constant, fill, fill)) plan->step[fill].done = true;
        return true;
    }
    return false;
}
