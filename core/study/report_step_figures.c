/* Figures whose points have several numbers each: losses and scores by step, rollouts by generated point. Points of one
 * group, which differ by seed only, have one colour: thin lines, and their mean. */
#include "base/memory.h"
#include "io/npy.h"
#include "study/report_figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { GROUPS_MAX = 14 }; /* colours and dashes for more would not be told apart */

/* The numbers of a point: appended to x and y, which have room for `room`. */
struct series {
    double *x, *y;
    size_t n, room;
};

struct by_step {
    struct orr_figures *f;
    struct orr_figure figure;
    /* How many numbers a point has, and then what they are. */
    size_t (*count)(const struct orr_gathered_point *point, const struct by_step *by);
    void (*fill)(const struct orr_gathered_point *point, const struct by_step *by, struct series *s);
    const char *probe, *quantity, *target, *split; /* of which findings */
    struct orr_array *array;                       /* (points) of rollouts */
    const struct orr_gathered_point *first;        /* point of the gathered ones */
};

/* ---- groups ---- */

static bool is_new_group(const struct orr_gathered *g, size_t i)
{
    for (size_t j = 0; j < i; ++j)
        if (strcmp(g->point[j].group, g->point[i].group) == 0 && g->point[j].state == ORR_POINT_FINISHED) return false;
    return g->point[i].state == ORR_POINT_FINISHED;
}

static orr_status add_point(struct by_step *by, size_t i, enum orr_curve_kind kind, size_t group,
                            struct orr_figure_curve **out)
{
    const struct orr_gathered_point *point = &by->f->r->gathered->point[i];
    ORR_TRY(orr_figure_add(&by->figure, kind, by->count(point, by), out, by->f->r->err));
    struct series s = {.x = (*out)->x, .y = (*out)->y, .room = (*out)->n};
    by->fill(point, by, &s);
    (*out)->colour = group;
    (*out)->dash = group / 7;
    return ORR_OK;
}

/* The mean over seeds, at the steps of the first; where a seed has other steps there is no mean. */
static orr_status add_mean(struct by_step *by, size_t first, size_t group)
{
    const struct orr_gathered *g = by->f->r->gathered;
    struct orr_figure_curve *mean, *one;
    const char *name = g->point[first].group;
    ORR_TRY(add_point(by, first, ORR_CURVE_LINE, group, &mean));
    snprintf(mean->title, sizeof mean->title, "%.90s", *name ? name : "trained");
    const size_t at = by->figure.n_curves - 1;
    size_t n = 1;
    for (size_t i = first + 1; i < g->n_points; ++i) {
        if (g->point[i].state != ORR_POINT_FINISHED || strcmp(g->point[i].group, name) != 0) continue;
        ORR_TRY(add_point(by, i, ORR_CURVE_SEED, group, &one));
        mean = &by->figure.curve[at];
        for (size_t k = 0; k < mean->n; ++k)
            mean->y[k] += k < one->n && fabs(one->x[k] - mean->x[k]) <= 0 ? one->y[k] : (double)NAN;
        ++n;
    }
    mean = &by->figure.curve[at];
    for (size_t k = 0; k < mean->n; ++k)
        mean->y[k] /= (double)n;
    return n > 1 ? add_point(by, first, ORR_CURVE_SEED, group, &one) : ORR_OK;
}

static orr_status add_groups(struct by_step *by)
{
    const struct orr_gathered *g = by->f->r->gathered;
    size_t n = 0;
    by->first = g->point;
    for (size_t i = 0; i < g->n_points; ++i)
        if (is_new_group(g, i) && n++ < GROUPS_MAX) ORR_TRY(add_mean(by, i, n - 1));
    snprintf(by->figure.note, sizeof by->figure.note, "%s%s", by->f->axis.n_seeds > 1 ? "Thick: mean over seeds." : "",
             n > GROUPS_MAX ? " The first 14 only." : "");
    return ORR_OK;
}

static orr_status place(struct by_step *by)
{
    const orr_status status = add_groups(by);
    by->figure.log_y = by->figure.log_y && orr_figure_spans_decade(&by->figure);
    return orr_figures_place(by->f, &by->figure, status);
}

/* ---- losses ---- */

static size_t count_losses(const struct orr_gathered_point *point, const struct by_step *by)
{
    (void)by;
    return point->n_losses;
}

static void fill_losses(const struct orr_gathered_point *point, const struct by_step *by, struct series *s)
{
    (void)by;
    for (; s->n < s->room; ++s->n) {
        s->x[s->n] = (double)point->loss[s->n].step;
        s->y[s->n] = point->loss[s->n].loss;
    }
}

static size_t count_evaluations(const struct orr_gathered_point *point, const struct by_step *by)
{
    (void)by;
    return point->n_evaluations;
}

static void fill_evaluations(const struct orr_gathered_point *point, const struct by_step *by, struct series *s)
{
    (void)by;
    for (; s->n < s->room; ++s->n) {
        s->x[s->n] = (double)point->evaluation[s->n].step;
        s->y[s->n] = point->evaluation[s->n].held_out_loss;
    }
}

static void describe_losses(struct orr_figure *figure, const char *title, const char *what)
{
    snprintf(figure->title, sizeof figure->title, "%s", title);
    snprintf(figure->x_label, sizeof figure->x_label, "step");
    snprintf(figure->y_label, sizeof figure->y_label, "%s", what);
    figure->log_y = true;
}

static orr_status place_losses(struct orr_figures *f)
{
    struct by_step by = {.f = f, .count = count_losses, .fill = fill_losses};
    orr_figure_name(&by.figure, "loss", "", "");
    describe_losses(&by.figure, "Training loss by step", "training loss");
    return place(&by);
}

static orr_status place_evaluations(struct orr_figures *f)
{
    struct by_step by = {.f = f, .count = count_evaluations, .fill = fill_evaluations};
    orr_figure_name(&by.figure, "loss", "held-out", "");
    describe_losses(&by.figure, "Held-out loss at the evaluated steps", "held-out loss");
    return place(&by);
}

/* ---- R2 by step, where every evaluated step was probed ---- */

static bool is_wanted(const struct orr_finding_row *row, const struct by_step *by)
{
    return strcmp(row->network, "trained") == 0 && strcmp(row->quantity, by->quantity) == 0 &&
           strcmp(row->probe, by->probe) == 0 && strcmp(row->target, by->target) == 0 &&
           strcmp(orr_split_name(row->split), by->split) == 0;
}

static size_t count_findings(const struct orr_gathered_point *point, const struct by_step *by)
{
    size_t n = 0;
    for (size_t i = 0; i < point->findings.count; ++i)
        n += is_wanted(&point->findings.row[i], by);
    return n;
}

/* The best site at each step, ascending. */
static void fill_findings(const struct orr_gathered_point *point, const struct by_step *by, struct series *s)
{
    for (size_t i = 0; i < point->findings.count; ++i) {
        const struct orr_finding_row *row = &point->findings.row[i];
        const double step = (double)row->step;
        size_t at = 0;
        if (!is_wanted(row, by)) continue;
        while (at < s->n && s->x[at] < step)
            ++at;
        if (at < s->n && s->x[at] <= step) {
            s->y[at] = fmax(s->y[at], row->value);
            continue;
        }
        for (size_t k = s->n++; k > at; --k) {
            s->x[k] = s->x[k - 1];
            s->y[k] = s->y[k - 1];
        }
        s->x[at] = step;
        s->y[at] = row->value;
    }
}

static orr_status place_r2(struct orr_figures *f, const struct orr_finding_row *row)
{
    struct by_step by = {.f = f,
                         .count = count_findings,
                         .fill = fill_findings,
                         .probe = row->probe,
                         .quantity = row->quantity,
                         .target = row->target,
                         .split = orr_split_name(row->split)};
    orr_figure_name(&by.figure, row->probe, row->target, by.split);
    snprintf(by.figure.title, sizeof by.figure.title, "R2 of %.40s by step, probe %.60s, %s", row->target, row->probe,
             row->split == ORR_TRAIN ? "in sample" : "held out");
    snprintf(by.figure.x_label, sizeof by.figure.x_label, "step");
    snprintf(by.figure.y_label, sizeof by.figure.y_label, "R2 of %.40s, best site", row->target);
    by.figure.has_least = true;
    by.figure.least = -1;
    return place(&by);
}

/* Once for each probe, target and split of the first point that has R2 at several steps. */
static orr_status place_all_r2(struct orr_figures *f)
{
    enum { MOST = 8 };
    const struct orr_gathered *g = f->r->gathered;
    size_t i = 0, n = 0;
    if (!f->r->recipe->study.every_evaluation) return ORR_OK;
    while (g->point[i].state != ORR_POINT_FINISHED)
        ++i;
    const struct orr_findings *all = &g->point[i].findings;
    for (size_t k = 0; k < all->count && n < MOST; ++k) {
        const struct orr_finding_row *row = &all->row[k];
        const struct by_step same = {
            .probe = row->probe, .quantity = row->quantity, .target = row->target, .split = orr_split_name(row->split)};
        size_t j = 0;
        if (strcmp(row->quantity, "r2") != 0 || !is_wanted(row, &same)) continue;
        while (!is_wanted(&all->row[j], &same))
            ++j;
        if (j < k) continue;
        ++n;
        ORR_TRY(place_r2(f, row));
    }
    return ORR_OK;
}

/* ---- rollouts ---- */

static size_t count_array(const struct orr_gathered_point *point, const struct by_step *by)
{
    const struct orr_array *array = &by->array[point - by->first];
    return array->data ? (size_t)array->dim[0] : 0;
}

static void fill_array(const struct orr_gathered_point *point, const struct by_step *by, struct series *s)
{
    const struct orr_array *array = &by->array[point - by->first];
    const double *row = array->data;
    for (; s->n < s->room; ++s->n, row += array->dim[1]) {
        s->x[s->n] = row[0];
        s->y[s->n] = row[1];
    }
}

/* A point without the array, or with one of another form, has no curve. */
static orr_status read_array(const struct orr_gathered_point *point, const char *probe, struct orr_array *out,
                             struct orr_error *err)
{
    char *path = orr_memory_print("%s/arrays/trained/%s/rollout_curve.npy", point->directory, probe);
    orr_status status = path ? ORR_OK : orr_memory_out(err, "a path", strlen(point->directory));
    if (path && access(path, R_OK) == 0) status = orr_npy_read(path, out, err);
    orr_memory_free(path);
    if (status == ORR_OK && out->data && (out->dtype != ORR_NPY_F64 || out->rank != 2 || out->dim[1] < 2)) {
        orr_array_fini(out);
        out->data = NULL;
    }
    return status;
}

static orr_status place_rollout(struct orr_figures *f, const char *probe)
{
    const struct orr_gathered *g = f->r->gathered;
    struct by_step by = {.f = f, .count = count_array, .fill = fill_array, .first = g->point};
    orr_status status = ORR_OK;
    by.array = orr_memory_array(g->n_points, sizeof *by.array);
    if (!by.array) return orr_memory_out(f->r->err, "rollouts", g->n_points * sizeof *by.array);
    for (size_t i = 0; status == ORR_OK && i < g->n_points; ++i)
        if (g->point[i].state == ORR_POINT_FINISHED) status = read_array(&g->point[i], probe, &by.array[i], f->r->err);
    orr_figure_name(&by.figure, probe, "horizon", "");
    snprintf(by.figure.title, sizeof by.figure.title, "Error along the generated points, probe %.60s", probe);
    snprintf(by.figure.x_label, sizeof by.figure.x_label, "generated point");
    snprintf(by.figure.y_label, sizeof by.figure.y_label, "mean distance");
    by.figure.log_y = true;
    if (status == ORR_OK) status = place(&by);
    for (size_t i = 0; i < g->n_points; ++i)
        orr_array_fini(&by.array[i]);
    orr_memory_free(by.array);
    return status;
}

orr_status orr_report_step_figures(struct orr_figures *f)
{
    for (size_t p = 0; p < f->r->recipe->n_probes; ++p)
        ORR_TRY(place_rollout(f, f->r->recipe->probes[p].label));
    ORR_TRY(place_all_r2(f));
    ORR_TRY(place_losses(f));
    return place_evaluations(f);
}
