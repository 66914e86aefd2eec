/* The table of checks, the choice among them, and how a check counts and judges its cases. */
#include "conform/check.h"

#include "base/memory.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <string.h>

static const struct orr_check others[] = {
    {"graph/lowering", ORR_CHECK_GRAPH, 0, orr_check_lowerings},
    {"graph/gradient", ORR_CHECK_GRAPH, 0, orr_check_gradients},
    {"graph/training", ORR_CHECK_GRAPH, 0, orr_check_training},
    {"graph/large_batch", ORR_CHECK_GRAPH, 0, orr_check_large_batch},
    {"graph/random", ORR_CHECK_GRAPH, 0, orr_check_random_graphs},
    {"interface/device", ORR_CHECK_INTERFACE, 0, orr_check_describe_device},
    {"interface/supports", ORR_CHECK_INTERFACE, 0, orr_check_supports},
    {"interface/transfer", ORR_CHECK_INTERFACE, 0, orr_check_transfers},
    {"interface/allocation", ORR_CHECK_INTERFACE, 0, orr_check_allocation},
    {"interface/out_of_memory", ORR_CHECK_INTERFACE, 0, orr_check_out_of_memory},
    {"interface/free_order", ORR_CHECK_INTERFACE, 0, orr_check_free_order},
    {"interface/optional", ORR_CHECK_INTERFACE, 0, orr_check_optional},
    {"interface/errors", ORR_CHECK_INTERFACE, 0, orr_check_errors},
    {"interface/two_devices", ORR_CHECK_INTERFACE, 0, orr_check_two_devices},
};
enum { N_OTHERS = sizeof(others) / sizeof(others[0]) };

orr_status orr_check_list(struct orr_check **out, size_t *count, struct orr_error *err)
{
    size_t n_ops;
    const struct orr_op_info *ops = orr_op_list(&n_ops);
    *count = n_ops + N_OTHERS;
    *out = orr_memory_array(*count, sizeof(**out));
    if (!*out) return orr_memory_out(err, "the list of checks", *count * sizeof(**out));
    for (size_t i = 0; i < n_ops; ++i) {
        (*out)[i] = (struct orr_check){.family = ORR_CHECK_OPERATION, .op = ops[i].id, .run = orr_check_operation};
        strncpy((*out)[i].name, ops[i].name, sizeof((*out)[i].name) - 1);
    }
    memcpy(*out + n_ops, others, sizeof(others));
    return ORR_OK;
}

bool orr_check_is_chosen(const struct orr_conform *asked, const char *name)
{
    const char *at = asked->checks;
    while (at && *at) {
        char glob[128];
        const size_t n = strcspn(at, ",");
        if (n < sizeof(glob)) {
            memcpy(glob, at, n);
            glob[n] = '\0';
            if (fnmatch(glob, name, 0) == 0) return true;
        }
        at += n + (at[n] == ',');
    }
    return !asked->checks;
}

bool orr_check_begin(struct orr_session *s, struct orr_check_result *r, uint32_t number)
{
    if (s->asked->only_case >= 0 && s->asked->only_case != (int64_t)number) return false;
    if (s->asked->fail_fast && r->failed) return false;
    s->begin_case(s->context, number);
    ++r->cases;
    if (r->state == ORR_CHECK_NOT_TESTED) r->state = ORR_CHECK_PASSED;
    return true;
}

void orr_check_fail(struct orr_check_result *r, uint32_t number, const char *fmt, ...)
{
    va_list args;
    if (r->state != ORR_CHECK_MISSING) r->state = ORR_CHECK_WRONG;
    ++r->failed;
    if (r->failed_case >= 0) return;
    r->failed_case = number;
    va_start(args, fmt);
    vsnprintf(r->failure, sizeof(r->failure), fmt, args);
    va_end(args);
}

void orr_check_fraction(struct orr_check_result *r, uint32_t number, double fraction, const char *where)
{
    if (fraction > r->worst) {
        r->worst = fraction;
        r->worst_case = number;
    }
    if (!(fraction <= 1.0)) orr_check_fail(r, number, "%s", where);
}
