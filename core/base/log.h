/* The log: lines on stderr, chosen by ORRERY_LOG=level[:area][,level:area]... or by -q and -v. */
#ifndef ORR_BASE_LOG_H
#define ORR_BASE_LOG_H

#include "base/error.h"

/* "error", "warn", "info", "debug" or "trace", each optionally ":area" to apply to one area only; comma list.
 * EINVAL names the word that was not understood. Not thread-safe: call before threads start. */
ORR_CHECKED orr_status orr_log_configure(const char *spec, struct orr_error *err);

/* Would a line of this level and area be written? Any thread. */
bool orr_log_enabled(enum orr_log_level level, const char *area);

/* Takes a line in place of stderr: level "warn", area, text. Called by any thread, also by several at once. */
typedef void (*orr_log_sink)(void *context, const char *level, const char *area, const char *text);

/* Give lines to sink from now on; NULL: to stderr again. Not thread-safe: call while no other thread logs. */
void orr_log_redirect(orr_log_sink sink, void *context);

/* Write one line, "level area: text". Any thread; lines never interleave. */
void orr_log(enum orr_log_level level, const char *area, const char *fmt, ...) ORR_PRINTF(3, 4);

#endif
