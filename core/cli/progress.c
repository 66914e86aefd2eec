/* Writing progress. */
#include "cli/progress.h"

#include "base/log.h"
#include "study/json_text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- the line on a terminal ---- */

static void clear(struct orr_progress *progress)
{
    if (!progress->width) return;
    fprintf(stderr, "\r%*s\r", (int)progress->width, "");
    progress->width = 0;
}

/* Columns that a line may fill without being wrapped; a terminal that does not say has 80. */
static size_t columns(void)
{
    struct winsize size;
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return known ? size.ws_col - 1U : 79;
}

static void show(struct orr_progress *progress, const char *fmt, ...) ORR_PRINTF(2, 3);
static void show(struct orr_progress *progress, const char *fmt, ...)
{
    char text[160];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const size_t most = columns();
    if (most < sizeof text) text[most] = '\0';
    const size_t length = strlen(text);
    pthread_mutex_lock(&progress->mutex);
    const size_t before = progress->width;
    fprintf(stderr, "\r%s%*s", text, (int)(before > length ? before - length : 0), "");
    fflush(stderr);
    progress->width = length;
    pthread_mutex_unlock(&progress->mutex);
}

/* ---- lines for machines ---- */

/* Takes json, which may be NULL when there was no memory. */
static void write_line(json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(json);
    if (text) fprintf(stderr, "%s\n", text);
    free(text);
}

/* ---- the log ---- */

static void take_log(void *context, const char *level, const char *area, const char *text)
{
    struct orr_progress *p = context;
    if (!p->terminal) {
        write_line(json_pack("{s:s,s:s,s:o,s:o}", "event", "log", "level", level, "area", orr_json_text(area), "text",
                             orr_json_text(text)));
        return;
    }
    pthread_mutex_lock(&p->mutex);
    clear(p);
    fprintf(stderr, "%s %s: %s\n", level, area, text);
    pthread_mutex_unlock(&p->mutex);
}

void orr_progress_init(struct orr_progress *progress, bool quiet)
{
    *progress = (struct orr_progress){
        .mutex = PTHREAD_MUTEX_INITIALIZER, .quiet = quiet, .terminal = isatty(STDERR_FILENO) == 1};
    if (!quiet) orr_log_redirect(take_log, progress);
}

void orr_progress_fini(struct orr_progress *progress)
{
    if (!progress->quiet) orr_log_redirect(NULL, NULL);
    clear(progress);
    pthread_mutex_destroy(&progress->mutex);
}

/* ---- what the run tells ---- */

void orr_progress_notice(void *context, size_t i, size_t n, const char *point, const char *what)
{
    struct orr_progress *p = context;
    p->point = i + 1;
    p->n_points = n;
    snprintf(p->name, sizeof p->name, "%s", point);
    if (p->quiet || !what) return;
    if (p->terminal)
        show(p, "[%zu/%zu] %s%s%s", p->point, n, point, *point ? " " : "", what);
    else
        write_line(json_pack("{s:s,s:s,s:s}", "event", "notice", "point", point, "what", what));
}

/* Soon on the line, where a narrow terminal still shows it. */
static void print_left(double seconds, char *text, size_t size)
{
    const unsigned long left = (unsigned long)(seconds + 0.5);
    if (seconds < 0)
        *text = '\0';
    else if (left < 3600)
        snprintf(text, size, "  %lu:%02lu left", left / 60, left % 60);
    else
        snprintf(text, size, "  %lu:%02lu:%02lu left", left / 3600, left / 60 % 60, left % 60);
}

void orr_progress_step(void *context, const struct orr_train_progress *step)
{
    struct orr_progress *p = context;
    if (p->quiet || step->count == 0) return;
    const uint64_t done = step->first + step->count;
    const double loss = step->loss[step->count - 1];
    if (!p->terminal) {
        write_line(json_pack("{s:s,s:s,s:I,s:I,s:f,s:f,s:f}", "event", "step", "point", p->name, "step",
                             (json_int_t)done, "steps", (json_int_t)step->total, "loss", loss, "tokens_per_second",
                             step->tokens_per_second, "seconds_left", step->seconds_left));
        return;
    }
    char left[40];
    print_left(step->seconds_left, left, sizeof left);
    show(p, "[%zu/%zu] %s%sstep %" PRIu64 "/%" PRIu64 "%s  loss %.5g  %.3g tokens/s", p->point, p->n_points, p->name,
         *p->name ? " " : "", done, step->total, left, loss, step->tokens_per_second);
}

/* ---- what a sweep tells ---- */

void orr_progress_points(struct orr_progress *progress, const struct orr_points_progress *all)
{
    char left[40], failed[40] = "";
    if (progress->quiet) return;
    if (!progress->terminal) {
        write_line(json_pack("{s:s,s:I,s:I,s:I,s:I,s:f,s:f}", "event", "points", "points", (json_int_t)all->points,
                             "done", (json_int_t)all->done, "running", (json_int_t)all->running, "failed",
                             (json_int_t)all->failed, "steps_per_second", all->steps_per_second, "seconds_left",
                             all->seconds_left));
        return;
    }
    print_left(all->seconds_left, left, sizeof left);
    if (all->failed) snprintf(failed, sizeof failed, ", %zu failed", all->failed);
    show(progress, "%zu/%zu done, %zu running%s%s  %.3g steps/s", all->done, all->points, all->running, failed, left,
         all->steps_per_second);
}

void orr_progress_point(struct orr_progress *progress, const char *point, const char *what)
{
    if (progress->quiet || progress->terminal) return;
    write_line(json_pack("{s:s,s:s,s:s}", "event", "notice", "point", point, "what", what));
}
