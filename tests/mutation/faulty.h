/* The faulty backend: the reference with one fault, chosen by ORRERY_FAULT. */
#ifndef FAULTY_H
#define FAULTY_H

#include "reference.h"

enum faulty_fault {
    FAULT_none,
#define FAULT(name, ...) FAULT_##name,
#include "faults.def"
#undef FAULT
};

/* Chosen once, before any device is opened. */
extern enum faulty_fault faulty_chosen;
/* The reference's own functions. */
extern struct orr_backend_ops faulty_real;
/* The call that is run belongs to a program. */
extern _Thread_local bool faulty_in_program;

/* The reference's own run; and run with the fault. */
orr_status faulty_real_run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err);
orr_status faulty_run_call(struct orr_device *dev, const struct orr_call *call, struct orr_error *err);

/* Put the functions of the interface that are planted into the table. */
void faulty_set_interface(struct orr_backend_ops *ops);

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
