/* Files in memory and expectations for the targets of the fuzzer.
 *
 * In: bytes and statuses. Out: a path; the end of the program where an expectation does not hold. */
#include "fuzz.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_expect(bool holds, const char *what)
{
    if (holds) return;
    fprintf(stderr, "fuzz: expected: %s\n", what);
    abort();
}

const char *fuzz_file(const void *data, size_t size)
{
    static int file = -1;
    static char path[64];
    if (file < 0) {
        file = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    fuzz_expect(file >= 0 && ftruncate(file, 0) == 0, "a file in memory");
    fuzz_expect(pwrite(file, data, size, 0) == (ssize_t)size, "room in memory");
    return path;
}

void fuzz_expect_refusal(orr_status status, const struct orr_error *err, const char *place)
{
    const bool sound = status == err->code && status != ORR_OK && status != ORR_EBUG && status != ORR_ENOMEM &&
                       strstr(err->text, place) && !strchr(err->text, '\n') && orr_text_is_utf8(err->text);
    if (!sound)
        fprintf(stderr, "fuzz: %s (code %s): \"%s\", expected to name %s\n", orr_status_name(status),
                orr_status_name(err->code), err->text, place);
    fuzz_expect(sound, "a refusal that says what is wrong");
}
