/* Texts for JSON. */
#include "study/json_text.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

json_t *orr_json_text(const char *text)
{
    enum { ESCAPED = 4 };
    if (orr_text_is_utf8(text)) return json_string(text);
    const size_t room = ESCAPED * strlen(text) + 1;
    char *ascii = orr_memory_array(room, 1);
    size_t n = 0;
    for (; ascii && *text; ++text) {
        const unsigned char byte = (unsigned char)*text;
        n += (size_t)snprintf(ascii + n, room - n, byte < 0x80 ? "%c" : "\\x%02x", byte);
    }
    json_t *json = ascii ? json_string(ascii) : NULL;
    orr_memory_free(ascii);
    return json;
}
