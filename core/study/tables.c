/* Collecting cells and printing them in columns. */
#include "study/tables.h"

#include "base/memory.h"

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
    char *copy = orr_memory_text(text);
    if (!copy)
        *status = orr_memory_out(err, "a table", strlen(text) + 1);
    else
        table->cell[table->n_cells++] = copy;
}

orr_status orr_table_print(const struct orr_table *table, struct orr_text *text, struct orr_error *err)
{
    size_t width[ORR_TABLE_COLUMNS] = {0};
    const size_t columns = table->n_columns, rows = columns ? table->n_cells / columns : 0;
    for (size_t i = 0; i < rows * columns; ++i) {
        const size_t length = strlen(table->cell[i]);
        if (length > width[i % columns]) width[i % columns] = length;
    }
    for (size_t i = 0; i < rows * columns; ++i) {
        const size_t c = i % columns;
        const bool left = c == 0 || table->left[c], last = c + 1 == columns;
        const int pad = (int)width[c];
        if (left && last)
            ORR_TRY(orr_text_add(text, err, "  %s\n", table->cell[i]));
        else
            ORR_TRY(orr_text_add(text, err, "  %*s%s", left ? -pad : pad, table->cell[i], last ? "\n" : ""));
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
