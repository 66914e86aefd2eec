/* Calls to a simulator: failures get a text, numbers are checked, trajectories are made on several threads. */
#ifndef ORR_DATA_GENERATE_H
#define ORR_DATA_GENERATE_H

#include "data/dataset.h"

/* The simulator's error, or where it gave no text one that says so. own: what the plugin wrote. */
orr_status orr_generate_failed(const struct orr_plugin *plugin, orr_status status, const struct orr_error *own,
                               struct orr_error *err);

/* Fill data->time and data->observed on data->threads threads. ENUMERIC names trajectory, step and column of the first
 * number that is not finite, or too large for a float. */
ORR_CHECKED orr_status orr_generate_all(struct orr_dataset *data, struct orr_error *err);

#endif
