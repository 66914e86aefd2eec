/* Which of a recipe's probes are run: --probe. */
#ifndef ORR_CLI_SELECT_PROBES_H
#define ORR_CLI_SELECT_PROBES_H

#include "base/config.h"
#include "cli/verbs.h"

/* Keep of the list `probes` only what a --probe names, by name or `as`; add a probe that the list has not, with its
 * defaults. Claims go, since they may be about others. Without --probe nothing changes. */
ORR_CHECKED orr_status orr_select_probes(const struct orr_command *command, struct orr_config *recipe,
                                         struct orr_error *err);

#endif
