/* Which device a command runs on: --device, else ORRERY_DEVICE, else a GPU by OpenCL, else the processor. */
#ifndef ORR_CLI_CHOOSE_DEVICE_H
#define ORR_CLI_CHOOSE_DEVICE_H

#include "cli/verbs.h"
#include "run/device.h"

/* type: ORR_F32 or ORR_F64, which a device that the user did not name must compute in. The caller closes *out. */
ORR_CHECKED orr_status orr_choose_device(const struct orr_command *command, struct orr_loader *loader, uint32_t type,
                                         struct orr_open_device **out, struct orr_error *err);

/* "reference:0 (name, driver)" into text. */
void orr_device_print(const struct orr_open_device *device, char *text, size_t size);

#endif
