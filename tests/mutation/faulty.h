/* The faulty backend: the reference with one fault, chosen by ORRERY_FAULT. */
#ifndef FAULTY_H
#define FAULTY_H

#include "reference.h"

/* The reference's own run. */
orr_status faulty_real_run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err);

typedef orr_status (*faulty_run)(struct orr_device *dev, const struct orr_call *call, struct orr_error *err);

#define FAULTY_RUN(name)                                                                                               \
    orr_status fault_##name(struct orr_device *dev REFERENCE_UNUSED, const struct orr_call *call REFERENCE_UNUSED,     \
                            struct orr_error *err REFERENCE_UNUSED)

#define FAULT(name, ...) FAULTY_RUN(name);
#include "faults.def"
#undef FAULT

/* Numbers of an operand (f32) and how many. */
static inline float *faulty_in(const struct orr_call *call, uint32_t k) { return reference_data(&call->in[k]); }

static inline float *faulty_out(const struct orr_call *call, uint32_t k) { return reference_data(&call->out[k]); }

static inline int64_t faulty_count(const struct orr_call *call) { return reference_count(&call->out[0]); }

#endif
