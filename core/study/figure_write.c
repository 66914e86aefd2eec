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
enum { COLOURS = sizeof colours / sizeof *colours, FEW = 30 };

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

/* Where its points stand along x. */
static orr_status print_x(const struct orr_figure *figure, struct orr_text *text, const struct orr_figure_curve *curve,
                          struct orr_error *err)
{
    const double by = curve->shift * figure->spacing;
    char number[ORR_NUMBER_SIZE];
    if (!(fabs(by) > 0)) return orr_text_add(text, err, "1");
    return orr_text_add(text, err, figure->log_x ? "($1*%s)" : "($1+%s)",
                        orr_number_print(figure->log_x ? exp(by) : by, number));
}

static orr_status begin_plot(const struct orr_figure *figure, struct orr_text *text, size_t c, size_t *n,
                             struct orr_error *err)
{
    const struct orr_figure_curve *curve = &figure->curve[c];
    ORR_TRY(orr_text_add(text, err, "%s", (*n)++ ? ", \\\n     " : "plot "));
    ORR_TRY(orr_text_add(text, err, "'%s.dat' index %zu ", figure->name, c));
    if (orr_figure_every(curve->n) > 1) ORR_TRY(orr_text_add(text, err, "every %zu ", orr_figure_every(curve->n)));
    ORR_TRY(orr_text_add(text, err, "using "));
    return print_x(figure, text, curve, err);
}

/* The column of low ends; on a log axis none lies at 0 or below. */
static orr_status print_low(const struct orr_figure *figure, struct orr_text *text, struct orr_error *err)
{
    char number[ORR_NUMBER_SIZE];
    const double bottom = figure->log_y ? orr_figure_bottom(figure) : 0;
    if (!(bottom > 0)) return orr_text_add(text, err, "($3)");
    orr_number_print(bottom, number);
    return orr_text_add(text, err, "($3<%s?%s:$3)", number, number);
}

static orr_status plot_intervals(const struct orr_figure *figure, struct orr_text *text, size_t c, const char *colour,
                                 size_t *n, struct orr_error *err)
{
    const bool thin = figure->curve[c].kind == ORR_CURVE_SEED;
    ORR_TRY(begin_plot(figure, text, c, n, err));
    if (!thin) {
        ORR_TRY(orr_text_add(text, err, ":2:"));
        ORR_TRY(print_low(figure, text, err));
        return orr_text_add(text, err, ":4 with yerrorbars lw 1 pt 0 lc rgb '%s' notitle", colour);
    }
    ORR_TRY(orr_text_add(text, err, ":"));
    ORR_TRY(print_low(figure, text, err));
    ORR_TRY(orr_text_add(text, err, ":(0):($4-"));
    ORR_TRY(print_low(figure, text, err));
    return orr_text_add(text, err, ") with vectors nohead lw 0.5 lc rgb '%s' notitle", colour);
}

static orr_status add_title(struct orr_text *text, const char *title, struct orr_error *err)
{
    if (!*title) return orr_text_add(text, err, " notitle");
    ORR_TRY(orr_text_add(text, err, " title "));
    return orr_figure_quote(text, title, err);
}

static orr_status plot_curve(const struct orr_figure *figure, struct orr_text *text, size_t c, bool titled, size_t *n,
                             struct orr_error *err)
{
    const struct orr_figure_curve *curve = &figure->curve[c];
    const char *colour = curve->kind == ORR_CURVE_CONTROL ? grey : colours[curve->colour % COLOURS];
    const size_t form = curve->colour + (curve->kind == ORR_CURVE_MEAN ? curve->dash : 0);
    const int marker = (curve->kind == ORR_CURVE_POINTS ? open_markers : markers)[form % COLOURS];
    const unsigned dash = (unsigned)(curve->dash % 5) + 1;
    if (has_intervals(curve)) ORR_TRY(plot_intervals(figure, text, c, colour, n, err));
    ORR_TRY(begin_plot(figure, text, c, n, err));
    switch (curve->kind) {
    case ORR_CURVE_MEAN:
        ORR_TRY(
            orr_text_add(text, err, ":2 with linespoints lw 2.2 dt %u pt %d ps 0.7 lc rgb '%s'", dash, marker, colour));
        break;
    case ORR_CURVE_LINE:
        if (curve->n < 3)
            ORR_TRY(orr_text_add(text, err, ":2 with linespoints pt %d ps 0.7 lw 2.2 dt %u lc rgb '%s'", marker, dash,
                                 colour));
        else
            ORR_TRY(orr_text_add(text, err, ":2 with lines lw 2.2 dt %u lc rgb '%s'", dash, colour));
        break;
    case ORR_CURVE_SEED:
        /* Of few points each is seen, also one that has no neighbour. */
        ORR_TRY(orr_text_add(text, err, ":2 with %s lw 0.5 lc rgb '%s'",
                             curve->n > FEW ? "lines" : "linespoints pt 7 ps 0.2", colour));
        break;
    case ORR_CURVE_CONTROL:
        ORR_TRY(
            orr_text_add(text, err, ":2 with linespoints lw 1.2 dt %u pt %d ps 0.5 lc rgb '%s'", dash, marker, colour));
        break;
    case ORR_CURVE_FIT:
        ORR_TRY(orr_text_add(text, err, ":2 with lines lw 1 dt 3 lc rgb '%s'", colour));
        break;
    case ORR_CURVE_POINTS:
        ORR_TRY(orr_text_add(text, err, ":2 with points pt %d ps 1.1 lw 1.4 lc rgb '%s'", marker, colour));
        break;
    case ORR_CURVE_BARS:
        ORR_TRY(orr_text_add(text, err, ":2 with boxes fill solid 0.4 border lw 1 lc rgb '%s'", colour));
        break;
    }
    return add_title(text, titled ? curve->title : "", err);
}

static orr_status print_label(struct orr_text *text, char axis, const char *label, struct orr_error *err)
{
    ORR_TRY(orr_text_add(text, err, "set %clabel ", axis));
    ORR_TRY(orr_figure_quote(text, label, err));
    return orr_text_add(text, err, "\n");
}

/* Texts of tics that do not stand side by side are turned. */
static bool is_crowded(const struct orr_figure *figure)
{
    enum { SIDE_BY_SIDE = 44 };
    return figure->letters > SIDE_BY_SIDE;
}

static orr_status print_axes(const struct orr_figure *figure, struct orr_text *text, struct orr_error *err)
{
    ORR_TRY(print_label(text, 'x', figure->x_label, err));
    ORR_TRY(print_label(text, 'y', figure->y_label, err));
    if (figure->log_x) ORR_TRY(orr_text_add(text, err, "set logscale x\n"));
    if (figure->log_y) ORR_TRY(orr_text_add(text, err, "set logscale y\nset format y '%%g'\n"));
    ORR_TRY(orr_figure_print_ranges(figure, text, err));
    if (is_crowded(figure)) ORR_TRY(orr_text_add(text, err, "set xtics rotate by 90 right\n"));
    if (figure->tics.length) ORR_TRY(orr_text_add(text, err, "set xtics (%s)\n", figure->tics.data));
    return ORR_OK;
}

/* Thin lines below; what the figure is about once more, or controls of nearly the same value would hide it. */
enum layer { SEEDS, THICK, MEANS, LAYERS };

static bool is_in(enum layer layer, enum orr_curve_kind kind)
{
    return layer == SEEDS ? kind == ORR_CURVE_SEED : layer == THICK ? kind != ORR_CURVE_SEED : kind == ORR_CURVE_MEAN;
}

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
    enum { PLOT = 300, LINE = 19, LETTER = 8, SHORT = 26 }; /* two short titles stand in a line */
    size_t longest;
    const int titles = measure_titles(figure, &longest);
    const int below = is_crowded(figure) ? LETTER * (int)figure->longest_tic : 0;
    return PLOT + below + LINE * (longest <= SHORT ? (titles + 1) / 2 : titles);
}

static orr_status print_script(const struct orr_figure *figure, struct orr_text *text, struct orr_error *err)
{
    size_t n = 0, longest;
    measure_titles(figure, &longest);
    /* gnuplot takes letters for wider than they are, and would put long titles into one column. */
    ORR_TRY(orr_text_add(text, err,
                         "# In this directory: gnuplot %s.gp > %s.svg\n"
                         "set encoding utf8\nset terminal svg size %d,%d dynamic noenhanced font 'sans-serif,14' "
                         "background rgb 'white'\n"
                         "set border 3\nset tics nomirror out\nset grid lc rgb '#d0d0d0' lw 0.5 lt 1\n"
                         "set key above Left reverse maxcols 2 samplen 2 width %d font ',12'\nset bars 0.6\n"
                         "set boxwidth 0.9\n%s",
                         figure->name, figure->name, ORR_FIGURE_WIDTH, orr_figure_height(figure),
                         longest > 9 ? -((int)longest - 9) * 45 / 100 : 0,
                         figure->log_y ? "" : "set xzeroaxis lt 1 lc rgb '#808080'\n"));
    ORR_TRY(print_axes(figure, text, err));
    for (enum layer layer = SEEDS; layer < LAYERS; ++layer)
        for (size_t c = 0; c < figure->n_curves; ++c)
            if (is_in(layer, figure->curve[c].kind)) ORR_TRY(plot_curve(figure, text, c, layer != MEANS, &n, err));
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
