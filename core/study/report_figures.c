/* Putting figures into their files and the page; numbers of probes over the key that a sweep varies, and power laws. */
#include "study/report_figures.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "io/file.h"
#include "study/report_curves.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- placing ---- */

static const char after_head[] = "</desc>";

/* The drawing without its own head, and with names that no other figure of the page has. */
static void embed(struct orr_figures *f, const struct orr_figure *figure, const char *svg)
{
    static const char *const names[] = {"id='", "id=\"", "href='#"};
    struct orr_html *page = f->page;
    const char *at = strstr(svg, after_head) + strlen(after_head);
    char prefix[32];
    snprintf(prefix, sizeof prefix, "f%zu-", f->count);
    orr_html_begin(page, "svg");
    orr_html_attribute(page, "viewBox", "0 0 %d %d", ORR_FIGURE_WIDTH, orr_figure_height(figure));
    orr_html_attribute(page, "role", "img");
    orr_html_attribute(page, "aria-labelledby", "%stitle", prefix);
    orr_html_end(page);
    orr_html_begin(page, "title");
    orr_html_attribute(page, "id", "%stitle", prefix);
    orr_html_end(page);
    orr_html_text(page, "%s: %s against %s", figure->title, figure->y_label, figure->x_label);
    orr_html_close(page, "title");
    while (*at) {
        const char *next = NULL;
        for (size_t k = 0; k < sizeof names / sizeof *names; ++k) {
            const char *found = strstr(at, names[k]);
            if (found && (!next || found + strlen(names[k]) < next)) next = found + strlen(names[k]);
        }
        orr_html_markup(page, at, next ? (size_t)(next - at) : strlen(at));
        if (next) orr_html_markup(page, prefix, strlen(prefix));
        at = next ? next : at + strlen(at);
    }
}

static bool has_curve(const struct orr_figure *figure, enum orr_curve_kind kind, bool interval)
{
    for (size_t c = 0; c < figure->n_curves; ++c)
        for (size_t i = 0; i < figure->curve[c].n && figure->curve[c].kind == kind; ++i)
            if (!interval || isfinite(figure->curve[c].low[i])) return true;
    return false;
}

/* How to read what is drawn. */
static void describe(const struct orr_figures *f, const struct orr_figure *figure)
{
    const bool bars = has_curve(figure, ORR_CURVE_BARS, true);
    if (has_curve(figure, ORR_CURVE_MEAN, true) || (bars && f->axis.n_seeds > 1))
        orr_html_text(f->page, " Means with 95 %% intervals over seeds.");
    else if (bars)
        orr_html_text(f->page,
                      " One seed; whiskers: one standard error over its trajectories, of scores by bootstrap.");
    if (has_curve(figure, ORR_CURVE_SEED, true))
        orr_html_text(f->page,
                      " Thin: every seed%s, with one standard error over its trajectories to either side, of "
                      "scores by bootstrap.",
                      f->axis.n_seeds > 1 ? ", side by side" : "");
    else if (has_curve(figure, ORR_CURVE_SEED, false) && f->axis.n_seeds > 1)
        orr_html_text(f->page, " Thin: every seed.");
    if (has_curve(figure, ORR_CURVE_CONTROL, false)) orr_html_text(f->page, " Grey: controls.");
    if (has_curve(figure, ORR_CURVE_MEAN, false) && f->axis.n_lines > ORR_AXIS_LINES)
        orr_html_text(f->page, " Of %zu lines the first %d.", f->axis.n_lines, ORR_AXIS_LINES);
}

static void show(struct orr_figures *f, const struct orr_figure *figure, const struct orr_text *svg)
{
    struct orr_html *page = f->page;
    size_t every = 1;
    for (size_t c = 0; c < figure->n_curves; ++c)
        if (orr_figure_every(figure->curve[c].n) > every) every = orr_figure_every(figure->curve[c].n);
    orr_html_open(page, "figure", NULL);
    if (svg->length && strstr(svg->data, after_head))
        embed(f, figure, svg->data);
    else
        orr_html_element(page, "p", "missing", "Not drawn; in the directory figures: gnuplot %s.gp > %s.svg",
                         figure->name, figure->name);
    orr_html_open(page, "figcaption", NULL);
    orr_html_element(page, "strong", NULL, "%s.", figure->title);
    if (*figure->note) orr_html_text(page, " %s", figure->note);
    describe(f, figure);
    if (orr_figure_is_cut(figure)) orr_html_text(page, " What lies below %g is not shown.", figure->least);
    orr_html_open(page, "small", NULL);
    orr_html_text(page, "figures/%s.dat, .gp%s", figure->name, svg->length ? ", .svg" : "");
    if (every > 1) orr_html_text(page, "; drawn is one number of %zu", every);
    orr_html_close(page, "small");
    orr_html_close(page, "figcaption");
    orr_html_close(page, "figure");
}

/* Two figures whose names are cut to the same have files of their own. */
static orr_status keep_name(struct orr_figures *f, struct orr_figure *figure)
{
    char line[sizeof figure->name + 3];
    snprintf(line, sizeof line, "\n%s\n", figure->name);
    if (f->names.data && strstr(f->names.data, line)) {
        const size_t end = strlen(figure->name);
        snprintf(figure->name + end, sizeof figure->name - end, "-%zu", f->count % 1000);
    }
    return orr_text_add(&f->names, f->r->err, "\n%s\n", figure->name);
}

orr_status orr_figures_place(struct orr_figures *f, struct orr_figure *figure, orr_status status)
{
    struct orr_text svg = {.data = NULL};
    char why[sizeof f->why];
    if (status == ORR_OK && orr_figure_count(figure) > 0) {
        ++f->count;
        status = keep_name(f, figure);
        if (status == ORR_OK)
            status = orr_figure_write(figure, f->directory, &svg, &f->missing, why, sizeof why, f->r->err);
        if (status == ORR_OK) {
            f->drawn += svg.length > 0;
            if (*why && !f->missing) orr_log(ORR_LOG_WARN, "report", "%s: %s", figure->name, why);
            if (*why && !*f->why) memcpy(f->why, why, sizeof why);
            show(f, figure, &svg);
            status = f->page->status;
        }
    }
    orr_text_fini(&svg);
    orr_figure_fini(figure);
    return status;
}

/* ---- parts of figures ---- */

/* What was published at the places of this axis. */
orr_status orr_figures_published(struct orr_figures *f, struct orr_figure *figure, const struct orr_wanted *w,
                                 const struct orr_axis_style *style)
{
    const struct orr_gathered *g = f->r->gathered;
    struct orr_figure_curve *c;
    size_t n = 0;
    ORR_TRY(orr_figure_add(figure, ORR_CURVE_POINTS, f->axis.n_places, &c, f->r->err));
    c->colour = style->colour;
    c->shift = style->shift;
    for (size_t k = 0; k < f->r->recipe->n_expectations; ++k) {
        const struct orr_recipe_expectation *e = &f->r->recipe->expectations[k];
        size_t i = 0;
        if (e->low < e->high || strcmp(e->quantity, w->quantity) != 0 || strcmp(e->network, w->network) != 0) continue;
        if (strcmp(e->split, w->split) != 0 || (e->probe && strcmp(e->probe, w->probe) != 0)) continue;
        while (i < g->n_points && (isnan(f->axis.x[i]) || !orr_recipe_expects(g->point[i].recipe, e)))
            ++i;
        if (i == g->n_points || n == c->n) continue;
        c->x[n] = f->axis.x[i];
        c->y[n++] = e->low;
    }
    if (n) snprintf(c->title, sizeof c->title, "%.60s, published", style->title);
    return ORR_OK;
}

/* ---- the other numbers of a probe ---- */

static bool ends_with_best(const char *quantity)
{
    const size_t n = strlen(quantity), m = strlen(ORR_BEST_SUFFIX);
    return n > m && strcmp(quantity + n - m, ORR_BEST_SUFFIX) == 0;
}

static orr_status draw_numbers(struct orr_figures *f, const char *probe, const char *quantity, const char *split,
                               struct orr_figure *figure)
{
    static const char *const networks[] = {"trained", "untrained", "none"};
    for (size_t k = 0; k < 3; ++k) {
        const struct orr_wanted w = {.quantity = quantity, .network = networks[k], .probe = probe, .split = split};
        const struct orr_axis_style style = {.kind = k ? ORR_CURVE_CONTROL : ORR_CURVE_MEAN,
                                             .dash = k,
                                             .colour = k,
                                             .title = k == 2 ? "none: repeat last point" : networks[k],
                                             .seeds = k == 0,
                                             .shift = 0.1 * (double)k,
                                             .spread = 0.6};
        if (k && f->axis.n_lines > 1) continue;
        ORR_TRY(orr_axis_add(&f->axis, figure, &w, &style, f->r->err));
        if (k == 0 && f->axis.n_lines == 1) ORR_TRY(orr_figures_published(f, figure, &w, &style));
    }
    figure->log_y = orr_figure_spans_decade(figure);
    return orr_axis_set(&f->axis, figure, 0, f->r->err);
}

static orr_status place_numbers(struct orr_figures *f, const struct orr_measure *m)
{
    struct orr_figure figure = {.x_label = ""};
    orr_figure_name(&figure, m->probe, m->quantity, m->split);
    snprintf(figure.title, sizeof figure.title, "%.64s, probe %.64s%s", m->quantity, m->probe,
             strcmp(m->split, "train") == 0 ? ", in sample" : ", held out");
    snprintf(figure.y_label, sizeof figure.y_label, "%.90s", m->quantity);
    return orr_figures_place(f, &figure, draw_numbers(f, m->probe, m->quantity, m->split, &figure));
}

/* Has no finished point before this one a number of that name? */
static bool is_new(const struct orr_gathered *g, size_t point, const struct orr_measure *m)
{
    for (size_t i = 0; i < point; ++i)
        for (size_t k = 0; k < g->point[i].measures.count; ++k) {
            const struct orr_measure *other = &g->point[i].measures.item[k];
            if (strcmp(other->quantity, m->quantity) == 0 && strcmp(other->probe, m->probe) == 0 &&
                strcmp(other->split, m->split) == 0 && strcmp(other->network, m->network) == 0)
                return false;
        }
    return true;
}

/* Every number of the trained network that is no loss, no score, no part of one and no choice of steps. */
static orr_status place_all_numbers(struct orr_figures *f)
{
    const struct orr_gathered *g = f->r->gathered;
    for (size_t i = 0; i < g->n_points; ++i)
        for (size_t k = 0; k < g->point[i].measures.count; ++k) {
            const struct orr_measure *m = &g->point[i].measures.item[k];
            if (strcmp(m->network, "trained") != 0 || strcmp(m->probe, "loss") == 0) continue;
            if (orr_reading_is_score(f->r->recipe, m->quantity) || ends_with_best(m->quantity)) continue;
            if (orr_scores_target(m->quantity)) continue;
            if (is_new(g, i, m)) ORR_TRY(place_numbers(f, m));
        }
    return ORR_OK;
}

/* ---- power laws ---- */

static orr_status draw_law(struct orr_figures *f, const struct orr_recipe_fit *fit, const struct orr_axis *axis,
                           struct orr_figure *figure)
{
    struct orr_power_law law, of_values;
    const struct orr_wanted w = {
        .quantity = fit->quantity, .network = fit->network, .probe = fit->probe, .split = fit->split};
    const struct orr_axis_style style = {
        .kind = ORR_CURVE_MEAN, .title = "", .seeds = true, .complement = fit->complement, .times = fit->times[1]};
    ORR_TRY(orr_axis_add(axis, figure, &w, &style, f->r->err));
    ORR_TRY(orr_axis_set(axis, figure, fit->times[1], f->r->err));
    figure->log_y = orr_figure_spans_decade(figure);
    ORR_TRY(orr_fit_points(f->r->gathered, fit, &law, &of_values, f->r->err));
    for (size_t l = 0; l < axis->n_lines && l < ORR_AXIS_LINES && isfinite(law.a); ++l) {
        struct orr_figure_curve *c;
        const struct orr_config_node *node;
        size_t i = 0;
        double v;
        while (isnan(axis->x[i]) || axis->line[i] != l)
            ++i;
        node = orr_config_find(orr_config_root(f->r->gathered->point[i].recipe->config), fit->over[0]);
        if (!node || !node->text || !orr_number_real(node->text, &v)) continue;
        ORR_TRY(orr_figure_add(figure, ORR_CURVE_FIT, axis->n_places, &c, f->r->err));
        c->colour = l;
        for (size_t k = 0; k < axis->n_places; ++k) {
            c->x[k] = axis->place[k] * fit->times[1];
            c->y[k] = law.a * pow(v * fit->times[0], law.alpha) * pow(c->x[k], law.beta);
        }
    }
    return ORR_OK;
}

static orr_status place_law(struct orr_figures *f, const struct orr_recipe_fit *fit)
{
    struct orr_figure figure = {.n_curves = 0};
    struct orr_axis axis;
    ORR_TRY(orr_axis_of(f->r->gathered, fit->over[1], &axis, f->r->err));
    orr_figure_name(&figure, "fit", fit->name, "");
    snprintf(figure.title, sizeof figure.title, "%.64s: %s%.64s", fit->name, fit->complement ? "1 - " : "",
             fit->quantity);
    snprintf(figure.y_label, sizeof figure.y_label, "%s%.64s", fit->complement ? "1 - " : "", fit->quantity);
    snprintf(figure.note, sizeof figure.note, "Dotted: the power law fitted to the logarithms of all points.");
    const orr_status status = axis.key ? draw_law(f, fit, &axis, &figure) : ORR_OK;
    orr_axis_fini(&axis);
    return orr_figures_place(f, &figure, status);
}

/* ---- all ---- */

static orr_status place_all(struct orr_figures *f)
{
    ORR_TRY(orr_report_score_figures(f));
    if (f->axis.key) ORR_TRY(place_all_numbers(f));
    for (size_t k = 0; k < f->r->recipe->n_fits; ++k)
        ORR_TRY(place_law(f, &f->r->recipe->fits[k]));
    return orr_report_step_figures(f);
}

orr_status orr_report_figures(const struct orr_reporting *r, const char *directory, struct orr_html *page,
                              struct orr_figures *out)
{
    *out = (struct orr_figures){.r = r, .page = page};
    out->directory = orr_memory_print("%s/figures", directory);
    if (!out->directory) return orr_memory_out(r->err, "a path", strlen(directory));
    orr_status status = orr_file_make_directories(out->directory, r->err);
    if (status == ORR_OK) status = orr_axis_of(r->gathered, NULL, &out->axis, r->err);
    out->axis_seeds = out->axis.n_seeds;
    if (status == ORR_OK) status = place_all(out);
    orr_axis_fini(&out->axis);
    orr_text_fini(&out->names);
    orr_memory_free(out->directory);
    out->directory = NULL;
    return status;
}
