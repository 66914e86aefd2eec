/* Collecting cells and printing them in columns. */
#include "study/tables.h"

#include "base/memory.h"
#include "study/markdown.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void orr_table_add(struct orr_table *table, orr_status *status, struct orr_error *err, const char *fmt, ...)
{
    if (*status != ORR_OK) return;
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    void *cells = table->cell;
    *status = orr_memory_grow(&cells, &table->capacity, table->n_cells + 1, sizeof *table->cell, err);
    table->cell = cells;
    if (*status != ORR_OK) return;
    struct orr_text cell = {.data = NULL};
    *status = orr_markdown_add(&cell, text, err);
    if (*status == ORR_OK)
        table->cell[table->n_cells++] = cell.data;
    else
        orr_text_fini(&cell);
}

static bool is_left(const struct orr_table *table, size_t column) { return column == 0 || table->left[column]; }

/* In characters, of UTF-8. */
static size_t width_of(const char *cell)
{
    size_t width = 0;
    for (; *cell; ++cell)
        width += ((unsigned char)*cell & 0xC0) != 0x80;
    return width;
}

static orr_status print_row(const struct orr_table *table, const size_t *width, char **cell, struct orr_text *text,
                            struct orr_error *err)
{
    for (size_t c = 0; c < table->n_columns; ++c) {
        const int pad = (int)(width[c] - width_of(cell[c]));
        const bool left = is_left(table, c);
        ORR_TRY(orr_text_add(text, err, "| %*s%s%*s ", left ? 0 : pad, "", cell[c], left ? pad : 0, ""));
    }
    return orr_text_add(text, err, "|\n");
}

/* Below the headings: dashes, and a colon where numbers line up. */
static orr_status print_rule(const struct orr_table *table, const size_t *width, struct orr_text *text,
                             struct orr_error *err)
{
    for (size_t c = 0; c < table->n_columns; ++c) {
        ORR_TRY(orr_text_add(text, err, "| "));
        for (size_t i = 1; i < width[c]; ++i)
            ORR_TRY(orr_text_add(text, err, "-"));
        ORR_TRY(orr_text_add(text, err, "%s ", is_left(table, c) ? "-" : ":"));
    }
    return orr_text_add(text, err, "|\n");
}

orr_status orr_table_print(const struct orr_table *table, struct orr_text *text, struct orr_error *err)
{
    enum { LEAST = 2 }; /* "-:" */
    size_t width[ORR_TABLE_COLUMNS];
    const size_t columns = table->n_columns, rows = columns ? table->n_cells / columns : 0;
    for (size_t c = 0; c < columns; ++c)
        width[c] = LEAST;
    for (size_t i = 0; i < rows * columns; ++i) {
        const size_t length = width_of(table->cell[i]);
        if (length > width[i % columns]) width[i % columns] = length;
    }
    for (size_t r = 0; r < rows; ++r) {
        ORR_TRY(print_row(table, width, table->cell + r * columns, text, err));
        if (r == 0) ORR_TRY(print_rule(table, width, text, err));
    }
    return ORR_OK;
}

void orr_table_fini(struct orr_table *table)
{
    for (size_t i = 0; i < table->n_cells; ++i)
        orr_memory_free(table->cell[i]);
    orr_memory_free(table->cell);
    *table = (struct orr_table){.n_columns = 0};
}
