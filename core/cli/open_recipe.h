/* The recipe that a command names, with its --size, --set and --seeds laid over it. */
#ifndef ORR_CLI_OPEN_RECIPE_H
#define ORR_CLI_OPEN_RECIPE_H

#include "cli/verbs.h"
#include "study/run.h"

/* Options of all verbs that take a recipe. */
#define ORR_RECIPE_OPTIONS                                                                                             \
    {"--size", "SIZE", "one of the recipe's sizes: demo, quick, medium, full"},                                        \
        {"--set", "KEY=VALUE", "set a key; values with commas between them are all run"},                              \
    {                                                                                                                  \
        "--seeds", "0,1,2", "run once with each train.seed; a range is 100..109"                                       \
    }

/* The caller destroys *out. A file that cannot be read is wrong input: EINVAL. */
ORR_CHECKED orr_status orr_open_recipe(const struct orr_command *command, const char *path, struct orr_sweep **out,
                                       struct orr_error *err);

/* Input points of the recipe's size `full`, 0 where it has none. */
double orr_full_tokens(const char *path, struct orr_loader *loader);

#endif
