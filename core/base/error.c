/* Status codes and the caller-owned error text. */
#include "base/error.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Put zero where vsnprintf could not write, and mark a text that was cut. */
static void finish(struct orr_error *err, int length)
{
    if (length < 0) {
        snprintf(err->text, sizeof err->text, "%s (and its message could not be written)", orr_status_name(err->code));
        return;
    }
    if ((size_t)length >= sizeof err->text) {
        size_t end = sizeof err->text - 4;
        /* A cut inside a UTF-8 character would make the text invalid. */
        while (end > 0 && ((unsigned char)err->text[end] & 0xC0) == 0x80)
            --end;
        memcpy(err->text + end, "...", 4);
    }
    orr_text_flatten(err->text, strlen(err->text));
}

orr_status orr_fail(struct orr_error *err, orr_status code, const char *fmt, ...)
{
    if (err) {
        va_list arguments;
        va_start(arguments, fmt);
        err->code = code;
        const int length = vsnprintf(err->text, sizeof err->text, fmt, arguments);
        va_end(arguments);
        finish(err, length);
    }
    return code;
}

orr_status orr_error_prefix(struct orr_error *err, const char *fmt, ...)
{
    if (!err) return ORR_EBUG;
    char prefix[sizeof err->text], text[sizeof err->text];
    va_list arguments;
    va_start(arguments, fmt);
    const int length = vsnprintf(prefix, sizeof prefix, fmt, arguments);
    va_end(arguments);
    if (length < 0) return err->code;
    memcpy(text, err->text, sizeof text);
    finish(err, snprintf(err->text, sizeof err->text, "%s: %s", prefix, text));
    return err->code;
}

const char *orr_status_name(orr_status code)
{
    static const char *const names[] = {"OK",    "EINVAL",   "ESHAPE",       "EDTYPE",  "ENOMEM",
                                        "EIO",   "EFORMAT",  "EUNSUPPORTED", "EDEVICE", "EABI",
                                        "EPERM", "ENUMERIC", "ECANCELLED",   "EBUG"};
    const size_t i = (size_t)code;
    return i < sizeof names / sizeof *names ? names[i] : "unknown status";
}
