/* Composites against their lowerings on the device, and gradients of whole small models. */
#include "base/memory.h"
#include "conform/check.h"
#include "conform/distance.h"
#include "conform/layout.h"
#include "conform/lesser_device.h"
#include "conform/models.h"
#include "conform/pair.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void lower_case(struct orr_session *s, struct orr_open_device *lesser, const struct orr_case *c, uint32_t number,
                       struct orr_check_result *r)
{
    struct orr_trial t;
    struct orr_outcome o = {.status = ORR_OK};
    struct orr_error err = {.code = ORR_OK};
    char shapes[300], where[600];
    orr_case_describe(c, shapes, sizeof(shapes));
    orr_status status = orr_trial_init(c, s->asked->seed, s->truth, lesser->info.flushes_denormals, &t, &err);
    if (status == ORR_OK) status = orr_trial_run_graph(&t, lesser, &o, &err);
    if (status != ORR_OK) orr_check_fail(r, number, "%s %s: %s", t.op->name, shapes, err.text);
    for (uint32_t k = 0; k < c->n_out && status == ORR_OK; ++k) {
        struct orr_distance d = {.fraction = -1.0};
        status = orr_trial_compare_lowered(&t, k, o.out[k], s->truth, &d, &err);
        if (status != ORR_OK) orr_check_fail(r, number, "the reference cannot say: %s", err.text);
        r->noise = fmax(r->noise, d.noise);
        snprintf(where, sizeof(where),
                 "%s %s, lowered: result %u is %.3g times the allowed distance away; element %zu: "
                 "got %.9g, expected %.9g",
                 t.op->name, shapes, k, d.fraction, d.at, d.got, d.want);
        if (d.fraction >= 0.0) orr_check_fraction(r, number, d.fraction, where);
    }
    orr_outcome_fini(&o);
    orr_trial_fini(&t);
}

void orr_check_lowerings(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    struct orr_backend_ops ops;
    struct orr_open_device lesser = orr_device_lesser(s->device, &ops);
    size_t n_ops;
    uint32_t number = 0;
    const struct orr_op_info *op = orr_op_list(&n_ops);
    (void)check;
    ops.supports = orr_supports_primitives;
    for (size_t i = 0; i < n_ops; ++i)
        for (uint32_t k = 0; op[i].composite && k < orr_case_count(op[i].id); ++k) {
            struct orr_case c;
            struct orr_error err;
            if (orr_case_get(op[i].id, k, &c, &err) != ORR_OK) continue;
            if (c.values != ORR_VALUES_UNIT || c.level > s->asked->level || orr_shape_count(&c.out[0]) > 1 << 16)
                continue;
            if (orr_check_begin(s, r, number)) lower_case(s, &lesser, &c, number, r);
            ++number;
        }
}

static void compare_model(struct orr_pair *p, const struct orr_model_graph *m, uint32_t number,
                          struct orr_check_result *r)
{
    for (size_t i = 0; i <= m->n; ++i) {
        struct orr_error err = {.code = ORR_OK};
        double distance = 0.0;
        char where[300];
        const char *name = i < m->n ? m->parameter[i] : "the loss";
        const orr_handle v = i < m->n ? m->gradient[i] : m->loss;
        if (orr_pair_distance(p, v, &distance, &err) != ORR_OK) {
            orr_check_fail(r, number, "%s: %s: %s", m->name, name, err.text);
            return;
        }
        snprintf(where, sizeof(where), "%s: gradient of %s: relative distance %.3g, allowed %.3g", m->name, name,
                 distance, ORR_COMPOSED_BOUND);
        orr_check_fraction(r, number, distance / ORR_COMPOSED_BOUND, where);
    }
}

static void gradient_case(struct orr_session *s, uint32_t which, uint32_t number, struct orr_check_result *r)
{
    struct orr_model_graph m;
    struct orr_pair p = {.narrow = NULL};
    struct orr_error err = {.code = ORR_OK};
    orr_status status = orr_model_graph(which, &m, &err);
    if (status == ORR_OK) status = orr_pair_init(s, m.g, &p, &err);
    if (status == ORR_OK) status = orr_pair_fill(&p, s->asked->seed, 0.5, &err);
    if (status == ORR_OK) status = orr_pair_run(&p, &err);
    if (status == ORR_OK) compare_model(&p, &m, number, r);
    if (status != ORR_OK) orr_check_fail(r, number, "%s: %s", m.name, err.text);
    orr_pair_fini(&p);
}

/* Cases: each model, then each again from primitives alone. */
void orr_check_gradients(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    struct orr_backend_ops ops;
    struct orr_open_device lesser = orr_device_lesser(s->device, &ops);
    (void)check;
    ops.supports = orr_supports_primitives;
    for (uint32_t i = 0; i < 2 * ORR_MODELS; ++i) {
        struct orr_session way = *s;
        if (i >= ORR_MODELS) way.device = &lesser;
        if (orr_check_begin(s, r, i)) gradient_case(&way, i % ORR_MODELS, i, r);
    }
}
