/* The calls of a program as steps, and the order in which the rules of fusion are tried. */
#include "fuse.h"

orr_status opencl_plan_create(const struct orr_call *const *calls, size_t n, struct orr_buffer *constants,
                              struct opencl_plan *plan, struct orr_error *err)
{
    const size_t bytes = n * sizeof *plan->step;
    *plan = (struct opencl_plan){.count = n, .constants = constants};
    plan->step = opencl_host->alloc(bytes ? bytes : 1, 64);
    if (!plan->step) return OPENCL_FAIL(err, ORR_ENOMEM, "out of memory: a program of %zu calls", n);
    for (size_t i = 0; i < n; ++i)
        plan->step[i] = (struct opencl_step){.call = *calls[i], .first = i};
    return ORR_OK;
}

bool opencl_unite(struct opencl_plan *plan, size_t from, size_t to, const struct opencl_step *both)
{
    size_t place;
    if (!opencl_can_meet(plan, from, to, &place)) return false;
    const size_t first[] = {plan->step[from].first, plan->step[to].first};
    plan->step[from].done = plan->step[to].done = true;
    plan->step[place] = *both;
    plan->step[place].done = false;
    plan->step[place].first = first[0] < first[1] ? first[0] : first[1];
    return true;
}

void opencl_plan_fuse(const struct orr_device *dev, struct opencl_plan *plan)
{
    for (size_t i = 0; i < plan->count; ++i)
        while (!plan->step[i].done && (opencl_fuse_result(dev, plan, i) || opencl_fuse_repeat(dev, plan, i) ||
                                       opencl_fuse_sums(dev, plan, i) || opencl_fuse_index(plan, i)))
            ;
    opencl_fuse_constants(dev, plan);
}
