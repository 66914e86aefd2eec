/* The bench of opencl_bed.h. */
#include "opencl_bed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct bed bed;

static uint64_t random_state;

uint32_t bed_random(uint32_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(((random_state >> 33) * below) >> 31);
}

int bed_open(void **state)
{
    struct orr_error err = {0};
    (void)state;
    random_state = BED_SEED;
    bed.n = 0;
    bed.storages = 0;
    bed.kept = 0;
    for (size_t i = 0; i < FLOATS; ++i)
        bed.start[i] = (float)((double)bed_random(1u << 20) / (1 << 20) - 0.5);
    for (int k = 0; k < 2; ++k) {
        struct orr_buffer **buffer = k ? &bed.copy : &bed.buffer;
        if (fixture_opencl->alloc(fixture_device, sizeof bed.start, buffer, &err)) fail_msg("%s", err.text);
    }
    return 0;
}

int bed_close(void **state)
{
    (void)state;
    fixture_opencl->free(fixture_device, bed.buffer);
    fixture_opencl->free(fixture_device, bed.copy);
    return 0;
}

/* --- values ------------------------------------------------------------------------------------------------------ */

/* A matrix at a place of the arena, not kept, with a storage of its own. */
struct orr_tensor scratch(int place)
{
    return (struct orr_tensor){.buffer = bed.buffer,
                               .offset = (uint64_t)place * PLACE * 4,
                               .storage_bytes = PLACE * 4,
                               .dim = {SIDE, SIDE},
                               .rank = 2,
                               .dtype = ORR_F32,
                               .storage = ++bed.storages};
}

struct orr_tensor kept(void)
{
    if (bed.kept == KEPT) fail_msg("more than %d kept values", KEPT);
    struct orr_tensor t = scratch(PLACES + bed.kept++);
    t.flags = ORR_KEPT;
    return t;
}

/* The first row, as a vector or as (1, n). */
struct orr_tensor row_of(struct orr_tensor t, uint32_t rank)
{
    t.rank = rank;
    t.dim[0] = rank == 1 ? SIDE : 1;
    t.dim[rank == 1] = rank == 1 ? 1 : SIDE;
    if (rank == 1) t.dim[1] = 0;
    if (rank == 2) t.dim[1] = SIDE;
    return t;
}

struct orr_tensor whole_row(struct orr_tensor t)
{
    t = row_of(t, 1);
    t.dtype = ORR_I32;
    return t;
}

struct orr_call *add_call(uint32_t op, struct orr_tensor a, struct orr_tensor b, uint32_t n_in, struct orr_tensor y)
{
    if (bed.n == CALLS_MAX) fail_msg("more than %d calls", CALLS_MAX);
    struct orr_call *call = &bed.call[bed.n++];
    *call = (struct orr_call){.size = sizeof *call, .op = op, .n_in = n_in, .n_out = 1, .in = {a, b}, .out = {y}};
    return call;
}

void unary(uint32_t op, struct orr_tensor a, struct orr_tensor y) { add_call(op, a, a, 1, y); }

void binary(uint32_t op, struct orr_tensor a, struct orr_tensor b, struct orr_tensor y) { add_call(op, a, b, 2, y); }

void product(struct orr_tensor a, struct orr_tensor b, struct orr_tensor y, bool ta, bool tb)
{
    struct orr_call *call = add_call(ORR_OP_MATMUL, a, b, 2, y);
    call->attr.i[0] = ta;
    call->attr.i[1] = tb;
}

void linear(struct orr_tensor x, struct orr_tensor w, struct orr_tensor bias, struct orr_tensor y)
{
    struct orr_call *call = add_call(ORR_OP_LINEAR, x, w, 3, y);
    call->in[2] = row_of(bias, 1);
}

void columns(struct orr_tensor x, struct orr_tensor y) { add_call(ORR_OP_SUM, x, x, 1, row_of(y, 2)); }

void fill(double value, struct orr_tensor y) { add_call(ORR_OP_FILL, y, y, 0, y)->attr.f[0] = value; }

/* --- running ----------------------------------------------------------------------------------------------------- */

void write_all(struct orr_buffer *buffer)
{
    struct orr_error err = {0};
    if (fixture_opencl->write(fixture_device, buffer, 0, bed.start, sizeof bed.start, &err)) fail_msg("%s", err.text);
}

void read_all(struct orr_buffer *buffer, float *to)
{
    struct orr_error err = {0};
    if (fixture_opencl->read(fixture_device, buffer, 0, to, sizeof bed.start, &err)) fail_msg("%s", err.text);
}

void *prepare(void)
{
    const struct orr_call *calls[CALLS_MAX];
    struct orr_error err = {0};
    void *program = NULL;
    for (size_t i = 0; i < bed.n; ++i)
        calls[i] = &bed.call[i];
    if (fixture_opencl->prepare(fixture_device, calls, bed.n, &program, &err)) fail_msg("prepare: %s", err.text);
    return program;
}

void execute(void *program)
{
    struct orr_error err = {0};
    if (fixture_opencl->execute(fixture_device, program, &err)) fail_msg("execute: %s", err.text);
}

static void run_calls(void)
{
    struct orr_error err = {0};
    for (size_t i = 0; i < bed.n; ++i) {
        struct orr_call call = bed.call[i];
        for (uint32_t k = 0; k < call.n_in; ++k)
            call.in[k].buffer = bed.copy;
        for (uint32_t k = 0; k < call.n_out; ++k)
            call.out[k].buffer = bed.copy;
        if (fixture_opencl->run(fixture_device, &call, &err)) fail_msg("run: %s", err.text);
    }
}

/* A fused value is rounded as its calls would round it, but sums may be added in another order: a few parts in a
 * million of values near 1 to 100, after a chain of at most CALLS_MAX calls. */
static void compare(const char *what, const float *have, const float *want)
{
    for (size_t i = PLACES * PLACE; i < FLOATS; ++i)
        if (memcmp(&have[i], &want[i], sizeof have[i]) != 0 && /* whole numbers may look like NaN */
            !(fabsf(have[i] - want[i]) <= 1e-4f * (1 + fabsf(want[i]))))
            fail_msg("%s: place %zu element %zu is %.9g, of the single calls %.9g", what, i / PLACE - PLACES, i % PLACE,
                     (double)have[i], (double)want[i]);
}

/* The program against its calls, twice over with the same bits; returns how many launches it makes. */
unsigned check(const char *what)
{
    static float have[FLOATS], again[FLOATS], want[FLOATS];
    void *program = prepare();
    write_all(bed.copy);
    run_calls();
    read_all(bed.copy, want);
    write_all(bed.buffer);
    execute(program);
    read_all(bed.buffer, have);
    write_all(bed.buffer);
    const unsigned before = opencl_counts.launches;
    execute(program);
    const unsigned launches = opencl_counts.launches - before;
    read_all(bed.buffer, again);
    fixture_opencl->discard(fixture_device, program);
    compare(what, have, want);
    if (memcmp(&have[PLACES * PLACE], &again[PLACES * PLACE], sizeof have - PLACES * PLACE * sizeof *have) != 0)
        fail_msg("%s: two executions differ in bits", what);
    bed.n = 0;
    bed.kept = 0;
    return launches;
}

bool bed_own_products(void)
{
    const char *forced = getenv("ORRERY_GEMM");
    return !forced || strcmp(forced, "clblast") != 0;
}

void expect_launches(const char *what, unsigned most)
{
    const unsigned n = check(what);
    if (bed_own_products() && n > most) fail_msg("%s: %u launches, expected at most %u", what, n, most);
}
