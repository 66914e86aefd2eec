/* Opening a recipe by the command line. */
#include "cli/open_recipe.h"

#include "base/memory.h"

orr_status orr_open_recipe(const struct orr_command *command, const char *path, struct orr_sweep **out,
                           struct orr_error *err)
{
    struct orr_sweep_options options = {.size = orr_arguments_value(command->arguments, "--size"),
                                        .seeds = orr_arguments_value(command->arguments, "--seeds")};
    const char **settings = orr_command_settings(command, &options.n_set);
    if (!settings) return orr_memory_out(err, "settings", 0);
    options.set = settings;
    orr_status status = orr_sweep_create(path, &options, out, err);
    orr_memory_free(settings);
    if (status == ORR_EIO) status = err->code = ORR_EINVAL;
    return status;
}

double orr_full_tokens(const char *path, struct orr_loader *loader)
{
    const struct orr_sweep_options options = {.size = "full"};
    struct orr_error ignored;
    struct orr_sweep *sweep;
    struct orr_run run;
    double tokens = 0;
    if (orr_sweep_create(path, &options, &sweep, &ignored) != ORR_OK) return 0;
    if (orr_run_prepare(sweep, loader, &run, &ignored) == ORR_OK) {
        tokens = orr_run_tokens(&run);
        orr_run_fini(&run);
    }
    orr_sweep_destroy(sweep);
    return tokens;
}
