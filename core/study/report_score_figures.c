/* Scores by every reading over the key that a sweep varies, what training added to them, and their contrasts; bars
 * where no key of numbers varies. */
#include "study/report_figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double least_r2 = -1;

struct control {
    const char *network, *text;
};
static const struct control controls[] = {
    {"untrained", "untrained"}, {"raw_inputs", "raw inputs"}, {"raw_inputs_squared", "inputs, squares"}};
enum { CONTROLS = sizeof controls / sizeof *controls };

/* ---- scores over the axis ---- */

/* Curve i of n stands in a band of its own around each place, in which its seeds lie side by side. */
static struct orr_axis_style in_band(struct orr_axis_style style, size_t i, size_t n)
{
    static const double all = 0.7, part = 0.75;
    style.shift = all * (((double)i + 0.5) / (double)n - 0.5);
    style.spread = part * all / (double)n;
    return style;
}

static struct orr_wanted score_of(const struct orr_reading *reading, const char *quantity, const char *network)
{
    return (struct orr_wanted){
        .quantity = quantity, .network = network, .probe = reading->probe, .split = reading->split};
}

static orr_status draw_scores(struct orr_figures *f, const struct orr_reading *reading, struct orr_figure *figure)
{
    const struct orr_recipe *recipe = f->r->recipe;
    for (size_t s = 0; s < recipe->n_scores; ++s) {
        const char *name = recipe->scores[s].name;
        struct orr_wanted w = score_of(reading, name, "trained");
        struct orr_axis_style style = {.kind = ORR_CURVE_MEAN, .colour = s, .title = name, .seeds = true};
        char title[96];
        style = in_band(style, s, recipe->n_scores);
        const double shift = style.shift;
        ORR_TRY(orr_axis_add(&f->axis, figure, &w, &style, f->r->err));
        if (f->axis.n_lines == 1) ORR_TRY(orr_figures_published(f, figure, &w, &style));
        for (size_t k = 0; k < CONTROLS && f->axis.n_lines == 1; ++k) {
            w.network = controls[k].network;
            snprintf(title, sizeof title, "%.40s, %.30s", name, controls[k].text);
            style = (struct orr_axis_style){
                .kind = ORR_CURVE_CONTROL, .colour = s, .dash = k + 1, .title = title, .shift = shift};
            ORR_TRY(orr_axis_add(&f->axis, figure, &w, &style, f->r->err));
        }
    }
    return orr_axis_set(&f->axis, figure, 0, f->r->err);
}

static orr_status place_scores(struct orr_figures *f, const struct orr_reading *reading)
{
    struct orr_figure figure = {.y_label = "score: mean R2 of its targets", .has_least = true, .least = least_r2};
    orr_figure_name(&figure, "scores", reading->probe, reading->split);
    char text[128];
    orr_reading_print(reading, text, sizeof text);
    snprintf(figure.title, sizeof figure.title, "Scores, %.128s", text);
    return orr_figures_place(f, &figure, draw_scores(f, reading, &figure));
}

static orr_status draw_gained(struct orr_figures *f, const struct orr_reading *reading, struct orr_figure *figure)
{
    const struct orr_recipe *recipe = f->r->recipe;
    for (size_t s = 0; s < recipe->n_scores; ++s) {
        struct orr_wanted w = score_of(reading, recipe->scores[s].name, "trained");
        struct orr_axis_style style = {
            .kind = ORR_CURVE_MEAN, .colour = s, .title = recipe->scores[s].name, .seeds = true};
        style = in_band(style, s, recipe->n_scores);
        w.network2 = "untrained";
        ORR_TRY(orr_axis_add(&f->axis, figure, &w, &style, f->r->err));
    }
    return orr_axis_set(&f->axis, figure, 0, f->r->err);
}

static orr_status place_gained(struct orr_figures *f, const struct orr_reading *reading)
{
    struct orr_figure figure = {.y_label = "score, trained minus untrained", .has_least = true, .least = least_r2};
    char text[128];
    orr_figure_name(&figure, "trained-minus-untrained", reading->probe, reading->split);
    orr_reading_print(reading, text, sizeof text);
    snprintf(figure.title, sizeof figure.title, "What training added, %.128s", text);
    snprintf(figure.note, sizeof figure.note, "Paired by seed: the same initial weights.");
    return orr_figures_place(f, &figure, draw_gained(f, reading, &figure));
}

static orr_status draw_contrast(struct orr_figures *f, const struct orr_reading *reading, const char *name,
                                struct orr_figure *figure)
{
    struct orr_wanted w = score_of(reading, name, "trained");
    struct orr_axis_style style = {.kind = ORR_CURVE_MEAN, .title = "trained", .seeds = true};
    style = in_band(style, 0, 2);
    ORR_TRY(orr_axis_add(&f->axis, figure, &w, &style, f->r->err));
    if (f->axis.n_lines == 1) {
        w.network2 = "untrained";
        style = (struct orr_axis_style){
            .kind = ORR_CURVE_MEAN, .colour = 1, .dash = 1, .title = "trained minus untrained", .seeds = true};
        style = in_band(style, 1, 2);
        ORR_TRY(orr_axis_add(&f->axis, figure, &w, &style, f->r->err));
        w = score_of(reading, name, "untrained");
        style = (struct orr_axis_style){.kind = ORR_CURVE_CONTROL, .dash = 1, .title = "untrained"};
        ORR_TRY(orr_axis_add(&f->axis, figure, &w, &style, f->r->err));
    }
    return orr_axis_set(&f->axis, figure, 0, f->r->err);
}

static orr_status place_contrast(struct orr_figures *f, const struct orr_reading *reading,
                                 const struct orr_recipe_contrast *contrast)
{
    struct orr_figure figure = {.has_least = true, .least = least_r2};
    char text[128];
    orr_figure_name(&figure, contrast->name, reading->probe, reading->split);
    orr_reading_print(reading, text, sizeof text);
    snprintf(figure.title, sizeof figure.title, "%.40s, %.110s", contrast->name, text);
    snprintf(figure.y_label, sizeof figure.y_label, "%.40s minus %.40s", contrast->first, contrast->second);
    return orr_figures_place(f, &figure, draw_contrast(f, reading, contrast->name, &figure));
}

/* ---- bars, where no key of numbers varies ---- */

static const char *const bar_networks[] = {"trained", "untrained", "raw_inputs", "raw_inputs_squared"};
static const char *const bar_texts[] = {"trained", "untrained", "inputs", "with squares"};
enum { BARS = sizeof bar_networks / sizeof *bar_networks };

/* Of one seed its standard error. */
static void set_whisker(const struct orr_figures *f, const struct orr_wanted *w, size_t line, const struct orr_mean *m,
                        double *low, double *high)
{
    const struct orr_gathered *g = f->r->gathered;
    double half = m->half_width;
    for (size_t i = 0; f->axis.n_seeds == 1 && i < g->n_points; ++i)
        if (g->point[i].state == ORR_POINT_FINISHED && f->axis.line[i] == line)
            half = orr_report_error(&g->point[i], w);
    *low = m->mean - half;
    *high = m->mean + half;
}

/* All scores of a network on a line; a network without any has no place. */
static orr_status draw_network(struct orr_figures *f, const struct orr_reading *reading, struct orr_figure *figure,
                               size_t i, size_t *place)
{
    const struct orr_recipe *recipe = f->r->recipe;
    const struct orr_axis *a = &f->axis;
    const size_t line = i / BARS;
    const double left = ((double)recipe->n_scores + 1) * (double)*place;
    size_t found = 0;
    char text[64];
    for (size_t s = 0; s < recipe->n_scores; ++s) {
        const struct orr_wanted w = score_of(reading, recipe->scores[s].name, bar_networks[i % BARS]);
        const struct orr_mean m = orr_axis_mean(a, &w, line, a->n_places);
        const struct orr_figure_curve *c = &figure->curve[s];
        if (m.n == 0) continue;
        c->x[i] = left + (double)s;
        c->y[i] = m.mean;
        set_whisker(f, &w, line, &m, &c->low[i], &c->high[i]);
        ++found;
    }
    if (found == 0) return ORR_OK;
    ++*place;
    snprintf(text, sizeof text, "%.20s%s%.40s", bar_texts[i % BARS], *a->label[line] ? ", " : "", a->label[line]);
    return orr_figure_tic(figure, left + (double)(recipe->n_scores - 1) / 2, text, f->r->err);
}

static orr_status draw_bars(struct orr_figures *f, const struct orr_reading *reading, struct orr_figure *figure)
{
    const struct orr_recipe *recipe = f->r->recipe;
    const size_t lines = f->axis.n_lines < ORR_AXIS_LINES ? f->axis.n_lines : ORR_AXIS_LINES;
    struct orr_figure_curve *c;
    size_t place = 0;
    for (size_t s = 0; s < recipe->n_scores; ++s) {
        ORR_TRY(orr_figure_add(figure, ORR_CURVE_BARS, BARS * lines, &c, f->r->err));
        c->colour = s;
        snprintf(c->title, sizeof c->title, "%.90s", recipe->scores[s].name);
    }
    for (size_t i = 0; i < BARS * lines; ++i)
        ORR_TRY(draw_network(f, reading, figure, i, &place));
    return ORR_OK;
}

static orr_status place_bars(struct orr_figures *f, const struct orr_reading *reading)
{
    struct orr_figure figure = {
        .x_label = "network", .y_label = "score: mean R2 of its targets", .has_least = true, .least = least_r2};
    char text[128];
    orr_figure_name(&figure, "scores", reading->probe, reading->split);
    orr_reading_print(reading, text, sizeof text);
    snprintf(figure.title, sizeof figure.title, "Scores, %.128s", text);
    return orr_figures_place(f, &figure, draw_bars(f, reading, &figure));
}

/* ---- all ---- */

orr_status orr_report_score_figures(struct orr_figures *f)
{
    struct orr_reading reading[ORR_READINGS_MAX];
    const size_t n = orr_readings_of(f->r, reading);
    const struct orr_recipe *recipe = f->r->recipe;
    for (size_t i = 0; i < n; ++i)
        ORR_TRY(f->axis.key ? place_scores(f, &reading[i]) : place_bars(f, &reading[i]));
    for (size_t i = 0; i < n && f->axis.key; ++i)
        if (reading[i].kind != ORR_READING_CONTROL) ORR_TRY(place_gained(f, &reading[i]));
    for (size_t k = 0; k < recipe->n_contrasts && f->axis.key; ++k)
        for (size_t i = 0; i < n; ++i)
            if (reading[i].kind != ORR_READING_CONTROL) ORR_TRY(place_contrast(f, &reading[i], &recipe->contrasts[k]));
    return ORR_OK;
}
