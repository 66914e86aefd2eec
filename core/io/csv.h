/* Comma-separated values as RFC 4180 has them, from bytes as they come.
 *
 * Fields are split by commas, records by LF or CRLF; a field in double quotes may hold all of these, and a quote
 * written twice. A byte order mark is skipped. Refused, with the line: a quote inside an unquoted field, text after a
 * closing quote, a quote that is never closed, CR without LF, zero bytes, text that is not UTF-8, records beyond the
 * limits. Memory is bounded by one record. A reader belongs to one thread at a time.
 */
#ifndef ORR_IO_CSV_H
#define ORR_IO_CSV_H

#include "base/error.h"

enum { ORR_CSV_FIELDS_MAX = 8192, ORR_CSV_RECORD_BYTES = 1 << 20 };

/* One record, its line (from 1; where it begins) and its n >= 1 fields, borrowed for the call. A failure ends the
 * reading. */
typedef orr_status (*orr_csv_record)(void *context, uint64_t line, const char *const *field, size_t n,
                                     struct orr_error *err);

struct orr_csv;

/* On success *out is the caller's. */
ORR_CHECKED orr_status orr_csv_create(orr_csv_record record, void *context, struct orr_csv **out,
                                      struct orr_error *err);
/* Read the next bytes. EFORMAT says "line N: ..."; ENOMEM; what record returns. After a failure only destroy. */
ORR_CHECKED orr_status orr_csv_feed(struct orr_csv *csv, const char *bytes, size_t n, struct orr_error *err);
/* There are no more bytes: the last line may lack its end. */
ORR_CHECKED orr_status orr_csv_finish(struct orr_csv *csv, struct orr_error *err);
void orr_csv_destroy(struct orr_csv *csv); /* NULL is fine */

#endif
