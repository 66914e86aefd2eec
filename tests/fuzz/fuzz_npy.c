/* .npy: what is taken has as many numbers as its shape says, and they are those of the file. */
#include "fuzz.h"
#include "io/npy.h"

#include <string.h>

/* The bytes of the file where its type is the array's; narrow and big-endian numbers were converted. */
static void expect_data(const struct orr_array *array, const uint8_t *file, size_t size)
{
    static const char *const own[] = {"'<f4'", "'<i4'", "'<f8'", "'<i8'"};
    struct orr_error err;
    size_t bytes = 0;
    const size_t header = file[8] | (size_t)file[9] << 8, in_file = size - 10 - header;
    fuzz_expect(orr_npy_bytes(array->dtype, array->rank, array->dim, &bytes, &err) == ORR_OK, "a shape with a size");
    fuzz_expect(bytes / orr_npy_type_bytes(array->dtype) <= in_file, "a byte of the file for each element");
    volatile uint8_t last = 0;
    if (bytes) last = ((const uint8_t *)array->data)[bytes - 1];
    (void)last;
    for (size_t i = 0; i < sizeof own / sizeof *own; ++i)
        if (memmem(file + 10, header, own[i], strlen(own[i])))
            fuzz_expect(bytes == in_file && memcmp(array->data, file + size - bytes, bytes) == 0,
                        "the bytes of the file");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct orr_error err = {.code = ORR_OK};
    struct orr_array array = {.data = NULL};
    const char *path = fuzz_file(data, size);
    const orr_status status = orr_npy_read(path, &array, &err);
    if (status != ORR_OK) {
        fuzz_expect_refusal(status, &err, path);
        fuzz_expect(array.data == NULL, "nothing given where nothing was read");
        return 0;
    }
    expect_data(&array, data, size);
    orr_array_fini(&array);
    return 0;
}
