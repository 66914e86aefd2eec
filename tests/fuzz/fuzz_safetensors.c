/* safetensors: the tensors tile the data, names and metadata are text, and every byte of data can be read. */
#include "base/text.h"
#include "fuzz.h"
#include "io/safetensors.h"

#include <string.h>

static void expect_tensor(const struct orr_safetensors *set, size_t i)
{
    struct orr_error err;
    const struct orr_safetensors_tensor *t = orr_safetensors_tensor(set, i);
    size_t bytes = 0;
    fuzz_expect(orr_npy_bytes(t->dtype, t->rank, t->dim, &bytes, &err) == ORR_OK && bytes == t->bytes,
                "the bytes that the shape needs");
    fuzz_expect(*t->name && orr_text_is_utf8(t->name), "a name in UTF-8");
    fuzz_expect((uintptr_t)t->data % orr_npy_type_bytes(t->dtype) == 0, "data aligned for its type");
    fuzz_expect(orr_safetensors_find(set, t->name) == t, "names that are unique");
    volatile uint8_t byte = 0;
    for (size_t k = 0; k < bytes; ++k)
        byte = ((const uint8_t *)t->data)[k];
    (void)byte;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct orr_error err = {.code = ORR_OK};
    struct orr_safetensors *set = NULL;
    const char *path = fuzz_file(data, size);
    const orr_status status = orr_safetensors_load(path, &set, &err);
    if (status != ORR_OK) {
        fuzz_expect_refusal(status, &err, path);
        fuzz_expect(set == NULL, "nothing given where nothing was read");
        return 0;
    }
    uint64_t header = 0;
    memcpy(&header, data, sizeof header);
    size_t total = 0;
    for (size_t i = 0; i < orr_safetensors_count(set); ++i) {
        expect_tensor(set, i);
        total += orr_safetensors_tensor(set, i)->bytes;
    }
    /* F16 and BF16 become twice as long. */
    const size_t in_file = size - sizeof header - header;
    const bool widened = memmem(data, size - in_file, "F16", 3) != NULL;
    fuzz_expect(widened ? total <= 2 * in_file : total == in_file, "tensors that tile the data");
    const char *format = orr_safetensors_metadata(set, "format");
    fuzz_expect(!format || orr_text_is_utf8(format), "metadata in UTF-8");
    orr_safetensors_destroy(set);
    return 0;
}
