/* What lies in each directory of a report, for whoever wants to repeat it. */
#include "study/report_sources.h"

#include "base/config.h"
#include "base/memory.h"
#include "io/file.h"
#include "study/gathered.h"
#include "study/markdown.h"

#include <stdio.h>
#include <string.h>

/* ---- reading ---- */

static orr_status read_recipe(struct orr_report_source *source, const char *path, struct orr_error *err)
{
    struct orr_config *config;
    char *text;
    size_t n;
    ORR_TRY(orr_file_read(path, ORR_CONFIG_BYTES, &text, &n, err));
    orr_sha256(text, n, source->recipe);
    orr_memory_free(text);
    ORR_TRY(orr_config_load(path, &config, err));
    const struct orr_config_node *analysis = orr_config_find(orr_config_root(config), "analysis.sha256");
    if (analysis && analysis->text) snprintf(source->analysis, sizeof source->analysis, "%s", analysis->text);
    orr_config_destroy(config);
    return ORR_OK;
}

static orr_status read_source(struct orr_report_source *source, const char *directory, struct orr_error *err)
{
    struct orr_gathered run = {.command = NULL};
    source->directory = orr_memory_text(directory);
    char *path = orr_memory_print("%s/recipe.yaml", directory);
    orr_status status =
        source->directory && path ? read_recipe(source, path, err) : orr_memory_out(err, "a path", strlen(directory));
    orr_memory_free(path);
    if (status == ORR_OK) status = orr_gathered_read_run(&run, directory, err);
    source->command = run.command;
    return status;
}

orr_status orr_report_sources_read(const char *const *directory, size_t n, struct orr_report_sources *out,
                                   struct orr_error *err)
{
    orr_status status = ORR_OK;
    *out = (struct orr_report_sources){.item = orr_memory_array(n, sizeof *out->item)};
    if (!out->item) return orr_memory_out(err, "directories", n * sizeof *out->item);
    for (; out->count < n && status == ORR_OK; ++out->count)
        status = read_source(&out->item[out->count], directory[out->count], err);
    if (status != ORR_OK) orr_report_sources_fini(out);
    return status;
}

void orr_report_sources_fini(struct orr_report_sources *sources)
{
    for (size_t i = 0; i < sources->count; ++i) {
        orr_memory_free(sources->item[i].directory);
        orr_memory_free(sources->item[i].command);
    }
    orr_memory_free(sources->item);
    *sources = (struct orr_report_sources){.item = NULL};
}

/* ---- where they stand ---- */

static orr_status print_one(const struct orr_report_source *source, struct orr_text *text, struct orr_error *err)
{
    ORR_TRY(orr_text_add(text, err, "- "));
    ORR_TRY(orr_markdown_add(text, source->directory, err));
    ORR_TRY(orr_text_add(text, err, ": recipe.yaml, SHA-256 %s; analysis, SHA-256 %s; command: ", source->recipe,
                         *source->analysis ? source->analysis : "none"));
    ORR_TRY(orr_markdown_add(text, source->command ? source->command : "not known", err));
    return orr_text_add(text, err, "\n");
}

orr_status orr_report_sources_print(const struct orr_report_sources *sources, struct orr_text *text,
                                    struct orr_error *err)
{
    ORR_TRY(orr_text_add(text, err, "\n## To repeat it\n\n"));
    for (size_t i = 0; i < sources->count; ++i)
        ORR_TRY(print_one(&sources->item[i], text, err));
    return ORR_OK;
}

void orr_report_sources_show(const struct orr_report_sources *sources, struct orr_html *page)
{
    orr_html_element(page, "h2", NULL, "To repeat it");
    for (size_t i = 0; i < sources->count; ++i) {
        const struct orr_report_source *source = &sources->item[i];
        if (sources->count > 1) orr_html_element(page, "h3", NULL, "%s", source->directory);
        orr_html_element(page, "pre", NULL, "%s", source->command ? source->command : "The command is not known.");
        orr_html_open(page, "dl", NULL);
        orr_html_element(page, "dt", NULL, "recipe.yaml, SHA-256");
        orr_html_element(page, "dd", NULL, "%s", source->recipe);
        orr_html_element(page, "dt", NULL, "analysis, SHA-256");
        orr_html_element(page, "dd", NULL, "%s", *source->analysis ? source->analysis : "none");
        orr_html_close(page, "dl");
    }
}
