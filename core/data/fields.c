/* Checks on the names of columns.
 *
 * In: the columns of a simulator or a file, in groups. Out: nothing, or what is wrong with the first that is.
 */
#include "data/fields.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>

static orr_status check_field(const struct orr_field *field, const char *source, orr_status code, struct orr_error *err)
{
    static const char *const taken[] = {"trajectory", "step", "time"};
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    if (!*field->name || field->name[strspn(field->name, letters)])
        return orr_fail(err, code, "%s: \"%.60s\" is no name for a column: use A-Z, a-z, 0-9 and _", source,
                        field->name);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; ++i)
        if (strcmp(field->name, taken[i]) == 0)
            return orr_fail(err, code, "%s: the column name \"%s\" is taken by the engine: choose another", source,
                            field->name);
    if (orr_text_is_utf8(field->unit)) return ORR_OK;
    return orr_fail(err, code, "%s: the unit of column %s is not UTF-8 text", source, field->name);
}

static orr_status check_group(const struct orr_fields *group, const char *source, orr_status code,
                              struct orr_error *err)
{
    if (group->count > ORR_COLUMNS_MAX)
        return orr_fail(err, code, "%s: %" PRIu32 " columns of %s are more than %d", source, group->count, group->kind,
                        ORR_COLUMNS_MAX);
    for (uint32_t i = 0; i < group->count; ++i) {
        if (!group->field || !group->field[i].name || !group->field[i].unit)
            return orr_fail(err, code, "%s: column %" PRIu32 " of %s has no name or no unit", source, i, group->kind);
        ORR_TRY(check_field(&group->field[i], source, code, err));
    }
    return ORR_OK;
}

/* Column i of all groups, one after another. */
static const struct orr_field *field_at(const struct orr_fields *group, uint64_t i)
{
    for (; i >= group->count; ++group)
        i -= group->count;
    return &group->field[i];
}

orr_status orr_fields_check(const struct orr_fields *group, size_t n_groups, const char *source, orr_status code,
                            struct orr_error *err)
{
    uint64_t n = 0;
    for (size_t i = 0; i < n_groups; ++i) {
        ORR_TRY(check_group(&group[i], source, code, err));
        n += group[i].count;
    }
    for (uint64_t i = 0; i < n; ++i)
        for (uint64_t k = 0; k < i; ++k)
            if (strcmp(field_at(group, i)->name, field_at(group, k)->name) == 0)
                return orr_fail(err, code, "%s: two columns are called \"%s\": rename one", source,
                                field_at(group, i)->name);
    return ORR_OK;
}
