/* The tables of cases and sizes, and case number n of an operation out of them. */
#include "conform/case.h"
#include "graph/optable.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Where a row has A to F: number k of an entry of its list of sizes. */
enum { N_VARIABLES = 6 };
#define VARIABLE(k) (INT64_MIN / 2 + (k))

struct size_entry {
    enum orr_conform_level level;
    int64_t v[N_VARIABLES];
};
struct size_list {
    const struct size_entry *entry;
    uint32_t count;
};

#define Q(...)                                                                                                         \
    {                                                                                                                  \
        ORR_CONFORM_QUICK, { __VA_ARGS__ }                                                                             \
    }
#define X(...)                                                                                                         \
    {                                                                                                                  \
        ORR_CONFORM_FULL, { __VA_ARGS__ }                                                                              \
    }
#define SIZES(name, ...) static const struct size_entry name##_sizes[] = {__VA_ARGS__};
#include "conform/case_sizes.def"
#undef SIZES
#undef Q
#undef X

enum size_name {
#define SIZES(name, ...) LIST_##name,
#include "conform/case_sizes.def"
#undef SIZES
};
static const struct size_list size_lists[] = {
#define SIZES(name, ...) {name##_sizes, sizeof(name##_sizes) / sizeof(name##_sizes[0])},
#include "conform/case_sizes.def"
#undef SIZES
};

/* A row as it is written: sizes begin with the rank, and may be variables. */
struct row_input {
    enum orr_input_kind kind;
    int64_t size[1 + ORR_RANK_MAX];
    int64_t below;
};
struct row {
    uint32_t op;
    enum size_name sizes;
    uint32_t values; /* bit (1 << enum orr_values) */
    struct row_input in[ORR_IN_MAX];
    struct orr_attr attr;
    struct orr_shape wanted;
};

/* clang-format off */
#define A VARIABLE(0)
#define B VARIABLE(1)
#define C VARIABLE(2)
#define D VARIABLE(3)
#define E VARIABLE(4)
#define F VARIABLE(5)
#define UNIT     (1u << ORR_VALUES_UNIT)
#define NAN_     (1u << ORR_VALUES_NAN)
#define INFINITE (1u << ORR_VALUES_INFINITE)
#define ZERO     (1u << ORR_VALUES_ZERO)
#define DENORMAL (1u << ORR_VALUES_DENORMAL)
#define WIDE     (1u << ORR_VALUES_WIDE)
#define LARGE    (1u << ORR_VALUES_LARGE)
#define MASKED   (1u << ORR_VALUES_MASKED)
#define CONSTANT (1u << ORR_VALUES_CONSTANT)
#define GAPS     (1u << ORR_VALUES_GAPS)
#define OFFSET   (1u << ORR_VALUES_OFFSET)
#define ALIKE    (1u << ORR_VALUES_ALIKE)
#define EQUAL    (1u << ORR_VALUES_EQUAL)
#define INPUTS(...)         .in = {__VA_ARGS__}
#define NOTHING             {0}
#define REAL(...)           {ORR_INPUT_REAL, {__VA_ARGS__}, 0}
#define POSITIVE(...)       {ORR_INPUT_POSITIVE, {__VA_ARGS__}, 0}
#define WHOLE(...)          {ORR_INPUT_WHOLE, {__VA_ARGS__}, 0}
#define DERIVED(...)        {ORR_INPUT_DERIVED, {__VA_ARGS__}, 0}
#define INDEX(under, ...)   {ORR_INPUT_INDEX, {__VA_ARGS__}, under}
#define STEP_AT(step)       {ORR_INPUT_STEP, {0}, step}
#define STEP_COUNT()        STEP_AT(6)
#define SCHEDULE()          {ORR_INPUT_SCHEDULE, {1, 4}, 0}
#define INTS(...)           .attr.i = {__VA_ARGS__}
#define REALS(...)          .attr.f = {__VA_ARGS__}
#define WANTED(type, r, ...) .wanted = {.dtype = type, .rank = r, .dim = {__VA_ARGS__}}
/* clang-format on */

static const struct row rows[] = {
#define CASES(OP, list, kinds, ...) {.op = ORR_OP_##OP, .sizes = LIST_##list, .values = (kinds), __VA_ARGS__},
#include "conform/cases.def"
#undef CASES
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static uint32_t count_bits(uint32_t bits)
{
    uint32_t n = 0;
    for (; bits; bits &= bits - 1)
        ++n;
    return n;
}

static uint32_t row_count(const struct row *r) { return size_lists[r->sizes].count * count_bits(r->values); }

uint32_t orr_case_count(uint32_t op)
{
    uint32_t n = 0;
    for (size_t i = 0; i < N_ROWS; ++i)
        if (rows[i].op == op) n += row_count(&rows[i]);
    return n;
}

static int64_t resolve(int64_t number, const struct size_entry *e)
{
    return number >= VARIABLE(0) && number < VARIABLE(N_VARIABLES) ? e->v[number - VARIABLE(0)] : number;
}

static struct orr_shape resolve_shape(uint32_t dtype, uint32_t rank, const int64_t *dim, const struct size_entry *e)
{
    struct orr_shape shape = {.dtype = dtype, .rank = rank};
    for (uint32_t k = 0; k < rank && k < ORR_RANK_MAX; ++k)
        shape.dim[k] = resolve(dim[k], e);
    return shape;
}

static bool is_whole(enum orr_input_kind kind)
{
    return kind == ORR_INPUT_INDEX || kind == ORR_INPUT_WHOLE || kind == ORR_INPUT_STEP;
}

static void set_inputs(struct orr_case *c, const struct row *r, const struct size_entry *e)
{
    for (uint32_t k = 0; k < c->n_in; ++k) {
        const struct row_input *in = &r->in[k];
        c->in[k].kind = in->kind;
        c->in[k].shape = resolve_shape(is_whole(in->kind) ? ORR_I32 : 0, (uint32_t)in->size[0], in->size + 1, e);
        c->in[k].below = resolve(in->below, e);
    }
    for (uint32_t k = 0; k < 8; ++k)
        c->attr.i[k] = resolve(r->attr.i[k], e);
    memcpy(c->attr.f, r->attr.f, sizeof(c->attr.f));
    c->wanted = resolve_shape(r->wanted.dtype, r->wanted.rank, r->wanted.dim, e);
}

/* Shapes of the results by the engine's own rule; reals are f32 in it and 0 in the case. */
static orr_status derive_outputs(struct orr_case *c, const struct orr_op_info *op, struct orr_error *err)
{
    struct orr_shape in[ORR_IN_MAX];
    for (uint32_t k = 0; k < c->n_in; ++k) {
        in[k] = c->in[k].shape;
        if (!in[k].dtype) in[k].dtype = ORR_F32;
    }
    c->out[0] = c->wanted;
    if (!c->out[0].dtype) c->out[0].dtype = ORR_F32;
    const struct orr_shape_site site = {.name = op->name,
                                        .real = ORR_F32,
                                        .n_in = c->n_in,
                                        .n_out = c->n_out,
                                        .in = in,
                                        .attr = &c->attr,
                                        .wanted = c->wanted.rank || c->wanted.dtype,
                                        .out = c->out,
                                        .err = err};
    ORR_TRY(op->rule->shape(&site));
    for (uint32_t k = 0; k < c->n_out; ++k)
        if (c->out[k].dtype == ORR_F32) c->out[k].dtype = 0;
    return ORR_OK;
}

static enum orr_values nth_value(uint32_t bits, uint32_t n)
{
    uint32_t k = 0;
    for (; k + 1 < ORR_VALUES_COUNT; ++k)
        if ((bits >> k & 1u) && n-- == 0) break;
    return (enum orr_values)k;
}

orr_status orr_case_get(uint32_t id, uint32_t number, struct orr_case *out, struct orr_error *err)
{
    const struct orr_op_info *op = orr_op_by_id(id);
    uint32_t left = number;
    for (size_t i = 0; op && i < N_ROWS; ++i) {
        const struct row *r = &rows[i];
        if (r->op != id) continue;
        if (left >= row_count(r)) {
            left -= row_count(r);
            continue;
        }
        const struct size_list *list = &size_lists[r->sizes];
        const struct size_entry *e = &list->entry[left % list->count];
        *out = (struct orr_case){.op = id, .number = number, .n_in = op->n_in, .n_out = op->n_out, .level = e->level};
        out->values = nth_value(r->values, left / list->count);
        set_inputs(out, r, e);
        if (derive_outputs(out, op, err) == ORR_OK) return ORR_OK;
        return orr_error_prefix(err, "case %u of %s", number, op->name);
    }
    return orr_fail(err, ORR_EINVAL, "%s has no case %u: its cases are 0 to %u", op ? op->name : "this number", number,
                    op ? orr_case_count(id) - 1 : 0);
}

const char *orr_values_name(enum orr_values values)
{
    static const char *const names[ORR_VALUES_COUNT] = {
        "unit scale",  "one NaN",    "infinities",     "signed zeros",   "denormals", "wide range",           "1e4",
        "masked rows", "equal rows", "indices all -1", "rows near 1000", "all 1.1",   "second input is first"};
    return values < ORR_VALUES_COUNT ? names[values] : "unknown";
}

void orr_case_describe(const struct orr_case *c, char *text, size_t size)
{
    char shape[96];
    size_t at = 0;
    for (uint32_t k = 0; k < c->n_in + c->n_out && at < size; ++k) {
        struct orr_shape s = k < c->n_in ? c->in[k].shape : c->out[k - c->n_in];
        if (!s.dtype) s.dtype = ORR_F32;
        orr_shape_print(&s, shape, sizeof(shape));
        at += (size_t)snprintf(text + at, size - at, "%s%s",
                               k == c->n_in ? (k ? " -> " : "-> ")
                               : k          ? ", "
                                            : "",
                               shape);
    }
    if (at < size) at += (size_t)snprintf(text + at, size - at, "; %s", orr_values_name(c->values));
    uint32_t last = 0;
    for (uint32_t k = 0; k < 8; ++k)
        if (c->attr.i[k]) last = k + 1;
    for (uint32_t k = 0; k < last && at < size; ++k)
        at += (size_t)snprintf(text + at, size - at, "%s%lld", k ? "," : "; i=", (long long)c->attr.i[k]);
}

const struct orr_forward *orr_case_forward(uint32_t op)
{
    static const struct {
        uint32_t op;
        struct orr_forward forward;
    } table[] = {
        {ORR_OP_SOFTMAX_GRAD, {ORR_OP_SOFTMAX, 1, {1}, {1}}},
        {ORR_OP_LOG_SOFTMAX_GRAD, {ORR_OP_LOG_SOFTMAX, 1, {1}, {1}}},
        {ORR_OP_LAYERNORM_GRAD, {ORR_OP_LAYERNORM, 3, {1, 2, 2}, {ORR_NONE, 3, 4}}},
        {ORR_OP_RMSNORM_GRAD, {ORR_OP_RMSNORM, 2, {1, 2}, {ORR_NONE, 3}}},
        {ORR_OP_ATTENTION_GRAD, {ORR_OP_ATTENTION, 1, {1}, {2, 3}}},
        {ORR_OP_XENT_GRAD, {ORR_OP_XENT, 2, {1, 2}, {ORR_NONE, 3}}},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); ++i)
        if (table[i].op == op) return &table[i].forward;
    return NULL;
}
