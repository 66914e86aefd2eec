/* Programs at random (seed 21) on the CPU backend beside the same calls computed one after another by this file: whole
 * numbers, so that the order of sums does not matter and every bit is compared. Their values overlap in a buffer, or
 * are kept by the backend, which places them itself. Also: memory that runs out at each allocation, and threads.
 */
#include "../../backends/cpu/execute.h"
#include "../../backends/cpu/isa.h"
#include "base/loader.h"

/* cmocka.h needs what is before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
/* clang-format on */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ROWS = 192,
    WIDTH = 96, /* no more than ROWS */
    BLOCKS = 8, /* of ROWS rows: all memory of a program */
    ALL = BLOCKS * ROWS * WIDTH,
    CALLS = 24,
    MOST = CALLS + 2 * BLOCKS,
};

/* Larger values are not made, so that every sum of ROWS products is exact in f32. */
#define LARGEST 250.0

/* --- the host, which counts what is allocated --- */

static struct {
    long living, calls, fail_at; /* fail_at: the allocation that fails; -1: none */
} memory = {.fail_at = -1};

static void *counted_alloc(size_t bytes, size_t align)
{
    if (memory.calls++ == memory.fail_at) return NULL;
    ++memory.living;
    return orr_loader_host()->alloc(bytes, align);
}

static void counted_dealloc(void *p)
{
    memory.living -= p != NULL;
    orr_loader_host()->dealloc(p);
}

static const struct orr_backend_ops *ops;

static int set_up(void **state)
{
    static struct orr_host host;
    (void)state;
    host = *orr_loader_host();
    host.alloc = counted_alloc;
    host.dealloc = counted_dealloc;
    ops = orr_plugin_query(&host)->ops;
    return 0;
}

static struct orr_device *open_device(int64_t threads)
{
    struct orr_error err = {0};
    struct orr_device *dev = NULL;
    if (ops->open(0, &(union orr_value){.i = threads}, &dev, &err) != ORR_OK) fail_msg("%s", err.text);
    return dev;
}

/* --- programs --- */

enum keeping { IN_A_BUFFER, BY_THE_BACKEND, KEEPINGS };

struct bed {
    uint64_t random;
    enum keeping keeping;
    int64_t step; /* values begin at multiples of so many rows */
    struct orr_buffer *given, *work, *index, *result;
    struct orr_call call[MOST];
    size_t n;
    float expected[ALL];
    int32_t row[ROWS];
};

static uint32_t below(struct bed *b, uint32_t n)
{
    b->random = b->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((b->random >> 33) % n);
}

static struct orr_tensor at(struct orr_buffer *buffer, int64_t row, int64_t rows, uint32_t batch)
{
    return (struct orr_tensor){.buffer = buffer,
                               .offset = (uint64_t)row * WIDTH * 4,
                               .storage_bytes = (uint64_t)ALL * 4,
                               .dim = {rows, WIDTH},
                               .rank = 2,
                               .dtype = ORR_F32,
                               .storage = 1,
                               .batch = batch};
}

/* Rows from `row` on; where the backend keeps values apart from one another, each block is a storage. */
static struct orr_tensor value(const struct bed *b, int64_t row, int64_t rows, uint32_t batch)
{
    struct orr_tensor t = at(b->work, row, rows, batch);
    if (b->keeping == IN_A_BUFFER || b->step < ROWS) return t;
    t.storage = 2 + (uint32_t)(row / ROWS);
    t.storage_bytes = (uint64_t)ROWS * WIDTH * 4;
    t.offset = (uint64_t)(row % ROWS) * WIDTH * 4;
    return t;
}

static int64_t some_row(struct bed *b) { return b->step * below(b, (uint32_t)((BLOCKS - 1) * ROWS / b->step) + 1); }

static float *expected(struct bed *b, int64_t row) { return b->expected + row * WIDTH; }

static bool apart(int64_t a, int64_t a_rows, int64_t b, int64_t b_rows) { return a + a_rows <= b || b + b_rows <= a; }

/* What the operation gives for one row. */
static float one(uint32_t op, float x, float y)
{
    switch (op) {
    case ORR_OP_ADD:
        return x + y;
    case ORR_OP_MAXIMUM:
        return x > y ? x : y;
    case ORR_OP_NEG:
        return -x;
    case ORR_OP_STEP:
        return x > 0 ? 1 : 0;
    default:
        return x;
    }
}

struct step {
    uint32_t op;
    int64_t x, y, to, rows; /* of the result */
};

/* By the definition, row by row. */
static void compute(struct bed *b, const struct step *s, float *result)
{
    memset(result, 0, (size_t)(s->rows * WIDTH) * sizeof *result);
    const float *x = expected(b, s->x), *y = expected(b, s->y);
    const int64_t rows = s->op == ORR_OP_SUM || s->op == ORR_OP_MATMUL ? ROWS : s->rows;
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < WIDTH; ++c)
            if (s->op == ORR_OP_SUM)
                result[c] += x[r * WIDTH + c];
            else if (s->op == ORR_OP_BROADCAST)
                result[r * WIDTH + c] = x[c];
            else if (s->op == ORR_OP_GATHER)
                result[r * WIDTH + c] = x[b->row[r] * WIDTH + c];
            else if (s->op == ORR_OP_MATMUL)
                for (int64_t k = 0; k < WIDTH; ++k)
                    result[c * WIDTH + k] += x[r * WIDTH + c] * y[r * WIDTH + k];
            else
                result[r * WIDTH + c] = one(s->op, x[r * WIDTH + c], y[r * WIDTH + c]);
}

static void append(struct bed *b, const struct step *s, uint32_t batch)
{
    const bool two = s->op == ORR_OP_ADD || s->op == ORR_OP_MAXIMUM || s->op == ORR_OP_MATMUL;
    struct orr_call *call = &b->call[b->n++];
    *call = (struct orr_call){.size = sizeof *call, .op = s->op, .n_in = two ? 2 : 1, .n_out = 1};
    call->in[0] = s->op == ORR_OP_BROADCAST ? value(b, s->x, 1, 0) : value(b, s->x, ROWS, batch);
    if (two) call->in[1] = value(b, s->y, ROWS, batch);
    call->out[0] = value(b, s->to, s->rows, s->rows == ROWS ? batch : 0);
    if (s->op == ORR_OP_MATMUL) call->attr.i[0] = 1;
    if (s->op != ORR_OP_GATHER) return;
    call->n_in = 2;
    call->in[0].batch = 0;
    call->in[1] = (struct orr_tensor){
        .buffer = b->index, .storage_bytes = ROWS * 4, .dim = {ROWS}, .rank = 1, .dtype = ORR_I32, .batch = batch};
}

/* One call more, unless the operation would not be defined or a number become large. */
static void put_random(struct bed *b)
{
    static const uint32_t all[] = {ORR_OP_ADD, ORR_OP_MAXIMUM,   ORR_OP_NEG,    ORR_OP_STEP,  ORR_OP_COPY,
                                   ORR_OP_SUM, ORR_OP_BROADCAST, ORR_OP_GATHER, ORR_OP_MATMUL};
    static const uint32_t batches[] = {0, ROWS, ROWS, ROWS, ROWS / 2};
    static float result[ROWS * WIDTH];
    struct step s = {.op = all[below(b, sizeof all / sizeof all[0])], .rows = ROWS};
    s.x = some_row(b);
    s.y = some_row(b);
    s.to = below(b, 3) ? some_row(b) : s.x;
    if (s.op == ORR_OP_SUM) s.rows = 1;
    if (s.op == ORR_OP_MATMUL) s.rows = WIDTH;
    const bool in_place =
        s.to == s.x && (s.op == ORR_OP_ADD || s.op == ORR_OP_MAXIMUM || s.op == ORR_OP_NEG || s.op == ORR_OP_STEP);
    if (!in_place && !apart(s.to, s.rows, s.x, ROWS)) return;
    if (!apart(s.to, s.rows, s.y, ROWS)) return;
    compute(b, &s, result);
    for (int64_t i = 0; i < s.rows * WIDTH; ++i)
        if (fabs((double)result[i]) > LARGEST) return;
    memcpy(expected(b, s.to), result, (size_t)(s.rows * WIDTH) * sizeof *result);
    append(b, &s, batches[below(b, 5)]);
}

static void put_copy(struct bed *b, struct orr_tensor from, struct orr_tensor to)
{
    struct orr_call *call = &b->call[b->n++];
    *call = (struct orr_call){.size = sizeof *call, .op = ORR_OP_COPY, .n_in = 1, .n_out = 1};
    call->in[0] = from;
    call->out[0] = to;
}

static void make_program(struct bed *b, const float *start)
{
    b->n = 0;
    memcpy(b->expected, start, sizeof b->expected);
    for (int64_t row = 0; row < BLOCKS * ROWS; row += ROWS)
        put_copy(b, at(b->given, row, ROWS, ROWS), value(b, row, ROWS, ROWS));
    while (b->n < BLOCKS + CALLS)
        put_random(b);
    for (int64_t row = 0; row < BLOCKS * ROWS; row += ROWS)
        put_copy(b, value(b, row, ROWS, ROWS), at(b->result, row, ROWS, ROWS));
}

static struct orr_buffer *filled(struct orr_device *dev, const void *data, size_t bytes)
{
    struct orr_error err = {0};
    struct orr_buffer *buffer = NULL;
    if (ops->alloc(dev, bytes, &buffer, &err) != ORR_OK) fail_msg("%s", err.text);
    if (data && ops->write(dev, buffer, 0, data, bytes, &err) != ORR_OK) fail_msg("%s", err.text);
    return buffer;
}

static void open_bed(struct bed *b, struct orr_device *dev, enum keeping keeping, int64_t step, float *start)
{
    *b = (struct bed){.random = 21, .keeping = keeping, .step = step};
    for (size_t i = 0; i < ALL; ++i)
        start[i] = (float)((int)below(b, 7) - 3);
    for (size_t i = 0; i < ROWS; ++i)
        b->row[i] = (int32_t)below(b, ROWS);
    b->given = filled(dev, start, ALL * sizeof(float));
    b->result = filled(dev, NULL, ALL * sizeof(float));
    b->index = filled(dev, b->row, sizeof b->row);
    b->work = keeping == IN_A_BUFFER ? filled(dev, NULL, ALL * sizeof(float)) : NULL;
}

static void close_bed(struct bed *b, struct orr_device *dev)
{
    ops->free(dev, b->given);
    ops->free(dev, b->result);
    ops->free(dev, b->index);
    ops->free(dev, b->work);
}

static orr_status prepare(struct bed *b, struct orr_device *dev, void **program, struct orr_error *err)
{
    const struct orr_call *calls[MOST];
    for (size_t i = 0; i < b->n; ++i)
        calls[i] = &b->call[i];
    return ops->prepare(dev, calls, b->n, program, err);
}

static void execute_and_compare(struct bed *b, struct orr_device *dev, void *program, int number)
{
    static float got[ALL];
    static const float nothing[ALL];
    struct orr_error err = {0};
    if (ops->write(dev, b->result, 0, nothing, sizeof nothing, &err) != ORR_OK) fail_msg("%s", err.text);
    if (ops->execute(dev, program, &err) != ORR_OK) fail_msg("%s", err.text);
    if (ops->read(dev, b->result, 0, got, sizeof got, &err) != ORR_OK) fail_msg("%s", err.text);
    for (size_t i = 0; i < ALL; ++i)
        if (got[i] != b->expected[i])
            fail_msg("program %d, values %s at multiples of %d rows: element %zu is %.9g, expected %.9g", number,
                     b->keeping == IN_A_BUFFER ? "in a buffer" : "kept by the backend", (int)b->step, i, (double)got[i],
                     (double)b->expected[i]);
}

/* Twice, since nothing of the first execution may be left in the second. */
static void programs_are_right(int64_t threads, int programs)
{
    static struct bed b;
    static float start[ALL];
    static const int64_t steps[] = {ROWS, ROWS / 4};
    struct orr_device *dev = open_device(threads);
    for (int keeping = 0; keeping < KEEPINGS; ++keeping)
        for (size_t s = 0; s < 2; ++s) {
            open_bed(&b, dev, (enum keeping)keeping, steps[s], start);
            for (int p = 0; p < programs; ++p) {
                struct orr_error err = {0};
                void *program = NULL;
                make_program(&b, start);
                if (prepare(&b, dev, &program, &err) != ORR_OK) fail_msg("%s", err.text);
                execute_and_compare(&b, dev, program, p);
                execute_and_compare(&b, dev, program, p);
                ops->discard(dev, program);
            }
            close_bed(&b, dev);
        }
    ops->close(dev);
    assert_int_equal(memory.living, 0);
}

static void one_thread(void **state)
{
    (void)state;
    programs_are_right(1, 40);
}

static void four_threads(void **state)
{
    (void)state;
    programs_are_right(4, 10);
}

/* --- memory, threads, time, words --- */

static void memory_that_runs_out(void **state)
{
    static struct bed b;
    static float start[ALL];
    struct orr_device *dev = open_device(2);
    void *program = NULL;
    long failures = 0;
    (void)state;
    open_bed(&b, dev, BY_THE_BACKEND, ROWS, start);
    make_program(&b, start);
    const long living = memory.living;
    for (;; ++failures) {
        struct orr_error err = {0};
        memory.calls = 0;
        memory.fail_at = failures;
        const orr_status status = prepare(&b, dev, &program, &err);
        memory.fail_at = -1;
        if (status == ORR_OK) break;
        assert_int_equal(status, ORR_ENOMEM);
        if (!strstr(err.text, "out of memory")) fail_msg("allocation %ld fails: \"%s\"", failures, err.text);
        if (memory.living != living)
            fail_msg("allocation %ld fails: %ld blocks are left", failures, memory.living - living);
    }
    assert_true(failures > 10);
    execute_and_compare(&b, dev, program, 0);
    ops->discard(dev, program);
    close_bed(&b, dev);
    ops->close(dev);
    assert_int_equal(memory.living, 0);
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Time that threads spend at once is counted once, so that calls sum up to no more than the clock on the wall. */
static void time_is_kept_while_it_is_watched(void **state)
{
    static struct bed b;
    static float start[ALL];
    struct orr_device *dev = open_device(2);
    struct orr_error err = {0};
    void *program = NULL;
    double seconds[MOST], sum = 0;
    (void)state;
    open_bed(&b, dev, BY_THE_BACKEND, ROWS, start);
    make_program(&b, start);
    assert_int_equal(prepare(&b, dev, &program, &err), ORR_OK);
    assert_int_equal(ops->elapsed(dev, program, seconds, &err), ORR_EINVAL);
    assert_int_equal(ops->watch(dev, true, &err), ORR_OK);
    const double before = seconds_now();
    execute_and_compare(&b, dev, program, 0);
    const double wall = seconds_now() - before;
    assert_int_equal(ops->elapsed(dev, program, seconds, &err), ORR_OK);
    for (size_t i = 0; i < b.n; ++i) {
        assert_true(seconds[i] >= 0);
        sum += seconds[i];
    }
    if (!(sum > 0 && sum <= wall)) fail_msg("calls took %.3g s, all of it %.3g s", sum, wall);
    assert_int_equal(ops->watch(dev, false, &err), ORR_OK);
    execute_and_compare(&b, dev, program, 0);
    assert_int_equal(ops->elapsed(dev, program, seconds, &err), ORR_EINVAL);
    ops->discard(dev, program);
    close_bed(&b, dev);
    ops->close(dev);
}

static void a_device_without_memory(void **state)
{
    (void)state;
    for (long failures = 0;; ++failures) {
        struct orr_error err = {0};
        struct orr_device *dev = NULL;
        memory.calls = 0;
        memory.fail_at = failures;
        const orr_status status = ops->open(0, &(union orr_value){.i = 2}, &dev, &err);
        memory.fail_at = -1;
        if (status == ORR_OK) {
            assert_true(failures > 1);
            ops->close(dev);
            break;
        }
        assert_int_equal(status, ORR_ENOMEM);
        assert_int_equal(memory.living, 0);
    }
    assert_int_equal(memory.living, 0);
}

/* What one thread needs can be counted, but not what all need. */
static void memory_that_cannot_be_counted(void **state)
{
    enum { GROUPS = 2, THREADS = 128 };
    struct orr_device *dev = open_device(THREADS);
    struct orr_error err = {0};
    void *program = NULL;
    (void)state;
    /* 2^57 bytes a group, of which a thread has one at a time: 2^64 for all. */
    const struct orr_tensor t = {.storage_bytes = UINT64_C(1) << 58,
                                 .dim = {GROUPS, INT64_C(1) << 55},
                                 .rank = 2,
                                 .dtype = ORR_F32,
                                 .batch = GROUPS,
                                 .storage = 1};
    struct orr_call made = {.size = sizeof made, .op = ORR_OP_FILL, .n_out = 1, .out = {t}};
    struct orr_call read = {.size = sizeof read, .op = ORR_OP_NEG, .n_in = 1, .n_out = 1, .in = {t}, .out = {t}};
    const struct orr_call *calls[] = {&made, &read};
    assert_int_equal(ops->prepare(dev, calls, 2, &program, &err), ORR_ENOMEM);
    ops->close(dev);
    assert_int_equal(memory.living, 0);
}

static void threads_are_as_many_as_asked_for(void **state)
{
    static const struct {
        const char *variable;
        int64_t parameter;
        uint32_t threads; /* 0: those of the machine */
    } rows[] = {{"3", 0, 3},      {"3", 2, 2}, {"5,2", 0, 5}, {"", 0, 0},     {"0", 0, 0},
                {"-1", 0, 0},     {"x", 0, 0}, {"3x", 0, 0},  {"1025", 0, 0}, {"99999999999999999999", 0, 0},
                {"1024", 0, 1024}};
    (void)state;
    unsetenv("OMP_NUM_THREADS");
    const uint32_t machine = cpu_pool_wanted(0);
    assert_true(machine >= 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
        setenv("OMP_NUM_THREADS", rows[i].variable, 1);
        const uint32_t got = cpu_pool_wanted(rows[i].parameter);
        if (got != (rows[i].threads ? rows[i].threads : machine))
            fail_msg("OMP_NUM_THREADS=%s, threads=%d: %u threads", rows[i].variable, (int)rows[i].parameter, got);
    }
    unsetenv("OMP_NUM_THREADS");
}

static void the_device_names_the_kernels_in_use(void **state)
{
    struct orr_error err = {0};
    (void)state;
    for (size_t k = 0; cpu_usable_kernels(k); ++k) {
        struct orr_device_info info = {.size = sizeof info};
        char word[40];
        snprintf(word, sizeof word, "(%s)", cpu_usable_kernels(k)->name);
        setenv("ORRERY_CPU_ISA", cpu_usable_kernels(k)->name, 1);
        assert_int_equal(ops->device_info(0, &info, &err), ORR_OK);
        if (!strstr(info.driver, word)) fail_msg("\"%s\" with kernels for %s", info.driver, word);
    }
    struct orr_device_info info = {.size = sizeof info};
    setenv("ORRERY_CPU_ISA", "mmx", 1);
    assert_int_equal(ops->device_info(0, &info, &err), ORR_EINVAL);
    unsetenv("ORRERY_CPU_ISA");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread),
        cmocka_unit_test(four_threads),
        cmocka_unit_test(memory_that_runs_out),
        cmocka_unit_test(time_is_kept_while_it_is_watched),
        cmocka_unit_test(a_device_without_memory),
        cmocka_unit_test(memory_that_cannot_be_counted),
        cmocka_unit_test(threads_are_as_many_as_asked_for),
        cmocka_unit_test(the_device_names_the_kernels_in_use),
    };
    return cmocka_run_group_tests_name("cpu_program", tests, set_up, NULL);
}
