/* The log: one table of (area, level), read by any thread after it was configured; one write a line. */
#include "base/log.h"

#include "base/suggest.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { AREAS_MAX = 32, AREA_SIZE = 32, LEVELS = ORR_LOG_TRACE + 1 };

static const char *const level_names[LEVELS] = {"error", "warn", "info", "debug", "trace"};

struct rules {
    enum orr_log_level everywhere;
    size_t count;
    struct {
        char area[AREA_SIZE];
        enum orr_log_level level;
    } area[AREAS_MAX];
};

static struct {
    orr_log_sink take; /* NULL: stderr */
    void *context;
} redirected;

static struct rules current = {.everywhere = ORR_LOG_WARN};

static orr_status add_rule(struct rules *rules, const char *word, size_t length, struct orr_error *err)
{
    char level[16];
    const char *colon = memchr(word, ':', length);
    const size_t level_length = colon ? (size_t)(colon - word) : length;
    snprintf(level, sizeof level, "%.*s", (int)(level_length < sizeof level ? level_length : sizeof level - 1), word);
    size_t found = 0;
    while (found < LEVELS && (strlen(level_names[found]) != level_length || strcmp(level, level_names[found]) != 0))
        ++found;
    if (found == LEVELS) {
        const char *near = orr_suggest(level, level_names, LEVELS);
        return orr_fail(err, ORR_EINVAL,
                        "log level \"%.*s\" is not known%s%s%s: use error, warn, info, debug or trace, or level:area",
                        (int)level_length, word, near ? ", did you mean \"" : "", near ? near : "", near ? "\"" : "");
    }
    if (!colon) {
        rules->everywhere = (enum orr_log_level)found;
        return ORR_OK;
    }
    const size_t area_length = length - level_length - 1;
    if (area_length == 0 || area_length >= AREA_SIZE)
        return orr_fail(err, ORR_EINVAL, "log area in \"%.*s\" must have 1 to %d characters", (int)length, word,
                        AREA_SIZE - 1);
    if (rules->count == AREAS_MAX)
        return orr_fail(err, ORR_EINVAL, "more than %d log areas: name fewer, or give one level for all", AREAS_MAX);
    memcpy(rules->area[rules->count].area, colon + 1, area_length);
    rules->area[rules->count].area[area_length] = '\0';
    rules->area[rules->count++].level = (enum orr_log_level)found;
    return ORR_OK;
}

orr_status orr_log_configure(const char *spec, struct orr_error *err)
{
    struct rules rules = {.everywhere = ORR_LOG_WARN};
    for (const char *word = spec; word;) {
        const size_t length = strcspn(word, ",");
        ORR_TRY(add_rule(&rules, word, length, err));
        word = word[length] ? word + length + 1 : NULL;
    }
    current = rules;
    return ORR_OK;
}

void orr_log_redirect(orr_log_sink sink, void *context)
{
    redirected.take = sink;
    redirected.context = context;
}

bool orr_log_enabled(enum orr_log_level level, const char *area)
{
    /* The last rule for an area holds. */
    for (size_t i = current.count; i-- > 0;)
        if (strcmp(current.area[i].area, area) == 0) return level <= current.area[i].level;
    return level <= current.everywhere;
}

/* All of a short line in one write(2), so that lines of several threads stay whole. */
static void write_line(char *line, size_t n)
{
    orr_text_flatten(line, n - 1);
    while (n > 0) {
        const ssize_t written = write(STDERR_FILENO, line, n);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return; /* there is no one left to tell */
        line += written;
        n -= (size_t)written;
    }
}

ORR_PRINTF(3, 0)
static void log_arguments(enum orr_log_level level, const char *area, const char *fmt, va_list arguments)
{
    char line[2048];
    const size_t room = sizeof line - 1; /* for the line's end */
    int head = snprintf(line, room, "%s %.31s: ", level_names[level], area);
    if (head < 0) return;
    const int body = vsnprintf(line + head, room - (size_t)head, fmt, arguments);
    if (body < 0) return;
    size_t n = (size_t)head + (size_t)body;
    if (n > room - 1) n = room - 1;
    if (redirected.take) {
        orr_text_flatten(line, n);
        redirected.take(redirected.context, level_names[level], area, line + head);
        return;
    }
    line[n++] = '\n';
    write_line(line, n);
}

void orr_log(enum orr_log_level level, const char *area, const char *fmt, ...)
{
    if (!area) area = "?";
    if ((size_t)level >= LEVELS || !orr_log_enabled(level, area)) return;
    va_list arguments;
    va_start(arguments, fmt);
    log_arguments(level, area, fmt, arguments);
    va_end(arguments);
}
