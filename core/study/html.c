/* Elements and escaped text (HTML Living Standard, 13.1: in text and in quoted attributes five characters matter). */
#include "study/html.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void add(struct orr_html *html, const char *text)
{
    if (html->status == ORR_OK) html->status = orr_text_add(&html->text, html->err, "%s", text);
}

void orr_html_markup(struct orr_html *html, const char *markup, size_t n)
{
    if (html->status == ORR_OK) html->status = orr_text_add(&html->text, html->err, "%.*s", (int)n, markup);
}

static const char *escape_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static void add_escaped(struct orr_html *html, char *text)
{
    orr_text_flatten(text, strlen(text));
    while (*text) {
        const size_t plain = strcspn(text, "&<>\"'");
        orr_html_markup(html, text, plain);
        text += plain;
        if (*text) add(html, escape_of(*text++));
    }
}

static void add_printed(struct orr_html *html, const char *fmt, va_list args)
{
    if (html->status != ORR_OK) return;
    va_list again;
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    char *text = length < 0 ? NULL : orr_memory_array((size_t)length + 1, 1);
    if (!text) {
        html->status = orr_memory_out(html->err, "a text", (size_t)length + 1);
        return;
    }
    vsnprintf(text, (size_t)length + 1, fmt, args);
    add_escaped(html, text);
    orr_memory_free(text);
}

/* ---- elements ---- */

void orr_html_begin(struct orr_html *html, const char *tag)
{
    add(html, "<");
    add(html, tag);
}

void orr_html_attribute(struct orr_html *html, const char *name, const char *fmt, ...)
{
    va_list args;
    add(html, " ");
    add(html, name);
    add(html, "=\"");
    va_start(args, fmt);
    add_printed(html, fmt, args);
    va_end(args);
    add(html, "\"");
}

void orr_html_end(struct orr_html *html) { add(html, ">"); }

void orr_html_open(struct orr_html *html, const char *tag, const char *kind)
{
    orr_html_begin(html, tag);
    if (kind) orr_html_attribute(html, "class", "%s", kind);
    orr_html_end(html);
}

/* A line end after these would be seen as a space. */
static bool is_inline(const char *tag)
{
    static const char *const tags[] = {"b", "strong", "small"};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; ++i)
        if (strcmp(tag, tags[i]) == 0) return true;
    return false;
}

void orr_html_close(struct orr_html *html, const char *tag)
{
    add(html, "</");
    add(html, tag);
    add(html, is_inline(tag) ? ">" : ">\n");
}

void orr_html_text(struct orr_html *html, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add_printed(html, fmt, args);
    va_end(args);
}

void orr_html_element(struct orr_html *html, const char *tag, const char *kind, const char *fmt, ...)
{
    va_list args;
    orr_html_open(html, tag, kind);
    va_start(args, fmt);
    add_printed(html, fmt, args);
    va_end(args);
    orr_html_close(html, tag);
}
