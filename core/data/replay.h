/* A recording behind the interface of a simulator, so that what reads trajectories need not know where they come from.
 */
#ifndef ORR_DATA_REPLAY_H
#define ORR_DATA_REPLAY_H

#include "data/recording.h"
#include "orrery/simulator.h"

/* Named "file", with one parameter, the checksum of the file: two data sets with equal parameters have equal numbers.
 * Its create is NULL: make its simulators by orr_replay_create. */
extern const struct orr_plugin orr_replay_plugin;

/* Trajectory k is that of the recording, whatever the seed. recording is borrowed. On success *out is the caller's, to
 * be destroyed by the plugin's destroy. */
ORR_CHECKED orr_status orr_replay_create(const struct orr_recording *recording, struct orr_simulator **out,
                                         struct orr_error *err);

#endif
