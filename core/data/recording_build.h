/* How readers of files fill a recording: used by recording*.c only. */
#ifndef ORR_DATA_RECORDING_BUILD_H
#define ORR_DATA_RECORDING_BUILD_H

#include "data/recording.h"
#include "io/file.h"

/* Where a column goes. */
struct orr_recording_place {
    bool observed; /* else to the others */
    bool declared; /* the recipe says that it is constant */
    uint32_t at;   /* among the observed or the others */
};

/* A recording whose rows come one by one, all columns side by side. */
struct orr_recording_builder {
    const struct orr_recording_config *config;
    struct orr_recording *recording;
    size_t n_columns;
    struct orr_recording_place *place; /* of each column */
    uint64_t rows;
};

/* Columns of these names (copied). EINVAL: the recipe names one that is not there. */
ORR_CHECKED orr_status orr_recording_begin(struct orr_recording_builder *builder,
                                           const struct orr_recording_config *config, struct orr_recording *recording,
                                           const char *const *name, size_t n, struct orr_error *err);
/* The next point: n_columns finite numbers. */
ORR_CHECKED orr_status orr_recording_add(struct orr_recording_builder *builder, const double *row,
                                         struct orr_error *err);
/* Tell constant columns from hidden ones; recording->trajectories, steps and time are set. */
ORR_CHECKED orr_status orr_recording_finish(struct orr_recording_builder *builder, struct orr_error *err);
void orr_recording_builder_fini(struct orr_recording_builder *builder);

/* A column more; name and unit are copied. EFORMAT: there are too many. */
ORR_CHECKED orr_status orr_recording_add_field(struct orr_recording *recording, struct orr_recording_columns *to,
                                               const char *name, const char *unit, struct orr_error *err);
/* The number of each step as its time. */
ORR_CHECKED orr_status orr_recording_count_time(struct orr_recording *recording, struct orr_error *err);

/* Read a file of each format, from its beginning to its end, into an empty recording; the text of an error need not
 * name it. EINVAL, EFORMAT, EIO. */
ORR_CHECKED orr_status orr_recording_read_csv(const struct orr_recording_config *config, struct orr_file_reader *file,
                                              struct orr_recording *recording, struct orr_error *err);
ORR_CHECKED orr_status orr_recording_read_npy(const struct orr_recording_config *config, struct orr_file_reader *file,
                                              struct orr_recording *recording, struct orr_error *err);
ORR_CHECKED orr_status orr_recording_read_safetensors(const struct orr_recording_config *config,
                                                      struct orr_file_reader *file, struct orr_recording *recording,
                                                      struct orr_error *err);

#endif
