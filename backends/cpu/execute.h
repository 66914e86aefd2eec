/* Executing a prepared program, with all threads of the device. */
#ifndef CPU_EXECUTE_H
#define CPU_EXECUTE_H

#include "program.h"

/* As struct orr_backend_ops says. Nothing is allocated, nothing can fail but what elapsed is asked for. */
ORR_CHECKED orr_status cpu_execute(struct orr_device *dev, void *program, struct orr_error *err);
ORR_CHECKED orr_status cpu_elapsed(struct orr_device *dev, void *program, double *seconds, struct orr_error *err);

#endif
