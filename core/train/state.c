/* What a run carries from one step to the next, on the host. */
#include "train/state.h"

#include "base/memory.h"

#include <math.h>

orr_status orr_train_state_init(struct orr_train_state *state, size_t elements, struct orr_error *err)
{
    *state = (struct orr_train_state){.elements = elements};
    state->parameters = orr_memory_array(elements, sizeof(double));
    state->first_moment = orr_memory_array(elements, sizeof(double));
    state->second_moment = orr_memory_array(elements, sizeof(double));
    if (state->parameters && state->first_moment && state->second_moment) return ORR_OK;
    orr_train_state_fini(state);
    return orr_memory_out(err, "the state of a run", 3 * elements * sizeof(double));
}

void orr_train_state_fini(struct orr_train_state *state)
{
    orr_memory_free(state->parameters);
    orr_memory_free(state->first_moment);
    orr_memory_free(state->second_moment);
    *state = (struct orr_train_state){.parameters = NULL};
}

orr_status orr_train_state_write(const struct orr_train_state *state, const struct orr_step *step,
                                 struct orr_exec *exec, struct orr_error *err)
{
    const int32_t counter = (int32_t)state->step;
    ORR_TRY(orr_exec_write(exec, step->step, &counter, sizeof counter, err));
    ORR_TRY(orr_exec_write_real(exec, step->parameters, state->parameters, state->elements, err));
    ORR_TRY(orr_exec_write_real(exec, step->first_moment, state->first_moment, state->elements, err));
    return orr_exec_write_real(exec, step->second_moment, state->second_moment, state->elements, err);
}

orr_status orr_train_state_read(struct orr_train_state *state, const struct orr_step *step, struct orr_exec *exec,
                                struct orr_error *err)
{
    ORR_TRY(orr_exec_read_real(exec, step->parameters, state->parameters, state->elements, err));
    ORR_TRY(orr_exec_read_real(exec, step->first_moment, state->first_moment, state->elements, err));
    return orr_exec_read_real(exec, step->second_moment, state->second_moment, state->elements, err);
}

static bool all_finite(const double *x, size_t n)
{
    for (size_t i = 0; i < n; ++i)
        if (!isfinite(x[i])) return false;
    return true;
}

const char *orr_train_state_not_finite(const struct orr_train_state *state)
{
    if (!all_finite(state->parameters, state->elements)) return "a parameter";
    if (!all_finite(state->first_moment, state->elements)) return "a first moment";
    if (!all_finite(state->second_moment, state->elements)) return "a second moment";
    return NULL;
}
