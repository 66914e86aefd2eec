/* .csv: records and fields as RFC 4180 has them, whatever the pieces they come in, and every fault with its line. */
#include "expect.h"
#include "io/csv.h"

struct seen {
    char text[4096]; /* "line:[field][field]" of each record, one after another */
};

static orr_status note(void *context, uint64_t line, const char *const *field, size_t n, struct orr_error *err)
{
    struct seen *seen = context;
    char *to = seen->text + strlen(seen->text), *end = seen->text + sizeof seen->text;
    (void)err;
    to += snprintf(to, (size_t)(end - to), "%ju:", (uintmax_t)line);
    for (size_t i = 0; i < n; ++i)
        to += snprintf(to, (size_t)(end - to), "[%s]", field[i]);
    return ORR_OK;
}

static orr_status read_pieces(const char *text, size_t n, size_t piece, struct seen *seen, struct orr_error *err)
{
    struct orr_csv *csv;
    *seen = (struct seen){.text = ""};
    orr_status status = orr_csv_create(note, seen, &csv, err);
    for (size_t at = 0; status == ORR_OK && at < n; at += piece)
        status = orr_csv_feed(csv, text + at, n - at < piece ? n - at : piece, err);
    if (status == ORR_OK) status = orr_csv_finish(csv, err);
    orr_csv_destroy(csv);
    return status;
}

static void reads_what_the_format_says(void **state)
{
    (void)state;
    static const struct {
        const char *text, *records;
    } cases[] = {
        {"", ""},
        {"a", "1:[a]"},
        {"a\n", "1:[a]"},
        {"a,b\nc,d\n", "1:[a][b]2:[c][d]"},
        {"a,b\r\nc,d\r\n", "1:[a][b]2:[c][d]"},
        {"a,b\nc,d", "1:[a][b]2:[c][d]"},
        {",\n", "1:[][]"},
        {",", "1:[][]"},
        {"\n", "1:[]"},
        {"\n\na", "1:[]2:[]3:[a]"},
        {" a , b ", "1:[ a ][ b ]"},
        {"\"a\",\"b,c\"\n", "1:[a][b,c]"},
        {"\"say \"\"so\"\"\"", "1:[say \"so\"]"},
        {"\"\",\"\"\"\"\n", "1:[][\"]"},
        {"\"two\nlines\",x\ny", "1:[two\nlines][x]3:[y]"},
        {"\"a\r\nb\"\r\nc", "1:[a\r\nb]3:[c]"},
        {"\xEF\xBB\xBF"
         "a,b",
         "1:[a][b]"},
        {"\xEF\xBB\xBF", ""},
        {"\xC3\xA9,\xE2\x82\xAC", "1:[\xC3\xA9][\xE2\x82\xAC]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i)
        for (size_t piece = 1; piece <= 8; ++piece) {
            struct orr_error err = {.code = ORR_OK};
            struct seen seen;
            expect_ok(read_pieces(cases[i].text, strlen(cases[i].text), piece, &seen, &err), &err);
            if (strcmp(seen.text, cases[i].records) != 0)
                fail_msg("case %zu in pieces of %zu: %s, expected %s", i, piece, seen.text, cases[i].records);
        }
}

static void says_where_it_stops(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
        const char *line, *what;
    } cases[] = {
        {"a\nb\"c", 5, "line 2", "quote inside a field"},
        {"a\n\"b\"c", 6, "line 2", "after a closing quote"},
        {"a\n\n\"b\nc\n", 8, "line 3", "never closed"},
        {"a\rb", 3, "line 1", "carriage return"},
        {"a\n\rb", 4, "line 2", "carriage return"},
        {"a\r", 2, "line 1", "carriage return"},
        {"a\nb\0c", 5, "line 2", "zero byte"},
        {"\"\0\"", 3, "line 1", "zero byte"},
        {"a\n\xFF", 3, "line 2", "not UTF-8"},
        {"\xEF\xBB", 2, "line 1", "not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i)
        for (size_t piece = 1; piece <= 8; ++piece) {
            struct orr_error err = {.code = ORR_OK};
            struct seen seen;
            expect_error(read_pieces(cases[i].text, cases[i].n, piece, &seen, &err), &err, ORR_EFORMAT, cases[i].line,
                         cases[i].what);
        }
}

static void a_record_has_bounds(void **state)
{
    (void)state;
    struct orr_error err = {.code = ORR_OK};
    struct seen seen;
    const size_t n = ORR_CSV_RECORD_BYTES + 2;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, 'x', n);
    text[0] = '\n';
    expect_error(read_pieces(text, n, n, &seen, &err), &err, ORR_EFORMAT, "line 2", "1048576 bytes");
    text[1] = '"';
    expect_error(read_pieces(text, n, 4096, &seen, &err), &err, ORR_EFORMAT, "line 2", "never closed");
    memset(text, ',', n);
    expect_error(read_pieces(text, n, 4096, &seen, &err), &err, ORR_EFORMAT, "line 1", "8192 fields");
    free(text);
}

static orr_status refuse(void *context, uint64_t line, const char *const *field, size_t n, struct orr_error *err)
{
    (void)context, (void)field, (void)n;
    return line < 2 ? ORR_OK : orr_fail(err, ORR_ECANCELLED, "no more");
}

static void a_refused_record_ends_the_reading(void **state)
{
    (void)state;
    struct orr_error err = {.code = ORR_OK};
    struct orr_csv *csv;
    expect_ok(orr_csv_create(refuse, NULL, &csv, &err), &err);
    expect_ok(orr_csv_feed(csv, "a\nb", 3, &err), &err);
    expect_error(orr_csv_finish(csv, &err), &err, ORR_ECANCELLED, "no more");
    orr_csv_destroy(csv);
    orr_csv_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_the_format_says),
        cmocka_unit_test(says_where_it_stops),
        cmocka_unit_test(a_record_has_bounds),
        cmocka_unit_test(a_refused_record_ends_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
