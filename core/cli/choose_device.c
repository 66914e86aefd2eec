/* Choosing a device. */
#include "cli/choose_device.h"

#include "cli/graphics.h"
#include "graph/graph.h"

#include <stdio.h>
#include <stdlib.h>

/* The one place that says which device is taken when none is asked for: the first that opens. */
static const struct {
    const char *name;
    bool graphics; /* only where the kernel offers a graphics card: asking OpenCL takes longer than a small run */
} defaults[] = {{"opencl:gpu", true}, {"cpu", false}, {"reference", false}};
enum { DEFAULTS = sizeof defaults / sizeof *defaults };

/* A device that is not there is the user's to mend, like other input. */
static orr_status no_device(orr_status status, struct orr_error *err)
{
    if (status == ORR_EDEVICE) status = err->code = ORR_EUNSUPPORTED;
    return status;
}

static orr_status open_default(struct orr_loader *loader, const char *name, uint32_t type, struct orr_open_device **out,
                               struct orr_error *err)
{
    ORR_TRY(orr_device_open(loader, name, out, err));
    if (orr_device_has_type(&(*out)->info, type)) return ORR_OK;
    orr_device_close(*out);
    *out = NULL;
    return orr_fail(err, ORR_EUNSUPPORTED, "no device computes in %s", orr_dtype_name(type));
}

orr_status orr_choose_device(const struct orr_command *command, struct orr_loader *loader, uint32_t type,
                             struct orr_open_device **out, struct orr_error *err)
{
    const char *wanted = orr_arguments_value(command->arguments, "--device");
    const char *origin = "--device";
    if (!wanted) {
        wanted = secure_getenv("ORRERY_DEVICE");
        origin = "ORRERY_DEVICE";
    }
    if (wanted && *wanted) {
        const orr_status status = orr_device_open(loader, wanted, out, err);
        return status == ORR_OK ? ORR_OK : no_device(orr_error_prefix(err, "%s %s", origin, wanted), err);
    }
    orr_status status = ORR_EUNSUPPORTED;
    for (size_t i = 0; i < DEFAULTS && status != ORR_OK; ++i)
        if (!defaults[i].graphics || orr_graphics_offered())
            status = open_default(loader, defaults[i].name, type, out, err);
    return status == ORR_OK ? ORR_OK : no_device(status, err);
}

void orr_device_print(const struct orr_open_device *device, char *text, size_t size)
{
    snprintf(text, size, "%s:%u (%s)", device->plugin->name, device->index, device->info.name);
}
