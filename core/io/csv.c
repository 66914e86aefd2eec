/* A machine of five states that is fed one byte at a time.
 *
 * Format: RFC 4180. In: bytes. Out: records, as fields that end in a zero.
 */
#include "io/csv.h"

#include "base/memory.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

enum state { FIELD_BEGINS, UNQUOTED, QUOTED, AFTER_QUOTE, AFTER_CR };

struct orr_csv {
    orr_csv_record record;
    void *context;
    enum state state;
    bool begun;                   /* the record has a byte or a field */
    uint64_t line, begins, quote; /* the line we are on; those where the record and its last quote began */
    uint32_t mark;                /* bytes of the byte order mark that were seen; 3: past it */
    char *text;                   /* the record's fields, a zero after each */
    size_t used, capacity;
    size_t *at; /* where they begin */
    size_t n_fields, at_capacity;
    const char **field;
    size_t field_capacity;
};

orr_status orr_csv_create(orr_csv_record record, void *context, struct orr_csv **out, struct orr_error *err)
{
    *out = orr_memory_array(1, sizeof **out);
    if (!*out) return orr_memory_out(err, "a reader of .csv", sizeof **out);
    **out = (struct orr_csv){.record = record, .context = context, .line = 1, .begins = 1};
    return ORR_OK;
}

void orr_csv_destroy(struct orr_csv *csv)
{
    if (!csv) return;
    orr_memory_free(csv->text);
    orr_memory_free(csv->at);
    orr_memory_free(csv->field);
    orr_memory_free(csv);
}

static orr_status put(struct orr_csv *csv, char byte, struct orr_error *err)
{
    if (csv->used == ORR_CSV_RECORD_BYTES)
        return orr_fail(err, ORR_EFORMAT, "line %" PRIu64 ": a record of more than %d bytes: is this a table?",
                        csv->begins, ORR_CSV_RECORD_BYTES);
    if (csv->used == csv->capacity)
        ORR_TRY(orr_memory_grow((void **)&csv->text, &csv->capacity, csv->used + 1, 1, err));
    csv->text[csv->used++] = byte;
    csv->begun = true;
    return ORR_OK;
}

static orr_status begin_field(struct orr_csv *csv, struct orr_error *err)
{
    if (csv->n_fields == ORR_CSV_FIELDS_MAX)
        return orr_fail(err, ORR_EFORMAT, "line %" PRIu64 ": more than %d fields", csv->begins, ORR_CSV_FIELDS_MAX);
    if (csv->n_fields == csv->at_capacity)
        ORR_TRY(orr_memory_grow((void **)&csv->at, &csv->at_capacity, csv->n_fields + 1, sizeof *csv->at, err));
    csv->at[csv->n_fields++] = csv->used;
    csv->begun = true;
    return ORR_OK;
}

static orr_status end_record(struct orr_csv *csv, struct orr_error *err)
{
    if (csv->field_capacity < csv->n_fields)
        ORR_TRY(orr_memory_grow((void **)&csv->field, &csv->field_capacity, csv->n_fields, sizeof *csv->field, err));
    for (size_t i = 0; i < csv->n_fields; ++i) {
        csv->field[i] = csv->text + csv->at[i];
        if (!orr_text_is_utf8(csv->field[i]))
            return orr_fail(err, ORR_EFORMAT, "line %" PRIu64 ": field %zu is not UTF-8 text", csv->begins, i + 1);
    }
    ORR_TRY(csv->record(csv->context, csv->begins, csv->field, csv->n_fields, err));
    csv->used = csv->n_fields = 0;
    csv->begun = false;
    csv->state = FIELD_BEGINS;
    csv->begins = csv->line;
    return ORR_OK;
}

static orr_status separate(struct orr_csv *csv, char byte, struct orr_error *err)
{
    ORR_TRY(put(csv, '\0', err));
    if (byte == '\r') {
        csv->state = AFTER_CR;
        return ORR_OK;
    }
    if (byte == '\n') {
        ++csv->line;
        return end_record(csv, err);
    }
    csv->state = FIELD_BEGINS;
    return begin_field(csv, err);
}

static bool separates(char byte) { return byte == ',' || byte == '\n' || byte == '\r'; }

static orr_status quoted(struct orr_csv *csv, char byte, struct orr_error *err)
{
    if (byte == '\n') ++csv->line;
    if (byte != '"') return put(csv, byte, err);
    csv->state = AFTER_QUOTE;
    return ORR_OK;
}

static orr_status step(struct orr_csv *csv, char byte, struct orr_error *err)
{
    if (byte == '\0') return orr_fail(err, ORR_EFORMAT, "line %" PRIu64 ": a zero byte: this is no text", csv->line);
    if (csv->state == QUOTED) return quoted(csv, byte, err);
    if (csv->state == AFTER_CR) {
        if (byte != '\n')
            return orr_fail(err, ORR_EFORMAT,
                            "line %" PRIu64 ": a carriage return without a line feed: end lines in LF", csv->line);
        ++csv->line;
        return end_record(csv, err);
    }
    if (!csv->begun) ORR_TRY(begin_field(csv, err));
    if (separates(byte)) return separate(csv, byte, err);
    if (csv->state == AFTER_QUOTE) {
        if (byte != '"')
            return orr_fail(err, ORR_EFORMAT,
                            "line %" PRIu64 ": text after a closing quote: write a quote inside quotes twice",
                            csv->line);
        csv->state = QUOTED;
        return put(csv, byte, err);
    }
    if (byte != '"') {
        csv->state = UNQUOTED;
        return put(csv, byte, err);
    }
    if (csv->state == UNQUOTED)
        return orr_fail(err, ORR_EFORMAT,
                        "line %" PRIu64 ": a quote inside a field that has none around it: quote the whole field",
                        csv->line);
    csv->state = QUOTED;
    csv->quote = csv->line;
    return ORR_OK;
}

/* What a file that was written as UTF-8 with a mark begins with. */
static const char byte_order_mark[] = "\xEF\xBB\xBF";

static orr_status after_mark(struct orr_csv *csv, struct orr_error *err)
{
    const uint32_t seen = csv->mark;
    csv->mark = 3;
    for (uint32_t i = 0; i < seen; ++i)
        ORR_TRY(step(csv, byte_order_mark[i], err));
    return ORR_OK;
}

orr_status orr_csv_feed(struct orr_csv *csv, const char *bytes, size_t n, struct orr_error *err)
{
    size_t i = 0;
    while (i < n && csv->mark < 3 && bytes[i] == byte_order_mark[csv->mark]) {
        ++csv->mark;
        ++i;
    }
    if (i < n && csv->mark < 3) ORR_TRY(after_mark(csv, err));
    for (; i < n; ++i)
        ORR_TRY(step(csv, bytes[i], err));
    return ORR_OK;
}

orr_status orr_csv_finish(struct orr_csv *csv, struct orr_error *err)
{
    if (csv->mark < 3) ORR_TRY(after_mark(csv, err));
    if (csv->state == QUOTED)
        return orr_fail(err, ORR_EFORMAT, "line %" PRIu64 ": the quote that begins here is never closed", csv->quote);
    if (csv->state == AFTER_CR)
        return orr_fail(err, ORR_EFORMAT, "line %" PRIu64 ": a carriage return without a line feed: end lines in LF",
                        csv->line);
    return csv->begun ? separate(csv, '\n', err) : ORR_OK;
}
