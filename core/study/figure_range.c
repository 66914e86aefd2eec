/* Which part of the plane a figure shows: a little more than its numbers and their intervals. */
#include "base/number.h"
#include "study/figure.h"

#include <math.h>

static const double margin = 0.04; /* of an axis, on either side */

bool orr_figure_has_bars(const struct orr_figure *figure)
{
    return figure->n_curves && figure->curve[0].kind == ORR_CURVE_BARS;
}

static void widen(double value, double *low, double *high)
{
    if (!isfinite(value)) return;
    *low = fmin(*low, value);
    *high = fmax(*high, value);
}

/* What is drawn; low > high where nothing is. On an axis of scores, whose greatest is 1, an interval does not stretch
 * it far beyond the numbers. */
static void range_of(const struct orr_figure *figure, double *low, double *high)
{
    double most = 1.2;
    *low = (double)INFINITY;
    *high = -(double)INFINITY;
    for (size_t c = 0; c < figure->n_curves; ++c)
        for (size_t i = 0; i < figure->curve[c].n; ++i)
            if (!figure->log_y || figure->curve[c].y[i] > 0) widen(figure->curve[c].y[i], low, high);
    most = fmax(most, *high);
    for (size_t c = 0; c < figure->n_curves; ++c)
        for (size_t i = 0; i < figure->curve[c].n; ++i) {
            const struct orr_figure_curve *curve = &figure->curve[c];
            if (!figure->log_y || curve->low[i] > 0) widen(curve->low[i], low, high);
            if (figure->log_y && !(curve->high[i] > 0)) continue;
            widen(figure->has_least && curve->high[i] > most ? most : curve->high[i], low, high);
        }
    if (orr_figure_has_bars(figure)) widen(0, low, high);
}

static double stretch_of(double low, double high) { return exp(margin * (log(high) - log(low))); }

/* What a log axis begins with, for bars that reach 0 or less. */
double orr_figure_bottom(const struct orr_figure *figure)
{
    double low, high;
    range_of(figure, &low, &high);
    return low > 0 && low < high ? low / stretch_of(low, high) : 0;
}

bool orr_figure_is_cut(const struct orr_figure *figure)
{
    double low, high;
    range_of(figure, &low, &high);
    return figure->has_least && low < figure->least && high > figure->least;
}

/* A little more than what is drawn; gnuplot's own choice goes to the next tic, on a log axis the next decade. */
static orr_status print_range(struct orr_text *text, char axis, double low, double high, bool logarithmic,
                              struct orr_error *err)
{
    char number[ORR_NUMBER_SIZE];
    if (!(low < high) || !isfinite(high - low)) return ORR_OK;
    const double step = logarithmic ? 0 : margin * (high - low), factor = logarithmic ? stretch_of(low, high) : 1;
    ORR_TRY(orr_text_add(text, err, "set %crange [%s", axis, orr_number_print(low / factor - step, number)));
    return orr_text_add(text, err, ":%s]\n", orr_number_print(high * factor + step, number));
}

/* Within two decades gnuplot's tics, the decades, are too few. */
static orr_status print_log_tics(struct orr_text *text, double low, double high, struct orr_error *err)
{
    static const int leading[] = {1, 2, 5};
    const char *separator = "set ytics (";
    if (!(low > 0 && high < 100 * low)) return ORR_OK;
    for (int decade = (int)floor(log10(low)); decade <= (int)ceil(log10(high)); ++decade)
        for (size_t k = 0; k < sizeof leading / sizeof *leading; ++k) {
            ORR_TRY(orr_text_add(text, err, "%s%de%d", separator, leading[k], decade));
            separator = ", ";
        }
    return orr_text_add(text, err, ")\n");
}

orr_status orr_figure_print_ranges(const struct orr_figure *figure, struct orr_text *text, struct orr_error *err)
{
    double low, high, left = (double)INFINITY, right = -(double)INFINITY;
    range_of(figure, &low, &high);
    for (size_t c = 0; c < figure->n_curves; ++c)
        for (size_t i = 0; i < figure->curve[c].n; ++i)
            widen(figure->curve[c].x[i], &left, &right);
    if (orr_figure_has_bars(figure)) {
        left -= 1;
        right += 1;
    }
    if (figure->log_y) ORR_TRY(print_log_tics(text, low, high, err));
    ORR_TRY(print_range(text, 'x', left, right, figure->log_x, err));
    return print_range(text, 'y', orr_figure_is_cut(figure) ? figure->least : low, high, figure->log_y, err);
}
