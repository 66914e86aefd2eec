/* What the backend made of a program, as text. */
#ifndef CPU_DESCRIBE_H
#define CPU_DESCRIBE_H

#include "program.h"

/* As struct orr_backend_ops says: a line on memory, then one for the calls of each level that are run whole, and one
 * for each segment. */
ORR_CHECKED orr_status cpu_describe(struct orr_device *dev, void *program, char *text, size_t size,
                                    struct orr_error *err);

#endif
