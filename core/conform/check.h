/* A check, as it runs in the child: what it gets, how it judges, and the table of all checks. */
#ifndef ORR_CONFORM_CHECK_H
#define ORR_CONFORM_CHECK_H

#include "conform/conform.h"
#include "conform/trial.h"
#include "run/exec.h"

struct orr_session {
    const struct orr_conform *asked;
    struct orr_loader *loader;
    struct orr_open_device *device; /* under test */
    struct orr_open_device *truth;  /* the reference */
    /* Tell the parent which case begins, so that a crash has a number. */
    void (*begin_case)(void *context, uint32_t number);
    void *context;
};

struct orr_check {
    char name[48];
    enum orr_check_family family;
    uint32_t op; /* of an operation */
    void (*run)(struct orr_session *s, const struct orr_check *check, struct orr_check_result *result);
};

/* All checks, in order; caller's array to be freed by orr_memory_free. */
ORR_CHECKED orr_status orr_check_list(struct orr_check **out, size_t *count, struct orr_error *err);
/* Do the asked-for globs choose it? */
bool orr_check_is_chosen(const struct orr_conform *asked, const char *name);

/* Shall this case run? Says so to the parent and counts it; false when another was asked for, or failing fast. */
bool orr_check_begin(struct orr_session *s, struct orr_check_result *r, uint32_t number);
/* Case `number` is wrong: the first text is kept. */
void orr_check_fail(struct orr_check_result *r, uint32_t number, const char *fmt, ...) ORR_PRINTF(3, 4);
/* A fraction of what is allowed: above one the case is wrong, and text (may be "") says where. */
void orr_check_fraction(struct orr_check_result *r, uint32_t number, double fraction, const char *where);

/* The checks themselves; what they find is in r. */
/* Every case of one operation, in every layout. */
void orr_check_operation(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r);
/* Composites from primitives on the device, against the reference. */
void orr_check_lowerings(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r);
/* Gradients of whole small models, as they are and lowered. */
void orr_check_gradients(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r);
/* 200 training steps, each begun from the reference's state. */
void orr_check_training(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r);
/* One of 400 windows, or, at the full level, 4,000. */
void orr_check_large_batch(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r);
/* Random graphs; a failing one is cut short and written as text. */
void orr_check_random_graphs(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r);
/* The graph of --graph. */
void orr_check_graph_file(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r);
/* device_count and device_info, also for an older engine's struct. */
void orr_check_describe_device(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r);
/* supports: the same answer twice, and no for what does not exist. */
void orr_check_supports(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r);
/* More memory than there is, and none at all. */
void orr_check_allocation(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r);
/* Memory that runs out at each buffer of a plan in turn. */
void orr_check_out_of_memory(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r);
/* Buffers freed in any order. */
void orr_check_free_order(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r);
/* Bytes in and out at offsets. */
void orr_check_transfers(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r);
/* A model with every optional function, and with none. */
void orr_check_optional(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r);
/* Failures have a code, and text that ends. */
void orr_check_errors(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r);
/* Two devices of one backend at once: in turn, with work queued on both, and from a thread each. */
void orr_check_two_devices(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r);

/* Build the graph of one case: inputs in[], results out[] kept. real: ORR_F32 or ORR_F64. */
ORR_CHECKED orr_status orr_case_graph(const struct orr_case *c, uint32_t real, struct orr_graph **g, orr_handle *in,
                                      orr_handle *out, struct orr_error *err);
/* Run the graph of a trial on a device, lowered where the device wants; results as f32 in outcome->out. */
struct orr_outcome;
ORR_CHECKED orr_status orr_trial_run_graph(const struct orr_trial *t, struct orr_open_device *device,
                                           struct orr_outcome *outcome, struct orr_error *err);
/* Compare result k of a lowered operation, by its norm; noise on the reference tells what is allowed where the usual
 * bound does not do. */
ORR_CHECKED orr_status orr_trial_compare_lowered(const struct orr_trial *t, uint32_t k, const void *data,
                                                 const struct orr_open_device *truth, struct orr_distance *worst,
                                                 struct orr_error *err);

#endif
