/* What a point of a recipe needs before its first step: data, windows, model, and the plan of a step. */
#ifndef ORR_CLI_PLAN_POINT_H
#define ORR_CLI_PLAN_POINT_H

#include "study/recipe.h"
#include "study/step_plan.h"
#include "train/stepper.h"

struct orr_planned_point {
    struct orr_dataset *data;
    struct orr_windows windows;
    struct orr_model model;
    struct orr_train_config config;
    struct orr_train_job job; /* points into this struct, which must not move; stops on Ctrl-C */
    struct orr_step_plan made;
};

/* Simulate and plan; nothing is allocated on the device. The caller releases *out, also on failure. */
ORR_CHECKED orr_status orr_planned_point_init(struct orr_planned_point *out, const struct orr_recipe *recipe,
                                              struct orr_open_device *device, struct orr_error *err);
void orr_planned_point_fini(struct orr_planned_point *point);

/* Steps of a trace. */
enum { ORR_TRACED_STEPS = 5 };
/* For --trace: ORR_TRACED_STEPS steps of the point, apart from any training, into the file. EUNSUPPORTED where the
 * device keeps no time. */
ORR_CHECKED orr_status orr_planned_point_trace(const struct orr_planned_point *point, const char *path,
                                               struct orr_error *err);

#endif
