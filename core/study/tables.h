/* Tables in Markdown that are read as plain text too: columns padded to their widest cell, the first to the left,
 * numbers to the right. */
#ifndef ORR_STUDY_TABLES_H
#define ORR_STUDY_TABLES_H

#include "study/findings.h"

enum { ORR_TABLE_COLUMNS = 16 };

/* Zero it and set n_columns; the first row is the heading. */
struct orr_table {
    size_t n_columns, n_cells, capacity;
    char **cell;
    bool left[ORR_TABLE_COLUMNS]; /* this column too is text */
};

/* Add the next cell of the current row. The first failure is kept in *status, later calls then do nothing. */
void orr_table_add(struct orr_table *table, orr_status *status, struct orr_error *err, const char *fmt, ...)
    ORR_PRINTF(4, 5);
/* Append the table to text; rows that are not complete are left out. */
ORR_CHECKED orr_status orr_table_print(const struct orr_table *table, struct orr_text *text, struct orr_error *err);
void orr_table_fini(struct orr_table *table);

#endif
