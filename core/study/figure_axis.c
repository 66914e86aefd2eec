/* Sorting points of a sweep into lines and places, and taking means over the seeds of each. */
#include "study/figure_axis.h"

#include "base/memory.h"
#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char seed_key[] = "train.seed";

static bool is_finished(const struct orr_gathered_point *point) { return point->state == ORR_POINT_FINISHED; }
static bool is_same(double a, double b) { return !(a < b) && !(a > b); }

/* ---- which key ---- */

/* Has the key several values among finished points? All of them numbers, if so asked. */
static bool varies(const struct orr_gathered *g, size_t k, bool numbers)
{
    const char *first = NULL;
    double value;
    bool several = false;
    for (size_t i = 0; i < g->n_points; ++i) {
        if (!is_finished(&g->point[i])) continue;
        if (numbers && !orr_number_real(g->point[i].value[k], &value)) return false;
        if (!first) first = g->point[i].value[k];
        several = several || strcmp(first, g->point[i].value[k]) != 0;
    }
    return several;
}

static size_t find_key(const struct orr_gathered *g, const char *key)
{
    size_t found = g->n_keys;
    for (size_t k = 0; k < g->n_keys; ++k)
        if (strcmp(g->key[k], seed_key) != 0 && (!key || strcmp(g->key[k], key) == 0) && varies(g, k, true)) found = k;
    return found;
}

/* ---- lines and places ---- */

static void label_of(const struct orr_gathered *g, size_t point, size_t without, char *label)
{
    size_t used = 0;
    label[0] = '\0';
    for (size_t k = 0; k < g->n_keys && used < ORR_POINT_NAME; ++k) {
        if (k == without || strcmp(g->key[k], seed_key) == 0 || !varies(g, k, false)) continue;
        const char *dot = strrchr(g->key[k], '.');
        used += (size_t)snprintf(label + used, ORR_POINT_NAME - used, "%s%s=%s", used ? ", " : "",
                                 dot ? dot + 1 : g->key[k], g->point[point].value[k]);
    }
}

static void insert_place(struct orr_axis *a, double x)
{
    size_t i = a->n_places;
    for (size_t k = 0; k < a->n_places; ++k)
        if (is_same(a->place[k], x)) return;
    for (; i > 0 && a->place[i - 1] > x; --i)
        a->place[i] = a->place[i - 1];
    a->place[i] = x;
    ++a->n_places;
}

static void insert_line(struct orr_axis *a, size_t point, size_t key)
{
    char label[ORR_POINT_NAME];
    size_t l = 0;
    label_of(a->gathered, point, key, label);
    while (l < a->n_lines && strcmp(a->label[l], label) != 0)
        ++l;
    if (l == a->n_lines) memcpy(a->label[a->n_lines++], label, sizeof label);
    a->line[point] = l;
}

static void insert_seed(struct orr_axis *a, int64_t seed)
{
    size_t i = a->n_seeds;
    for (size_t k = 0; k < a->n_seeds; ++k)
        if (a->seed[k] == seed) return;
    for (; i > 0 && a->seed[i - 1] > seed; --i)
        a->seed[i] = a->seed[i - 1];
    a->seed[i] = seed;
    ++a->n_seeds;
}

orr_status orr_axis_of(const struct orr_gathered *g, const char *key, struct orr_axis *out, struct orr_error *err)
{
    const size_t k = find_key(g, key), n = g->n_points;
    *out = (struct orr_axis){.gathered = g, .key = k < g->n_keys ? g->key[k] : NULL};
    out->place = orr_memory_array(n, sizeof *out->place);
    out->x = orr_memory_array(n, sizeof *out->x);
    out->line = orr_memory_array(n, sizeof *out->line);
    out->label = orr_memory_array(n, sizeof *out->label);
    out->seed = orr_memory_array(n, sizeof *out->seed);
    out->scratch = orr_memory_array(n, sizeof *out->scratch);
    if (!out->place || !out->x || !out->line || !out->label || !out->seed || !out->scratch) {
        orr_axis_fini(out);
        return orr_memory_out(err, "a figure", n * (sizeof *out->label + 5 * sizeof *out->x));
    }
    for (size_t i = 0; i < n; ++i) {
        out->x[i] = (double)NAN;
        if (!is_finished(&g->point[i])) continue;
        insert_line(out, i, k);
        insert_seed(out, g->point[i].seed);
        if (out->key && orr_number_real(g->point[i].value[k], &out->x[i])) insert_place(out, out->x[i]);
    }
    return ORR_OK;
}

void orr_axis_fini(struct orr_axis *axis)
{
    orr_memory_free(axis->place);
    orr_memory_free(axis->x);
    orr_memory_free(axis->line);
    orr_memory_free(axis->label);
    orr_memory_free(axis->seed);
    orr_memory_free(axis->scratch);
    *axis = (struct orr_axis){.gathered = NULL};
}

/* ---- numbers ---- */

static bool is_at(const struct orr_axis *a, size_t point, size_t line, size_t place)
{
    if (!is_finished(&a->gathered->point[point]) || a->line[point] != line) return false;
    return place == a->n_places || is_same(a->x[point], a->place[place]);
}

struct orr_mean orr_axis_mean(const struct orr_axis *a, const struct orr_wanted *w, size_t line, size_t place)
{
    size_t n = 0;
    for (size_t i = 0; i < a->gathered->n_points; ++i)
        if (is_at(a, i, line, place)) a->scratch[n++] = orr_report_value(&a->gathered->point[i], w);
    return orr_mean_of(a->scratch, n);
}

/* ---- curves ---- */

static double shown(const struct orr_axis_style *style, double value) { return style->complement ? 1 - value : value; }

static double shown_x(const struct orr_axis *a, const struct orr_axis_style *style, size_t place)
{
    return a->place[place] * (style->times > 0 ? style->times : 1);
}

/* One seed of a line, of all seeds the rank-th, with a standard error each side. */
static orr_status add_seed(const struct orr_axis *a, struct orr_figure *figure, const struct orr_wanted *w,
                           const struct orr_axis_style *style, size_t line, size_t rank, struct orr_error *err)
{
    const struct orr_gathered_point *point = a->gathered->point;
    struct orr_figure_curve *c;
    size_t n = 0;
    ORR_TRY(orr_figure_add(figure, ORR_CURVE_SEED, a->n_places, &c, err));
    c->colour = a->n_lines > 1 ? line : style->colour;
    c->shift = style->shift;
    if (a->n_seeds > 1) c->shift += style->spread * ((double)rank / (double)(a->n_seeds - 1) - 0.5);
    for (size_t k = 0; k < a->n_places; ++k)
        for (size_t i = 0; i < a->gathered->n_points; ++i) {
            if (!is_at(a, i, line, k) || point[i].seed != a->seed[rank] || n == c->n) continue;
            const double error = orr_report_error(&point[i], w);
            c->x[n] = shown_x(a, style, k);
            c->y[n] = shown(style, orr_report_value(&point[i], w));
            c->low[n] = c->y[n] - error;
            c->high[n] = c->y[n] + error;
            ++n;
        }
    return ORR_OK;
}

/* Those that have a point of this line. */
static orr_status add_seeds(const struct orr_axis *a, struct orr_figure *figure, const struct orr_wanted *w,
                            const struct orr_axis_style *style, size_t line, struct orr_error *err)
{
    const struct orr_gathered_point *point = a->gathered->point;
    for (size_t rank = 0; rank < a->n_seeds; ++rank) {
        size_t i = 0;
        while (i < a->gathered->n_points && !(is_at(a, i, line, a->n_places) && point[i].seed == a->seed[rank]))
            ++i;
        if (i < a->gathered->n_points) ORR_TRY(add_seed(a, figure, w, style, line, rank, err));
    }
    return ORR_OK;
}

static bool has_error(const struct orr_axis *a, const struct orr_wanted *w, size_t line)
{
    for (size_t i = 0; i < a->gathered->n_points; ++i)
        if (is_at(a, i, line, a->n_places) && isfinite(orr_report_error(&a->gathered->point[i], w))) return true;
    return false;
}

/* Of several lines colours tell the first ones apart; dashes the others, and numbers that share the figure. */
static size_t dash_of(const struct orr_axis_style *style, size_t line)
{
    enum { COLOURS = ORR_AXIS_LINES / 2 };
    return 2 * style->colour + line / COLOURS;
}

static orr_status add_line(const struct orr_axis *a, struct orr_figure *figure, const struct orr_wanted *w,
                           const struct orr_axis_style *style, size_t line, struct orr_error *err)
{
    struct orr_figure_curve *c;
    if (orr_axis_mean(a, w, line, a->n_places).n == 0) return ORR_OK;
    ORR_TRY(orr_figure_add(figure, style->kind, a->n_places, &c, err));
    c->colour = a->n_lines > 1 ? line : style->colour;
    c->dash = a->n_lines > 1 ? dash_of(style, line) : style->dash;
    c->shift = style->shift;
    snprintf(c->title, sizeof c->title, "%.40s%s%.50s", style->title, *style->title && *a->label[line] ? ", " : "",
             a->label[line]);
    for (size_t k = 0; k < a->n_places; ++k) {
        const struct orr_mean m = orr_axis_mean(a, w, line, k);
        c->x[k] = shown_x(a, style, k);
        c->y[k] = shown(style, m.mean);
        if (isnan(m.half_width)) continue;
        c->low[k] = c->y[k] - m.half_width;
        c->high[k] = c->y[k] + m.half_width;
    }
    return style->seeds && (a->n_seeds > 1 || has_error(a, w, line)) ? add_seeds(a, figure, w, style, line, err)
                                                                     : ORR_OK;
}

orr_status orr_axis_add(const struct orr_axis *a, struct orr_figure *figure, const struct orr_wanted *w,
                        const struct orr_axis_style *style, struct orr_error *err)
{
    for (size_t l = 0; a->key && l < a->n_lines && l < ORR_AXIS_LINES; ++l)
        ORR_TRY(add_line(a, figure, w, style, l, err));
    return ORR_OK;
}

/* Between the nearest places, but at most an eighth of the axis, so that what is shifted stays within it. */
static double spacing_of(const struct orr_axis *a, bool logarithmic, double factor)
{
    double least = (double)INFINITY, all = 0;
    for (size_t k = 0; k + 1 < a->n_places; ++k) {
        const double step = logarithmic ? log(a->place[k + 1] / a->place[k]) : factor * (a->place[k + 1] - a->place[k]);
        least = fmin(least, step);
        all += step;
    }
    return a->n_places > 1 ? fmin(least, all / 8) : 0;
}

/* How far along the axis a place is. */
static double share_of(const struct orr_axis *a, bool logarithmic, size_t place)
{
    const double *x = a->place, last = x[a->n_places - 1];
    if (a->n_places < 2) return 0;
    return logarithmic ? log(x[place] / x[0]) / log(last / x[0]) : (x[place] - x[0]) / (last - x[0]);
}

orr_status orr_axis_set(const struct orr_axis *a, struct orr_figure *figure, double times, struct orr_error *err)
{
    enum { TICS = 24 };
    static const double LETTER = 9.0 / ORR_FIGURE_WIDTH, GAP = 4.0 / ORR_FIGURE_WIDTH;
    double end = 0;
    const double factor = times > 0 ? times : 1;
    char text[ORR_NUMBER_SIZE];
    if (!a->key || a->n_places == 0) return ORR_OK;
    if (is_same(factor, 1))
        snprintf(figure->x_label, sizeof figure->x_label, "%.80s", a->key);
    else
        snprintf(figure->x_label, sizeof figure->x_label, "%.60s times %g", a->key, factor);
    figure->log_x = a->place[0] > 0 && a->place[a->n_places - 1] >= 5 * a->place[0];
    figure->spacing = spacing_of(a, figure->log_x, factor);
    for (size_t k = 0; k < a->n_places && a->n_places <= TICS; ++k) {
        const double at = share_of(a, figure->log_x, k);
        orr_number_print(factor * a->place[k], text);
        const double half = LETTER * (double)strlen(text) / 2;
        const bool fits = k == 0 || at - half > end;
        if (fits) end = at + half + GAP;
        ORR_TRY(orr_figure_tic(figure, factor * a->place[k], fits ? text : "", err));
    }
    return ORR_OK;
}
