/* The page of a report. Its tables are those of report.md. */
#include "study/report_html.h"

#include "base/memory.h"
#include "io/file.h"
#include "study/report_answers.h"
#include "study/report_curves.h"
#include "study/report_figures.h"
#include "study/report_machine.h"
#include "study/report_scale.h"
#include "study/report_style.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct page {
    struct orr_reporting r;
    struct orr_html html;
    struct orr_html drawn; /* the figures: made first, since the top of the page tells which are missing */
    struct orr_figures figures;
    const struct orr_report_sources *sources;
    const char *directory;
};

/* ---- what was asked ---- */

static void add_term(struct orr_html *h, const char *term, const char *text)
{
    orr_html_element(h, "dt", NULL, "%s", term);
    orr_html_element(h, "dd", NULL, "%s", text);
}

static void add_asked(struct page *p)
{
    const struct orr_gathered *g = p->r.gathered;
    const struct orr_recipe *recipe = p->r.recipe;
    struct orr_html *h = &p->html;
    char text[160], scale[256];
    orr_html_element(h, "h2", NULL, "What was asked");
    orr_html_open(h, "dl", NULL);
    add_term(h, "recipe", recipe->name);
    orr_report_scale(g, scale, sizeof scale);
    orr_html_element(h, "dt", NULL, "label");
    orr_html_element(h, "dd", NULL, "%s%s%s", recipe->label, g->weights ? "" : ". ", g->weights ? "" : scale);
    if (*g->size) add_term(h, "size", g->size);
    snprintf(text, sizeof text, "%zu of %zu finished", g->n_finished, g->n_points);
    add_term(h, "points", text);
    if (g->weights) add_term(h, "weights", g->weights);
    if (p->sources->count == 1) add_term(h, "recipe.yaml, SHA-256", p->sources->item[0].recipe);
    if (recipe->analysis.sha256) add_term(h, "analysis", recipe->analysis.file);
    if (recipe->analysis.sha256) add_term(h, "analysis, SHA-256", recipe->analysis.sha256);
    orr_html_close(h, "dl");
}

/* ---- what is missing ---- */

static void add_unfinished(struct page *p)
{
    enum { NAMED = 8 };
    const struct orr_gathered *g = p->r.gathered;
    size_t n = 0;
    for (size_t i = 0; i < g->n_points; ++i) {
        const struct orr_gathered_point *point = &g->point[i];
        const char *name = *point->name ? point->name : point->directory;
        if (point->state == ORR_POINT_FINISHED || n++ >= NAMED) continue;
        if (point->state == ORR_POINT_MISSING)
            orr_html_element(&p->html, "li", NULL, "Point %s: not begun.", name);
        else
            orr_html_element(&p->html, "li", NULL, "Point %s: %" PRIu64 " of %" PRId64 " steps saved, not finished.",
                             name, point->steps, point->recipe->train.steps);
    }
    if (n > NAMED)
        orr_html_element(&p->html, "li", NULL, "%zu more points are not finished; report.md names them.", n - NAMED);
}

static void add_undrawn(struct page *p)
{
    const struct orr_figures *f = &p->figures;
    if (f->drawn == f->count) return;
    if (f->missing)
        orr_html_element(&p->html, "li", NULL,
                         "Figures are not drawn: there is no gnuplot. Install it (apt install gnuplot-nox) and report "
                         "again, or draw one in figures/: gnuplot NAME.gp > NAME.svg.");
    else
        orr_html_element(&p->html, "li", NULL, "%zu of %zu figures are not drawn: %s", f->count - f->drawn, f->count,
                         f->why);
}

static void add_missing(struct page *p)
{
    const struct orr_gathered *g = p->r.gathered;
    const size_t elsewhere = orr_report_claims_elsewhere(&p->r);
    struct orr_html *h = &p->html;
    if (g->n_finished == g->n_points && !elsewhere && !g->weights && p->figures.drawn == p->figures.count) return;
    orr_html_open(h, "div", "notice");
    orr_html_element(h, "strong", NULL, "What was not run, or is not complete");
    orr_html_open(h, "ul", NULL);
    add_unfinished(p);
    if (g->weights)
        orr_html_element(h, "li", NULL, "Nothing was trained: \"trained\" are the weights in %s.", g->weights);
    if (elsewhere) orr_html_element(h, "li", NULL, "%zu claims are about points that are not here.", elsewhere);
    add_undrawn(p);
    orr_html_close(h, "ul");
    orr_html_close(h, "div");
}

/* ---- tables ---- */

static orr_status add_tables(struct page *p, bool every_point)
{
    struct orr_text text = {.data = NULL};
    struct orr_reporting r = p->r;
    r.text = &text;
    r.every_point = every_point;
    orr_status status = every_point ? ORR_OK : orr_report_curves(&r);
    if (status == ORR_OK) status = orr_report_tables(&r);
    if (status == ORR_OK && text.data) orr_html_markdown(&p->html, text.data);
    orr_text_fini(&text);
    return status;
}

/* Of every point, also those losses that no table above has. */
static orr_status add_clean_losses(struct page *p, enum orr_loss_kind kind)
{
    static const char *const networks[] = {"trained", "untrained", "none"};
    const struct orr_reporting *r = &p->r;
    struct orr_text text = {.data = NULL};
    struct orr_table table = {.n_columns = 7};
    orr_status status = ORR_OK;
    orr_table_add(&table, &status, r->err, "%s", "");
    for (int i = 0; i < 6; ++i)
        orr_table_add(&table, &status, r->err, "%s %s", networks[i / 2], i % 2 ? "held-out" : "in-sample");
    for (size_t k = 0; k < r->gathered->n_points; ++k) {
        const struct orr_gathered_point *point = &r->gathered->point[k];
        if (isnan(orr_measures_find(&point->measures, orr_loss_names[kind].clean, "trained", "loss", "held_out")))
            continue;
        orr_table_add(&table, &status, r->err, "%s", *point->name ? point->name : "run");
        for (int i = 0; i < 6; ++i)
            orr_table_add(&table, &status, r->err, "%.*g", (int)r->recipe->digits,
                          orr_measures_find(&point->measures, orr_loss_names[kind].clean, networks[i / 2], "loss",
                                            i % 2 ? "held_out" : "train"));
    }
    if (status == ORR_OK) status = orr_text_add(&text, r->err, "### %s\n\n", orr_loss_names[kind].clean);
    if (status == ORR_OK) status = orr_table_print(&table, &text, r->err);
    if (status == ORR_OK && table.n_cells > table.n_columns) orr_html_markdown(&p->html, text.data);
    orr_text_fini(&text);
    orr_table_fini(&table);
    return status;
}

static orr_status add_all_tables(struct page *p)
{
    orr_html_element(&p->html, "h2", NULL, "Tables");
    orr_html_element(&p->html, "p", NULL, "%s", orr_report_legend);
    orr_html_element(&p->html, "p", NULL,
                     "Scores and other numbers of a whole network. Every site, target and cut of every point is a row "
                     "of findings.csv beside this page.");
    ORR_TRY(add_tables(p, false));
    orr_html_open(&p->html, "details", NULL);
    orr_html_element(&p->html, "summary", NULL, "%s", p->figures.axis_seeds > 1 ? "Every seed" : "Clean losses");
    if (p->figures.axis_seeds > 1) ORR_TRY(add_tables(p, true));
    for (int kind = 0; kind < ORR_LOSS_KINDS; ++kind)
        ORR_TRY(add_clean_losses(p, (enum orr_loss_kind)kind));
    orr_html_close(&p->html, "details");
    return ORR_OK;
}

/* ---- the whole ---- */

static void begin_page(struct page *p)
{
    static const char head[] = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    const struct orr_recipe *recipe = p->r.recipe;
    struct orr_html *h = &p->html;
    orr_html_markup(h, head, sizeof head - 1);
    orr_html_element(h, "title", NULL, "%s: report", recipe->name);
    orr_html_open(h, "style", NULL);
    orr_html_markup(h, orr_report_style, strlen(orr_report_style));
    orr_html_close(h, "style");
    orr_html_close(h, "head");
    orr_html_open(h, "body", NULL);
    orr_html_open(h, "main", NULL);
    orr_html_element(h, "h1", NULL, "%s", recipe->title ? recipe->title : recipe->name);
}

static void add_drawn(struct page *p)
{
    orr_html_element(&p->html, "h2", NULL, "Figures");
    orr_html_open(&p->html, "div", "figures");
    if (p->drawn.text.data) orr_html_markup(&p->html, p->drawn.text.data, p->drawn.text.length);
    orr_html_close(&p->html, "div");
}

static orr_status print_page(struct page *p)
{
    ORR_TRY(orr_report_figures(&p->r, p->directory, &p->drawn, &p->figures));
    begin_page(p);
    ORR_TRY(orr_answers_show(&p->r, &p->html));
    add_missing(p);
    add_asked(p);
    orr_html_element(&p->html, "h2", NULL, "Claims");
    ORR_TRY(orr_report_claims(&p->r, &p->html));
    add_drawn(p);
    ORR_TRY(add_all_tables(p));
    ORR_TRY(orr_report_machine(&p->r, &p->html));
    orr_report_sources_show(p->sources, &p->html);
    orr_html_close(&p->html, "main");
    orr_html_close(&p->html, "body");
    orr_html_close(&p->html, "html");
    return p->html.status;
}

orr_status orr_report_html_write(const struct orr_gathered *gathered, const struct orr_report_sources *sources,
                                 const char *directory, struct orr_error *err)
{
    struct page p = {.r = {.gathered = gathered, .err = err}, .sources = sources, .directory = directory};
    p.html.err = p.drawn.err = err;
    for (size_t i = gathered->n_points; i-- > 0;)
        if (gathered->point[i].state == ORR_POINT_FINISHED) p.r.recipe = gathered->point[i].recipe;
    if (!p.r.recipe) return orr_fail(err, ORR_EBUG, "a report of no finished point: please report this");
    p.r.value = orr_memory_array(gathered->n_points, sizeof *p.r.value);
    char *path = orr_memory_print("%s/report.html", directory);
    orr_status status = p.r.value && path ? print_page(&p) : orr_memory_out(err, "a report", strlen(directory));
    if (status == ORR_OK) status = orr_file_write_atomic(path, p.html.text.data, p.html.text.length, err);
    orr_text_fini(&p.html.text);
    orr_text_fini(&p.drawn.text);
    orr_memory_free(p.r.value);
    orr_memory_free(path);
    return status;
}
