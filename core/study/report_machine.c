/* Times, devices, versions and provider shares of finished points, as tables. */
#include "study/report_machine.h"

#include <stdio.h>
#include <string.h>

static bool is_finished(const struct orr_gathered_point *point) { return point->state == ORR_POINT_FINISHED; }

/* Print a table and put it into the page under a heading; frees it. */
static orr_status show(const struct orr_reporting *r, struct orr_html *page, struct orr_table *table,
                       const char *heading, orr_status status)
{
    struct orr_text text = {.data = NULL};
    if (status == ORR_OK && table->n_cells > table->n_columns) {
        status = orr_text_add(&text, r->err, "## %s\n\n", heading);
        if (status == ORR_OK) status = orr_table_print(table, &text, r->err);
        if (status == ORR_OK) orr_html_markdown(page, text.data);
    }
    orr_text_fini(&text);
    orr_table_fini(table);
    return status;
}

/* Seconds of the points of one line, and input points that they were trained on in a second. */
static void add_times(const struct orr_reporting *r, struct orr_table *table, size_t first, orr_status *status)
{
    const struct orr_gathered *g = r->gathered;
    double seconds = 0, tokens = 0;
    size_t n = 0;
    for (size_t i = 0; i < g->n_points; ++i) {
        const struct orr_gathered_point *point = &g->point[i];
        if (!is_finished(point) || strcmp(point->group, g->point[first].group) != 0) continue;
        seconds += point->place.seconds;
        tokens += orr_recipe_tokens(point->recipe);
        ++n;
    }
    orr_table_add(table, status, r->err, "%s", orr_report_name(r, first));
    orr_table_add(table, status, r->err, "%zu", n);
    orr_table_add(table, status, r->err, "%.3g", tokens);
    if (seconds > 0)
        orr_table_add(table, status, r->err, "%.1f", seconds);
    else
        orr_table_add(table, status, r->err, "-");
}

static orr_status add_timings(const struct orr_reporting *r, struct orr_html *page)
{
    static const char *const heading[] = {"", "points", "input points trained on", "seconds, all together"};
    struct orr_table table = {.n_columns = 4};
    orr_status status = ORR_OK;
    for (size_t i = 0; i < table.n_columns; ++i)
        orr_table_add(&table, &status, r->err, "%s", heading[i]);
    for (size_t i = 0; i < r->gathered->n_points; ++i)
        if (orr_report_begins(r, i)) add_times(r, &table, i, &status);
    return show(r, page, &table, "Times", status);
}

static bool is_same_place(const struct orr_gathered_place *a, const struct orr_gathered_place *b)
{
    return strcmp(a->device, b->device) == 0 && strcmp(a->driver, b->driver) == 0 &&
           strcmp(a->processor, b->processor) == 0 && strcmp(a->orrery, b->orrery) == 0 &&
           strcmp(a->plugins, b->plugins) == 0;
}

/* Every place once. */
static orr_status add_places(const struct orr_reporting *r, struct orr_html *page)
{
    static const char *const heading[] = {"device", "driver", "processor", "Orrery", "plugins"};
    const struct orr_gathered *g = r->gathered;
    struct orr_table table = {.n_columns = 5, .left = {[1] = true, [2] = true, [3] = true, [4] = true}};
    orr_status status = ORR_OK;
    for (size_t i = 0; i < table.n_columns; ++i)
        orr_table_add(&table, &status, r->err, "%s", heading[i]);
    for (size_t i = 0; i < g->n_points; ++i) {
        const struct orr_gathered_place *place = &g->point[i].place;
        size_t j = 0;
        while (j < i && !(is_finished(&g->point[j]) && is_same_place(&g->point[j].place, place)))
            ++j;
        if (j < i || !is_finished(&g->point[i])) continue;
        orr_table_add(&table, &status, r->err, "%s", place->device);
        orr_table_add(&table, &status, r->err, "%s", place->driver);
        orr_table_add(&table, &status, r->err, "%s", place->processor);
        orr_table_add(&table, &status, r->err, "%s", place->orrery);
        orr_table_add(&table, &status, r->err, "%s", place->plugins);
    }
    return show(r, page, &table, "Device and versions", status);
}

/* Products of all points by implementation; sum gets their multiply-adds. */
static size_t add_up(const struct orr_gathered *g, struct orr_gathered_provider all[ORR_PROVIDERS_MAX], double *sum)
{
    size_t n = 0;
    *sum = 0;
    for (size_t i = 0; i < g->n_points; ++i)
        for (size_t k = 0; k < g->point[i].place.n_providers; ++k) {
            const struct orr_gathered_provider *one = &g->point[i].place.provider[k];
            size_t at = 0;
            while (at < n && strcmp(all[at].name, one->name) != 0)
                ++at;
            if (at == ORR_PROVIDERS_MAX) continue;
            if (at == n) all[n++] = (struct orr_gathered_provider){.products = 0};
            memcpy(all[at].name, one->name, sizeof one->name);
            all[at].products += one->products;
            all[at].multiply_adds += one->multiply_adds;
            *sum += one->multiply_adds;
        }
    return n;
}

static orr_status add_providers(const struct orr_reporting *r, struct orr_html *page)
{
    static const char *const heading[] = {"matrix products by", "products", "share of multiply-adds"};
    struct orr_gathered_provider all[ORR_PROVIDERS_MAX];
    struct orr_table table = {.n_columns = 3};
    orr_status status = ORR_OK;
    double sum;
    const size_t n = add_up(r->gathered, all, &sum);
    for (size_t i = 0; i < table.n_columns; ++i)
        orr_table_add(&table, &status, r->err, "%s", heading[i]);
    for (size_t i = 0; i < n; ++i) {
        orr_table_add(&table, &status, r->err, "%s", all[i].name);
        orr_table_add(&table, &status, r->err, "%.0f", all[i].products);
        orr_table_add(&table, &status, r->err, "%.1f %%", sum > 0 ? 100 * all[i].multiply_adds / sum : 0);
    }
    return show(r, page, &table, "Who computed", status);
}

orr_status orr_report_machine(const struct orr_reporting *r, struct orr_html *page)
{
    orr_html_element(page, "h2", NULL, "Times and machine");
    ORR_TRY(add_timings(r, page));
    ORR_TRY(add_places(r, page));
    ORR_TRY(add_providers(r, page));
    return page->status;
}
