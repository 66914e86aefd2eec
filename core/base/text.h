/* Texts from outside: are they valid, are they safe to show? And how one ends. */
#ifndef ORR_BASE_TEXT_H
#define ORR_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Is all of text UTF-8 (RFC 3629: no overlong forms, no surrogates, up to U+10FFFF)? Any thread. */
bool orr_text_is_utf8(const char *text);

/* Is `end` the end of text? Any thread. */
bool orr_text_ends_with(const char *text, const char *end);

/* Replace control characters (line ends, ESC, DEL, C1, ...) in the first n bytes by spaces, and bytes that are not
 * UTF-8 by question marks: a line stays a line and a text a text, and a terminal is told nothing. Any thread. */
void orr_text_flatten(char *text, size_t n);

#endif
