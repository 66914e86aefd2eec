/* Shared objects, looked at before they are loaded: damaged ones are refused, and nothing is read outside the bytes. */
#include "base/elf.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct orr_error err = {.code = ORR_OK};
    uint32_t sanitizers = 0;
    const orr_status status = orr_elf_check(data, size, &sanitizers, &err);
    if (status != ORR_OK) fuzz_expect_refusal(status, &err, "");
    return 0;
}
