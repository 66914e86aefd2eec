/* Findings: checked copies of what probes emit, and their CSV. */
#include "study/findings.h"

#include "base/memory.h"
#include "base/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const char orr_findings_header[] = "point,network,probe,quantity,site,target,split,value,uncertainty,n,unit,step\n";

const struct orr_loss_name orr_loss_names[ORR_LOSS_KINDS] = {
    [ORR_SQUARED_ERROR] = {"loss", "clean_loss"},
    [ORR_CROSS_ENTROPY] = {"cross_entropy", "clean_cross_entropy"},
};

bool orr_loss_is_name(const char *quantity)
{
    for (size_t i = 0; i < ORR_LOSS_KINDS; ++i)
        if (strcmp(quantity, orr_loss_names[i].training) == 0 || strcmp(quantity, orr_loss_names[i].clean) == 0)
            return true;
    return false;
}

const char *orr_split_name(enum orr_split split) { return split == ORR_TRAIN ? "train" : "held_out"; }

static orr_status take_label(char to[ORR_LABEL_SIZE], const char *text, const char *what, struct orr_error *err)
{
    if (!text) return orr_fail(err, ORR_EINVAL, "a finding has no %s: give \"\" where there is none", what);
    if (strlen(text) >= ORR_LABEL_SIZE || strpbrk(text, ",\"\n\r"))
        return orr_fail(err, ORR_EINVAL,
                        "the %s of a finding, \"%.80s\", must have less than %d characters and no comma, quote or line "
                        "end",
                        what, text, ORR_LABEL_SIZE);
    snprintf(to, ORR_LABEL_SIZE, "%s", text);
    return ORR_OK;
}

static orr_status take_replicates(struct orr_finding_row *row, const struct orr_finding *finding, struct orr_error *err)
{
    row->replicates = NULL;
    row->n_replicates = 0;
    if (!ORR_HAS(finding, n_replicates) || !finding->replicates) return ORR_OK;
    const size_t n = finding->n_replicates;
    row->replicates = orr_memory_array(n, sizeof *row->replicates);
    if (!row->replicates) return orr_memory_out(err, "bootstrap replicates", n * sizeof *row->replicates);
    memcpy(row->replicates, finding->replicates, n * sizeof *row->replicates);
    row->n_replicates = n;
    return ORR_OK;
}

orr_status orr_findings_add(struct orr_findings *findings, const char *network, const char *probe,
                            const struct orr_finding *finding, struct orr_error *err)
{
    void *rows = findings->row;
    const orr_status grown =
        orr_memory_grow(&rows, &findings->capacity, findings->count + 1, sizeof *findings->row, err);
    findings->row = rows;
    ORR_TRY(grown);
    struct orr_finding_row *row = &findings->row[findings->count];
    if (finding->split != ORR_TRAIN && finding->split != ORR_HELD_OUT)
        return orr_fail(err, ORR_EINVAL, "a finding's split is %d: use ORR_TRAIN or ORR_HELD_OUT", (int)finding->split);
    ORR_TRY(take_label(row->network, network, "network", err));
    ORR_TRY(take_label(row->probe, probe, "probe", err));
    ORR_TRY(take_label(row->quantity, finding->quantity, "quantity", err));
    ORR_TRY(take_label(row->site, finding->site, "site", err));
    ORR_TRY(take_label(row->target, finding->target, "target", err));
    ORR_TRY(take_label(row->unit, finding->unit, "unit", err));
    row->split = finding->split;
    row->value = finding->value;
    row->uncertainty = finding->uncertainty;
    row->n = finding->n;
    row->step = findings->step;
    ORR_TRY(take_replicates(row, finding, err));
    ++findings->count;
    return ORR_OK;
}

void orr_findings_fini(struct orr_findings *findings)
{
    for (size_t i = 0; i < findings->count; ++i)
        orr_memory_free(findings->row[i].replicates);
    orr_memory_free(findings->row);
    *findings = (struct orr_findings){.row = NULL};
}

/* Empty: not estimated. */
static const char *print_number(double value, char text[ORR_NUMBER_SIZE])
{
    if (isfinite(value)) return orr_number_print(value, text);
    return isnan(value) ? "" : value > 0 ? "inf" : "-inf";
}

orr_status orr_findings_print(const struct orr_findings *findings, const char *point, struct orr_text *text,
                              struct orr_error *err)
{
    for (size_t i = 0; i < findings->count; ++i) {
        const struct orr_finding_row *row = &findings->row[i];
        char value[ORR_NUMBER_SIZE], uncertainty[ORR_NUMBER_SIZE], step[24] = "";
        if (row->step >= 0) snprintf(step, sizeof step, "%" PRId64, row->step);
        /* The name of a point may hold commas. */
        ORR_TRY(orr_text_add(text, err, "\"%s\",%s,%s,%s,%s,%s,%s,%s,%s,%" PRId64 ",%s,%s\n", point, row->network,
                             row->probe, row->quantity, row->site, row->target, orr_split_name(row->split),
                             print_number(row->value, value), print_number(row->uncertainty, uncertainty), row->n,
                             row->unit, step));
    }
    return ORR_OK;
}
