/* The report as JSON, and as the XML of JUnit that build servers read. */
#include "base/text.h"
#include "conform/conform.h"
#include "io/file.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static orr_status out_of_memory(struct orr_error *err)
{
    return orr_fail(err, ORR_ENOMEM, "out of memory for the report");
}

static json_t *check_object(const struct orr_conform *asked, const struct orr_check_result *r)
{
    static const char *const families[] = {"operation", "graph", "interface"};
    char command[1400];
    json_t *o = json_pack("{s:s,s:s,s:s,s:i,s:i,s:i,s:i,s:f,s:s}", "name", r->name, "family", families[r->family],
                          "state", orr_check_state_name(r), "cases", (int)r->cases, "failed", (int)r->failed, "lowered",
                          (int)r->lowered, "left_out", (int)r->left_out, "seconds", r->seconds, "note", r->note);
    if (!o) return NULL;
    /* JSON has no infinity: beyond any bound is null with exceeded. */
    const double worst = r->worst >= 0.0 && isfinite(r->worst) ? r->worst : -1.0;
    int lost = json_object_set_new(o, "worst_fraction", worst >= 0.0 ? json_real(worst) : json_null());
    lost |= json_object_set_new(o, "worst_case", r->worst_case >= 0 ? json_integer(r->worst_case) : json_null());
    lost |= json_object_set_new(o, "exceeded", json_boolean(r->worst > 1.0));
    lost |= json_object_set_new(o, "wide", json_integer((json_int_t)r->wide));
    lost |= json_object_set_new(o, "noise", json_real(r->noise));
    if (r->failed) {
        orr_conform_command(asked, r, command, sizeof(command));
        orr_text_flatten(command, strlen(command)); /* the name of a file may be anything */
        lost |= json_object_set_new(o, "failed_case", r->failed_case >= 0 ? json_integer(r->failed_case) : json_null());
        lost |= json_object_set_new(o, "failure", json_string(r->failure));
        lost |= json_object_set_new(o, "repeat", json_string(command));
    }
    if (!lost) return o;
    json_decref(o);
    return NULL;
}

static json_t *device_object(const struct orr_check_device *d)
{
    return json_pack("{s:s,s:s,s:s,s:i,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:b,s:b,s:b,s:b}", "backend", d->plugin, "version",
                     d->version, "path", d->path, "index", (int)d->index, "name", d->name, "vendor", d->vendor,
                     "driver", d->driver, "memory_bytes", (json_int_t)d->memory_bytes, "max_alloc",
                     (json_int_t)d->max_alloc, "align", (json_int_t)d->align, "dtypes", (json_int_t)d->dtypes,
                     "plans_scratch", (int)d->plans_scratch, "flushes_denormals", (int)d->flushes_denormals, "prepare",
                     (int)d->prepares, "elapsed", (int)d->measures);
}

orr_status orr_conform_write_json(const struct orr_conform_report *report, const char *path, struct orr_error *err)
{
    char asked[1024];
    json_t *checks = json_array();
    snprintf(asked, sizeof(asked), "%s", report->asked->backend);
    orr_text_flatten(asked, strlen(asked));
    json_t *root =
        json_pack("{s:s,s:I,s:s,s:i,s:i,s:i,s:f}", "asked", asked, "seed", (json_int_t)report->asked->seed, "level",
                  report->asked->level == ORR_CONFORM_FULL ? "full" : "quick", "tested", (int)report->n_tested, "wrong",
                  (int)report->n_wrong, "crashed", (int)report->n_crashed, "seconds", report->seconds);
    if (!checks || !root) {
        json_decref(checks);
        json_decref(root);
        return out_of_memory(err);
    }
    int lost = 0;
    for (size_t i = 0; i < report->count; ++i)
        lost |= json_array_append_new(checks, check_object(report->asked, &report->result[i]));
    lost |= json_object_set_new(root, "checks", checks);
    lost |= json_object_set_new(root, "device", report->opened ? device_object(&report->device) : json_null());
    char *text = lost ? NULL : json_dumps(root, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(root);
    if (!text) return out_of_memory(err);
    const orr_status status = orr_file_write_atomic(path, text, strlen(text), err);
    free(text);
    return status;
}

static void print_escaped(FILE *to, const char *text)
{
    for (; *text; ++text) {
        const unsigned char c = (unsigned char)*text;
        if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
            fprintf(to, "&#%d;", c);
        else
            fputc(c < 32 ? ' ' : c, to);
    }
}

static void print_testcase(FILE *to, const struct orr_conform *asked, const struct orr_check_result *r)
{
    char command[1400];
    fprintf(to, "  <testcase classname=\"validate.");
    print_escaped(to, asked->backend);
    fprintf(to, "\" name=\"%s\" time=\"%.3f\">\n", r->name, r->seconds);
    if (r->state == ORR_CHECK_NOT_TESTED) {
        fprintf(to, "    <skipped message=\"");
        print_escaped(to, r->note[0] ? r->note : "not tested");
        fprintf(to, "\"/>\n");
    }
    if (r->failed) {
        orr_conform_command(asked, r, command, sizeof(command));
        fprintf(to, "    <failure message=\"%s\">", orr_check_state_name(r));
        print_escaped(to, r->failure);
        fprintf(to, "\nrepeat: ");
        print_escaped(to, command);
        fprintf(to, "</failure>\n");
    }
    fprintf(to, "  </testcase>\n");
}

/* What the checks came to, or what kept them from running: red also where no check failed. */
static void print_reason(FILE *to, const struct orr_conform_report *report)
{
    fprintf(to, "  <testcase classname=\"validate.");
    print_escaped(to, report->asked->backend);
    fprintf(to, "\" name=\"validate\">\n    <error message=\"");
    print_escaped(to, report->reason);
    fprintf(to, "\"/>\n  </testcase>\n");
}

orr_status orr_conform_write_junit(const struct orr_conform_report *report, const char *path, struct orr_error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to) return out_of_memory(err);
    fprintf(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"orrery validate ");
    print_escaped(to, report->asked->backend);
    const bool failed = report->reason[0] != '\0';
    fprintf(to, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%d\" skipped=\"%zu\" time=\"%.3f\">\n",
            report->count + failed, report->n_wrong + report->n_crashed, failed, report->count - report->n_tested,
            report->seconds);
    if (failed) print_reason(to, report);
    for (size_t i = 0; i < report->count; ++i)
        print_testcase(to, report->asked, &report->result[i]);
    fprintf(to, "</testsuite>\n");
    const bool broken = ferror(to) != 0;
    orr_status status = fclose(to) != 0 || broken ? out_of_memory(err) : ORR_OK;
    if (status == ORR_OK) status = orr_file_write_atomic(path, text, size, err);
    free(text);
    return status;
}
