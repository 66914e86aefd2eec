/* Walking the phases of a program: every thread takes tickets until there are none, then meets the others.
 *
 * A slot is worked off by one thread, slice by slice in order, and sums are added in the order of slots: so the number
 * of threads decides who computes what, but not what is computed. */
#include "execute.h"

#include <string.h>
#include <time.h>

struct execution {
    struct orr_device *dev;
    struct cpu_program *program;
};

/* Where a thread works. */
struct site {
    struct cpu_program *program;
    uint32_t thread;
    double *seconds; /* of each call; NULL: time is not kept */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- one kernel ----------------------------------------------------------------------------------------------------
 */

/* A part of a call: some groups of a segment, or everything. */
struct part {
    int64_t groups, group, count;
    unsigned char *thread, *slot;
    void *scratch;
    bool add;
};

static void fill_job(const struct cpu_step *step, const struct part *part, struct cpu_job *job)
{
    const struct cpu_item *item = step->item;
    unsigned char *const base[] = {[CPU_THREAD] = part->thread, [CPU_SLOT] = part->slot};
    *job = (struct cpu_job){.call = &item->call,
                            .groups = part->groups,
                            .group = part->group,
                            .count = part->count,
                            .scratch = part->scratch,
                            .after = {.activation = item->activation, .slope = item->slope}};
    memcpy(job->packed, step->packed, sizeof job->packed);
    for (uint32_t i = 0; i < step->n_bound; ++i) {
        const struct cpu_bound *bound = &step->bound[i];
        struct cpu_view v = bound->view;
        v.data = bound->base == CPU_MEMORY ? (unsigned char *)v.data + bound->stride * (size_t)part->group
                                           : base[bound->base] + bound->offset;
        if (bound->sliced) v.dim[0] *= part->count;
        switch (bound->operand) {
        case CPU_BEFORE:
            job->after.before = v.data;
            break;
        case CPU_AT:
            job->after.at = v.data;
            break;
        case CPU_RESIDUAL:
            job->after.residual = v.data;
            break;
        default:
            if (bound->operand < CPU_OUT) {
                job->in[bound->operand] = v;
                break;
            }
            job->out[bound->operand - CPU_OUT] = v;
            /* A sliced result takes the place of that of the slice before. */
            job->add |= part->add && !bound->sliced;
        }
    }
}

static void run_step(const struct site *site, const struct cpu_step *step, const struct part *part, uint32_t used)
{
    struct cpu_job job;
    const double start = site->seconds ? now() : 0;
    fill_job(step, part, &job);
    step->kernel->run(&job);
    if (site->seconds) site->seconds[step->item->number] += (now() - start) / used;
}

/* --- tickets -------------------------------------------------------------------------------------------------------
 */

static void run_whole(const struct site *site, const struct cpu_phase *phase)
{
    const struct part part = {.groups = 1, .count = 1, .scratch = site->program->whole_memory};
    for (size_t i = phase->first; i < phase->first + phase->count; ++i)
        run_step(site, &site->program->step[i], &part, 1);
}

static void run_pack(const struct site *site, const struct cpu_phase *phase, uint32_t ticket)
{
    const struct cpu_pack *pack = &site->program->pack[phase->first + ticket];
    const double start = site->seconds ? now() : 0;
    pack->step->kernel->pack(&pack->step->item->call, pack->operand, &pack->from, pack->to);
    if (site->seconds) site->seconds[pack->step->item->number] += (now() - start) / phase->used;
}

static void run_slot(const struct site *site, const struct cpu_phase *phase, uint32_t slot)
{
    struct cpu_program *program = site->program;
    const struct cpu_segment *segment = phase->segment;
    unsigned char *memory = program->thread_memory + site->thread * program->thread_bytes;
    const uint32_t first = (uint32_t)cpu_share_begin(segment->slices, segment->slots, slot);
    const uint32_t end = (uint32_t)cpu_share_begin(segment->slices, segment->slots, slot + 1);
    for (uint32_t slice = first; slice < end; ++slice) {
        const int64_t group = cpu_share_begin(segment->groups, segment->slices, slice);
        const struct part part = {.groups = segment->groups,
                                  .group = group,
                                  .count = cpu_share_begin(segment->groups, segment->slices, slice + 1) - group,
                                  .thread = memory,
                                  .slot = program->slots + slot * segment->summed_bytes,
                                  .scratch = memory + segment->value_bytes,
                                  .add = slice > first};
        for (size_t i = segment->first; i < segment->first + segment->count; ++i)
            run_step(site, &program->step[i], &part, phase->used);
    }
}

static void run_sum(const struct site *site, const struct cpu_phase *phase, uint32_t ticket)
{
    enum { BLOCK = 64 };
    const struct cpu_sum *sum = &site->program->sum[phase->first + ticket];
    const struct cpu_segment *segment = phase->segment;
    const double start = site->seconds ? now() : 0;
    for (size_t i = 0; i < sum->count; i += BLOCK) {
        const size_t n = sum->count - i < BLOCK ? sum->count - i : BLOCK;
        float total[BLOCK] = {0};
        const unsigned char *from = site->program->slots + sum->offset + i * sizeof(float);
        memcpy(total, from, n * sizeof(float));
        for (uint32_t slot = 1; slot < segment->slots; ++slot) {
            float part[BLOCK] = {0};
            memcpy(part, from + slot * segment->summed_bytes, n * sizeof(float));
            for (int k = 0; k < BLOCK; ++k)
                total[k] += part[k];
        }
        memcpy(sum->to + i, total, n * sizeof(float));
    }
    if (site->seconds) site->seconds[sum->number] += (now() - start) / phase->used;
}

static void run_ticket(const struct site *site, const struct cpu_phase *phase, uint32_t ticket)
{
    switch (phase->kind) {
    case CPU_WHOLE_STEPS:
        run_whole(site, phase);
        break;
    case CPU_PACKS:
        run_pack(site, phase, ticket);
        break;
    case CPU_SLICES:
        run_slot(site, phase, ticket);
        break;
    case CPU_SUMS:
        run_sum(site, phase, ticket);
        break;
    }
}

/* --- phases --------------------------------------------------------------------------------------------------------
 */

/* A phase of one ticket is the first thread's, so that several of them need no barrier. */
static void run_phase(const struct site *site, struct cpu_phase *phase)
{
    if (phase->tickets == 1) {
        if (site->thread == 0) run_ticket(site, phase, 0);
        return;
    }
    for (;;) {
        const uint32_t ticket = atomic_fetch_add_explicit(&phase->next, 1, memory_order_relaxed);
        if (ticket >= phase->tickets) return;
        run_ticket(site, phase, ticket);
    }
}

static void work(void *context, uint32_t thread)
{
    const struct execution *execution = context;
    struct cpu_program *program = execution->program;
    const struct site site = {.program = program,
                              .thread = thread,
                              .seconds = program->watched ? program->seconds + thread * program->n_calls : NULL};
    for (size_t p = 0; p < program->n_phases; ++p) {
        if (p > 0 && (program->phase[p - 1].tickets > 1 || program->phase[p].tickets > 1))
            cpu_pool_meet(execution->dev->pool);
        run_phase(&site, &program->phase[p]);
    }
}

orr_status cpu_execute(struct orr_device *dev, void *program, struct orr_error *err)
{
    struct execution execution = {dev, program};
    struct cpu_program *p = program;
    (void)err;
    p->watched = dev->watching;
    if (p->watched) memset(p->seconds, 0, p->n_calls * p->threads * sizeof *p->seconds);
    for (size_t i = 0; i < p->n_phases; ++i)
        atomic_store_explicit(&p->phase[i].next, 0, memory_order_relaxed);
    /* Not worth waking anybody where nothing is shared out. */
    if (p->most_tickets > 1)
        cpu_pool_run(dev->pool, work, &execution);
    else
        work(&execution, 0);
    dev->counters.launches += p->launches;
    dev->counters.provider[0].products += p->products;
    dev->counters.provider[0].multiply_adds += p->multiply_adds;
    return ORR_OK;
}

orr_status cpu_elapsed(struct orr_device *dev, void *program, double *seconds, struct orr_error *err)
{
    const struct cpu_program *p = program;
    (void)dev;
    if (!p->watched)
        return CPU_FAIL(err, ORR_EINVAL, "no time was kept: execute the program between watch(true) and watch(false)");
    for (size_t i = 0; i < p->n_calls; ++i) {
        seconds[i] = 0;
        for (uint32_t t = 0; t < p->threads; ++t)
            seconds[i] += p->seconds[t * p->n_calls + i];
    }
    return ORR_OK;
}
