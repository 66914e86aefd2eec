/* Tables of struct orr_param: checking a table, defaults, setting by name, printing.
 *
 * Values are arrays of union orr_value in the order of the table. Strings are borrowed, never copied.
 */
#ifndef ORR_BASE_PARAMS_H
#define ORR_BASE_PARAMS_H

#include "base/error.h"

/* The longest table that is accepted; a table without its end row is caught here. */
enum { ORR_PARAMS_MAX = 256 };

/* Rows before ORR_PARAM_END. Any thread. */
size_t orr_params_count(const struct orr_param *table);

/* Is a plugin's table itself sound: keys lower_snake_case and unique, unit and doc present, min <= max, fallback parses
 * and lies within the range? EINVAL names the row. Any thread. */
ORR_CHECKED orr_status orr_params_check_table(const struct orr_param *table, struct orr_error *err);

/* Fill values (orr_params_count of them) with the fallbacks; strings borrow from the table. */
ORR_CHECKED orr_status orr_params_defaults(const struct orr_param *table, union orr_value *values,
                                           struct orr_error *err);

/* Set one value from text as a user would write it. A STRING borrows text, which must outlive values. EINVAL: unknown
 * key (names the nearest), wrong type, out of range (names range and unit); values is then unchanged. */
ORR_CHECKED orr_status orr_params_set(const struct orr_param *table, union orr_value *values, const char *key,
                                      const char *text, struct orr_error *err);

/* Write value i as a user would write it, so that orr_params_set reads back the same bits. EINVAL when i is not a row
 * or text (size bytes) is too small. */
ORR_CHECKED orr_status orr_params_print(const struct orr_param *table, const union orr_value *values, size_t i,
                                        char *text, size_t size);

#endif
