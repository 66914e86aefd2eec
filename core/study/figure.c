/* Putting a figure together. */
#include "study/figure.h"

#include "base/memory.h"
#include "base/number.h"

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

/* In single quotes gnuplot knows no escapes but a doubled quote, and runs nothing. */
orr_status orr_figure_quote(struct orr_text *text, const char *word, struct orr_error *err)
{
    ORR_TRY(orr_text_add(text, err, "'"));
    for (; *word; ++word) {
        const unsigned char c = (unsigned char)*word;
        ORR_TRY(orr_text_add(text, err, "%s%c", c == '\'' ? "'" : "", c < ' ' || c == 127 ? ' ' : c));
    }
    return orr_text_add(text, err, "'");
}

orr_status orr_figure_tic(struct orr_figure *figure, double x, const char *text, struct orr_error *err)
{
    char number[ORR_NUMBER_SIZE];
    if (figure->tics.length) ORR_TRY(orr_text_add(&figure->tics, err, ", "));
    ORR_TRY(orr_figure_quote(&figure->tics, text, err));
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
            count += isfinite(figure->curve[c].y[i]) != 0;
    return count;
}

void orr_figure_fini(struct orr_figure *figure)
{
    for (size_t c = 0; c < figure->n_curves; ++c)
        orr_memory_free(figure->curve[c].x);
    orr_memory_free(figure->curve);
    orr_text_fini(&figure->tics);
    *figure = (struct orr_figure){.n_curves = 0};
}
