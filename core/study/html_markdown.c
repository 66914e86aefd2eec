/* From the Markdown that reports are written in to HTML, so that both hold the same tables. */
#include "study/html.h"
#include "study/markdown.h"
#include "study/tables.h"

#include <string.h>

enum block { NOTHING, PARAGRAPH, LIST, TABLE };

struct markdown {
    struct orr_html *html;
    enum block open;
    size_t rows; /* of the table that is open */
    bool number[ORR_TABLE_COLUMNS];
    const char *heading; /* of the part that is open, for the names of its tables */
    size_t heading_length;
};

/* Without the backslashes that escape. */
static void add_words(struct orr_html *html, const char *words, size_t n)
{
    const char *from = words, *end = words + n;
    for (const char *c = words; c + 1 < end; ++c)
        if (*c == '\\' && orr_markdown_escapes(c[1])) {
            orr_html_text(html, "%.*s", (int)(c - from), from);
            from = ++c;
        }
    orr_html_text(html, "%.*s", (int)(end - from), from);
}

static void add_element(struct orr_html *html, const char *tag, const char *kind, const char *words, size_t n)
{
    orr_html_open(html, tag, kind);
    add_words(html, words, n);
    orr_html_close(html, tag);
}

static void close_block(struct markdown *m)
{
    if (m->open == PARAGRAPH) orr_html_close(m->html, "p");
    if (m->open == LIST) orr_html_close(m->html, "ul");
    if (m->open == TABLE) {
        if (m->rows > 1) orr_html_close(m->html, "tbody");
        orr_html_close(m->html, "table");
        orr_html_close(m->html, "div");
    }
    m->open = NOTHING;
}

/* Go into a block of this kind; true where it begins here. */
static bool enter(struct markdown *m, enum block block)
{
    if (m->open == block) return false;
    close_block(m);
    m->open = block;
    return true;
}

static void add_heading(struct markdown *m, const char *line, size_t n)
{
    const size_t level = strspn(line, "#");
    const char *tag = level > 2 ? "h4" : "h3";
    const size_t skip = level + strspn(line + level, " ");
    close_block(m);
    m->heading = line + skip;
    m->heading_length = n - skip;
    add_element(m->html, tag, NULL, m->heading, m->heading_length);
}

static void add_paragraph(struct markdown *m, const char *line, size_t n)
{
    if (enter(m, PARAGRAPH))
        orr_html_open(m->html, "p", NULL);
    else
        orr_html_text(m->html, " ");
    add_words(m->html, line, n);
}

static void add_item(struct markdown *m, const char *line, size_t n)
{
    if (enter(m, LIST)) orr_html_open(m->html, "ul", NULL);
    add_element(m->html, "li", NULL, line + 2, n - 2);
}

/* ---- tables ---- */

/* The next cell of a line "| a | b |", without the spaces around it; NULL after the last. */
static const char *next_cell(const char **at, const char *end, size_t *n)
{
    const char *begin = *at + 1, *bar = begin;
    while (bar < end && *bar != '|')
        bar += *bar == '\\' && bar + 1 < end ? 2 : 1;
    if (bar >= end) return NULL;
    *at = bar;
    while (begin < bar && *begin == ' ')
        ++begin;
    while (bar > begin && bar[-1] == ' ')
        --bar;
    *n = (size_t)(bar - begin);
    return begin;
}

/* The line below the headings, which is yet to be read, says which columns are numbers. */
static void read_rule(struct markdown *m, const char *rule)
{
    const char *end = rule + strcspn(rule, "\n"), *cell;
    size_t n;
    memset(m->number, 0, sizeof m->number);
    if (*rule != '|') return;
    for (size_t c = 0; c < ORR_TABLE_COLUMNS && (cell = next_cell(&rule, end, &n)); ++c)
        m->number[c] = n > 0 && cell[n - 1] == ':';
}

static void begin_table(struct markdown *m, const char *rule)
{
    m->rows = 0;
    read_rule(m, rule);
    orr_html_begin(m->html, "div");
    orr_html_attribute(m->html, "class", "scroll");
    orr_html_attribute(m->html, "role", "region");
    orr_html_attribute(m->html, "tabindex", "0");
    orr_html_attribute(m->html, "aria-label", "%.*s", (int)m->heading_length, m->heading ? m->heading : "");
    orr_html_end(m->html);
    orr_html_open(m->html, "table", NULL);
}

static void add_row(struct markdown *m, const char *line, size_t n)
{
    const char *cell, *at = line, *end = line + n, *tag = m->rows == 0 ? "th" : "td";
    size_t length;
    if (m->rows == 0) orr_html_open(m->html, "thead", NULL);
    if (m->rows == 1) orr_html_open(m->html, "tbody", NULL);
    orr_html_open(m->html, "tr", NULL);
    for (size_t c = 0; c < ORR_TABLE_COLUMNS && (cell = next_cell(&at, end, &length)); ++c)
        add_element(m->html, tag, m->number[c] ? "number" : NULL, cell, length);
    orr_html_close(m->html, "tr");
    if (m->rows++ == 0) orr_html_close(m->html, "thead");
}

static void add_table_line(struct markdown *m, const char *line, size_t n, const char *next)
{
    const bool first = enter(m, TABLE);
    if (first) begin_table(m, next);
    if (!first && m->rows == 1 && n > 2 && line[2] == '-' && strspn(line, "| -:\n") >= n) return;
    add_row(m, line, n);
}

/* ---- lines ---- */

void orr_html_markdown(struct orr_html *html, const char *markdown)
{
    struct markdown m = {.html = html};
    for (const char *line = markdown, *next; *line && html->status == ORR_OK; line = next) {
        const size_t n = strcspn(line, "\n");
        next = line + n + (line[n] == '\n');
        if (n == 0)
            close_block(&m);
        else if (line[0] == '#')
            add_heading(&m, line, n);
        else if (line[0] == '|')
            add_table_line(&m, line, n, next);
        else if (n > 2 && line[0] == '-' && line[1] == ' ')
            add_item(&m, line, n);
        else
            add_paragraph(&m, line, n);
    }
    close_block(&m);
}
