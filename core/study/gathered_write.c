/* What is made of gathered points: numbers of a group, findings.csv and summary.json of all of them. */
#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"
#include "study/gathered.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t orr_gathered_values(const struct orr_gathered *gathered, const char *group, const char *quantity,
                           const char *network, const char *network2, const char *probe, const char *split,
                           double *value)
{
    size_t n = 0;
    for (size_t i = 0; i < gathered->n_points; ++i) {
        const struct orr_gathered_point *point = &gathered->point[i];
        if (point->state != ORR_POINT_FINISHED || strcmp(point->group, group) != 0) continue;
        value[n] = orr_measures_find(&point->measures, quantity, network, probe, split);
        if (network2) value[n] -= orr_measures_find(&point->measures, quantity, network2, probe, split);
        ++n;
    }
    return n;
}

static orr_status print_findings(const struct orr_gathered_point *point, struct orr_text *text, struct orr_error *err)
{
    struct orr_findings findings = {.row = NULL};
    if (point->state != ORR_POINT_FINISHED) return ORR_OK;
    orr_status status = orr_gathered_findings(point, &findings, err);
    if (status == ORR_OK) status = orr_findings_print(&findings, point->name, text, err);
    orr_findings_fini(&findings);
    return status;
}

static orr_status write_findings(const struct orr_gathered *g, const char *path, struct orr_error *err)
{
    struct orr_text all = {.data = NULL};
    orr_status status = orr_text_add(&all, err, "%s", orr_findings_header);
    for (size_t i = 0; status == ORR_OK && i < g->n_points; ++i)
        status = print_findings(&g->point[i], &all, err);
    if (status == ORR_OK) status = orr_file_write_atomic(path, all.data, all.length, err);
    orr_text_fini(&all);
    return status;
}

/* The point's own summary, under the name that it has among the others. NULL where there is no memory. */
static json_t *summary_of(const struct orr_gathered_point *point)
{
    char *path = orr_memory_print("%s/summary.json", point->directory);
    json_t *summary = path ? json_load_file(path, 0, NULL) : NULL;
    orr_memory_free(path);
    if (summary && json_object_set_new(summary, "point", json_string(point->name)) == 0) return summary;
    json_decref(summary);
    return NULL;
}

static orr_status write_summaries(const struct orr_gathered *g, const char *path, struct orr_error *err)
{
    json_t *list = json_array();
    bool complete = list != NULL;
    for (size_t i = 0; complete && i < g->n_points; ++i)
        if (g->point[i].state == ORR_POINT_FINISHED)
            complete = json_array_append_new(list, summary_of(&g->point[i])) == 0;
    json_t *json = complete ? json_pack("{s:s,s:O}", "format", "orrery-summaries-1", "points", list) : NULL;
    char *text = NULL;
    orr_status status = json ? orr_json_print(json, JSON_INDENT(2) | JSON_REAL_PRECISION(17), "a summary", &text, err)
                             : orr_memory_out(err, "a summary", 0);
    json_decref(json);
    json_decref(list);
    if (status == ORR_OK) status = orr_file_write_atomic(path, text, strlen(text), err);
    free(text);
    return status;
}

orr_status orr_gathered_write(const struct orr_gathered *gathered, const char *directory, struct orr_error *err)
{
    char *findings = orr_memory_print("%s/findings.csv", directory);
    char *summary = orr_memory_print("%s/summary.json", directory);
    orr_status status = findings && summary ? ORR_OK : orr_memory_out(err, "a path", strlen(directory));
    if (status == ORR_OK) status = write_findings(gathered, findings, err);
    if (status == ORR_OK) status = write_summaries(gathered, summary, err);
    orr_memory_free(findings);
    orr_memory_free(summary);
    return status;
}
