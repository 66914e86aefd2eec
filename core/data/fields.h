/* The names of a data set's columns: those of files, of probes' targets, and of what the engine adds. */
#ifndef ORR_DATA_FIELDS_H
#define ORR_DATA_FIELDS_H

#include "base/error.h"

/* Of one kind: far beyond what a model can read, and small enough for every product of sizes to fit. */
enum { ORR_COLUMNS_MAX = 4096 };

/* Columns of one kind, such as "observed". */
struct orr_fields {
    const char *kind;
    const struct orr_field *field;
    uint32_t count;
};

/* Has every column a name ([A-Za-z0-9_]+; not trajectory, step or time) of its own and a unit in UTF-8? code, with
 * source ("simulator kepler") before the text, where not. Any thread. */
ORR_CHECKED orr_status orr_fields_check(const struct orr_fields *group, size_t n_groups, const char *source,
                                        orr_status code, struct orr_error *err);

#endif
