/* The two op tables, orrery/ops.def and graph/rules.def, joined into one row an operation.
 *
 * In: a number or a name. Out: the row, or NULL where there is none. That both tables have the same rows is checked by
 * the compiler. */
#include "graph/optable.h"

#include <string.h>

/* A row of ops.def without a row of rules.def, or the reverse, names the operation that was forgotten. */
enum {
#define ORR_RULE(NAME, SHAPE, GRADIENT, LOWER, FLOPS) RULE_FOR_##NAME,
#include "graph/rules.def"
#undef ORR_RULE
    RULE_COUNT
};
enum {
#define ORR_OP(id, NAME, text, n_in, n_out, kind, alias, tolerance) OP_##NAME,
#include "orrery/ops.def"
#undef ORR_OP
    OP_COUNT
};
#define ORR_OP(id, NAME, text, n_in, n_out, kind, alias, tolerance)                                                    \
    _Static_assert((int)RULE_FOR_##NAME >= 0 && (n_in) <= ORR_IN_MAX && (n_out) <= ORR_OUT_MAX,                        \
                   "ops.def row " #NAME " exceeds ORR_IN_MAX or ORR_OUT_MAX");
#include "orrery/ops.def"
#undef ORR_OP
_Static_assert((int)RULE_COUNT == (int)OP_COUNT, "ops.def and rules.def must have the same rows");

static const struct orr_op_rule rule[OP_COUNT] = {
#define ORR_RULE(NAME, SHAPE, GRADIENT, LOWER, FLOPS)                                                                  \
    [OP_##NAME] = {orr_shape_rule_##SHAPE, orr_gradient_rule_##GRADIENT, orr_lower_rule_##LOWER,                       \
                   orr_flops_rule_##FLOPS},
#include "graph/rules.def"
#undef ORR_RULE
};

#define PRIM   false
#define COMP   true
#define EXACT  ORR_TOLERANCE_EXACT, 0.0
#define ULP(n) ORR_TOLERANCE_ULP, (n)
#define SUM(n) ORR_TOLERANCE_SUM, (n)
#define ABS(x) ORR_TOLERANCE_ABS, (x)

static const struct orr_op_info info[OP_COUNT] = {
#define ORR_OP(id, NAME, text, n_in, n_out, kind, alias, ...)                                                          \
    [OP_##NAME] = {id, text, n_in, n_out, kind, alias, __VA_ARGS__, &rule[OP_##NAME]},
#include "orrery/ops.def"
#undef ORR_OP
};

const struct orr_op_info *orr_op_list(size_t *count)
{
    *count = OP_COUNT;
    return info;
}

const struct orr_op_info *orr_op_by_id(uint32_t id)
{
    for (size_t i = 0; i < OP_COUNT; ++i)
        if (info[i].id == id) return &info[i];
    return NULL;
}

const struct orr_op_info *orr_op_by_name(const char *name)
{
    for (size_t i = 0; i < OP_COUNT; ++i)
        if (strcmp(info[i].name, name) == 0) return &info[i];
    return NULL;
}

bool orr_op_is_differentiable(const struct orr_op_info *op)
{
    return op->rule->gradient != orr_gradient_rule_none && op->rule->gradient != orr_gradient_rule_zero;
}
