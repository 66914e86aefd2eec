/* Sums and maxima over a work-group of GROUP items, by trees in local memory. Every item of the group calls them, and
 * all get the result; `part` has GROUP elements, free again on return. The host defines GROUP, a power of two. */
#ifndef KERNELS_GROUP_H
#define KERNELS_GROUP_H

#define GROUP_KERNEL kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void
/* Which group, counted over all launches that a large one is divided into, and which item of it. */
#define GROUP_NUMBER ((int)(get_global_id(0) / GROUP))
#define MEMBER       ((int)get_local_id(0))

static float group_sum(float x, local float *part)
{
    part[MEMBER] = x;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int reach = GROUP / 2; reach > 0; reach /= 2) {
        if (MEMBER < reach) part[MEMBER] += part[MEMBER + reach];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    const float all = part[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return all;
}

/* NaN when any is. */
static float group_max(float x, local float *part)
{
    part[MEMBER] = x;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int reach = GROUP / 2; reach > 0; reach /= 2) {
        if (MEMBER < reach) {
            const float a = part[MEMBER], b = part[MEMBER + reach];
            part[MEMBER] = a > b || a != a ? a : b;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    const float most = part[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return most;
}

/* for (j = this item's first; j < n; j += GROUP) */
#define SHARE(j, n) for (int j = MEMBER; j < (n); j += GROUP)

#endif
