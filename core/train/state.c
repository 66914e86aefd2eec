/* What a run carries from one step to the next, on the host. */
#include "train/state.h"

#include "base/memory.h"

#include <math.h>

orr_status orr_train_state_init(struct orr_train_state *state, const struct orr_optimiser *optimiser, size_t elements,
                                struct orr_error *err)
{
    *state = (struct orr_train_state){.elements = elements};
    state->n_blocks = orr_optimiser_blocks(optimiser, &state->name);
    state->parameters = orr_memory_array(elements, sizeof(double));
    bool complete = state->parameters;
    for (uint32_t k = 0; k < state->n_blocks; ++k) {
        state->block[k] = orr_memory_array(elements, sizeof(double));
        complete = complete && state->block[k];
    }
    if (complete) return ORR_OK;
    const size_t blocks = 1 + state->n_blocks;
    orr_train_state_fini(state);
    return orr_memory_out(err, "the state of a run", blocks * elements * sizeof(double));
}

void orr_train_state_fini(struct orr_train_state *state)
{
    orr_memory_free(state->parameters);
    for (uint32_t k = 0; k < state->n_blocks; ++k)
        orr_memory_free(state->block[k]);
    *state = (struct orr_train_state){.parameters = NULL};
}

orr_status orr_train_state_write(const struct orr_train_state *state, const struct orr_step *step,
                                 struct orr_exec *exec, struct orr_error *err)
{
    const int32_t counter = (int32_t)state->step;
    ORR_TRY(orr_exec_write(exec, step->step, &counter, sizeof counter, err));
    ORR_TRY(orr_exec_write_real(exec, step->parameters, state->parameters, state->elements, err));
    for (uint32_t k = 0; k < state->n_blocks; ++k)
        ORR_TRY(orr_exec_write_real(exec, step->state[k], state->block[k], state->elements, err));
    return ORR_OK;
}

orr_status orr_train_state_read(struct orr_train_state *state, const struct orr_step *step, struct orr_exec *exec,
                                struct orr_error *err)
{
    ORR_TRY(orr_exec_read_real(exec, step->parameters, state->parameters, state->elements, err));
    for (uint32_t k = 0; k < state->n_blocks; ++k)
        ORR_TRY(orr_exec_read_real(exec, step->state[k], state->block[k], state->elements, err));
    return ORR_OK;
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
    for (uint32_t k = 0; k < state->n_blocks; ++k)
        if (!all_finite(state->block[k], state->elements)) return state->name[k].one;
    return NULL;
}

float *orr_train_floats(const double *x, size_t n)
{
    float *y = orr_memory_array(n, sizeof *y);
    for (size_t i = 0; y && i < n; ++i)
        y[i] = (float)x[i];
    return y;
}
