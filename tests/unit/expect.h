/* Expectations shared by unit tests: a status with its message, and a scratch directory.
 *
 * Each prints what came and what was expected before it fails the test. */
#ifndef ORR_TEST_EXPECT_H
#define ORR_TEST_EXPECT_H

#include "base/error.h"

/* cmocka.h comes last: it needs the others and does not include them. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
/* clang-format on */

#define expect_ok(expr, err) expect_ok_at((expr), (err), #expr, __FILE__, __LINE__)
#define expect_error(expr, err, code, ...)                                                                             \
    expect_error_at((expr), (err), (code), (const char *const[]){__VA_ARGS__, NULL}, #expr, __FILE__, __LINE__)

static inline void expect_ok_at(orr_status status, const struct orr_error *err, const char *expr, const char *file,
                                int line)
{
    if (status == ORR_OK) return;
    print_error("%s: %s, expected OK: %s\n", expr, orr_status_name(status), err->text);
    _fail(file, line);
}

/* The status is `code`, the error struct agrees, and its text is one line that holds every fragment. */
static inline void expect_error_at(orr_status status, const struct orr_error *err, orr_status code,
                                   const char *const *fragments, const char *expr, const char *file, int line)
{
    bool good = status == code && err->code == code && !strchr(err->text, '\n');
    for (; good && *fragments; ++fragments)
        good = strstr(err->text, *fragments) != NULL;
    if (good) return;
    print_error("%s: %s \"%s\", expected %s%s%s\n", expr, orr_status_name(status), err->text, orr_status_name(code),
                *fragments ? " with: " : "", *fragments ? *fragments : "");
    _fail(file, line);
}

/* A new empty directory that only we may write to; remove_scratch deletes it with everything in it. */
static inline void make_scratch(char *path, size_t size)
{
    const char *base = getenv("TMPDIR");
    snprintf(path, size, "%s/orrery-test-XXXXXX", base && *base == '/' ? base : "/tmp");
    if (!mkdtemp(path)) fail_msg("no scratch directory: %s", path);
}

static inline void remove_scratch(const char *path)
{
    char command[4200];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    if (system(command) != 0) print_message("left behind: %s\n", path);
}

static inline void write_bytes(const char *path, const void *data, size_t n)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, n, file) != n || fclose(file) != 0) fail_msg("cannot write %s", path);
}

#endif
