/* Words of a graph text to numbers.
 *
 * In: text that may be hostile, sizes. Out: text for the parser of graphs, as long in lines; or the line at fault. */
#include "model/graph_text.h"

#include "base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As the parser bounds sizes. */
#define LARGEST (INT64_C(1) << 40)

struct word {
    const char *name;
    int64_t value;
};
enum { WORDS = 8 };

struct expansion {
    const struct orr_model *m;
    struct word word[WORDS];
    const char *at; /* what is still to be read */
    int line;
    char *text;
    size_t count, capacity;
    struct orr_error *err;
};

static orr_status put(struct expansion *e, const char *text, size_t n)
{
    ORR_TRY(orr_memory_grow((void **)&e->text, &e->capacity, e->count + n + 1, 1, e->err));
    memcpy(e->text + e->count, text, n);
    e->count += n;
    return ORR_OK;
}

static orr_status copy(struct expansion *e, size_t n)
{
    e->at += n;
    return put(e, e->at - n, n);
}

/* Letters, digits, _ and . from `at` on: a word, a number, or part of one. */
static size_t run_length(const char *at)
{
    size_t n = 0;
    while (isalnum((unsigned char)at[n]) || at[n] == '_' || at[n] == '.')
        ++n;
    return n;
}

/* The value of the n characters at `at`, if they are a word or a whole number. "batch=" is the parser's own. */
static bool value_of(const struct expansion *e, const char *at, size_t n, int64_t *value)
{
    for (size_t i = 0; i < WORDS && at[n] != '='; ++i)
        if (strlen(e->word[i].name) == n && strncmp(e->word[i].name, at, n) == 0) {
            *value = e->word[i].value;
            return true;
        }
    if (n == 0 || strspn(at, "0123456789") < n) return false;
    errno = 0;
    *value = strtoll(at, NULL, 10);
    return errno == 0;
}

static const char *skip_blanks(const char *at) { return at + strspn(at, " \t"); }

/* A word, a number or anything else of the same letters; with "*" after it a product. */
static orr_status expand_run(struct expansion *e)
{
    const size_t n = run_length(e->at);
    int64_t product, factor;
    if (!value_of(e, e->at, n, &product)) return copy(e, n);
    const char *at = skip_blanks(e->at + n);
    if (*at != '*' && isdigit((unsigned char)*e->at)) return copy(e, n);
    e->at += n;
    while (*(at = skip_blanks(e->at)) == '*') {
        at = skip_blanks(at + 1);
        const size_t length = run_length(at);
        if (!value_of(e, at, length, &factor))
            return orr_fail(e->err, ORR_EFORMAT,
                            "%s:%d: expected a whole number or a size (batch, time, context, n_input, n_output, "
                            "n_embd, n_head, vocab_size) after '*', found '%.*s'",
                            e->m->graph_name, e->line, length && length < 24 ? (int)length : 1, at);
        if (factor < 0 || factor > LARGEST || product > LARGEST || (factor && product > LARGEST / factor))
            return orr_fail(e->err, ORR_EFORMAT, "%s:%d: a product is larger than 2^40", e->m->graph_name, e->line);
        product *= factor;
        e->at = at + length;
    }
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)product);
    return put(e, number, strlen(number));
}

/* From one quote to the next, or to the end of the line, where the parser will complain. */
static size_t quoted_length(const char *at)
{
    size_t n = 1;
    while (at[n] && at[n] != '\n' && at[n] != '"')
        n += at[n] == '\\' && at[n + 1] && at[n + 1] != '\n' ? 2 : 1;
    return n + (at[n] == '"');
}

static orr_status expand_all(struct expansion *e)
{
    while (*e->at) {
        if (*e->at == '"')
            ORR_TRY(copy(e, quoted_length(e->at)));
        else if (*e->at == '#')
            ORR_TRY(copy(e, strcspn(e->at, "\n")));
        else if (run_length(e->at))
            ORR_TRY(expand_run(e));
        else {
            e->line += *e->at == '\n';
            ORR_TRY(copy(e, 1));
        }
    }
    return put(e, "", 0);
}

orr_status orr_graph_text_expand(const struct orr_model *m, int64_t batch, int64_t time, char **out,
                                 struct orr_error *err)
{
    struct expansion e = {.m = m,
                          .word = {{"batch", batch},
                                   {"time", time},
                                   {"context", m->block_size},
                                   {"n_input", m->n_input},
                                   {"n_output", m->n_output},
                                   {"n_embd", m->n_embd},
                                   {"n_head", m->n_head},
                                   {"vocab_size", m->vocab_size}},
                          .at = m->graph,
                          .line = 1,
                          .err = err};
    const orr_status status = expand_all(&e);
    if (status == ORR_OK)
        *out = e.text;
    else
        orr_memory_free(e.text);
    return status;
}

int orr_graph_text_line(const char *text, orr_handle v)
{
    int line = 1;
    for (;; ++line) {
        text = skip_blanks(text);
        while (*text == '%') {
            char *end;
            if (strtol(text + 1, &end, 10) == v) return line;
            text = skip_blanks(end);
            if (*text == ',') text = skip_blanks(text + 1);
        }
        text = strchr(text, '\n');
        if (!text) return 0;
        ++text;
    }
}
