/* Escaping for Markdown (CommonMark 0.31, 2.4; a bar ends a cell in the tables of GitHub's). Underscores and stars are
 * left, since names have many and inside words they mean nothing. */
#include "study/markdown.h"

#include "base/memory.h"
#include "base/text.h"

#include <string.h>

bool orr_markdown_escapes(char c) { return c == '\\' || c == '|' || c == '<'; }

orr_status orr_markdown_add(struct orr_text *text, const char *words, struct orr_error *err)
{
    char *flat = orr_memory_text(words);
    if (!flat) return orr_memory_out(err, "a text", strlen(words) + 1);
    orr_text_flatten(flat, strlen(flat));
    orr_status status = orr_text_add(text, err, "%s", ""); /* so that there is a text, however short */
    for (const char *c = flat; *c && status == ORR_OK; ++c)
        status = orr_text_add(text, err, "%s%c", orr_markdown_escapes(*c) ? "\\" : "", *c);
    orr_memory_free(flat);
    return status;
}
