/* A data set as a file that NumPy, pandas or PyTorch opens: what `orrery generate` writes. */
#ifndef ORR_DATA_EXPORT_H
#define ORR_DATA_EXPORT_H

#include "data/dataset.h"

/* Regenerate every trajectory in double and write it, atomically. By the end of path:
 *   .safetensors  tensors time (steps), observed (trajectories, steps, n_observed), hidden (trajectories, steps,
 *                 n_hidden), constant (trajectories, n_constant), all F64; metadata format, simulator, version,
 *                 parameters and columns (JSON), seed, train_trajectories
 *   .npy          observed only
 *   .csv          one line a point: trajectory, step, time, then every column
 * EINVAL for another ending; EIO; the simulator's own errors. Any thread. */
ORR_CHECKED orr_status orr_dataset_export(const struct orr_dataset *data, const char *path, struct orr_error *err);

#endif
