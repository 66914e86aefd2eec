/* The report of gathered points, as Markdown. */
#include "study/report.h"

#include "base/memory.h"
#include "io/file.h"
#include "study/markdown.h"
#include "study/report_answers.h"
#include "study/report_curves.h"
#include "study/report_scale.h"
#include "study/report_tables.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- what it is ---- */

/* Every device that computed a finished point. */
static orr_status print_devices(const struct orr_reporting *r)
{
    const struct orr_gathered *g = r->gathered;
    const char *separator = "; device ";
    for (size_t i = 0; i < g->n_points; ++i) {
        const char *device = g->point[i].place.device;
        size_t j = 0;
        while (strcmp(g->point[j].place.device, device) != 0)
            ++j;
        if (j < i || !*device) continue;
        ORR_TRY(orr_text_add(r->text, r->err, "%s", separator));
        ORR_TRY(orr_markdown_add(r->text, device, r->err));
        separator = " and ";
    }
    return orr_text_add(r->text, r->err, "; %zu of %zu points finished.\n", g->n_finished, g->n_points);
}

static orr_status print_head(const struct orr_reporting *r)
{
    const struct orr_gathered *g = r->gathered;
    const struct orr_recipe *recipe = r->recipe;
    ORR_TRY(orr_text_add(r->text, r->err, "# "));
    ORR_TRY(orr_markdown_add(r->text, recipe->name, r->err));
    if (recipe->title) ORR_TRY(orr_text_add(r->text, r->err, ": "));
    if (recipe->title) ORR_TRY(orr_markdown_add(r->text, recipe->title, r->err));
    ORR_TRY(orr_text_add(r->text, r->err, "\n\n"));
    ORR_TRY(orr_text_add(r->text, r->err, "%s%s%s", recipe->label, *g->size ? ", size " : "", g->size));
    ORR_TRY(print_devices(r));
    char scale[256];
    orr_report_scale(g, scale, sizeof scale);
    if (!g->weights) return orr_text_add(r->text, r->err, "%s\n", scale);
    ORR_TRY(orr_text_add(r->text, r->err, "\"trained\" are the weights in "));
    ORR_TRY(orr_markdown_add(r->text, g->weights, r->err));
    return orr_text_add(r->text, r->err, "; nothing was trained.\n");
}

static orr_status print_unfinished(const struct orr_reporting *r)
{
    const struct orr_gathered *g = r->gathered;
    if (g->n_finished == g->n_points) return ORR_OK;
    ORR_TRY(
        orr_text_add(r->text, r->err, "\n## Missing: %zu of %zu points\n\n", g->n_points - g->n_finished, g->n_points));
    for (size_t i = 0; i < g->n_points; ++i) {
        const struct orr_gathered_point *point = &g->point[i];
        const char *name = *point->name ? point->name : point->directory;
        if (point->state == ORR_POINT_FINISHED) continue;
        ORR_TRY(orr_text_add(r->text, r->err, "- "));
        ORR_TRY(orr_markdown_add(r->text, name, r->err));
        if (point->state == ORR_POINT_MISSING)
            ORR_TRY(orr_text_add(r->text, r->err, ": not begun\n"));
        else
            ORR_TRY(orr_text_add(r->text, r->err, ": %" PRIu64 " of %" PRId64 " steps saved, not finished\n",
                                 point->steps, point->recipe->train.steps));
    }
    return ORR_OK;
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

/* Where one seed that was not run would lie. A claim of one seed is not about the mean. */
static void add_one_more(const struct orr_reporting *r, struct orr_table *table, const struct orr_recipe_expectation *e,
                         const struct orr_mean *m, int digits, orr_status *status)
{
    const double low = m->mean - m->one_more, high = m->mean + m->one_more;
    if (isnan(m->one_more))
        orr_table_add(table, status, r->err, "-");
    else
        orr_table_add(table, status, r->err, "%.*g to %.*g, %s", digits, low, digits, high,
                      low <= e->high && high >= e->low ? "holds it" : "misses it");
}

static void add_claim(const struct orr_reporting *r, struct orr_table *table, const struct orr_recipe_expectation *e,
                      size_t i, orr_status *status)
{
    const struct orr_wanted w = {.quantity = e->quantity, .network = e->network, .probe = e->probe, .split = e->split};
    const struct orr_mean m = orr_report_mean(r, i, &w);
    const int digits = orr_report_claim_digits(r, e, &m);
    orr_table_add(table, status, r->err, "%s", orr_report_name(r, i));
    orr_table_add(table, status, r->err, "%s", e->claim);
    if (e->low < e->high)
        orr_table_add(table, status, r->err, "%.*g to %.*g", digits, e->low, digits, e->high);
    else
        orr_table_add(table, status, r->err, "%.*g", digits, e->low);
    char text[96];
    orr_report_number(digits, &m, text, sizeof text);
    orr_table_add(table, status, r->err, "%s", text);
    orr_table_add(table, status, r->err, "%s", verdict(e, &m));
    add_one_more(r, table, e, &m, digits, status);
    orr_table_add(table, status, r->err, "%s", e->source);
}

static orr_status print_claims(const struct orr_reporting *r)
{
    static const char *const heading[] = {"", "claim", "claimed", "here", "", "one more seed", "source"};
    struct orr_table table = {.n_columns = 7, .left = {[1] = true, [4] = true, [5] = true, [6] = true}};
    orr_status status = ORR_OK;
    size_t elsewhere = 0;
    for (size_t i = 0; i < 7; ++i)
        orr_table_add(&table, &status, r->err, "%s", heading[i]);
    for (size_t k = 0; k < r->recipe->n_expectations; ++k) {
        const struct orr_recipe_expectation *e = &r->recipe->expectations[k];
        size_t met = 0;
        for (size_t i = 0; i < r->gathered->n_points; ++i)
            if (orr_report_begins(r, i) && orr_recipe_expects(r->gathered->point[i].recipe, e)) {
                add_claim(r, &table, e, i, &status);
                ++met;
            }
        elsewhere += met == 0;
    }
    char text[256];
    snprintf(text, sizeof text, "Claims, beside this run (%s)", r->recipe->label);
    ORR_TRY(orr_report_table(r, &table, text,
                             "Means with their 95 % intervals (Student's t over seeds), and where one more seed would "
                             "lie (95 % prediction\ninterval): what was published of a single seed is held against the "
                             "second.",
                             status));
    if (elsewhere == 0) return ORR_OK;
    return orr_text_add(r->text, r->err, "\n%zu more claims are about points that are not here.\n", elsewhere);
}

/* ---- the whole ---- */

/* Where several seeds of the same settings were run. */
static orr_status print_every_seed(struct orr_reporting *r)
{
    if (orr_report_groups(r->gathered) == r->gathered->n_finished) return ORR_OK;
    ORR_TRY(orr_text_add(r->text, r->err, "\n## Every seed\n"));
    r->every_point = true;
    return orr_report_tables(r);
}

orr_status orr_report_print(const struct orr_gathered *gathered, struct orr_text *text, struct orr_error *err)
{
    struct orr_reporting r = {.gathered = gathered, .text = text, .err = err};
    for (size_t i = gathered->n_points; i-- > 0;)
        if (gathered->point[i].state == ORR_POINT_FINISHED) r.recipe = gathered->point[i].recipe;
    if (!r.recipe) return orr_fail(err, ORR_EBUG, "a report of no finished point: please report this");
    r.value = orr_memory_array(gathered->n_points, sizeof *r.value);
    if (!r.value) return orr_memory_out(err, "a report", gathered->n_points * sizeof *r.value);
    orr_status status = print_head(&r);
    if (status == ORR_OK) status = orr_answers_print(&r);
    if (status == ORR_OK) status = print_unfinished(&r);
    if (status == ORR_OK) status = orr_text_add(text, err, "\n%s\n", orr_report_legend);
    if (status == ORR_OK) status = orr_report_tables(&r);
    if (status == ORR_OK) status = orr_report_curves(&r);
    if (status == ORR_OK) status = print_claims(&r);
    if (status == ORR_OK) status = print_every_seed(&r);
    orr_memory_free(r.value);
    return status;
}

orr_status orr_report_write(const struct orr_gathered *gathered, const struct orr_report_sources *sources,
                            const char *directory, struct orr_text *text, struct orr_error *err)
{
    ORR_TRY(orr_report_print(gathered, text, err));
    /* Of a single run nothing may depend on where it lies: env.json and report.html say what made it. */
    if (sources->count > 1) ORR_TRY(orr_report_sources_print(sources, text, err));
    char *path = orr_memory_print("%s/report.md", directory);
    if (!path) return orr_memory_out(err, "a path", strlen(directory));
    const orr_status status = orr_file_write_atomic(path, text->data, text->length, err);
    orr_memory_free(path);
    ORR_TRY(status);
    /* Of a run of one point they are there: its own. */
    return gathered->sweep || gathered->n_directories > 1 ? orr_gathered_write(gathered, directory, err) : ORR_OK;
}
