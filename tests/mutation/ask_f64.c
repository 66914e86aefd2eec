/* ask_f64 BACKEND.so: what device 0 does with an addition in f64, also where it does not say that it has that type.
 *
 * Prints "supported" or "refused", and "run" or "failed".
 */
#include "run/device.h"

#include <stdio.h>
#include <string.h>

static orr_status ask(struct orr_loader *loader, const char *backend, struct orr_error *err)
{
    struct orr_open_device *device = NULL;
    struct orr_buffer *buffer = NULL;
    ORR_TRY(orr_device_open(loader, backend, &device, err));
    orr_status status = orr_device_alloc(device, 3 * 64, &buffer, err);
    struct orr_tensor t = {.storage_bytes = 192, .dim = {2}, .rank = 1, .dtype = ORR_F64, .flags = ORR_KEPT};
    struct orr_call call = {.size = sizeof(call), .op = ORR_OP_ADD, .n_in = 2, .n_out = 1, .in = {t, t}, .out = {t}};
    if (status == ORR_OK) {
        struct orr_error own = {.code = ORR_OK};
        printf("%s\n", device->ops->supports(device->handle, &call) ? "supported" : "refused");
        call.in[0].buffer = call.in[1].buffer = call.out[0].buffer = buffer;
        call.in[1].offset = 64;
        call.out[0].offset = 128;
        printf("%s\n", device->ops->run(device->handle, &call, &own) == ORR_OK ? "run" : "failed");
    }
    orr_device_free(device, buffer, 3 * 64);
    orr_device_close(device);
    return status;
}

int main(int argc, char **argv)
{
    struct orr_loader *loader = NULL;
    struct orr_error err = {.code = ORR_OK};
    orr_status status = argc == 2 ? orr_loader_create(&loader, &err) : ORR_EINVAL;
    if (status == ORR_OK) status = ask(loader, argv[1], &err);
    if (status != ORR_OK) fprintf(stderr, "ask_f64: %s\n", err.text);
    orr_loader_destroy(loader);
    return status == ORR_OK ? 0 : 1;
}
