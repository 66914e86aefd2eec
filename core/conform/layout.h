/* Putting a case on a device: operands in guarded, poisoned memory at places of many kinds, and the call itself. */
#ifndef ORR_CONFORM_LAYOUT_H
#define ORR_CONFORM_LAYOUT_H

#include "conform/trial.h"

enum orr_layout_kind {
    ORR_LAYOUT_APART,  /* a buffer each, at an offset that is not zero */
    ORR_LAYOUT_PACKED, /* views of one buffer, at offsets of odd element counts */
};

struct orr_layout {
    enum orr_layout_kind kind;
    uint32_t alias;  /* bit k: result k is where input k is */
    bool prepared;   /* by prepare and execute, not by run */
    uint32_t repeat; /* further runs that must give the same bits */
    uint32_t real;   /* ORR_F32, or ORR_F64 for the truth */
};

struct orr_outcome {
    orr_status status;      /* of the backend */
    void *out[ORR_OUT_MAX]; /* results as the device left them; freed by orr_outcome_fini */
    char fault[400];        /* a stray write, a changed input, other bits on a repeat; "": none */
};

/* The call of a case without memory, as supports() receives it. */
void orr_layout_call(const struct orr_trial *t, uint32_t real, struct orr_call *call);

/* The first n elements of a buffer as a row of f32, kept. */
struct orr_tensor orr_layout_line(struct orr_buffer *buffer, int64_t n, uint32_t storage);

/* Is no buffer of it above the device's largest? */
bool orr_layout_fits(const struct orr_trial *t, struct orr_open_device *device, const struct orr_layout *layout);

/* Run the case. What the backend did wrong is in *out, which the caller releases by orr_outcome_fini, also on failure;
 * failure is only what keeps the check itself from working (out of memory), or the backend's own with its text. */
ORR_CHECKED orr_status orr_layout_run(const struct orr_trial *t, struct orr_open_device *device,
                                      const struct orr_layout *layout, struct orr_outcome *out, struct orr_error *err);
void orr_outcome_fini(struct orr_outcome *out);

/* "apart", "packed", "in place 0x1, prepared" into text. */
void orr_layout_describe(const struct orr_layout *layout, char *text, size_t size);

#endif
