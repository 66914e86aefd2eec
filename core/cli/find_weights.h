/* The weights that a word of the command line names, and the recipe of the run that made them. */
#ifndef ORR_CLI_FIND_WEIGHTS_H
#define ORR_CLI_FIND_WEIGHTS_H

#include "base/error.h"

/* word: the directory of a run, of which the newest checkpoint is taken, or a file. *recipe: of that run, or of the one
 * that the file is a checkpoint of; NULL where it is none. EINVAL: a directory without checkpoints. On success both are
 * the caller's (orr_memory_free). */
ORR_CHECKED orr_status orr_find_weights(const char *word, char **weights, char **recipe, struct orr_error *err);

#endif
