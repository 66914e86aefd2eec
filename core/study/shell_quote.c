/* Words for a shell. */
#include "study/shell_quote.h"

#include "study/text.h"

#include <string.h>

/* As a shell reads it: within single quotes, where there is anything but plain characters. */
static orr_status add_word(struct orr_text *text, const char *word, struct orr_error *err)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";
    const char *space = text->length ? " " : "";
    if (*word && !word[strspn(word, plain)]) return orr_text_add(text, err, "%s%s", space, word);
    ORR_TRY(orr_text_add(text, err, "%s'", space));
    for (; *word; ++word)
        ORR_TRY(*word == '\'' ? orr_text_add(text, err, "'\\''") : orr_text_add(text, err, "%c", *word));
    return orr_text_add(text, err, "'");
}

orr_status orr_shell_quote(const char *const *word, size_t n, char **out, struct orr_error *err)
{
    struct orr_text text = {.data = NULL};
    orr_status status = orr_text_add(&text, err, "%s", "");
    for (size_t i = 0; status == ORR_OK && i < n; ++i)
        status = add_word(&text, word[i], err);
    *out = text.data;
    if (status == ORR_OK) return ORR_OK;
    orr_text_fini(&text);
    *out = NULL;
    return status;
}
