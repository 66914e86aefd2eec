/* From the points of a run to jobs that core/conform compares. */
#include "cli/check_steps.h"

#include "cli/choose_device.h"
#include "conform/steps.h"
#include "study/recipe.h"

#include <stdio.h>

static orr_status check_point(const struct orr_run_point *point, struct orr_open_device *device,
                              struct orr_open_device *truth, uint64_t steps, uint32_t threads, struct orr_error *err)
{
    const struct orr_recipe *recipe = point->recipe;
    const struct orr_train_config config = orr_recipe_train(recipe);
    struct orr_dataset *data = NULL;
    struct orr_windows windows = {.start = NULL};
    struct orr_steps_result result;
    ORR_TRY(orr_recipe_dataset(recipe, threads, &data, err));
    orr_status status = orr_windows_create(data, ORR_TRAIN, &windows, err);
    if (status == ORR_OK) {
        const struct orr_model model = orr_recipe_model(recipe, data->n_observed);
        const struct orr_train_job job = {
            .device = device, .data = data, .windows = &windows, .model = &model, .config = &config};
        const struct orr_steps_check check = {
            .job = &job, .truth = truth, .steps = steps < config.steps ? steps : config.steps};
        if (point->name[0]) printf("%s: ", point->name);
        status = orr_steps_compare(&check, &result, stdout, err);
    }
    orr_windows_fini(&windows);
    orr_dataset_destroy(data);
    return status;
}

orr_status orr_check_steps(const struct orr_run *run, struct orr_loader *loader, struct orr_open_device *device,
                           const char *other, uint64_t steps, uint32_t threads, struct orr_error *err)
{
    struct orr_open_device *truth = NULL;
    char name[2][192];
    if (orr_device_open(loader, other, &truth, err) != ORR_OK) return orr_error_prefix(err, "--check %s", other);
    orr_device_print(device, name[0], sizeof name[0]);
    orr_device_print(truth, name[1], sizeof name[1]);
    printf("%s against %s\n", name[0], name[1]);
    orr_status status = ORR_OK;
    for (size_t i = 0; i < run->n_points && status == ORR_OK; ++i)
        status = check_point(&run->point[i], device, truth, steps, threads, err);
    orr_device_close(truth);
    return status;
}
