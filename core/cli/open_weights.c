/* Opening weights by the command line.
 *
 * In: a path and the options that give sizes. Out: a model and its parameters. */
#include "cli/open_weights.h"

#include "base/number.h"

#include <stdio.h>

static orr_status read_given(const struct orr_command *command, int64_t given[ORR_WEIGHTS_SIZES], struct orr_error *err)
{
    for (int i = 0; i < ORR_WEIGHTS_SIZES; ++i) {
        char option[32];
        snprintf(option, sizeof option, "--%s", orr_weights_size_names[i]);
        const char *text = orr_arguments_value(command->arguments, option);
        given[i] = -1;
        if (text && (!orr_number_integer(text, &given[i]) || given[i] < 0))
            return orr_fail(err, ORR_EINVAL, "%s %s: a whole number from 0 was expected", option, text);
    }
    return ORR_OK;
}

/* A file that cannot be read is wrong input. */
static orr_status as_input(orr_status status, struct orr_error *err)
{
    return status == ORR_EIO ? (err->code = ORR_EINVAL) : status;
}

orr_status orr_open_weights_sizes(const struct orr_command *command, const char *path, struct orr_model *out,
                                  struct orr_error *err)
{
    int64_t given[ORR_WEIGHTS_SIZES];
    ORR_TRY(read_given(command, given, err));
    return as_input(orr_weights_sizes(path, given, out, err), err);
}

orr_status orr_open_weights(const struct orr_command *command, const char *path, struct orr_weights *out,
                            struct orr_error *err)
{
    int64_t given[ORR_WEIGHTS_SIZES];
    ORR_TRY(read_given(command, given, err));
    return as_input(orr_weights_read(path, given, out, err), err);
}
