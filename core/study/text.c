/* Text that grows. */
#include "study/text.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>

orr_status orr_text_add(struct orr_text *text, struct orr_error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const int length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (length < 0) return orr_fail(err, ORR_EBUG, "a text could not be formatted: please report this");
    void *data = text->data;
    const orr_status grown =
        orr_memory_grow(&data, &text->capacity, text->length + (size_t)length + 1, sizeof *text->data, err);
    text->data = data;
    ORR_TRY(grown);
    va_start(args, fmt);
    vsnprintf(text->data + text->length, (size_t)length + 1, fmt, args);
    va_end(args);
    text->length += (size_t)length;
    return ORR_OK;
}

void orr_text_fini(struct orr_text *text)
{
    orr_memory_free(text->data);
    *text = (struct orr_text){.data = NULL};
}
