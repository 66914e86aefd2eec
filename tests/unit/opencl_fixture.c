/* The bench of opencl_fixture.h: loading both backends, operands in guarded buffers, comparison. */
#include "opencl_fixture.h"

#include "orrery/random.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 20260301, GUARD = 64, POISON = 0xFF, OPERANDS_MAX = 64 };

const struct orr_backend_ops *fixture_opencl;
struct orr_device *fixture_device;
char fixture_name[256];
struct fixture_tally fixture_tally;
double fixture_worst[ORR_OP_COUNT_];

static const struct orr_backend_ops *reference;
static struct orr_device *reference_device;
static double *arena[OPERANDS_MAX];
static size_t arena_used;
static uint64_t random_state;
static int live; /* pieces of memory that the backends hold */

struct row {
    const char *name;
    uint32_t n_in, n_out, alias;
};
static const struct row rows[ORR_OP_COUNT_] = {
#define ORR_OP(id, NAME, name, n_in, n_out, kind, alias, ...) [id] = {name, n_in, n_out, alias},
#include "orrery/ops.def"
#undef ORR_OP
};

/* --- the host ---------------------------------------------------------------------------------------------------- */

static void *host_alloc(size_t bytes, size_t align)
{
    void *p = NULL;
    if (posix_memalign(&p, align < sizeof p ? sizeof p : align, bytes)) return NULL;
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
    struct fixture_tally *t = &fixture_tally;
    char text[1000];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (strstr(text, "visits;"))
        assert_int_equal(sscanf(text, "%llu launches, the largest of %llu visits; %llu flushes, %llu waits",
                                &t->launches, &t->largest, &t->flushes, &t->waits),
                         4);
    if (level <= ORR_LOG_WARN) fprintf(stderr, "# %s: %s\n", plugin, text);
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

static const struct orr_backend_ops *load(const char *name)
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
    return query(&host)->ops;
}

static bool option(const char *name)
{
    const char *given = getenv("ORRERY_TEST_OPENCL");
    return given && strstr(given, name) != NULL;
}

const int64_t fixture_lengths[FIXTURE_LENGTHS] = {0, 1, 2, 7, 63, 64, 65, 257, 1000, 70000};

bool fixture_left_out(int64_t elements)
{
    return (option("tiny") && elements > 4096) || (option("toy") && elements > 512);
}

static uint32_t device_index(void)
{
    const char *given = getenv("ORRERY_TEST_OPENCL_DEVICE");
    return given ? (uint32_t)strtoul(given, NULL, 10) : 0;
}

uint32_t fixture_device_count(void)
{
    fixture_opencl = load("opencl");
    return fixture_opencl->device_count();
}

static void open_device(int64_t launch_work)
{
    const union orr_value values[] = {{.i = launch_work}};
    struct orr_error err = {0};
    if (fixture_opencl->open(device_index(), values, &fixture_device, &err)) fail_msg("open: %s", err.text);
}

void fixture_reopen(int64_t launch_work)
{
    fixture_opencl->close(fixture_device);
    open_device(launch_work);
}

int fixture_open(void **state)
{
    (void)state;
    struct orr_error err = {0};
    struct orr_device_info info = {.size = sizeof info};
    for (size_t i = 0; i < OPERANDS_MAX; ++i)
        arena[i] = malloc(OPERAND_MAX * sizeof(double));
    reference = load("reference");
    if (reference->open(0, NULL, &reference_device, &err)) fail_msg("open: %s", err.text);
    fixture_opencl = load("opencl");
    if (fixture_opencl->device_info(device_index(), &info, &err)) fail_msg("%s", err.text);
    snprintf(fixture_name, sizeof fixture_name, "%s (%s), driver %s, align %u", info.name, info.vendor, info.driver,
             info.align);
    open_device(268435456);
    return 0;
}

int fixture_close(void **state)
{
    (void)state;
    fixture_opencl->close(fixture_device);
    reference->close(reference_device);
    for (size_t i = 0; i < OPERANDS_MAX; ++i)
        free(arena[i]);
    if (live) print_error("%d allocations of the backends were not given back\n", live);
    return live ? -1 : 0;
}

int fixture_setup(void **state)
{
    (void)state;
    arena_used = 0;
    random_state = SEED;
    return 0;
}

/* --- operands ---------------------------------------------------------------------------------------------------- */

static double next_random(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(random_state >> 11) * 0x1p-53;
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
    if (arena_used == OPERANDS_MAX) fail_msg("more than %d operands in a test", OPERANDS_MAX);
    struct operand t = {.dtype = dtype, .rank = rank, .dim = {a, b, c, d}, .value = arena[arena_used++]};
    const int64_t count = operand_count(&t);
    if (count > OPERAND_MAX) fail_msg("an operand of %lld elements", (long long)count);
    for (int64_t i = 0; i < count; ++i)
        t.value[i] = 0;
    return t;
}

struct operand operand_like(const struct operand *s)
{
    return operand_make(s->dtype, s->rank, s->dim[0], s->dim[1], s->dim[2], s->dim[3]);
}

struct operand operand_random(double from, double to, uint32_t rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    struct operand t = operand_make(ORR_F32, rank, a, b, c, d);
    const int64_t count = operand_count(&t);
    for (int64_t i = 0; i < count; ++i)
        t.value[i] = (double)(float)(from + (to - from) * next_random());
    return t;
}

struct operand operand_whole(int64_t from, int64_t to, uint32_t rank, int64_t a, int64_t b)
{
    struct operand t = operand_make(ORR_I32, rank, a, b, 1, 1);
    const int64_t count = operand_count(&t);
    for (int64_t i = 0; i < count; ++i)
        t.value[i] = floor((double)from + (double)(to - from) * next_random());
    return t;
}

struct operand operand_absolute(const struct operand *t)
{
    struct operand copy = operand_like(t);
    const int64_t count = operand_count(t);
    for (int64_t i = 0; i < count; ++i)
        copy.value[i] = fabs(t->value[i]);
    return copy;
}

/* --- running ----------------------------------------------------------------------------------------------------- */

struct bench {
    const struct orr_backend_ops *ops;
    struct orr_device *device;
    uint32_t real;
    int64_t shift; /* elements before every operand */
};

static size_t size_of(uint32_t dtype) { return dtype == ORR_F64 ? 8 : 4; }

static void encode(unsigned char *to, uint32_t dtype, const double *from, int64_t count)
{
    for (int64_t i = 0; i < count; ++i, to += size_of(dtype)) {
        const float single = (float)from[i];
        const int32_t whole = dtype == ORR_I32 ? (int32_t)from[i] : 0;
        if (dtype == ORR_F64) memcpy(to, &from[i], 8);
        if (dtype == ORR_F32) memcpy(to, &single, 4);
        if (dtype == ORR_I32) memcpy(to, &whole, 4);
    }
}

static double decode(const unsigned char *from, uint32_t dtype)
{
    double real = 0;
    float single = 0;
    int32_t whole = 0;
    if (dtype == ORR_F64) memcpy(&real, from, 8);
    if (dtype == ORR_F32) memcpy(&single, from, 4);
    if (dtype == ORR_I32) memcpy(&whole, from, 4);
    return dtype == ORR_F64 ? real : dtype == ORR_F32 ? (double)single : (double)whole;
}

static size_t bytes_of(const struct bench *b, const struct operand *t, uint32_t dtype)
{
    return ((size_t)operand_count(t) + (size_t)b->shift) * size_of(dtype) + GUARD;
}

/* The operand, or only its place, in a buffer whose every other byte is poisoned (NaN as a float). */
static struct orr_tensor place(const struct bench *b, const struct operand *t, bool with_values)
{
    struct orr_error err = {0};
    struct orr_tensor tensor = {.rank = t->rank, .dtype = t->dtype == ORR_I32 ? (uint32_t)ORR_I32 : b->real};
    memcpy(tensor.dim, t->dim, sizeof tensor.dim);
    tensor.offset = (uint64_t)b->shift * size_of(tensor.dtype);
    const size_t bytes = bytes_of(b, t, tensor.dtype);
    unsigned char *raw = malloc(bytes);
    assert_non_null(raw);
    memset(raw, POISON, bytes);
    if (with_values) encode(raw + tensor.offset, tensor.dtype, t->value, operand_count(t));
    if (b->ops->alloc(b->device, bytes, &tensor.buffer, &err)) fail_msg("alloc: %s", err.text);
    if (b->ops->write(b->device, tensor.buffer, 0, raw, bytes, &err)) fail_msg("write: %s", err.text);
    free(raw);
    return tensor;
}

static void fetch(const struct bench *b, const char *name, const struct orr_tensor *tensor, struct operand *t)
{
    struct orr_error err = {0};
    const size_t bytes = bytes_of(b, t, tensor->dtype), first = tensor->offset;
    const size_t end = first + (size_t)operand_count(t) * size_of(tensor->dtype);
    unsigned char *raw = malloc(bytes);
    assert_non_null(raw);
    if (b->ops->read(b->device, tensor->buffer, 0, raw, bytes, &err)) fail_msg("read: %s", err.text);
    for (size_t i = 0; i < bytes; ++i)
        if ((i < first || i >= end) && raw[i] != POISON)
            fail_msg("%s: byte %lld outside the result (of %zu) was written", name, (long long)i - (long long)first,
                     end - first);
    for (int64_t i = 0; i < operand_count(t); ++i)
        t->value[i] = decode(raw + first + (size_t)i * size_of(tensor->dtype), tensor->dtype);
    free(raw);
}

static orr_status run(const struct bench *b, struct trial *t, bool in_place, struct orr_error *err)
{
    const struct row *row = &rows[t->op];
    struct orr_call call = {.size = sizeof call, .op = t->op, .n_in = row->n_in, .n_out = row->n_out, .attr = t->attr};
    for (uint32_t k = 0; k < row->n_in; ++k)
        call.in[k] = place(b, &t->in[k], true);
    for (uint32_t k = 0; k < row->n_out; ++k)
        call.out[k] = in_place && (row->alias >> k & 1u) ? call.in[k] : place(b, &t->out[k], false);
    orr_status status = ORR_OK;
    if (!b->ops->supports(b->device, &call)) status = host_fail(err, ORR_EUNSUPPORTED, "not supported");
    if (status == ORR_OK) status = b->ops->run(b->device, &call, err);
    if (status == ORR_OK) status = b->ops->finish(b->device, err);
    for (uint32_t k = 0; k < row->n_out; ++k) {
        if (status == ORR_OK) fetch(b, row->name, &call.out[k], &t->out[k]);
        if (k >= row->n_in || call.out[k].buffer != call.in[k].buffer) b->ops->free(b->device, call.out[k].buffer);
    }
    for (uint32_t k = 0; k < row->n_in; ++k)
        b->ops->free(b->device, call.in[k].buffer);
    return status;
}

void trial_reference(struct trial *t)
{
    const struct bench b = {reference, reference_device, ORR_F64, 0};
    struct orr_error err = {0};
    if (run(&b, t, false, &err)) fail_msg("%s on the reference: %s", rows[t->op].name, err.text);
}

orr_status trial_device(struct trial *t, int64_t shift, bool in_place, struct orr_error *err)
{
    const struct bench b = {fixture_opencl, fixture_device, ORR_F32, shift};
    return run(&b, t, in_place, err);
}

/* --- comparing --------------------------------------------------------------------------------------------------- */

/* A unit in the last place of a float near x. */
static double unit_of(double x)
{
    const float near = fabsf((float)x);
    if (isinf(near)) return 0x1p104;
    return near < 0x1p-126f ? 0x1p-149 : (double)(nextafterf(near, INFINITY) - near);
}

static double allowed(const struct trial *t, uint32_t k, int64_t i, double exact)
{
    double limit = t->absolute + t->ulps * unit_of(exact);
    if (t->bound[k].value) limit += t->relative * t->bound[k].value[i];
    return limit;
}

static void compare(const struct trial *t, const struct operand *exact, const struct operand *got, uint32_t k,
                    const char *how)
{
    const char *name = rows[t->op].name;
    for (int64_t i = 0; i < operand_count(exact); ++i) {
        const double want = (double)(float)exact->value[i], have = got->value[i];
        const double limit = allowed(t, k, i, exact->value[i]), off = fabs(have - exact->value[i]);
        if ((isnan(want) && isnan(have)) || want == have) continue;
        if (!(off <= limit) || isnan(have) || isinf(have))
            fail_msg("%s%s: result %u (%lld, %lld, %lld, %lld) element %lld is %.9g, expected %.9g within %.3g (seed "
                     "%d)",
                     name, how, k, (long long)exact->dim[0], (long long)exact->dim[1], (long long)exact->dim[2],
                     (long long)exact->dim[3], (long long)i, have, exact->value[i], limit, SEED);
        if (off / limit > fixture_worst[t->op]) fixture_worst[t->op] = off / limit;
    }
}

static void same_bits(const struct trial *t, const struct operand *a, const struct operand *b)
{
    if (memcmp(a->value, b->value, (size_t)operand_count(a) * sizeof(double)) != 0)
        fail_msg("%s: two runs differ in bits", rows[t->op].name);
}

void trial_check(struct trial *t)
{
    static const struct {
        const char *how;
        int64_t shift;
        bool in_place;
    } ways[] = {{"", 0, false},
                {" again", 0, false},
                {" at an offset", 7, false},
                {" in place", 0, true},
                {" in place at an offset", 33, true}};
    const struct row *row = &rows[t->op];
    const size_t mark = arena_used;
    struct operand exact[ORR_OUT_MAX], first[ORR_OUT_MAX];
    trial_reference(t);
    for (uint32_t k = 0; k < row->n_out; ++k) {
        exact[k] = t->out[k];
        first[k] = operand_like(&t->out[k]);
        t->out[k] = operand_like(&t->out[k]);
    }
    for (size_t w = 0; w < sizeof ways / sizeof ways[0]; ++w) {
        struct orr_error err = {0};
        if (ways[w].in_place && !row->alias) continue;
        if (trial_device(t, ways[w].shift, ways[w].in_place, &err)) fail_msg("%s: %s", row->name, err.text);
        for (uint32_t k = 0; k < row->n_out; ++k) {
            compare(t, &exact[k], &t->out[k], k, ways[w].how);
            if (w == 0) memcpy(first[k].value, t->out[k].value, (size_t)operand_count(&first[k]) * sizeof(double));
            if (w > 0) same_bits(t, &first[k], &t->out[k]);
        }
    }
    for (uint32_t k = 0; k < row->n_out; ++k)
        t->out[k] = exact[k];
    arena_used = mark;
}
