/* Reading findings.csv: the columns are found by the names in its first line. */
#include "study/findings_file.h"

#include "base/memory.h"
#include "base/number.h"
#include "io/csv.h"
#include "io/stream.h"

#include <math.h>
#include <string.h>

enum column { NETWORK, PROBE, QUANTITY, SITE, TARGET, SPLIT, VALUE, UNCERTAINTY, N, UNIT, STEP, COLUMNS };
static const char *const names[COLUMNS] = {"network", "probe",       "quantity", "site", "target", "split",
                                           "value",   "uncertainty", "n",        "unit", "step"};

struct reading {
    struct orr_findings *findings;
    size_t at[COLUMNS], fields; /* of the first line */
};

static orr_status read_header(struct reading *r, const char *const *field, size_t n, struct orr_error *err)
{
    r->fields = n;
    for (size_t c = 0; c < COLUMNS; ++c) {
        size_t i = 0;
        while (i < n && strcmp(field[i], names[c]) != 0)
            ++i;
        if (i == n)
            return orr_fail(err, ORR_EFORMAT, "line 1: not a table of findings: there is no column %s", names[c]);
        r->at[c] = i;
    }
    return ORR_OK;
}

/* An empty field: not estimated. */
static bool read_real(const char *text, double *value)
{
    *value = !*text                      ? (double)NAN
             : strcmp(text, "inf") == 0  ? (double)INFINITY
             : strcmp(text, "-inf") == 0 ? -(double)INFINITY
                                         : 0;
    return !*text || isinf(*value) || orr_number_real(text, value);
}

static orr_status read_row(struct reading *r, uint64_t line, const char *const *field, struct orr_error *err)
{
    const char *text[COLUMNS];
    for (size_t c = 0; c < COLUMNS; ++c)
        text[c] = field[r->at[c]];
    struct orr_finding finding = {.size = sizeof finding,
                                  .quantity = text[QUANTITY],
                                  .site = text[SITE],
                                  .target = text[TARGET],
                                  .unit = text[UNIT]};
    const bool train = strcmp(text[SPLIT], orr_split_name(ORR_TRAIN)) == 0;
    finding.split = train ? ORR_TRAIN : ORR_HELD_OUT;
    r->findings->step = -1;
    if ((!train && strcmp(text[SPLIT], orr_split_name(ORR_HELD_OUT)) != 0) || !read_real(text[VALUE], &finding.value) ||
        !read_real(text[UNCERTAINTY], &finding.uncertainty) || !orr_number_integer(text[N], &finding.n) ||
        (*text[STEP] && !orr_number_integer(text[STEP], &r->findings->step)))
        return orr_fail(err, ORR_EFORMAT, "line %llu: not a finding", (unsigned long long)line);
    return orr_findings_add(r->findings, text[NETWORK], text[PROBE], &finding, err);
}

static orr_status take_record(void *context, uint64_t line, const char *const *field, size_t n, struct orr_error *err)
{
    struct reading *r = context;
    if (line == 1) return read_header(r, field, n, err);
    if (n != r->fields)
        return orr_fail(err, ORR_EFORMAT, "line %llu: %zu fields, and the first line has %zu", (unsigned long long)line,
                        n, r->fields);
    return read_row(r, line, field, err);
}

static orr_status feed(void *context, const char *bytes, size_t n, struct orr_error *err)
{
    return orr_csv_feed(context, bytes, n, err);
}

orr_status orr_findings_read(const char *path, struct orr_findings *findings, struct orr_error *err)
{
    struct reading reading = {.findings = findings};
    struct orr_file_reader file;
    struct orr_csv *csv;
    ORR_TRY(orr_file_reader_open(&file, path, err));
    orr_status status = orr_csv_create(take_record, &reading, &csv, err);
    if (status == ORR_OK) {
        status = orr_stream_read(&file, feed, csv, err);
        if (status == ORR_OK) status = orr_csv_finish(csv, err);
        if (status == ORR_OK && !reading.fields) status = orr_fail(err, ORR_EFORMAT, "it is empty");
        if (status == ORR_EFORMAT || status == ORR_EINVAL) (void)orr_error_prefix(err, "%s", path);
        orr_csv_destroy(csv);
    }
    orr_file_reader_close(&file);
    return status;
}
