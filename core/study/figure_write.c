/* Data in blocks, one a curve, and a script that draws them: thin lines first, means over them. Colours are those of
 * Okabe and Ito (2008, Color Universal Design), told apart by dashes and markers too. */
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "io/file.h"
#include "study/figure.h"
#include "study/gnuplot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Of the page's style sheet too (report_style.c), which makes them lighter on a dark page. */
static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"};
static const int markers[] = {7, 5, 9, 13, 11, 15, 3}, open_markers[] = {6, 4, 8, 12, 10, 14, 1};
static const char grey[] = "#808080";
enum { COLOURS = sizeof colours / sizeof *colours };

/* ---- data ---- */

static orr_status add_number(struct orr_text *text, double value, const char *after, struct orr_error *err)
{
    char number[ORR_NUMBER_SIZE];
    return orr_text_add(text, err, "%s%s", isfinite(value) ? orr_number_print(value, number) : "nan", after);
}

static orr_status print_data(const struct orr_figure *figure, struct orr_text *text, struct orr_error *err)
{
    static const char *const names[] = {"mean", "line", "seed", "control", "fit", "bars", "points"};
    ORR_TRY(orr_text_add(text, err, "# x y low high\n"));
    for (size_t c = 0; c < figure->n_curves; ++c) {
        const struct orr_figure_curve *curve = &figure->curve[c];
        char title[sizeof curve->title];
        snprintf(title, sizeof title, "%s", curve->title);
        orr_text_flatten(title, strlen(title));
        ORR_TRY(orr_text_add(text, err, "%s# %zu: %s %s\n", c ? "\n\n" : "", c, names[curve->kind], title));
        /* A block without a line would be none. */
        if (curve->n == 0) ORR_TRY(orr_text_add(text, err, "nan nan nan nan\n"));
        for (size_t i = 0; i < curve->n; ++i) {
            ORR_TRY(add_number(text, curve->x[i], " ", err));
            ORR_TRY(add_number(text, curve->y[i], " ", err));
            ORR_TRY(add_number(text, curve->low[i], " ", err));
            ORR_TRY(add_number(text, curve->high[i], "\n", err));
        }
    }
    return ORR_OK;
}

/* ---- script ---- */

static bool has_intervals(const struct orr_figure_curve *curve)
{
    for (size_t i = 0; i < curve->n; ++i)
        if (isfinite(curve->low[i])) return true;
    return false;
}

static orr_status begin_plot(const struct orr_figure *figure, struct orr_text *text, size_t c, size_t *n,
                             struct orr_error *err)
{
    ORR_TRY(orr_text_add(text, err, "%s", (*n)++ ? ", \\\n     " : "plot "));
    return orr_text_add(text, err, "'%s.dat' index %zu ", figure->name, c);
}

static orr_status add_title(struct orr_text *text, const struct orr_figure_curve *curve, struct orr_error *err)
{
    if (!*curve->title) return orr_text_add(text, err, " notitle");
    ORR_TRY(orr_text_add(text, err, " title "));
    return orr_figure_quote(text, curve->title, err);
}

static orr_status plot_curve(const struct orr_figure *figure, struct orr_text *text, size_t c, size_t *n,
                             struct orr_error *err)
{
    const struct orr_figure_curve *curve = &figure->curve[c];
    const char *colour = curve->kind == ORR_CURVE_CONTROL ? grey : colours[curve->colour % COLOURS];
    const int marker = (curve->kind == ORR_CURVE_POINTS ? open_markers : markers)[curve->colour % COLOURS];
    const unsigned dash = (unsigned)(curve->dash % 5) + 1;
    if (has_intervals(curve) && curve->kind != ORR_CURVE_SEED) {
        ORR_TRY(begin_plot(figure, text, c, n, err));
        ORR_TRY(orr_text_add(text, err, "using 1:2:3:4 with yerrorbars lw 1 pt 0 lc rgb '%s' notitle", colour));
    }
    ORR_TRY(begin_plot(figure, text, c, n, err));
    switch (curve->kind) {
    case ORR_CURVE_MEAN:
        ORR_TRY(orr_text_add(text, err, "using 1:2 with linespoints lw 2.2 dt %u pt %d ps 0.7 lc rgb '%s'", dash,
                             marker, colour));
        break;
    case ORR_CURVE_LINE:
        ORR_TRY(orr_text_add(text, err, "using 1:2 with %s lw 2.2 dt %u pt %d ps 0.7 lc rgb '%s'",
                             curve->n < 3 ? "linespoints" : "lines", dash, marker, colour));
        break;
    case ORR_CURVE_SEED:
        ORR_TRY(orr_text_add(text, err, "using 1:2 with lines lw 0.5 lc rgb '%s'", colour));
        break;
    case ORR_CURVE_CONTROL:
        ORR_TRY(orr_text_add(text, err, "using 1:2 with linespoints lw 1.2 dt %u pt %d ps 0.5 lc rgb '%s'", dash,
                             marker, colour));
        break;
    case ORR_CURVE_FIT:
        ORR_TRY(orr_text_add(text, err, "using 1:2 with lines lw 1 dt 3 lc rgb '%s'", colour));
        break;
    case ORR_CURVE_POINTS:
        ORR_TRY(orr_text_add(text, err, "using 1:2 with points pt %d ps 1.1 lw 1.4 lc rgb '%s'", marker, colour));
        break;
    case ORR_CURVE_BARS:
        ORR_TRY(orr_text_add(text, err, "using 1:2 with boxes fill solid 0.4 border lw 1 lc rgb '%s'", colour));
        break;
    }
    return add_title(text, curve, err);
}

static orr_status print_label(struct orr_text *text, char axis, const char *label, struct orr_error *err)
{
    ORR_TRY(orr_text_add(text, err, "set %clabel ", axis));
    ORR_TRY(orr_figure_quote(text, label, err));
    return orr_text_add(text, err, "\n");
}

static bool has_bars(const struct orr_figure *figure)
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
            widen(figure->has_least && curve->high[i] > most ? most : curve->high[i], low, high);
        }
    if (has_bars(figure)) widen(0, low, high);
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
    const double step = logarithmic ? 0 : 0.04 * (high - low), factor = logarithmic ? pow(high / low, 0.04) : 1;
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

static orr_status print_ranges(const struct orr_figure *figure, struct orr_text *text, struct orr_error *err)
{
    double low, high, left = (double)INFINITY, right = -(double)INFINITY;
    range_of(figure, &low, &high);
    for (size_t c = 0; c < figure->n_curves; ++c)
        for (size_t i = 0; i < figure->curve[c].n; ++i)
            widen(figure->curve[c].x[i], &left, &right);
    if (has_bars(figure)) {
        left -= 1;
        right += 1;
    }
    if (figure->log_y) ORR_TRY(print_log_tics(text, low, high, err));
    ORR_TRY(print_range(text, 'x', left, right, figure->log_x, err));
    return print_range(text, 'y', orr_figure_is_cut(figure) ? figure->least : low, high, figure->log_y, err);
}

static orr_status print_axes(const struct orr_figure *figure, struct orr_text *text, struct orr_error *err)
{
    ORR_TRY(print_label(text, 'x', figure->x_label, err));
    ORR_TRY(print_label(text, 'y', figure->y_label, err));
    if (figure->log_x) ORR_TRY(orr_text_add(text, err, "set logscale x\n"));
    if (figure->log_y) ORR_TRY(orr_text_add(text, err, "set logscale y\nset format y '%%g'\n"));
    ORR_TRY(print_ranges(figure, text, err));
    if (figure->tics.length) ORR_TRY(orr_text_add(text, err, "set xtics (%s)\n", figure->tics.data));
    return ORR_OK;
}

static bool is_thin(const struct orr_figure_curve *curve) { return curve->kind == ORR_CURVE_SEED; }

/* How many titles there are, and how long they are. */
static int measure_titles(const struct orr_figure *figure, size_t *longest)
{
    int titles = 0;
    *longest = 0;
    for (size_t c = 0; c < figure->n_curves; ++c) {
        const size_t length = strlen(figure->curve[c].title);
        titles += length > 0;
        if (length > *longest) *longest = length;
    }
    return titles;
}

int orr_figure_height(const struct orr_figure *figure)
{
    enum { PLOT = 300, LINE = 19, SHORT = 26 }; /* two short titles stand in a line */
    size_t longest;
    const int titles = measure_titles(figure, &longest);
    return PLOT + LINE * (longest <= SHORT ? (titles + 1) / 2 : titles);
}

static orr_status print_script(const struct orr_figure *figure, struct orr_text *text, struct orr_error *err)
{
    size_t n = 0, longest;
    measure_titles(figure, &longest);
    /* gnuplot takes letters for wider than they are, and would put long titles into one column. */
    ORR_TRY(orr_text_add(text, err,
                         "# In this directory: gnuplot %s.gp > %s.svg\n"
                         "set terminal svg size %d,%d dynamic noenhanced font 'sans-serif,14' background rgb 'white'\n"
                         "set border 3\nset tics nomirror out\nset grid lc rgb '#d0d0d0' lw 0.5 lt 1\n"
                         "set key above Left reverse maxcols 2 samplen 2 width %d font ',12'\nset bars 0.6\n"
                         "set boxwidth 0.9\n%s",
                         figure->name, figure->name, ORR_FIGURE_WIDTH, orr_figure_height(figure),
                         longest > 9 ? -((int)longest - 9) * 45 / 100 : 0,
                         has_bars(figure) ? "set xzeroaxis lt 1 lc rgb '#808080'\n" : ""));
    ORR_TRY(print_axes(figure, text, err));
    for (int thin = 1; thin >= 0; --thin)
        for (size_t c = 0; c < figure->n_curves; ++c)
            if (is_thin(&figure->curve[c]) == (thin == 1)) ORR_TRY(plot_curve(figure, text, c, &n, err));
    return orr_text_add(text, err, "\n");
}

/* ---- files ---- */

static orr_status write_file(const struct orr_figure *figure, const char *directory, const char *ending,
                             const char *data, size_t n, struct orr_error *err)
{
    char *path = orr_memory_print("%s/%s.%s", directory, figure->name, ending);
    if (!path) return orr_memory_out(err, "a path", strlen(directory));
    const orr_status status = orr_file_write_atomic(path, data, n, err);
    orr_memory_free(path);
    return status;
}

static orr_status write_text(const struct orr_figure *figure, const char *directory, const char *ending,
                             orr_status (*print)(const struct orr_figure *, struct orr_text *, struct orr_error *),
                             struct orr_error *err)
{
    struct orr_text text = {.data = NULL};
    orr_status status = print(figure, &text, err);
    if (status == ORR_OK) status = write_file(figure, directory, ending, text.data, text.length, err);
    orr_text_fini(&text);
    return status;
}

orr_status orr_figure_write(const struct orr_figure *figure, const char *directory, struct orr_text *svg, bool *missing,
                            char *why, size_t size, struct orr_error *err)
{
    char script[sizeof figure->name + 4];
    const size_t before = svg->length;
    why[0] = '\0';
    ORR_TRY(write_text(figure, directory, "dat", print_data, err));
    ORR_TRY(write_text(figure, directory, "gp", print_script, err));
    if (*missing) return ORR_OK;
    snprintf(script, sizeof script, "%s.gp", figure->name);
    ORR_TRY(orr_gnuplot(directory, script, svg, missing, why, size, err));
    if (svg->length == before) return ORR_OK;
    return write_file(figure, directory, "svg", svg->data + before, svg->length - before, err);
}
