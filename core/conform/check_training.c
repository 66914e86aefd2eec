/* Training steps, each begun from the reference's state, so that errors cannot add up; and how far the device drifts
 * when it is left alone, which is reported and not judged. Many steps of few windows; then one of so many windows that
 * a device which works through a batch in portions has many portions.
 */
#include "base/memory.h"
#include "conform/distance.h"
#include "conform/pair.h"
#include "orrery/random.h"
#include "train/step.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TRAJECTORIES = 6, POINTS = 12, COLUMNS = 2 };

struct course {
    uint32_t steps, batch;
};
/* AdamW divides by the root of the gradient's square, so that a gradient near zero may move its parameter the other
 * way: at most the rate, 1e-3 of parameters near 0.1, for the few elements where this happens. */
#define PARAMETER_BOUND 1e-4

struct lesson {
    struct course course;
    struct orr_parameters p;
    float observed[TRAJECTORIES * POINTS * COLUMNS];
    int32_t start[TRAJECTORIES];
    struct orr_dataset data;
    struct orr_windows windows;
    struct orr_model model;
    struct orr_train_config config;
    struct orr_train_job job;
    struct orr_step narrow, wide;
    struct orr_exec *tested, *alone, *truth;
    uint32_t step;
    double *state; /* four blocks: parameters, moments, gradient; then as many of the device */
};

static void make_data(struct lesson *l, uint64_t seed)
{
    for (uint32_t k = 0; k < TRAJECTORIES; ++k) {
        uint32_t word[4];
        orr_random_block(seed, 1, 0, k, word);
        const double phase = 6.28 * (double)word[0] / 4294967296.0, rate = 0.3 + 0.4 * (double)word[1] / 4294967296.0;
        l->start[k] = (int32_t)k * POINTS;
        for (uint32_t t = 0; t < POINTS; ++t) {
            l->observed[(k * POINTS + t) * COLUMNS] = (float)cos(phase + rate * t);
            l->observed[(k * POINTS + t) * COLUMNS + 1] = (float)sin(phase + rate * t);
        }
    }
    l->data = (struct orr_dataset){.n_observed = COLUMNS, .n_train = TRAJECTORIES, .observed = l->observed};
    l->data.config.steps = POINTS;
    l->windows = (struct orr_windows){l->start, TRAJECTORIES, POINTS - 1, true};
}

static orr_status open_lesson(struct lesson *l, struct orr_session *s, struct orr_error *err)
{
    static const char *const decayed[] = {"*.weight"};
    make_data(l, s->asked->seed);
    l->model = (struct orr_model){
        .n_layer = 1, .n_head = 2, .n_embd = 16, .block_size = POINTS, .n_input = COLUMNS, .n_output = COLUMNS};
    l->config = (struct orr_train_config){.seed = s->asked->seed,
                                          .steps = l->course.steps,
                                          .batch = l->course.batch,
                                          .noise = 0.05,
                                          .schedule = {.kind = ORR_SCHEDULE_CONSTANT, .learning_rate = 1e-3},
                                          .optimiser = {.weight_decay = 0.1, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8}};
    l->job = (struct orr_train_job){.data = &l->data, .windows = &l->windows, .model = &l->model, .config = &l->config};
    ORR_TRY(orr_model_parameters(&l->model, &l->p, err));
    ORR_TRY(orr_parameters_arrange(&l->p, decayed, 1, err));
    l->job.real = ORR_F32;
    ORR_TRY(orr_step_build(&l->job, &l->p, l->course.steps, &l->narrow, err));
    ORR_TRY(orr_exec_create(l->narrow.graph, s->device, NULL, &l->tested, err));
    ORR_TRY(orr_exec_create(l->narrow.graph, s->device, NULL, &l->alone, err));
    ORR_TRY(orr_step_upload(&l->job, &l->narrow, l->tested, err));
    ORR_TRY(orr_step_upload(&l->job, &l->narrow, l->alone, err));
    l->job.real = ORR_F64;
    ORR_TRY(orr_step_build(&l->job, &l->p, l->course.steps, &l->wide, err));
    ORR_TRY(orr_exec_create(l->wide.graph, s->truth, NULL, &l->truth, err));
    ORR_TRY(orr_step_upload(&l->job, &l->wide, l->truth, err));
    l->state = orr_memory_array((size_t)l->p.elements * 8, sizeof(*l->state));
    return l->state ? ORR_OK : orr_memory_out(err, "training state", (size_t)l->p.elements * 64);
}

static void close_lesson(struct lesson *l)
{
    orr_exec_destroy(l->tested);
    orr_exec_destroy(l->alone);
    orr_exec_destroy(l->truth);
    orr_step_fini(&l->narrow);
    orr_step_fini(&l->wide);
    orr_parameters_fini(&l->p);
    orr_memory_free(l->state);
}

enum { BLOCKS = 4 };
static const char *const block_names[BLOCKS] = {"parameters", "first moment", "second moment", "gradient"};

static orr_handle block_of(const struct orr_step *s, int k)
{
    const orr_handle handles[BLOCKS] = {s->parameters, s->state[0], s->state[1], s->gradient};
    return handles[k];
}

static double *block_at(const struct lesson *l, int k) { return l->state + (size_t)k * (size_t)l->p.elements; }

/* Round the reference's state to float and give it to both. */
static orr_status restart(struct lesson *l, struct orr_error *err)
{
    const size_t n = (size_t)l->p.elements;
    for (int k = 0; k < 3; ++k) {
        double *block = block_at(l, k);
        for (size_t e = 0; e < n; ++e)
            block[e] = (double)(float)block[e];
        ORR_TRY(orr_exec_write_real(l->truth, block_of(&l->wide, k), block, n, err));
        ORR_TRY(orr_exec_write_real(l->tested, block_of(&l->narrow, k), block, n, err));
    }
    return ORR_OK;
}

static orr_status fetch(struct lesson *l, struct orr_error *err)
{
    const size_t n = (size_t)l->p.elements;
    for (int k = 0; k < BLOCKS; ++k) {
        ORR_TRY(orr_exec_read_real(l->truth, block_of(&l->wide, k), block_at(l, k), n, err));
        ORR_TRY(orr_exec_read_real(l->tested, block_of(&l->narrow, k), block_at(l, BLOCKS + k), n, err));
    }
    return ORR_OK;
}

static void compare(const struct lesson *l, struct orr_check_result *r)
{
    char where[200];
    for (int k = 0; k < BLOCKS; ++k) {
        const double bound = k == 0 ? PARAMETER_BOUND : ORR_COMPOSED_BOUND;
        const double d = orr_distance_relative(block_at(l, BLOCKS + k), block_at(l, k), (size_t)l->p.elements, 0.0);
        snprintf(where, sizeof(where), "step %u: %s: relative distance %.3g, allowed %.3g", l->step, block_names[k], d,
                 bound);
        orr_check_fraction(r, l->step, d / bound, where);
    }
}

static orr_status train(struct lesson *l, struct orr_session *s, struct orr_check_result *r, struct orr_error *err)
{
    const size_t n = (size_t)l->p.elements;
    float *first = orr_memory_array(n, sizeof(*first));
    if (!first) return orr_memory_out(err, "initial values", n * sizeof(*first));
    orr_parameters_initialise(&l->p, s->asked->seed, first);
    for (size_t e = 0; e < n; ++e)
        block_at(l, 0)[e] = (double)first[e];
    orr_memory_free(first);
    ORR_TRY(orr_exec_write_real(l->alone, l->narrow.parameters, block_at(l, 0), n, err));
    for (l->step = 0; l->step < l->course.steps; ++l->step) {
        if (s->asked->fail_fast && r->failed) return ORR_OK;
        /* A step that was not asked for leads to the one that was. */
        const bool judged = orr_check_begin(s, r, l->step);
        ORR_TRY(restart(l, err));
        ORR_TRY(orr_exec_run(l->truth, err));
        ORR_TRY(orr_exec_run(l->tested, err));
        ORR_TRY(orr_exec_run(l->alone, err));
        ORR_TRY(fetch(l, err));
        if (judged) compare(l, r);
        if (judged && s->asked->only_case >= 0) return ORR_OK;
    }
    ORR_TRY(orr_exec_read_real(l->alone, l->narrow.parameters, block_at(l, BLOCKS), n, err));
    snprintf(r->note, sizeof(r->note), "left alone for %u steps the parameters drift by %.2g", l->course.steps,
             orr_distance_relative(block_at(l, BLOCKS), block_at(l, 0), n, 0.0));
    return ORR_OK;
}

static void take(const struct course *course, struct orr_session *s, struct orr_check_result *r)
{
    struct orr_error err = {.code = ORR_OK};
    struct lesson *l = orr_memory_array(1, sizeof(*l));
    if (!l) {
        orr_check_fail(r, 0, "out of memory");
        return;
    }
    l->course = *course;
    orr_status status = open_lesson(l, s, &err);
    if (status == ORR_OK) status = train(l, s, r, &err);
    if (status != ORR_OK) orr_check_fail(r, l->step, "%s", err.text);
    close_lesson(l);
    orr_memory_free(l);
}

void orr_check_training(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    (void)check;
    take(&(struct course){.steps = 200, .batch = 3}, s, r);
}

void orr_check_large_batch(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    (void)check;
    /* What the reference takes a second for is too much for every quick look. */
    take(&(struct course){.steps = 1, .batch = s->asked->level == ORR_CONFORM_FULL ? 4000 : 400}, s, r);
}
