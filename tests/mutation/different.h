/* The different backend: the reference, right but otherwise, in the way that ORRERY_VARIANT names. */
#ifndef DIFFERENT_H
#define DIFFERENT_H

#include "reference.h"

enum different_variant {
    DIFFERENT_none,
#define VARIANT(name, ...) DIFFERENT_##name,
#include "variants.def"
#undef VARIANT
};

/* Chosen once, before any device is opened. */
extern enum different_variant different_chosen;
/* The reference's own functions. */
extern struct orr_backend_ops different_real;

/* Count that something was done otherwise; any thread. */
void different_acted(uint64_t times);

/* Compute a call (f32, sound) in the variant's arithmetic; false: it does that operation as the reference does. */
bool different_compute(const struct orr_call *call);
bool different_compute_product(const struct orr_call *call);
bool different_compute_rows(const struct orr_call *call);
/* Change the results of a call that the reference has run. */
void different_change_results(const struct orr_call *call);
/* The sum of a[i * step_a] * b[i * step_b] in the variant's way; b NULL: of a alone. */
float different_dot(const float *a, int64_t step_a, const float *b, int64_t step_b, int64_t n);

/* Run one call as the variant does, to its end. */
orr_status different_run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err);

/* Put the variant's own functions into the table. */
void different_set_buffers(struct orr_backend_ops *ops);
void different_set_queue(struct orr_backend_ops *ops);
void different_set_programs(struct orr_backend_ops *ops);

static inline float *different_in(const struct orr_call *call, uint32_t k) { return reference_data(&call->in[k]); }

static inline float *different_out(const struct orr_call *call, uint32_t k) { return reference_data(&call->out[k]); }

static inline int64_t different_width(const struct orr_tensor *t) { return t->rank ? t->dim[t->rank - 1] : 1; }

#endif
