/* Tables of struct orr_param. One function, read_value, decides what a text means for a row; checking a table, its
 * defaults and setting by name all go through it. */
#include "base/params.h"

#include "base/number.h"
#include "base/suggest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

size_t orr_params_count(const struct orr_param *table)
{
    size_t n = 0;
    while (n < ORR_PARAMS_MAX && table[n].type != ORR_PARAM_END)
        ++n;
    return n;
}

static bool lower_snake_case(const char *key)
{
    if (*key < 'a' || *key > 'z') return false;
    return strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(key);
}

/* Exact also where a double no longer holds every whole number: compared as whole numbers, not as doubles. */
static bool integer_within(const struct orr_param *row, int64_t value)
{
    const double end = 0x1p63;
    const bool above = row->min <= -end || (row->min < end && value >= (int64_t)ceil(row->min));
    const bool below = row->max >= end || (row->max >= -end && value <= (int64_t)floor(row->max));
    return above && below;
}

static orr_status out_of_range(const struct orr_param *row, const char *text, struct orr_error *err)
{
    char min[ORR_NUMBER_SIZE], max[ORR_NUMBER_SIZE];
    const bool plain = strcmp(row->unit, "1") == 0;
    return orr_fail(err, ORR_EINVAL, "%s: %s is out of range: expected %s to %s%s%s", row->key, text,
                    orr_number_print(row->min, min), orr_number_print(row->max, max), plain ? "" : " ",
                    plain ? "" : row->unit);
}

static orr_status read_value(const struct orr_param *row, const char *text, union orr_value *out, struct orr_error *err)
{
    switch (row->type) {
    case ORR_PARAM_BOOL:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return orr_fail(err, ORR_EINVAL, "%s: \"%s\" is not true or false", row->key, text);
        out->b = *text == 't';
        return ORR_OK;
    case ORR_PARAM_INT:
        if (!orr_number_integer(text, &out->i))
            return orr_fail(err, ORR_EINVAL, "%s: \"%s\" is not a whole number (of 64 bits)", row->key, text);
        return integer_within(row, out->i) ? ORR_OK : out_of_range(row, text, err);
    case ORR_PARAM_REAL:
        if (!orr_number_real(text, &out->r))
            return orr_fail(err, ORR_EINVAL, "%s: \"%s\" is not a finite number", row->key, text);
        return out->r >= row->min && out->r <= row->max ? ORR_OK : out_of_range(row, text, err);
    case ORR_PARAM_STRING:
        out->s = text;
        return ORR_OK;
    case ORR_PARAM_END:
        break;
    }
    return orr_fail(err, ORR_EINVAL, "%s: unknown parameter type %d", row->key, (int)row->type);
}

static orr_status check_row(const struct orr_param *table, size_t i, struct orr_error *err)
{
    const struct orr_param *row = &table[i];
    if (!row->key || !lower_snake_case(row->key))
        return orr_fail(err, ORR_EINVAL, "parameter %zu: the key \"%s\" is not lower_snake_case", i,
                        row->key ? row->key : "");
    if ((unsigned)row->type > ORR_PARAM_STRING)
        return orr_fail(err, ORR_EINVAL, "%s: unknown parameter type %d", row->key, (int)row->type);
    for (size_t k = 0; k < i; ++k)
        if (strcmp(table[k].key, row->key) == 0)
            return orr_fail(err, ORR_EINVAL, "%s: the key is given twice (rows %zu and %zu)", row->key, k, i);
    if (!row->fallback) return orr_fail(err, ORR_EINVAL, "%s: the default is missing", row->key);
    if (!row->unit || !*row->unit)
        return orr_fail(err, ORR_EINVAL, "%s: the unit is missing (\"1\" when there is none)", row->key);
    if (!row->doc || !*row->doc)
        return orr_fail(err, ORR_EINVAL, "%s: the sentence of documentation is missing", row->key);
    const bool ranged = row->type == ORR_PARAM_INT || row->type == ORR_PARAM_REAL;
    if (ranged && !(row->min <= row->max)) {
        char min[ORR_NUMBER_SIZE], max[ORR_NUMBER_SIZE];
        return orr_fail(err, ORR_EINVAL, "%s: the range is empty: %s to %s", row->key, orr_number_print(row->min, min),
                        orr_number_print(row->max, max));
    }
    union orr_value value;
    const orr_status status = read_value(row, row->fallback, &value, err);
    if (status != ORR_OK) (void)orr_error_prefix(err, "default");
    return status;
}

orr_status orr_params_check_table(const struct orr_param *table, struct orr_error *err)
{
    for (size_t i = 0; i < ORR_PARAMS_MAX; ++i) {
        if (table[i].type == ORR_PARAM_END) return ORR_OK;
        ORR_TRY(check_row(table, i, err));
    }
    return orr_fail(err, ORR_EINVAL, "the parameter table has no ORR_PARAM_END within %d rows", ORR_PARAMS_MAX);
}

orr_status orr_params_defaults(const struct orr_param *table, union orr_value *values, struct orr_error *err)
{
    const size_t n = orr_params_count(table);
    for (size_t i = 0; i < n; ++i)
        ORR_TRY(read_value(&table[i], table[i].fallback, &values[i], err));
    return ORR_OK;
}

static orr_status unknown_key(const struct orr_param *table, size_t n, const char *key, struct orr_error *err)
{
    const char *known[ORR_PARAMS_MAX];
    char list[256] = "";
    size_t at = 0;
    for (size_t i = 0; i < n; ++i) {
        known[i] = table[i].key;
        const int length = snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", known[i]);
        if (length > 0 && (size_t)length < sizeof list - at) at += (size_t)length;
    }
    if (n == 0) return orr_fail(err, ORR_EINVAL, "unknown parameter \"%s\": there are none here", key);
    const char *near = orr_suggest(key, known, n);
    if (!near) return orr_fail(err, ORR_EINVAL, "unknown parameter \"%s\": the parameters are %s", key, list);
    return orr_fail(err, ORR_EINVAL, "unknown parameter \"%s\", did you mean \"%s\"? The parameters are %s", key, near,
                    list);
}

orr_status orr_params_set(const struct orr_param *table, union orr_value *values, const char *key, const char *text,
                          struct orr_error *err)
{
    const size_t n = orr_params_count(table);
    for (size_t i = 0; i < n; ++i) {
        if (strcmp(table[i].key, key) != 0) continue;
        union orr_value value;
        ORR_TRY(read_value(&table[i], text, &value, err));
        values[i] = value;
        return ORR_OK;
    }
    return unknown_key(table, n, key, err);
}

orr_status orr_params_print(const struct orr_param *table, const union orr_value *values, size_t i, char *text,
                            size_t size)
{
    if (i >= orr_params_count(table)) return ORR_EINVAL;
    char number[ORR_NUMBER_SIZE];
    const char *source = number;
    switch (table[i].type) {
    case ORR_PARAM_BOOL:
        source = values[i].b ? "true" : "false";
        break;
    case ORR_PARAM_INT:
        snprintf(number, sizeof number, "%lld", (long long)values[i].i);
        break;
    case ORR_PARAM_REAL:
        orr_number_print(values[i].r, number);
        break;
    case ORR_PARAM_STRING:
        source = values[i].s ? values[i].s : "";
        break;
    case ORR_PARAM_END:
        return ORR_EINVAL;
    }
    const int length = snprintf(text, size, "%s", source);
    return length >= 0 && (size_t)length < size ? ORR_OK : ORR_EINVAL;
}
