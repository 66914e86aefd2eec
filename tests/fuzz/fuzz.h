/* What the targets of the fuzzer share: a target is fuzz_<parser>.c and gives hostile bytes to one parser.
 *
 * A target must neither crash, nor leak, nor take memory or time out of proportion to its bytes; what the parser took
 * must be what it says it is, and a refusal must be a sentence that names the file. The same source is linked with
 * libFuzzer and with replay.c. */
#ifndef ORRERY_TESTS_FUZZ_H
#define ORRERY_TESTS_FUZZ_H

#include "base/error.h"

/* The target: 0 always, as libFuzzer wants it. data is not terminated. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The path of a file in memory that holds these bytes, until the next call. */
const char *fuzz_file(const void *data, size_t size);

/* A status other than ORR_OK came with a sentence on one line, in UTF-8, that holds `place`. EBUG and ENOMEM are no
 * answers to bytes from outside. */
void fuzz_expect_refusal(orr_status status, const struct orr_error *err, const char *place);

/* End the program, which is what the fuzzer notices, unless holds. */
void fuzz_expect(bool holds, const char *what);

#endif
