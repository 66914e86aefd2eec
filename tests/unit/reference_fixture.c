/* The bench of reference_fixture.h: module loading, buffers with guards, comparison. */
#include "reference_fixture.h"

#include "orrery/random.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA = 1 << 20, OFFSET = 64, GUARD = 64, POISON = 0x88, SEED = 20260101 };

const struct orr_backend_ops *fixture_backend;
struct orr_device *fixture_device;
unsigned fixture_allocations;

static unsigned live;
static long double arena[ARENA];
static size_t arena_used;
static uint64_t random_state;

struct row {
    const char *name;
    uint32_t n_in, n_out, alias;
};
static const struct row rows[ORR_OP_COUNT_] = {
#define ORR_OP(id, NAME, name, n_in, n_out, kind, alias, ...) [id] = {name, n_in, n_out, alias},
#include "orrery/ops.def"
#undef ORR_OP
};
static unsigned compared[ORR_OP_COUNT_]; /* bits (1 << dtype of result 0) */

static void *host_alloc(size_t bytes, size_t align)
{
    void *p = NULL;
    if (posix_memalign(&p, align < sizeof p ? sizeof p : align, bytes)) return NULL;
    memset(p, POISON, bytes);
    ++fixture_allocations;
    ++live;
    return p;
}

static void host_dealloc(void *p)
{
    if (p) --live;
    free(p);
}

ORR_PRINTF(3, 4)
static void host_log(enum orr_log_level level, const char *plugin, const char *fmt, ...)
{
    (void)level;
    (void)plugin;
    (void)fmt;
}

ORR_PRINTF(3, 4)
static orr_status host_fail(struct orr_error *err, orr_status code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    err->code = code;
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    return code;
}

static const struct orr_host host = {.size = sizeof host,
                                     .abi_major = ORR_ABI_MAJOR,
                                     .abi_minor = ORR_ABI_MINOR,
                                     .alloc = host_alloc,
                                     .dealloc = host_dealloc,
                                     .log = host_log,
                                     .fail = host_fail,
                                     .philox = orr_random_philox};

const struct orr_plugin *fixture_load(const char *name)
{
    const char *directory = getenv("ORRERY_TEST_BACKENDS");
    char path[4096];
    if (!directory) fail_msg("ORRERY_TEST_BACKENDS is not set: expected the directory of built backends");
    snprintf(path, sizeof path, "%s/%s/orrery-backend-%s.so", directory, name, name);
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!module) fail_msg("%s", dlerror());
    orr_plugin_query_fn query;
    *(void **)&query = dlsym(module, ORR_PLUGIN_SYMBOL);
    if (!query) fail_msg("%s: %s", path, dlerror());
    return query(&host);
}

int fixture_open(void **state)
{
    (void)state;
    struct orr_error err = {0};
    fixture_backend = fixture_load("reference")->ops;
    if (fixture_backend->open(0, NULL, &fixture_device, &err)) fail_msg("open: %s", err.text);
    return 0;
}

int fixture_close(void **state)
{
    (void)state;
    fixture_backend->close(fixture_device);
    if (live) print_error("%u allocations of the backend were not given back\n", live);
    return live ? -1 : 0;
}

int fixture_setup(void **state)
{
    (void)state;
    arena_used = 0;
    random_state = SEED;
    return 0;
}

double fixture_random(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(int32_t)(random_state >> 32) / 2147483648.0;
}

int64_t operand_count(const struct operand *t)
{
    int64_t count = 1;
    for (uint32_t k = 0; k < t->rank; ++k)
        count *= t->dim[k];
    return count;
}

struct operand operand_make(uint32_t dtype, uint32_t rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    struct operand t = {.dtype = dtype, .rank = rank, .dim = {a, b, c, d}, .value = arena + arena_used};
    const size_t count = (size_t)operand_count(&t);
    if (count > ARENA - arena_used) fail_msg("the arena of %d numbers is too small", ARENA);
    arena_used += count;
    for (size_t i = 0; i < count; ++i)
        t.value[i] = 0;
    return t;
}

struct operand operand_random(double scale, uint32_t rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    struct operand t = operand_make(0, rank, a, b, c, d);
    const int64_t count = operand_count(&t);
    for (int64_t i = 0; i < count; ++i)
        t.value[i] = (float)(scale * fixture_random());
    return t;
}

struct operand operand_list(uint32_t dtype, int64_t count, const double *value)
{
    struct operand t = operand_make(dtype, 1, count, 0, 0, 0);
    for (int64_t i = 0; i < count; ++i)
        t.value[i] = (long double)value[i];
    return t;
}

static size_t element_size(uint32_t dtype) { return dtype == ORR_F64 ? 8 : 4; }

static void encode(unsigned char *to, uint32_t dtype, const long double *from, int64_t count)
{
    for (int64_t i = 0; i < count; ++i, to += element_size(dtype)) {
        const double as_f64 = (double)from[i];
        const float as_f32 = (float)from[i];
        const int32_t as_i32 = dtype == ORR_I32 ? (int32_t)from[i] : 0;
        if (dtype == ORR_F64) memcpy(to, &as_f64, sizeof as_f64);
        if (dtype == ORR_F32) memcpy(to, &as_f32, sizeof as_f32);
        if (dtype == ORR_I32) memcpy(to, &as_i32, sizeof as_i32);
    }
}

static void decode(const unsigned char *from, uint32_t dtype, long double *to, int64_t count)
{
    for (int64_t i = 0; i < count; ++i, from += element_size(dtype)) {
        double as_f64 = 0;
        float as_f32 = 0;
        int32_t as_i32 = 0;
        if (dtype == ORR_F64) memcpy(&as_f64, from, sizeof as_f64);
        if (dtype == ORR_F32) memcpy(&as_f32, from, sizeof as_f32);
        if (dtype == ORR_I32) memcpy(&as_i32, from, sizeof as_i32);
        to[i] = dtype == ORR_F64 ? (long double)as_f64 : dtype == ORR_F32 ? (long double)as_f32 : as_i32;
    }
}

/* A tensor in a buffer of its own: OFFSET bytes, the elements, GUARD bytes, all poisoned at first. */
static struct orr_tensor place(const struct operand *t, uint32_t real)
{
    struct orr_tensor tensor = {.offset = OFFSET, .rank = t->rank, .dtype = t->dtype ? t->dtype : real};
    memcpy(tensor.dim, t->dim, sizeof tensor.dim);
    const size_t bytes = (size_t)operand_count(t) * element_size(tensor.dtype) + OFFSET + GUARD;
    struct orr_error err = {0};
    if (fixture_backend->alloc(fixture_device, bytes, &tensor.buffer, &err)) fail_msg("alloc: %s", err.text);
    unsigned char *poison = malloc(bytes);
    assert_non_null(poison);
    memset(poison, POISON, bytes);
    if (fixture_backend->write(fixture_device, tensor.buffer, 0, poison, bytes, &err)) fail_msg("write: %s", err.text);
    free(poison);
    return tensor;
}

static void upload(const struct operand *t, const struct orr_tensor *tensor)
{
    const int64_t count = operand_count(t);
    const size_t bytes = (size_t)count * element_size(tensor->dtype);
    unsigned char *raw = malloc(bytes + 1);
    assert_non_null(raw);
    encode(raw, tensor->dtype, t->value, count);
    struct orr_error err = {0};
    if (fixture_backend->write(fixture_device, tensor->buffer, OFFSET, raw, bytes, &err)) fail_msg("%s", err.text);
    free(raw);
}

static void download(const char *name, const struct operand *t, const struct orr_tensor *tensor, long double *to)
{
    const int64_t count = operand_count(t);
    const size_t bytes = (size_t)count * element_size(tensor->dtype), all = bytes + OFFSET + GUARD;
    unsigned char *raw = malloc(all);
    assert_non_null(raw);
    struct orr_error err = {0};
    if (fixture_backend->read(fixture_device, tensor->buffer, 0, raw, all, &err)) fail_msg("%s", err.text);
    for (size_t i = 0; i < all; ++i)
        if ((i < OFFSET || i >= OFFSET + bytes) && raw[i] != POISON)
            fail_msg("%s: byte %zu outside the tensor was written (it has %zu)", name, i - OFFSET, bytes);
    decode(raw + OFFSET, tensor->dtype, to, count);
    free(raw);
}

orr_status trial_run(const struct trial *t, uint32_t real, bool in_place, long double *const result[],
                     struct orr_error *err)
{
    const struct row *row = &rows[t->op];
    struct orr_call call = {.size = sizeof call, .op = t->op, .n_in = row->n_in, .n_out = row->n_out, .attr = t->attr};
    for (uint32_t k = 0; k < row->n_in; ++k) {
        call.in[k] = place(&t->in[k], real);
        upload(&t->in[k], &call.in[k]);
    }
    for (uint32_t k = 0; k < row->n_out; ++k)
        call.out[k] = in_place && (row->alias >> k & 1u) ? call.in[k] : place(&t->out[k], real);
    const orr_status status = fixture_backend->run(fixture_device, &call, err);
    assert_int_equal(fixture_backend->finish(fixture_device, err), ORR_OK);
    for (uint32_t k = 0; k < row->n_out; ++k) {
        if (status == ORR_OK) download(row->name, &t->out[k], &call.out[k], result[k]);
        if (k >= row->n_in || call.out[k].buffer != call.in[k].buffer)
            fixture_backend->free(fixture_device, call.out[k].buffer);
    }
    for (uint32_t k = 0; k < row->n_in; ++k)
        fixture_backend->free(fixture_device, call.in[k].buffer);
    return status;
}

/* What expected values may be off by beside the test's own bound: nothing where long double is more than double.
 * Valgrind computes it as double, and then a central difference has an error of 1e-16 / 1e-6 times the size of the
 * function. */
static long double noise(void)
{
    const volatile long double small = 0x1p-60L;
    return 1 + small > 1 ? 0 : 1e-7L;
}

/* Compared as doubles, so that what a double cannot hold is infinite on both sides. */
static bool close_to(long double result, long double exact, long double bound)
{
    const double got = (double)result, want = (double)exact;
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got);
    if (isinf(want) || isinf(got)) return got == want;
    return fabsl((long double)got - (long double)want) <= bound + noise();
}

/* Runs in one type and compares with want[k]; bounds as in struct trial. */
static void run_and_compare(const struct trial *t, uint32_t real, bool in_place, long double *const want[],
                            long double relative, long double absolute)
{
    const struct row *row = &rows[t->op];
    const size_t mark = arena_used;
    long double *got[ORR_OUT_MAX] = {0};
    for (uint32_t k = 0; k < row->n_out; ++k)
        got[k] = operand_make(0, t->out[k].rank, t->out[k].dim[0], t->out[k].dim[1], t->out[k].dim[2], t->out[k].dim[3])
                     .value;
    struct orr_error err = {0};
    if (trial_run(t, real, in_place, got, &err)) fail_msg("%s: %s", row->name, err.text);
    for (uint32_t k = 0; k < row->n_out; ++k)
        for (int64_t i = 0; i < operand_count(&t->out[k]); ++i)
            if (!close_to(got[k][i], want[k][i], absolute + relative * fabsl(want[k][i])))
                fail_msg("%s in %s%s: result %u element %lld is %.17Lg, expected %.17Lg within %.2Lg (seed %d)",
                         row->name, real == ORR_F64 ? "f64" : "f32", in_place ? " in place" : "", k, (long long)i,
                         got[k][i], want[k][i], absolute + relative * fabsl(want[k][i]), SEED);
    compared[t->op] |= 1u << (t->out[0].dtype ? t->out[0].dtype : real);
    arena_used = mark;
}

/* The trial with inputs that f32 holds, and what f64 makes of them, rounded to f32 once. */
static void check_f32(const struct trial *t, bool in_place, unsigned ulps)
{
    const struct row *row = &rows[t->op];
    struct trial rounded = *t;
    long double *want[ORR_OUT_MAX] = {0};
    for (uint32_t k = 0; k < row->n_in; ++k) {
        const struct operand *in = &t->in[k];
        if (in->dtype) continue;
        rounded.in[k] = operand_make(0, in->rank, in->dim[0], in->dim[1], in->dim[2], in->dim[3]);
        for (int64_t i = 0; i < operand_count(in); ++i)
            rounded.in[k].value[i] = (long double)(float)in->value[i];
    }
    for (uint32_t k = 0; k < row->n_out; ++k) {
        const struct operand *out = &t->out[k];
        want[k] = operand_make(0, out->rank, out->dim[0], out->dim[1], out->dim[2], out->dim[3]).value;
    }
    struct orr_error err = {0};
    if (trial_run(&rounded, ORR_F64, false, want, &err)) fail_msg("%s: %s", row->name, err.text);
    for (uint32_t k = 0; k < row->n_out; ++k)
        for (int64_t i = 0; i < operand_count(&t->out[k]) && !t->out[k].dtype; ++i)
            want[k][i] = (long double)(float)want[k][i];
    run_and_compare(&rounded, ORR_F32, in_place, want, ulps * 0x1p-23L, 0);
}

void trial_check(const struct trial *t, unsigned ulps)
{
    const size_t mark = arena_used;
    long double *want[ORR_OUT_MAX] = {0};
    for (uint32_t k = 0; k < ORR_OUT_MAX; ++k)
        want[k] = t->out[k].value;
    for (int in_place = 0; in_place < (rows[t->op].alias ? 2 : 1); ++in_place) {
        run_and_compare(t, ORR_F64, in_place, want, t->relative, t->absolute);
        check_f32(t, in_place, ulps);
    }
    arena_used = mark;
}

void trial_refuse(const struct trial *t, orr_status status, const char *part)
{
    const size_t mark = arena_used;
    static const uint32_t types[] = {ORR_F64, ORR_F32};
    long double *result[ORR_OUT_MAX] = {0};
    for (uint32_t k = 0; k < rows[t->op].n_out; ++k) {
        const struct operand *out = &t->out[k];
        result[k] = operand_make(0, out->rank, out->dim[0], out->dim[1], out->dim[2], out->dim[3]).value;
    }
    for (size_t i = 0; i < 2; ++i) {
        struct orr_error err = {0};
        const orr_status got = trial_run(t, types[i], false, result, &err);
        if (got != status || err.code != got || !strstr(err.text, part))
            fail_msg("%s: status %d, text '%s'; expected status %d and '%s'", rows[t->op].name, (int)got, err.text,
                     (int)status, part);
    }
    arena_used = mark;
}

void fixture_check_coverage(void **state)
{
    (void)state;
    static const uint32_t also_i32[] = {ORR_OP_COPY,      ORR_OP_ADD,    ORR_OP_SLICE, ORR_OP_PAD,  ORR_OP_PERMUTE,
                                        ORR_OP_BROADCAST, ORR_OP_GATHER, ORR_OP_PUT,   ORR_OP_FILL, ORR_OP_CAST};
    const unsigned real = 1u << ORR_F32 | 1u << ORR_F64;
    for (uint32_t op = 0; op < ORR_OP_COUNT_; ++op) {
        unsigned wanted = op == ORR_OP_RANDOM_INT ? 1u << ORR_I32 : real;
        for (size_t i = 0; i < sizeof also_i32 / sizeof also_i32[0]; ++i)
            if (also_i32[i] == op) wanted |= 1u << ORR_I32;
        if (rows[op].name && (compared[op] & wanted) != wanted)
            fail_msg("%s: compared in element types %#x, expected %#x", rows[op].name, compared[op], wanted);
    }
}

void differentiate(scalar_function value, void *context, const struct operand *at, struct operand *derivative)
{
    const long double step = 1e-6L;
    for (int64_t i = 0; i < operand_count(at); ++i) {
        const long double middle = at->value[i];
        at->value[i] = middle + step;
        const long double above = value(context);
        at->value[i] = middle - step;
        const long double below = value(context);
        at->value[i] = middle;
        derivative->value[i] = (above - below) / (2 * step);
    }
}
