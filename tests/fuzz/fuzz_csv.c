/* .csv: the records are the same however the bytes arrive, and their number of fields and lines are in bounds. */
#include "base/text.h"
#include "fuzz.h"
#include "io/csv.h"

#include <string.h>

struct seen {
    uint64_t hash, records, line;
};

static orr_status see(void *context, uint64_t line, const char *const *field, size_t n, struct orr_error *err)
{
    struct seen *seen = context;
    (void)err;
    fuzz_expect(n >= 1 && n <= ORR_CSV_FIELDS_MAX, "one field or more");
    fuzz_expect(line > seen->line, "lines that go up");
    seen->line = line;
    ++seen->records;
    for (size_t i = 0; i < n; ++i) {
        fuzz_expect(orr_text_is_utf8(field[i]), "fields in UTF-8");
        for (const char *c = field[i];; ++c) {
            seen->hash = (seen->hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
            if (!*c) break;
        }
    }
    return ORR_OK;
}

/* The bytes in pieces of this size. */
static orr_status read_in_pieces(const char *bytes, size_t size, size_t piece, struct seen *seen, struct orr_error *err)
{
    struct orr_csv *csv = NULL;
    *seen = (struct seen){.hash = 1};
    fuzz_expect(orr_csv_create(see, seen, &csv, err) == ORR_OK, "a reader");
    orr_status status = ORR_OK;
    for (size_t at = 0; at < size && status == ORR_OK; at += piece)
        status = orr_csv_feed(csv, bytes + at, size - at < piece ? size - at : piece, err);
    if (status == ORR_OK) status = orr_csv_finish(csv, err);
    orr_csv_destroy(csv);
    if (status != ORR_OK) fuzz_expect_refusal(status, err, "line ");
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct orr_error err = {.code = ORR_OK}, other = {.code = ORR_OK};
    struct seen whole, bytes;
    const orr_status status = read_in_pieces((const char *)data, size, size ? size : 1, &whole, &err);
    const orr_status again = read_in_pieces((const char *)data, size, 1, &bytes, &other);
    fuzz_expect(status == again && strcmp(err.text, other.text) == 0, "the same judgement of the same bytes");
    fuzz_expect(whole.records == bytes.records && whole.hash == bytes.hash, "the same records from the same bytes");
    return 0;
}
