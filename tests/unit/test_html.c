/* HTML and Markdown that texts from outside are put into: whatever they hold, they stay texts. */
#include "expect.h"
#include "study/html.h"
#include "study/markdown.h"
#include "study/tables.h"

static void expect_html(struct orr_html *html, const char *expected)
{
    expect_ok(html->status, html->err);
    assert_string_equal(html->text.data, expected);
    orr_text_fini(&html->text);
}

static void test_texts_and_attributes_are_escaped(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_html html = {.err = &err};

    orr_html_begin(&html, "p");
    orr_html_attribute(&html, "title", "a\"b'<%s", "&");
    orr_html_end(&html);
    orr_html_text(&html, "<b>\n&amp; \x1b[1m \xff \xc3\xa9 %d %%", 7);
    orr_html_close(&html, "p");
    orr_html_element(&html, "b", "x\"y", "%s", "");

    expect_html(&html, "<p title=\"a&quot;b&#39;&lt;&amp;\">&lt;b&gt; &amp;amp;  [1m ? \xc3\xa9 7 %</p>\n"
                       "<b class=\"x&quot;y\"></b>");
}

static void test_markdown_becomes_elements(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_html html = {.err = &err};

    orr_html_markdown(&html, "## A <head>\n\nOne\ntwo.\n\n- first\n- a \\| b\n\n### B\n\n"
                             "| x | y |\n| - | -: |\n| a \\| \\<b> \\\\ c:\\d | 1 |\n| lone\\ | 2 |\n");

    expect_html(&html,
                "<h3>A &lt;head&gt;</h3>\n<p>One two.</p>\n<ul><li>first</li>\n<li>a | b</li>\n</ul>\n<h4>B</h4>\n"
                "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"B\"><table><thead><tr><th>x</th>\n"
                "<th class=\"number\">y</th>\n</tr>\n</thead>\n<tbody><tr><td>a | &lt;b&gt; \\ c:\\d</td>\n"
                "<td class=\"number\">1</td>\n</tr>\n<tr><td>lone\\</td>\n"
                "<td class=\"number\">2</td>\n</tr>\n</tbody>\n</table>\n</div>\n");
}

/* What a cell says in report.md, report.html says too. */
static void test_cells_come_back_as_they_were(void **state)
{
    (void)state;
    static const char *const words[] = {"a|b", "<i>", "\\", "\\|", "c:\\new|", "", "|", "two\nlines", "\xc3\xa9"};
    static const char *const shown[] = {"a|b", "&lt;i&gt;", "\\", "\\|", "c:\\new|", "", "|", "two lines", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof words / sizeof *words; ++i) {
        struct orr_error err;
        orr_status status = ORR_OK;
        struct orr_html html = {.err = &err};
        struct orr_table table = {.n_columns = 1};
        struct orr_text text = {.data = NULL};
        char expected[64];
        orr_table_add(&table, &status, &err, "head");
        orr_table_add(&table, &status, &err, "%s", words[i]);
        expect_ok(status, &err);
        expect_ok(orr_table_print(&table, &text, &err), &err);

        orr_html_markdown(&html, text.data);

        expect_ok(html.status, &err);
        snprintf(expected, sizeof expected, "<td>%s</td>", shown[i]);
        if (!strstr(html.text.data, expected)) fail_msg("no %s in %s of %s", expected, html.text.data, text.data);
        orr_text_fini(&html.text);
        orr_text_fini(&text);
        orr_table_fini(&table);
    }
}

static void test_words_in_markdown(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_text text = {.data = NULL};
    expect_ok(orr_markdown_add(&text, "", &err), &err);
    assert_string_equal(text.data, "");
    expect_ok(orr_markdown_add(&text, "F_x | <b> \\ a\r\nb \xe2\x82", &err), &err);
    assert_string_equal(text.data, "F_x \\| \\<b> \\\\ a  b ?"
                                   "?");
    orr_text_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_and_attributes_are_escaped),
        cmocka_unit_test(test_markdown_becomes_elements),
        cmocka_unit_test(test_cells_come_back_as_they_were),
        cmocka_unit_test(test_words_in_markdown),
    };
    return cmocka_run_group_tests_name("html", tests, NULL, NULL);
}
