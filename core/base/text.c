/* Texts from outside: are they valid, are they safe to show? */
#include "base/text.h"

#include <string.h>

/* How many bytes the character that begins with these has, 0 when it is none. Table 3-7 of the Unicode standard. */
static size_t character(const unsigned char *c)
{
    if (c[0] < 0x80) return 1;
    const unsigned char low = c[0] == 0xE0 ? 0xA0 : c[0] == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = c[0] == 0xED ? 0x9F : c[0] == 0xF4 ? 0x8F : 0xBF;
    const size_t n = c[0] < 0xC2 ? 0 : c[0] < 0xE0 ? 2 : c[0] < 0xF0 ? 3 : c[0] < 0xF5 ? 4 : 0;
    if (n == 0 || c[1] < low || c[1] > high) return 0;
    for (size_t i = 2; i < n; ++i)
        if ((c[i] & 0xC0) != 0x80) return 0;
    return n;
}

bool orr_text_is_utf8(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    while (*c) {
        const size_t n = character(c);
        if (n == 0) return false;
        c += n;
    }
    return true;
}

void orr_text_flatten(char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        unsigned char c[5] = {0};
        memcpy(c, text + i, n - i < 4 ? n - i : 4);
        const size_t length = character(c);
        /* C2 80 to C2 9F are control characters of eight bits, as some terminals still take them. */
        if (length == 0)
            text[i] = '?';
        else if (c[0] < 0x20 || c[0] == 0x7F || (c[0] == 0xC2 && c[1] < 0xA0))
            memset(text + i, ' ', length);
        i += length ? length : 1;
    }
}

bool orr_text_ends_with(const char *text, const char *end)
{
    const size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}
