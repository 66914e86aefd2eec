/* The report: one table of losses, one of scores for each probe, one of a probe's other numbers, one of claims.
 *
 * Points that differ by seed only are one group: its numbers are means with 95 % intervals.
 */
#include "study/report.h"

#include "base/memory.h"
#include "study/statistics.h"
#include "study/tables.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Which number of a point. network2 not NULL: the difference network - network2, point by point. */
struct wanted {
    const char *quantity, *network, *network2, *probe, *split;
};

struct context {
    const struct orr_report *report;
    const struct orr_recipe *recipe; /* of the first point: labels, scores and claims are the same in all */
    double *value;                   /* (points), scratch */
    struct orr_text *text;
    struct orr_error *err;
};

/* ---- groups and numbers ---- */

static bool in_group(const struct orr_run_point *point, const char *group)
{
    return point->done && strcmp(point->group, group) == 0;
}

/* Is point i the first of its group that is done? */
static bool begins_group(const struct orr_run *run, size_t i)
{
    if (!run->point[i].done) return false;
    for (size_t j = 0; j < i; ++j)
        if (in_group(&run->point[j], run->point[i].group)) return false;
    return true;
}

static struct orr_mean mean(const struct context *c, const char *group, const struct wanted *w)
{
    const struct orr_run *run = c->report->run;
    size_t n = 0;
    for (size_t i = 0; i < run->n_points; ++i) {
        const struct orr_measures *m = &run->point[i].measures;
        if (!in_group(&run->point[i], group)) continue;
        c->value[n] = orr_measures_find(m, w->quantity, w->network, w->probe, w->split);
        if (w->network2) c->value[n] -= orr_measures_find(m, w->quantity, w->network2, w->probe, w->split);
        ++n;
    }
    return orr_mean_of(c->value, n);
}

static void print_mean(const struct context *c, const struct orr_mean *m, char *text, size_t size)
{
    const int digits = (int)c->recipe->digits;
    if (m->n == 0)
        snprintf(text, size, "-");
    else if (isnan(m->half_width))
        snprintf(text, size, "%.*g", digits, m->mean);
    else
        snprintf(text, size, "%.*g +- %.2g", digits, m->mean, m->half_width);
}

static void add_mean(const struct context *c, struct orr_table *table, const char *group, const struct wanted *w,
                     orr_status *status)
{
    char text[96];
    const struct orr_mean m = mean(c, group, w);
    print_mean(c, &m, text, sizeof text);
    orr_table_add(table, status, c->err, "%s", text);
}

static const char *shown(const char *group) { return *group ? group : "run"; }

/* Close a table: print it under a heading, unless it has no rows. */
static orr_status finish(const struct context *c, struct orr_table *table, const char *heading, orr_status status)
{
    if (status == ORR_OK && table->n_cells > table->n_columns) {
        status = orr_text_add(c->text, c->err, "\n%s\n", heading);
        if (status == ORR_OK) status = orr_table_print(table, c->text, c->err);
    }
    orr_table_fini(table);
    return status;
}

/* ---- what it is ---- */

/* Points that differ by more than their seed. */
static size_t count_groups(const struct orr_run *run)
{
    size_t n = 0;
    for (size_t i = 0; i < run->n_points; ++i) {
        size_t j = 0;
        while (strcmp(run->point[j].group, run->point[i].group) != 0)
            ++j;
        n += j == i;
    }
    return n;
}

static orr_status print_head(const struct context *c)
{
    const struct orr_report *report = c->report;
    const struct orr_recipe *recipe = c->recipe;
    /* The full job has one seed. */
    const size_t seeds = report->run->n_points / count_groups(report->run);
    const double all = orr_run_tokens(report->run), tokens = all / (double)seeds;
    ORR_TRY(orr_text_add(c->text, c->err, "%s: %s\n", recipe->name, recipe->title ? recipe->title : ""));
    ORR_TRY(orr_text_add(c->text, c->err, "%s%s%s; device %s; %zu of %zu points done\n", recipe->label,
                         report->size ? ", size " : "", report->size ? report->size : "", report->device,
                         report->run->n_done, report->run->n_points));
    if (report->weights)
        return orr_text_add(c->text, c->err, "\"trained\" are the weights in %s; nothing was trained.\n",
                            report->weights);
    ORR_TRY(orr_text_add(c->text, c->err, "Trained on %.3g input points in all", all));
    if (report->full_tokens <= 0 || tokens <= 0) return orr_text_add(c->text, c->err, ".\n");
    if (seeds > 1) ORR_TRY(orr_text_add(c->text, c->err, ", %.3g with each of %zu seeds", tokens, seeds));
    if (tokens >= report->full_tokens)
        return orr_text_add(c->text, c->err, ": the full job's %.3g.\n", report->full_tokens);
    return orr_text_add(c->text, c->err, ": %.0f times smaller than the full job (%.3g).\n",
                        report->full_tokens / tokens, report->full_tokens);
}

/* ---- losses ---- */

/* A network beside its control: the loss as training saw it, and of clean inputs held out. */
struct loss {
    struct wanted network, control;
};

static struct loss loss_of(const char *quantity, const char *split)
{
    const struct wanted network = {.quantity = quantity, .network = "trained", .probe = "loss", .split = split};
    struct wanted control = network;
    control.network = "none";
    return (struct loss){network, control};
}

static void add_loss(const struct context *c, struct orr_table *table, const char *group, const struct loss *loss,
                     orr_status *status)
{
    add_mean(c, table, group, &loss->network, status);
    add_mean(c, table, group, &loss->control, status);
    const struct orr_mean a = mean(c, group, &loss->network), b = mean(c, group, &loss->control);
    if (a.n && b.n && fabs(b.mean) > 0)
        orr_table_add(table, status, c->err, "%.3f", a.mean / b.mean);
    else
        orr_table_add(table, status, c->err, "-");
}

/* Points without losses of this kind have no line. */
static orr_status print_losses(const struct context *c, enum orr_loss_kind kind, const char *control,
                               const char *training, const char *text)
{
    const char *const heading[] = {"", training, control, "ratio", "held out, clean", control, "ratio"};
    const struct loss seen = loss_of(orr_loss_names[kind].training, "train");
    const struct loss clean = loss_of(orr_loss_names[kind].clean, "held_out");
    struct orr_table table = {.n_columns = 7};
    const struct orr_run *run = c->report->run;
    orr_status status = ORR_OK;
    for (size_t i = 0; i < 7; ++i)
        orr_table_add(&table, &status, c->err, "%s", heading[i]);
    for (size_t i = 0; i < run->n_points; ++i) {
        const char *group = run->point[i].group;
        if (!begins_group(run, i) || mean(c, group, &clean.network).n == 0) continue;
        orr_table_add(&table, &status, c->err, "%s", shown(group));
        add_loss(c, &table, group, &seen, &status);
        add_loss(c, &table, group, &clean, &status);
    }
    return finish(c, &table, text, status);
}

static orr_status print_all_losses(const struct context *c)
{
    ORR_TRY(print_losses(
        c, ORR_SQUARED_ERROR, "repeat last", "training, noisy",
        "Losses: mean squared error of one coordinate of the next point, beside repeating the last point.\n"
        "Noisy: inputs as in training (repeating then costs its clean error plus the noise's variance)."));
    return print_losses(c, ORR_CROSS_ENTROPY, "shares", "training",
                        "Losses: cross-entropy of one column of the next point in nats, beside knowing only the share "
                        "of each token in\n"
                        "the training data (one added to every count).");
}

/* ---- scores and numbers of one probe ---- */

struct row {
    const char *text, *network, *network2;
    const char *split; /* NULL: the column's */
};

/* What a row wants of a column. */
static struct wanted cell_of(const struct row *row, const struct wanted *column)
{
    struct wanted w = *column;
    w.network = row->network;
    w.network2 = row->network2;
    if (row->split) w.split = row->split;
    return w;
}

/* One line of a table: a network of a group, a column for each wanted number. Lines without any number are left out. */
static void add_row(const struct context *c, struct orr_table *table, const char *group, const struct row *row,
                    const struct wanted *column, size_t n, orr_status *status)
{
    size_t found = 0;
    for (size_t i = 0; i < n; ++i) {
        const struct wanted w = cell_of(row, &column[i]);
        found += mean(c, group, &w).n;
    }
    if (found == 0) return;
    orr_table_add(table, status, c->err, "%s", shown(group));
    orr_table_add(table, status, c->err, "%s", row->text);
    for (size_t i = 0; i < n; ++i) {
        const struct wanted w = cell_of(row, &column[i]);
        add_mean(c, table, group, &w, status);
    }
}

static orr_status print_rows(const struct context *c, const struct row *row, size_t n_rows, const struct wanted *column,
                             size_t n, const char *heading)
{
    struct orr_table table = {.n_columns = n + 2, .left = {[1] = true}};
    const struct orr_run *run = c->report->run;
    orr_status status = ORR_OK;
    orr_table_add(&table, &status, c->err, "%s", "");
    orr_table_add(&table, &status, c->err, "%s", "network");
    for (size_t i = 0; i < n; ++i)
        orr_table_add(&table, &status, c->err, "%s%s", column[i].quantity,
                      row->split                              ? ""
                      : strcmp(column[i].split, "train") == 0 ? " in-sample"
                                                              : " held-out");
    for (size_t i = 0; i < run->n_points; ++i)
        for (size_t r = 0; begins_group(run, i) && r < n_rows; ++r)
            add_row(c, &table, run->point[i].group, &row[r], column, n, &status);
    return finish(c, &table, heading, status);
}

static orr_status print_scores(const struct context *c, const char *probe)
{
    static const struct row rows[] = {{"trained", "trained", NULL, NULL},
                                      {"untrained", "untrained", NULL, NULL},
                                      {"trained - untrained", "trained", "untrained", NULL},
                                      {"none: inputs", "raw_inputs", NULL, NULL},
                                      {"none: inputs, squares", "raw_inputs_squared", NULL, NULL}};
    struct wanted column[ORR_TABLE_COLUMNS - 2];
    char heading[256];
    size_t n = 0;
    for (size_t i = 0; i < c->recipe->n_scores; ++i)
        for (int split = 0; split < 2 && n < ORR_TABLE_COLUMNS - 2; ++split)
            column[n++] = (struct wanted){
                .quantity = c->recipe->scores[i].name, .probe = probe, .split = orr_split_name((enum orr_split)split)};
    snprintf(heading, sizeof heading,
             "Scores by probe %.80s: mean over targets of the R2 of the best site; held out, the site is the one that\n"
             "was best in-sample.",
             probe);
    return print_rows(c, rows, sizeof rows / sizeof *rows, column, n, heading);
}

static bool is_score(const struct orr_recipe *recipe, const char *quantity)
{
    for (size_t i = 0; i < recipe->n_scores; ++i)
        if (strcmp(recipe->scores[i].name, quantity) == 0) return true;
    return false;
}

/* Numbers that a probe emitted for the network as a whole, such as rollout errors. */
static orr_status print_numbers(const struct context *c, const char *probe)
{
    static const struct row rows[] = {{"trained", "trained", NULL, "held_out"},
                                      {"untrained", "untrained", NULL, "held_out"},
                                      {"none: repeat last point", "none", NULL, "held_out"},
                                      {"trained, training set", "trained", NULL, "train"},
                                      {"untrained, training set", "untrained", NULL, "train"},
                                      {"none: repeat last point, training set", "none", NULL, "train"}};
    struct wanted column[ORR_TABLE_COLUMNS - 2];
    char heading[128];
    size_t n = 0;
    const struct orr_run *run = c->report->run;
    for (size_t i = 0; i < run->n_points; ++i)
        for (size_t j = 0; j < run->point[i].measures.count; ++j) {
            const struct orr_measure *m = &run->point[i].measures.item[j];
            if (strcmp(m->probe, probe) != 0 || is_score(c->recipe, m->quantity)) continue;
            bool known = n == ORR_TABLE_COLUMNS - 2;
            for (size_t k = 0; k < n; ++k)
                known = known || strcmp(column[k].quantity, m->quantity) == 0;
            if (!known) column[n++] = (struct wanted){.quantity = m->quantity, .probe = probe};
        }
    snprintf(heading, sizeof heading, "Probe %.80s", probe);
    return n ? print_rows(c, rows, sizeof rows / sizeof *rows, column, n, heading) : ORR_OK;
}

/* ---- claims ---- */

static const char *verdict(const struct orr_recipe_expectation *e, const struct orr_mean *m)
{
    const bool range = e->low < e->high;
    if (m->n == 0) return "not measured";
    if (isnan(m->half_width))
        return !range ? "one seed: no interval" : m->mean >= e->low && m->mean <= e->high ? "in range" : "out of range";
    if (m->mean - m->half_width <= e->high && m->mean + m->half_width >= e->low)
        return range ? "interval meets the range" : "interval holds it";
    return range ? "interval misses the range" : "interval misses it";
}

static void add_claim(const struct context *c, struct orr_table *table, const struct orr_recipe_expectation *e,
                      const char *group, orr_status *status)
{
    const struct wanted w = {.quantity = e->quantity, .network = e->network, .probe = e->probe, .split = e->split};
    const struct orr_mean m = mean(c, group, &w);
    const int digits = (int)c->recipe->digits;
    orr_table_add(table, status, c->err, "%s", shown(group));
    orr_table_add(table, status, c->err, "%s", e->claim);
    if (e->low < e->high)
        orr_table_add(table, status, c->err, "%.*g to %.*g", digits, e->low, digits, e->high);
    else
        orr_table_add(table, status, c->err, "%.*g", digits, e->low);
    char text[96];
    print_mean(c, &m, text, sizeof text);
    orr_table_add(table, status, c->err, "%s", text);
    orr_table_add(table, status, c->err, "%s", verdict(e, &m));
    orr_table_add(table, status, c->err, "%s", e->source);
}

static orr_status print_claims(const struct context *c)
{
    static const char *const heading[] = {"", "claim", "claimed", "here", "", "source"};
    struct orr_table table = {.n_columns = 6, .left = {[1] = true, [4] = true, [5] = true}};
    const struct orr_run *run = c->report->run;
    orr_status status = ORR_OK;
    size_t elsewhere = 0;
    for (size_t i = 0; i < 6; ++i)
        orr_table_add(&table, &status, c->err, "%s", heading[i]);
    for (size_t k = 0; k < c->recipe->n_expectations; ++k) {
        const struct orr_recipe_expectation *e = &c->recipe->expectations[k];
        size_t met = 0;
        for (size_t i = 0; i < run->n_points; ++i)
            if (begins_group(run, i) && orr_recipe_expects(run->point[i].recipe, e)) {
                add_claim(c, &table, e, run->point[i].group, &status);
                ++met;
            }
        elsewhere += met == 0;
    }
    char text[256];
    snprintf(text, sizeof text, "Claims, beside this run (%s)", c->recipe->label);
    ORR_TRY(finish(c, &table, text, status));
    if (elsewhere == 0) return ORR_OK;
    return orr_text_add(c->text, c->err, "  %zu more claims are about points that this run does not have.\n",
                        elsewhere);
}

orr_status orr_report_print(const struct orr_report *report, struct orr_text *text, struct orr_error *err)
{
    const struct orr_run *run = report->run;
    struct context c = {.report = report, .recipe = run->point[0].recipe, .text = text, .err = err};
    c.value = orr_memory_array(run->n_points, sizeof *c.value);
    if (!c.value) return orr_memory_out(err, "a report", run->n_points * sizeof *c.value);
    orr_status status = print_head(&c);
    if (status == ORR_OK) status = print_all_losses(&c);
    for (size_t i = 0; status == ORR_OK && i < c.recipe->n_probes; ++i) {
        status = print_scores(&c, c.recipe->probes[i].label);
        if (status == ORR_OK) status = print_numbers(&c, c.recipe->probes[i].label);
    }
    if (status == ORR_OK) status = print_claims(&c);
    orr_memory_free(c.value);
    return status;
}
