/* Tables of losses, and of each probe's scores and other numbers, beside their controls. */
#include "study/report_tables.h"

#include "study/markdown.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char orr_report_legend[] =
    "After +-: the 95 % interval of the mean over seeds (Student's t). In brackets, of one seed: the standard "
    "error over its trajectories, of scores by bootstrap.";

/* ---- lines and numbers ---- */

static bool in_group(const struct orr_gathered_point *point, const char *group)
{
    return point->state == ORR_POINT_FINISHED && strcmp(point->group, group) == 0;
}

double orr_report_value(const struct orr_gathered_point *point, const struct orr_wanted *w)
{
    const double value = orr_measures_find(&point->measures, w->quantity, w->network, w->probe, w->split);
    if (!w->network2) return value;
    return value - orr_measures_find(&point->measures, w->quantity, w->network2, w->probe, w->split);
}

/* What training added is a finding of its own, since both networks were resampled by the same draws. */
double orr_report_error(const struct orr_gathered_point *point, const struct orr_wanted *w)
{
    const bool gained = w->network2 && strcmp(w->network, "trained") == 0 && strcmp(w->network2, "untrained") == 0;
    const char *network = gained ? orr_difference_name : w->network;
    for (size_t i = 0; i < point->findings.count && (gained || !w->network2); ++i) {
        const struct orr_finding_row *row = &point->findings.row[i];
        if (!*row->site && !*row->target && strcmp(row->quantity, w->quantity) == 0 &&
            strcmp(row->network, network) == 0 && (!w->probe || strcmp(row->probe, w->probe) == 0) &&
            strcmp(orr_split_name(row->split), w->split) == 0)
            return row->uncertainty;
    }
    return (double)NAN;
}

bool orr_report_begins(const struct orr_reporting *r, size_t i)
{
    const struct orr_gathered_point *point = r->gathered->point;
    if (point[i].state != ORR_POINT_FINISHED) return false;
    for (size_t j = 0; !r->every_point && j < i; ++j)
        if (in_group(&point[j], point[i].group)) return false;
    return true;
}

const char *orr_report_name(const struct orr_reporting *r, size_t i)
{
    const struct orr_gathered_point *point = &r->gathered->point[i];
    const char *name = r->every_point ? point->name : point->group;
    return *name ? name : "run";
}

struct orr_mean orr_report_mean(const struct orr_reporting *r, size_t i, const struct orr_wanted *w)
{
    const struct orr_gathered_point *point = &r->gathered->point[i];
    if (r->every_point) {
        const double value = orr_report_value(point, w);
        return orr_mean_of(&value, 1);
    }
    const size_t n = orr_gathered_values(r->gathered, point->group, w->quantity, w->network, w->network2, w->probe,
                                         w->split, r->value);
    return orr_mean_of(r->value, n);
}

void orr_report_number(int digits, const struct orr_mean *m, char *text, size_t size)
{
    if (m->n == 0)
        snprintf(text, size, "-");
    else if (isnan(m->half_width))
        snprintf(text, size, "%.*g", digits, m->mean);
    else
        snprintf(text, size, "%.*g +- %.2g", digits, m->mean, m->half_width);
}

static bool look_alike(double a, double b, int digits)
{
    char first[40], second[40];
    snprintf(first, sizeof first, "%.*g", digits, a);
    snprintf(second, sizeof second, "%.*g", digits, b);
    return (a < b || a > b) && strcmp(first, second) == 0;
}

int orr_report_digits(int least, const double *number, size_t n)
{
    enum { MOST = 6 };
    int digits = least;
    for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < i; ++j)
            while (digits < MOST && look_alike(number[i], number[j], digits))
                ++digits;
    return digits;
}

void orr_report_estimate(int least, const struct orr_mean *m, char *text, size_t size)
{
    const double number[] = {m->mean, m->mean - m->half_width, m->mean + m->half_width};
    const int digits = orr_report_digits(least, number, 3);
    if (m->n == 0)
        snprintf(text, size, "not measured");
    else if (m->n == 1)
        snprintf(text, size, "%.*g (one seed: no interval)", digits, m->mean);
    else if (!isfinite(m->half_width))
        snprintf(text, size, "%.*g (%zu seeds; no interval, since not all are finite)", digits, m->mean, m->n);
    else
        snprintf(text, size, "%.*g (95\u00a0%% interval %.*g to %.*g, %zu seeds)", digits, m->mean, digits,
                 m->mean - m->half_width, digits, m->mean + m->half_width, m->n);
}

/* A number of one seed has its standard error in brackets. */
static void add_mean(const struct orr_reporting *r, struct orr_table *table, size_t i, const struct orr_wanted *w,
                     orr_status *status)
{
    char text[96];
    const struct orr_mean m = orr_report_mean(r, i, w);
    const double error = m.n == 1 ? orr_report_error(&r->gathered->point[i], w) : (double)NAN;
    orr_report_number((int)r->recipe->digits, &m, text, sizeof text);
    if (isfinite(error))
        orr_table_add(table, status, r->err, "%s (%.2g)", text, error);
    else
        orr_table_add(table, status, r->err, "%s", text);
}

orr_status orr_report_table(const struct orr_reporting *r, struct orr_table *table, const char *heading,
                            const char *text, orr_status status)
{
    if (status == ORR_OK && table->n_cells > table->n_columns) {
        status = orr_text_add(r->text, r->err, "\n%s %s\n\n%s%s", r->every_point ? "###" : "##", heading,
                              r->every_point ? "" : text, r->every_point || !*text ? "" : "\n\n");
        if (status == ORR_OK) status = orr_table_print(table, r->text, r->err);
    }
    orr_table_fini(table);
    return status;
}

/* ---- losses ---- */

/* A network beside its control: the loss as training saw it, and of clean inputs held out. */
struct loss {
    struct orr_wanted network, control;
};

static struct loss loss_of(const char *quantity, const char *split)
{
    const struct orr_wanted network = {.quantity = quantity, .network = "trained", .probe = "loss", .split = split};
    struct orr_wanted control = network;
    control.network = "none";
    return (struct loss){network, control};
}

static void add_loss(const struct orr_reporting *r, struct orr_table *table, size_t i, const struct loss *loss,
                     orr_status *status)
{
    add_mean(r, table, i, &loss->network, status);
    add_mean(r, table, i, &loss->control, status);
    const struct orr_mean a = orr_report_mean(r, i, &loss->network), b = orr_report_mean(r, i, &loss->control);
    if (a.n && b.n && fabs(b.mean) > 0)
        orr_table_add(table, status, r->err, "%.3f", a.mean / b.mean);
    else
        orr_table_add(table, status, r->err, "-");
}

/* Points without losses of this kind have no line. */
static orr_status print_losses(const struct orr_reporting *r, enum orr_loss_kind kind, const char *control,
                               const char *training, const char *text)
{
    const char *const heading[] = {"", training, control, "ratio", "held out, clean", control, "ratio"};
    const struct loss seen = loss_of(orr_loss_names[kind].training, "train");
    const struct loss clean = loss_of(orr_loss_names[kind].clean, "held_out");
    struct orr_table table = {.n_columns = 7};
    orr_status status = ORR_OK;
    for (size_t i = 0; i < 7; ++i)
        orr_table_add(&table, &status, r->err, "%s", heading[i]);
    for (size_t i = 0; i < r->gathered->n_points; ++i) {
        if (!orr_report_begins(r, i) || orr_report_mean(r, i, &clean.network).n == 0) continue;
        orr_table_add(&table, &status, r->err, "%s", orr_report_name(r, i));
        add_loss(r, &table, i, &seen, &status);
        add_loss(r, &table, i, &clean, &status);
    }
    return orr_report_table(r, &table, "Losses", text, status);
}

static orr_status print_all_losses(const struct orr_reporting *r)
{
    ORR_TRY(
        print_losses(r, ORR_SQUARED_ERROR, "repeat last", "training, noisy",
                     "Mean squared error of one coordinate of the next point, beside repeating the last point.\n"
                     "Noisy: inputs as in training (repeating then costs its clean error plus the noise's variance)."));
    return print_losses(r, ORR_CROSS_ENTROPY, "shares", "training",
                        "Cross-entropy of one column of the next point in nats, beside knowing only the share of each "
                        "token in\nthe training data (one added to every count).");
}

/* ---- scores and numbers of one probe ---- */

struct row {
    const char *text, *network, *network2;
    const char *split; /* NULL: the column's */
};

/* What a row wants of a column. */
static struct orr_wanted cell_of(const struct row *row, const struct orr_wanted *column)
{
    struct orr_wanted w = *column;
    w.network = row->network;
    w.network2 = row->network2;
    if (row->split) w.split = row->split;
    return w;
}

/* One line of a table: a network of a group, a column for each wanted number. Lines without any number are left out. */
static void add_row(const struct orr_reporting *r, struct orr_table *table, size_t i, const struct row *row,
                    const struct orr_wanted *column, size_t n, orr_status *status)
{
    size_t found = 0;
    for (size_t k = 0; k < n; ++k) {
        const struct orr_wanted w = cell_of(row, &column[k]);
        found += orr_report_mean(r, i, &w).n;
    }
    if (found == 0) return;
    orr_table_add(table, status, r->err, "%s", orr_report_name(r, i));
    orr_table_add(table, status, r->err, "%s", row->text);
    for (size_t k = 0; k < n; ++k) {
        const struct orr_wanted w = cell_of(row, &column[k]);
        add_mean(r, table, i, &w, status);
    }
}

static orr_status print_rows(const struct orr_reporting *r, const struct row *row, size_t n_rows,
                             const struct orr_wanted *column, size_t n, const char *heading, const char *text)
{
    struct orr_table table = {.n_columns = n + 2, .left = {[1] = true}};
    orr_status status = ORR_OK;
    orr_table_add(&table, &status, r->err, "%s", "");
    orr_table_add(&table, &status, r->err, "%s", "network");
    for (size_t i = 0; i < n; ++i)
        orr_table_add(&table, &status, r->err, "%s%s", column[i].quantity,
                      row->split                              ? ""
                      : strcmp(column[i].split, "train") == 0 ? " in-sample"
                                                              : " held-out");
    for (size_t i = 0; i < r->gathered->n_points; ++i)
        for (size_t k = 0; orr_report_begins(r, i) && k < n_rows; ++k)
            add_row(r, &table, i, &row[k], column, n, &status);
    return orr_report_table(r, &table, heading, text, status);
}

static orr_status print_scores(const struct orr_reporting *r, const char *probe)
{
    static const struct row rows[] = {{"trained", "trained", NULL, NULL},
                                      {"untrained", "untrained", NULL, NULL},
                                      {"trained - untrained", "trained", "untrained", NULL},
                                      {"none: inputs", "raw_inputs", NULL, NULL},
                                      {"none: inputs, squares", "raw_inputs_squared", NULL, NULL}};
    struct orr_wanted column[ORR_TABLE_COLUMNS - 2];
    char heading[128];
    size_t n = 0;
    for (size_t i = 0; i < r->recipe->n_scores; ++i)
        for (int split = 0; split < 2 && n < ORR_TABLE_COLUMNS - 2; ++split)
            column[n++] = (struct orr_wanted){
                .quantity = r->recipe->scores[i].name, .probe = probe, .split = orr_split_name((enum orr_split)split)};
    snprintf(heading, sizeof heading, "Scores by probe %.80s", probe);
    return print_rows(r, rows, sizeof rows / sizeof *rows, column, n, heading,
                      "Mean over targets of the R2 of the best site; held out, the site is the one that was best "
                      "in-sample. Of selected_linear, in-sample are the trajectories that choose, which it was not "
                      "fitted on.");
}

static bool is_score(const struct orr_recipe *recipe, const char *quantity)
{
    for (size_t i = 0; i < recipe->n_scores; ++i)
        if (strcmp(recipe->scores[i].name, quantity) == 0) return true;
    return false;
}

/* Numbers that a probe emitted for the network as a whole, such as rollout errors. */
static orr_status print_numbers(const struct orr_reporting *r, const char *probe)
{
    static const struct row rows[] = {{"trained", "trained", NULL, "held_out"},
                                      {"untrained", "untrained", NULL, "held_out"},
                                      {"none: repeat last point", "none", NULL, "held_out"},
                                      {"trained, training set", "trained", NULL, "train"},
                                      {"untrained, training set", "untrained", NULL, "train"},
                                      {"none: repeat last point, training set", "none", NULL, "train"}};
    struct orr_wanted column[ORR_TABLE_COLUMNS - 2];
    char heading[128];
    size_t n = 0;
    for (size_t i = 0; i < r->gathered->n_points; ++i)
        for (size_t j = 0; j < r->gathered->point[i].measures.count; ++j) {
            const struct orr_measure *m = &r->gathered->point[i].measures.item[j];
            if (strcmp(m->probe, probe) != 0 || is_score(r->recipe, m->quantity)) continue;
            bool known = n == ORR_TABLE_COLUMNS - 2;
            for (size_t k = 0; k < n; ++k)
                known = known || strcmp(column[k].quantity, m->quantity) == 0;
            if (!known) column[n++] = (struct orr_wanted){.quantity = m->quantity, .probe = probe};
        }
    snprintf(heading, sizeof heading, "Probe %.80s", probe);
    return n ? print_rows(r, rows, sizeof rows / sizeof *rows, column, n, heading, "") : ORR_OK;
}

/* ---- all ---- */

static bool is_of_recipe(const struct orr_recipe *recipe, const char *probe)
{
    for (size_t i = 0; i < recipe->n_probes; ++i)
        if (strcmp(recipe->probes[i].label, probe) == 0) return true;
    return false;
}

/* Has no measure before this one, of any point, its probe? */
static bool is_first(const struct orr_gathered *g, size_t point, size_t index)
{
    const char *probe = g->point[point].measures.item[index].probe;
    for (size_t i = 0; i <= point; ++i) {
        const struct orr_measures *m = &g->point[i].measures;
        for (size_t j = 0; j < m->count && (i < point || j < index); ++j)
            if (strcmp(m->item[j].probe, probe) == 0) return false;
    }
    return true;
}

static orr_status print_probe(const struct orr_reporting *r, const char *probe)
{
    ORR_TRY(print_scores(r, probe));
    return print_numbers(r, probe);
}

/* Has a finished point a number of the whole network by this probe? */
static bool has_measure(const struct orr_gathered *g, const char *probe)
{
    for (size_t i = 0; i < g->n_points; ++i)
        for (size_t j = 0; j < g->point[i].measures.count; ++j)
            if (strcmp(g->point[i].measures.item[j].probe, probe) == 0) return true;
    return false;
}

/* What a probe found of sites and targets only is in no table. */
static orr_status print_untabled(const struct orr_reporting *r, const char *probe)
{
    const struct orr_gathered *g = r->gathered;
    size_t n = 0;
    for (size_t i = 0; i < g->n_points; ++i)
        for (size_t j = 0; j < g->point[i].n_found; ++j)
            n += strcmp(g->point[i].found[j].probe, probe) == 0 ? g->point[i].found[j].n : 0;
    if (n == 0 || r->every_point || has_measure(g, probe)) return ORR_OK;
    ORR_TRY(orr_text_add(r->text, r->err, "\nprobe "));
    ORR_TRY(orr_markdown_add(r->text, probe, r->err));
    return orr_text_add(r->text, r->err, ": %zu finding%s, in findings.csv\n", n, n == 1 ? "" : "s");
}

/* In the recipe's order, then those that it names by their paths. */
orr_status orr_report_tables(const struct orr_reporting *r)
{
    const struct orr_gathered *g = r->gathered;
    ORR_TRY(print_all_losses(r));
    for (size_t i = 0; i < r->recipe->n_probes; ++i)
        ORR_TRY(print_probe(r, r->recipe->probes[i].label));
    for (size_t i = 0; i < g->n_points; ++i)
        for (size_t j = 0; j < g->point[i].measures.count; ++j) {
            const char *probe = g->point[i].measures.item[j].probe;
            if (strcmp(probe, "loss") != 0 && !is_of_recipe(r->recipe, probe) && is_first(g, i, j))
                ORR_TRY(print_probe(r, probe));
        }
    for (size_t i = 0; i < r->recipe->n_probes; ++i)
        ORR_TRY(print_untabled(r, r->recipe->probes[i].label));
    return ORR_OK;
}
