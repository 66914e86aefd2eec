/* Putting a figure together. */
#include "study/figure.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

orr_status orr_figure_add(struct orr_figure *figure, enum orr_curve_kind kind, size_t n, struct orr_figure_curve **out,
                          struct orr_error *err)
{
    void *curves = figure->curve;
    const orr_status grown =
        orr_memory_grow(&curves, &figure->capacity, figure->n_curves + 1, sizeof *figure->curve, err);
    figure->curve = curves;
    ORR_TRY(grown);
    double *number = orr_memory_array(n, 4 * sizeof *number);
    if (!number) return orr_memory_out(err, "a curve", n * 4 * sizeof *number);
    for (size_t i = 0; i < 4 * n; ++i)
        number[i] = (double)NAN;
    struct orr_figure_curve *curve = &figure->curve[figure->n_curves++];
    *curve = (struct orr_figure_curve){
        .kind = kind, .x = number, .y = number + n, .low = number + 2 * n, .high = number + 3 * n, .n = n};
    *out = curve;
    return ORR_OK;
}

/* In single quotes gnuplot knows no escapes but a doubled quote, and runs nothing. twice: what else is doubled. */
static orr_status add_quoted(struct orr_text *text, const char *word, char twice, struct orr_error *err)
{
    char *flat = orr_memory_text(word);
    if (!flat) return orr_memory_out(err, "a text", strlen(word) + 1);
    orr_text_flatten(flat, strlen(flat));
    orr_status status = orr_text_add(text, err, "'");
    for (const char *c = flat; *c && status == ORR_OK; ++c) {
        if (*c == '\'' || *c == twice) status = orr_text_add(text, err, "%c", *c);
        if (status == ORR_OK) status = orr_text_add(text, err, "%c", *c);
    }
    orr_memory_free(flat);
    return status == ORR_OK ? orr_text_add(text, err, "'") : status;
}

orr_status orr_figure_quote(struct orr_text *text, const char *word, struct orr_error *err)
{
    return add_quoted(text, word, '\'', err);
}

orr_status orr_figure_tic(struct orr_figure *figure, double x, const char *text, struct orr_error *err)
{
    char number[ORR_NUMBER_SIZE];
    if (figure->tics.length) ORR_TRY(orr_text_add(&figure->tics, err, ", "));
    const size_t length = strlen(text);
    figure->letters += length;
    if (length > figure->longest_tic) figure->longest_tic = length;
    /* The text of a tic is a format for its number. */
    ORR_TRY(add_quoted(&figure->tics, text, '%', err));
    return orr_text_add(&figure->tics, err, " %s", orr_number_print(x, number));
}

void orr_figure_name(struct orr_figure *figure, const char *word, const char *word2, const char *word3)
{
    snprintf(figure->name, sizeof figure->name, "%.24s%s%.24s%s%.24s", word, *word2 ? "-" : "", word2,
             *word3 ? "-" : "", word3);
    for (char *c = figure->name; *c; ++c)
        if (!isalnum((unsigned char)*c) || (unsigned char)*c > 126) *c = '-';
}

size_t orr_figure_count(const struct orr_figure *figure)
{
    size_t count = 0;
    for (size_t c = 0; c < figure->n_curves; ++c)
        for (size_t i = 0; i < figure->curve[c].n; ++i)
            count += isfinite(figure->curve[c].y[i]) && (!figure->log_y || figure->curve[c].y[i] > 0);
    return count;
}

bool orr_figure_spans_decade(const struct orr_figure *figure)
{
    double low = (double)INFINITY, high = 0;
    for (size_t c = 0; c < figure->n_curves; ++c)
        for (size_t i = 0; i < figure->curve[c].n; ++i) {
            if (isnan(figure->curve[c].y[i])) continue;
            low = fmin(low, figure->curve[c].y[i]);
            high = fmax(high, figure->curve[c].y[i]);
        }
    return low > 0 && high >= 10 * low;
}

size_t orr_figure_every(size_t n)
{
    enum { MOST = 500 }; /* more than the pixels across */
    return n ? (n + MOST - 1) / MOST : 1;
}

void orr_figure_fini(struct orr_figure *figure)
{
    for (size_t c = 0; c < figure->n_curves; ++c)
        orr_memory_free(figure->curve[c].x);
    orr_memory_free(figure->curve);
    orr_text_fini(&figure->tics);
    *figure = (struct orr_figure){.n_curves = 0};
}
