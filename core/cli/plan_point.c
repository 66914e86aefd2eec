/* From a recipe to the plan of its step. */
#include "cli/plan_point.h"

#include "base/threads.h"
#include "cli/interrupt.h"
#include "train/trace.h"

orr_status orr_planned_point_init(struct orr_planned_point *p, const struct orr_recipe *recipe,
                                  struct orr_open_device *device, struct orr_error *err)
{
    *p = (struct orr_planned_point){.config = orr_recipe_train(recipe)};
    ORR_TRY(orr_recipe_dataset(recipe, orr_threads_wanted(), &p->data, err));
    ORR_TRY(orr_windows_create(p->data, ORR_TRAIN, &p->windows, err));
    p->model = orr_recipe_model(recipe, p->data->n_observed);
    p->job = (struct orr_train_job){.device = device,
                                    .data = p->data,
                                    .windows = &p->windows,
                                    .model = &p->model,
                                    .config = &p->config,
                                    .stop = orr_interrupt_watch(false)};
    return orr_step_plan_init(&p->made, &p->job, err);
}

void orr_planned_point_fini(struct orr_planned_point *p)
{
    orr_step_plan_fini(&p->made);
    orr_windows_fini(&p->windows);
    orr_dataset_destroy(p->data);
}

orr_status orr_planned_point_trace(const struct orr_planned_point *p, const char *path, struct orr_error *err)
{
    struct orr_stepper *stepper;
    struct orr_trace trace;
    ORR_TRY(orr_stepper_create(&p->job, ORR_TRACED_STEPS + 1, &stepper, err));
    orr_status status = orr_trace_take(stepper, ORR_TRACED_STEPS, &trace, err);
    if (status == ORR_OK) {
        status = orr_trace_write(&trace, path, err);
        orr_trace_fini(&trace);
    }
    orr_stepper_destroy(stepper);
    return status;
}
