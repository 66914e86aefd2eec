/* metrics.jsonl and evaluations.jsonl: one line of JSON for each log_every steps, or each evaluation.
 *
 * Lines are written in one call each, so a killed run leaves at most one incomplete line, which a resume removes.
 */
#include "train/metrics.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "io/file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line is about 130 bytes; nobody logs ten million of them. */
static const size_t bytes_max = (size_t)1 << 31;

const char orr_metrics_name[] = "metrics.jsonl", orr_evaluations_name[] = "evaluations.jsonl";

static const char line_start[] = "{\"step\":";

/* True when the line is one of ours, and its step at most `step`. Nothing is allocated: a shortage of memory must not
 * cost lines. */
static bool line_holds(const char *name, const char *line, size_t n, uint64_t step)
{
    const size_t start = sizeof line_start - 1;
    if (n > start + 1 && memcmp(line, line_start, start) == 0 && isdigit((unsigned char)line[start]) &&
        line[n - 1] == '}')
        return strtoull(line + start, NULL, 10) <= step;
    orr_log(ORR_LOG_WARN, "train", "%s: dropped a line that was not written by a run: %.*s", name,
            (int)(n < 200 ? n : 200), line);
    return false;
}

/* Move the lines that hold to the front of text; returns their length. */
static size_t keep_lines(const char *name, char *text, size_t n, uint64_t step)
{
    size_t kept = 0;
    for (size_t at = 0; at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        if (!end) break;
        const size_t length = (size_t)(end - (text + at)) + 1;
        if (line_holds(name, text + at, length - 1, step)) {
            memmove(text + kept, text + at, length);
            kept += length;
        }
        at += length;
    }
    return kept;
}

static orr_status cut_back(const char *path, const char *name, uint64_t step, struct orr_error *err)
{
    if (step == 0) return orr_file_write_atomic(path, "", 0, err);
    if (access(path, F_OK) != 0 && errno == ENOENT) return ORR_OK;
    char *text;
    size_t n;
    ORR_TRY(orr_file_read(path, bytes_max, &text, &n, err));
    const size_t kept = keep_lines(name, text, n, step);
    const orr_status status = kept == n ? ORR_OK : orr_file_write_atomic(path, text, kept, err);
    orr_memory_free(text);
    return status;
}

static orr_status open_path(const char *path, const char *name, uint64_t step, int *file, struct orr_error *err)
{
    ORR_TRY(cut_back(path, name, step, err));
    *file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (*file >= 0) return ORR_OK;
    return orr_fail(err, ORR_EIO, "%s cannot be written: %s: check permissions and free space", path, strerror(errno));
}

orr_status orr_metrics_open(const char *directory, const char *name, uint64_t step, int *file, struct orr_error *err)
{
    *file = -1;
    char *path = orr_memory_print("%s/%s", directory, name);
    if (!path) return orr_memory_out(err, "a path", strlen(directory) + 32);
    const orr_status status = open_path(path, name, step, file, err);
    orr_memory_free(path);
    return status;
}

static orr_status write_line(int file, const char *name, const char *text, int n, struct orr_error *err)
{
    const ssize_t written = write(file, text, (size_t)n);
    if (written == n) return ORR_OK;
    return orr_fail(err, ORR_EIO, "%s cannot be written: %s: free space in the run directory, then go on with --resume",
                    name, written < 0 ? strerror(errno) : "disk full");
}

orr_status orr_metrics_write(int file, const struct orr_metrics_line *line, struct orr_error *err)
{
    char text[320], loss[ORR_NUMBER_SIZE], last[ORR_NUMBER_SIZE], rate[ORR_NUMBER_SIZE], seconds[ORR_NUMBER_SIZE];
    const int n = snprintf(text, sizeof text,
                           "%s%" PRIu64 ",\"loss\":%s,\"last_loss\":%s,\"learning_rate\":%s,"
                           "\"tokens_per_second\":%.0f,\"seconds\":%s}\n",
                           line_start, line->step, orr_number_print(line->loss, loss),
                           orr_number_print(line->last_loss, last), orr_number_print(line->learning_rate, rate),
                           line->tokens_per_second, orr_number_print(round(line->seconds * 1e3) / 1e3, seconds));
    return write_line(file, orr_metrics_name, text, n, err);
}

/* JSON has no NaN and no infinity. */
static const char *print_finite(double value, char text[ORR_NUMBER_SIZE])
{
    return isfinite(value) ? orr_number_print(value, text) : "null";
}

orr_status orr_metrics_write_evaluation(int file, uint64_t step, double learning_rate_sum,
                                        const struct orr_evaluated *found, struct orr_error *err)
{
    char text[240], rates[ORR_NUMBER_SIZE], train[ORR_NUMBER_SIZE], held_out[ORR_NUMBER_SIZE];
    const int n =
        snprintf(text, sizeof text, "%s%" PRIu64 ",\"learning_rate_sum\":%s,\"train_loss\":%s,\"held_out_loss\":%s}\n",
                 line_start, step, orr_number_print(learning_rate_sum, rates), print_finite(found->train_loss, train),
                 print_finite(found->held_out_loss, held_out));
    ORR_TRY(write_line(file, orr_evaluations_name, text, n, err));
    return orr_metrics_sync(file, orr_evaluations_name, err);
}

orr_status orr_metrics_sync(int file, const char *name, struct orr_error *err)
{
    /* EINVAL: this file system has nothing to synchronise. */
    if (fsync(file) == 0 || errno == EINVAL) return ORR_OK;
    return orr_fail(err, ORR_EIO, "%s cannot be written: %s: check the disk, then go on with --resume", name,
                    strerror(errno));
}
