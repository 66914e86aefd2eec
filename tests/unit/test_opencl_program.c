/* Programs on an OpenCL device: bound once, only queued afterwards; and fused without a difference to their calls, also
 * where values are wanted elsewhere, kept, in place or on bytes that are used again.
 */
#include "opencl_bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Random ones. */
enum { PROGRAMS = 150 };

/* --- what is fused ----------------------------------------------------------------------------------------------- */

static void neighbours_are_fused(void **state)
{
    (void)state;
    struct orr_tensor v = scratch(0), u = scratch(1);
    linear(kept(), kept(), kept(), v);
    unary(ORR_OP_SILU, v, kept());
    expect_launches("activation", 1);
    linear(kept(), kept(), kept(), v);
    unary(ORR_OP_GELU, v, u);
    binary(ORR_OP_ADD, kept(), u, kept());
    expect_launches("activation and residual", 1);
    product(kept(), kept(), v, false, true);
    binary(ORR_OP_SILU_GRAD, v, kept(), kept());
    expect_launches("slope", 1);
    const struct orr_tensor dy = kept();
    product(kept(), dy, kept(), true, false);
    columns(dy, kept());
    expect_launches("column sums", 2);
    /* The activation's input is read later: written beside. */
    linear(kept(), kept(), kept(), v);
    unary(ORR_OP_SILU, v, u);
    product(u, kept(), kept(), false, false);
    binary(ORR_OP_SILU_GRAD, kept(), v, kept());
    expect_launches("activation whose input is wanted", 3);
}

/* A table that is added to every so many rows is read where it lies. */
static void repeated_rows_are_added(void **state)
{
    (void)state;
    struct orr_tensor v = scratch(0), wide = scratch(1), early = scratch(2), late = scratch(3), table = kept();
    for (int64_t rows = 1; rows <= SIDE / 2; rows *= 4) {
        /* (8, 4, 32), say, of a table (1, 4, 32). */
        struct orr_tensor cube = wide, part = table;
        cube.rank = part.rank = 3;
        cube.dim[0] = SIDE / rows;
        part.dim[0] = 1;
        cube.dim[1] = part.dim[1] = rows;
        cube.dim[2] = part.dim[2] = SIDE;
        linear(kept(), kept(), kept(), v);
        unary(ORR_OP_BROADCAST, part, cube);
        binary(ORR_OP_ADD, v, wide, kept());
        expect_launches("rows that repeat", 1);
        table = kept();
    }
    linear(kept(), kept(), kept(), v);
    unary(ORR_OP_BROADCAST, row_of(table, 2), wide);
    binary(ORR_OP_ADD, v, wide, kept());
    unary(ORR_OP_COPY, wide, kept());
    check("repeated rows that are wanted");
    linear(kept(), kept(), kept(), v);
    unary(ORR_OP_BROADCAST, row_of(table, 2), wide);
    binary(ORR_OP_ADD, v, wide, wide);
    unary(ORR_OP_COPY, wide, kept());
    check("a sum on the place of the repeated rows");
    unary(ORR_OP_BROADCAST, row_of(table, 2), wide);
    linear(wide, kept(), kept(), v);
    binary(ORR_OP_ADD, v, wide, kept());
    check("repeated rows that are multiplied as well");
    unary(ORR_OP_BROADCAST, row_of(table, 2), wide);
    linear(kept(), kept(), kept(), v);
    binary(ORR_OP_SILU_GRAD, v, wide, late);
    binary(ORR_OP_ADD, late, wide, kept());
    check("repeated rows at which a slope is taken as well");
    unary(ORR_OP_COPY, kept(), early);
    linear(kept(), kept(), kept(), v);
    unary(ORR_OP_BROADCAST, row_of(early, 2), wide);
    unary(ORR_OP_COPY, kept(), early);
    binary(ORR_OP_ADD, v, wide, kept());
    unary(ORR_OP_COPY, early, kept());
    check("a table written again before the sum");
    unary(ORR_OP_COPY, kept(), early);
    unary(ORR_OP_BROADCAST, row_of(early, 2), wide);
    unary(ORR_OP_COPY, kept(), early);
    product(early, kept(), v, false, false);
    binary(ORR_OP_ADD, v, wide, kept());
    check("a table written again by the product's own operand");
    /* A column, which is no row that repeats. */
    table.dim[1] = 1;
    linear(kept(), kept(), kept(), v);
    unary(ORR_OP_BROADCAST, table, wide);
    binary(ORR_OP_ADD, v, wide, kept());
    check("columns that repeat");
}

/* Of a value that somebody else wants nothing may be lost. */
static void wanted_values_are_written(void **state)
{
    (void)state;
    struct orr_tensor v = scratch(0), part = v;
    linear(kept(), kept(), kept(), v);
    binary(ORR_OP_ADD, v, kept(), kept());
    unary(ORR_OP_NEG, v, kept());
    check("a reader of the sum's operand");
    part.offset += SIDE * 4;
    part.dim[0] = 1;
    linear(kept(), kept(), kept(), v);
    binary(ORR_OP_ADD, v, kept(), kept());
    columns(part, kept());
    check("a reader of a row of it");
    v = kept();
    linear(kept(), kept(), kept(), v);
    binary(ORR_OP_ADD, v, kept(), kept());
    check("a kept value");
    v = kept();
    linear(kept(), kept(), kept(), v);
    unary(ORR_OP_SILU, v, kept());
    check("a kept value before an activation");
    v = scratch(0);
    struct orr_tensor same = kept();
    v.offset = same.offset;
    linear(kept(), kept(), kept(), v);
    unary(ORR_OP_SILU, v, kept());
    unary(ORR_OP_NEG, same, kept());
    check("a value on the bytes of a kept one");
    v = scratch(0);
    linear(kept(), kept(), kept(), v);
    binary(ORR_OP_ADD, v, v, kept());
    check("a value added to itself");
}

/* Places of the arena are used again: order is kept where bytes overlap, whatever the storage. */
static void places_are_used_again(void **state)
{
    (void)state;
    struct orr_tensor x = scratch(0), v = scratch(1), out = scratch(0), other = scratch(0);
    unary(ORR_OP_COPY, kept(), x);
    linear(x, kept(), kept(), v);
    binary(ORR_OP_ADD, v, kept(), out);
    unary(ORR_OP_COPY, out, kept());
    check("the result on the operand's place");
    unary(ORR_OP_COPY, kept(), x);
    linear(x, kept(), kept(), v);
    unary(ORR_OP_COPY, kept(), other);
    unary(ORR_OP_SILU, v, kept());
    unary(ORR_OP_COPY, other, kept());
    check("the operand's place written before the activation");
    struct orr_tensor late = scratch(2), early = scratch(2);
    linear(kept(), kept(), kept(), v);
    unary(ORR_OP_COPY, kept(), early);
    unary(ORR_OP_NEG, early, kept());
    unary(ORR_OP_SILU, v, late);
    unary(ORR_OP_COPY, late, kept());
    check("the result's place in use before the activation");
    unary(ORR_OP_COPY, kept(), x);
    linear(x, kept(), kept(), v);
    unary(ORR_OP_COPY, kept(), other);
    unary(ORR_OP_NEG, early, kept());
    binary(ORR_OP_ADD, other, v, late);
    unary(ORR_OP_COPY, late, kept());
    check("a residual on the operand's place");
    /* A row further: neither the same place nor another one. */
    out.offset += SIDE * 4;
    unary(ORR_OP_COPY, kept(), x);
    linear(x, kept(), kept(), v);
    binary(ORR_OP_ADD, v, kept(), out);
    unary(ORR_OP_COPY, out, kept());
    check("the result a row after the operand");
}

/* Gradients of a normalisation and noise take what is added to them with them. */
static void residuals_are_added(void **state)
{
    (void)state;
    for (int in_place = 0; in_place < 2; ++in_place) {
        struct orr_tensor dx = scratch(0), noise = scratch(1), rest = kept(), step = kept();
        const struct orr_tensor y = in_place ? rest : kept();
        struct orr_call *call = add_call(ORR_OP_LAYERNORM_GRAD, kept(), kept(), 5, dx);
        for (int k = 2; k < 5; ++k)
            call->in[k] = row_of(kept(), 1);
        call->n_out = 3;
        call->out[1] = row_of(kept(), 1);
        call->out[2] = row_of(kept(), 1);
        binary(ORR_OP_ADD, in_place ? rest : dx, in_place ? dx : rest, y);
        expect_launches("gradient of a normalisation", 2);
        step.rank = 0;
        step.dtype = ORR_I32;
        call = add_call(ORR_OP_RANDOM_NORMAL, step, step, 1, noise);
        call->attr.i[0] = 5;
        call->attr.f[0] = 0.1;
        binary(ORR_OP_ADD, in_place ? rest : noise, in_place ? noise : rest, y);
        expect_launches("noise", 1);
    }
}

/* Rows of a table at indices to which a constant is added, in place or not. `also`: the sums are wanted as well. */
static unsigned gather_shifted(const char *what, bool in_place, bool also)
{
    const struct orr_tensor table = kept(), y = kept();
    const struct orr_tensor index = whole_row(in_place ? scratch(2) : kept()), constant = whole_row(scratch(0));
    const struct orr_tensor sum = in_place ? index : whole_row(scratch(1));
    fill(-1, index);
    fill(4, constant);
    binary(ORR_OP_ADD, constant, index, sum);
    binary(ORR_OP_GATHER, table, sum, y);
    if (also) unary(ORR_OP_COPY, sum, whole_row(kept()));
    return check(what);
}

static void indices_are_shifted(void **state)
{
    (void)state;
    const unsigned apart = gather_shifted("shifted indices", false, false);
    gather_shifted("shifted indices in place", true, false);
    const unsigned wanted = gather_shifted("shifted indices that are wanted", false, true);
    if (apart != 2 || wanted != 4)
        fail_msg("indices made and rows gathered in %u launches, expected 2; with a copy of the indices %u, expected 4",
                 apart, wanted);
}

static void results_may_be_in_place(void **state)
{
    (void)state;
    struct orr_tensor v = scratch(0);
    linear(kept(), kept(), kept(), v);
    unary(ORR_OP_SILU, v, v);
    unary(ORR_OP_COPY, v, kept());
    check("an activation in place");
    linear(kept(), kept(), kept(), v);
    binary(ORR_OP_ADD, v, kept(), v);
    binary(ORR_OP_MUL, v, v, kept());
    check("a sum in place");
    struct orr_tensor sum = kept();
    linear(kept(), kept(), kept(), v);
    binary(ORR_OP_ADD, sum, v, sum);
    binary(ORR_OP_ADD, sum, kept(), sum);
    check("a sum in place of the residual");
}

static void constants_are_made_once(void **state)
{
    (void)state;
    struct orr_tensor one = scratch(0), again = scratch(0), v = scratch(1);
    fill(1.5, one);
    binary(ORR_OP_ADD, kept(), one, kept());
    expect_launches("a constant", 1);
    fill(1.5, one);
    binary(ORR_OP_ADD, one, kept(), one);
    unary(ORR_OP_NEG, one, kept());
    check("a constant that is added to");
    fill(1.5, one);
    unary(ORR_OP_NEG, one, kept());
    fill(-2.5, again);
    unary(ORR_OP_NEG, again, kept());
    fill(3.5, kept());
    check("two constants on one place, and a kept one");
    linear(kept(), kept(), kept(), v);
    fill(0.25, one);
    binary(ORR_OP_ADD, v, one, kept());
    expect_launches("a constant residual", 1);
}

/* Second passes of sums wait for the first who uses a result, or for the end. */
static void sums_wait_until_wanted(void **state)
{
    (void)state;
    struct orr_tensor tall = kept(), x = tall, sum[3];
    bed.kept += 15; /* 480 rows: more than one chunk */
    x.dim[0] = 15 * SIDE;
    for (int i = 0; i < 3; ++i) {
        sum[i] = kept();
        x.offset += SIDE * 4;
        columns(x, sum[i]);
    }
    const unsigned late = check("sums at the end");
    bed.kept = 16;
    for (int i = 0; i < 3; ++i) {
        sum[i] = kept();
        columns(x, sum[i]);
        unary(ORR_OP_NEG, row_of(sum[i], 1), row_of(kept(), 1));
    }
    const unsigned soon = check("sums that are used");
    printf("# three sums of 480 rows: %u launches; used at once, with what uses them: %u\n", late, soon);
    bed.kept = 16;
    sum[0] = kept();
    columns(x, sum[0]);
    fill(7, row_of(sum[0], 1));
    check("a sum that is overwritten");
    bed.kept = 16;
    sum[0] = kept();
    columns(x, sum[0]);
    columns(tall, sum[0]);
    check("two sums into one place");
}

/* --- random programs --------------------------------------------------------------------------------------------- */

/* Values that live have places of their own; what has died may be written over. */
static void random_program(void)
{
    struct orr_tensor live[PLACES + KEPT];
    size_t n = 0;
    bool used[PLACES] = {false};
    for (int i = 0; i < 4; ++i)
        live[n++] = kept();
    while (bed.n < CALLS_MAX - 2 && bed.kept < KEPT) {
        const struct orr_tensor a = live[bed_random((uint32_t)n)], b = live[bed_random((uint32_t)n)];
        int place = (int)bed_random(PLACES);
        while (place < PLACES && used[place])
            ++place;
        /* New, or, now and then, in place of a value of the arena. */
        struct orr_tensor y = place < PLACES ? scratch(place) : kept();
        if (bed_random(8) == 0) y = kept();
        const bool fresh = bed_random(6) != 0 || (a.flags & ORR_KEPT);
        const uint32_t op = bed_random(10);
        if (op < 2) product(a, b, y, op == 0 && bed_random(2), op == 1 && bed_random(2));
        if (op == 2) linear(a, b, live[0], y);
        if (op == 3 || op == 4) unary(op == 3 ? ORR_OP_SILU : ORR_OP_GELU, a, y = fresh ? y : a);
        if (op == 5 || op == 6) binary(ORR_OP_ADD, a, b, y = fresh ? y : a);
        if (op == 7) binary(ORR_OP_SILU_GRAD, a, b, y);
        if (op == 8) fill(bed_random(10) * 0.125, y);
        if (op == 9) {
            y = kept();
            columns(a, y);
            continue;
        }
        if (bed.n && op < 3) { /* values stay near 1, so that nothing is lost in what grows */
            struct orr_call *call = add_call(ORR_OP_TANH, y, y, 1, y);
            if (bed_random(2)) --bed.n;
            (void)call;
        }
        if (y.storage != a.storage) live[n++] = y;
        if (!(y.flags & ORR_KEPT)) used[y.offset / 4 / PLACE] = true;
        if (n > 6) { /* somebody dies */
            const size_t i = 1 + bed_random((uint32_t)n - 1);
            if (!(live[i].flags & ORR_KEPT)) used[live[i].offset / 4 / PLACE] = false;
            live[i] = live[--n];
        }
    }
}

/* Every value of the arena at the end goes into something that is compared. */
static void random_programs(void **state)
{
    (void)state;
    unsigned launches = 0, calls = 0;
    for (int i = 0; i < PROGRAMS; ++i) {
        char what[64];
        random_program();
        calls += (unsigned)bed.n;
        snprintf(what, sizeof what, "random program %d (seed %d)", i, BED_SEED);
        launches += check(what);
    }
    printf("# %d random programs (seed %d): %u calls, %u launches\n", PROGRAMS, BED_SEED, calls, launches);
}

/* --- binding ----------------------------------------------------------------------------------------------------- */

static void some_work(void)
{
    struct orr_tensor v = scratch(0), dy = kept();
    linear(kept(), kept(), kept(), v);
    unary(ORR_OP_SILU, v, kept());
    product(kept(), dy, kept(), true, false);
    columns(dy, kept());
    product(kept(), dy, kept(), true, true);
}

static void executing_only_queues(void **state)
{
    (void)state;
    some_work();
    const struct opencl_counts start = opencl_counts;
    void *program = prepare();
    execute(program);
    const struct opencl_counts before = opencl_counts;
    for (int i = 0; i < 3; ++i)
        execute(program);
    const struct opencl_counts c = opencl_counts;
    const bool bound = c.created == before.created && c.arguments == before.arguments;
    if ((bed_own_products() && !bound) || c.transfers != before.transfers || c.waits != before.waits)
        fail_msg("three executions created %u objects, set %u arguments, moved memory %u times and waited %u times",
                 c.created - before.created, c.arguments - before.arguments, c.transfers - before.transfers,
                 c.waits - before.waits);
    if (c.launches == before.launches) fail_msg("three executions launched nothing");
    fixture_opencl->discard(fixture_device, program);
    /* A second time, when nothing is compiled and no scratch grows: everything is given back. */
    const struct opencl_counts again = opencl_counts;
    program = prepare();
    execute(program);
    fixture_opencl->discard(fixture_device, program);
    const unsigned created = opencl_counts.created - again.created, released = opencl_counts.released - again.released;
    if (created != released || created == 0) fail_msg("%u objects made, %u given back", created, released);
    assert_true(start.created < again.created);
    bed.n = 0;
}

/* Every execution counts the same three products, all of them CLBlast's where it was forced and none elsewhere. */
static void products_are_counted(void **state)
{
    (void)state;
    struct orr_tensor v = scratch(0);
    linear(kept(), kept(), kept(), v);
    unary(ORR_OP_SILU, v, kept());
    product(kept(), kept(), kept(), false, true);
    product(kept(), kept(), kept(), true, false);
    void *program = prepare();
    for (int i = 0; i < 3; ++i) {
        struct orr_counters before = {.size = sizeof before}, after = {.size = sizeof after};
        const unsigned launches = opencl_counts.launches;
        fixture_opencl->counters(fixture_device, &before);
        execute(program);
        fixture_opencl->counters(fixture_device, &after);
        uint64_t products = 0, work = 0;
        for (uint32_t k = 0; k < after.n_providers; ++k) {
            const struct orr_provider *now = &after.provider[k], *then = &before.provider[k];
            if (now->products > then->products && bed_own_products() != (strcmp(now->name, "own") == 0))
                fail_msg("%s computed %llu products", now->name, (unsigned long long)(now->products - then->products));
            products += now->products - then->products;
            work += now->multiply_adds - then->multiply_adds;
        }
        assert_int_equal(products, 3);
        assert_int_equal(work, 3 * SIDE * SIDE * SIDE);
        assert_int_equal(after.library_calls - before.library_calls, bed_own_products() ? 0 : 3);
        /* CLBlast's own are no launches: the bias and SiLU are left, apart or as one. */
        const uint64_t queued = after.launches - before.launches;
        if (bed_own_products()) assert_int_equal(queued, opencl_counts.launches - launches);
        if (!bed_own_products()) assert_in_range(queued, 1, 2);
    }
    fixture_opencl->discard(fixture_device, program);
    bed.n = 0;
}

/* Scratch that grows later leaves a bound program what it has. */
static void programs_and_calls_take_turns(void **state)
{
    (void)state;
    static float first[FLOATS], second[FLOATS], now[FLOATS];
    struct orr_error err = {0};
    some_work();
    const struct orr_tensor index = whole_row(scratch(2));
    fill(3, index);
    struct orr_call *call = add_call(ORR_OP_SCATTER_ADD, kept(), index, 3, kept());
    call->in[2] = kept();
    void *const one = prepare();
    bed.n = 0;
    bed.kept = 0;
    struct orr_tensor x = kept();
    bed.kept += 15;
    x.dim[0] = 16 * SIDE;
    columns(x, kept());
    void *const two = prepare();
    write_all(bed.buffer);
    execute(one);
    read_all(bed.buffer, first);
    write_all(bed.buffer);
    execute(two);
    read_all(bed.buffer, second);
    /* Larger than what either has: indices that are sorted in scratch, and a sum of many chunks. */
    enum { INDICES = 300000 };
    struct trial tall = {.op = ORR_OP_SUM, .attr = {.i = {0}}}, big = {.op = ORR_OP_SCATTER_ADD, .attr = {.i = {1}}};
    big.in[0] = operand_random(-1, 1, 2, 100, 2, 1, 1);
    big.in[1] = operand_whole(0, 100, 1, INDICES, 1);
    big.in[2] = operand_random(-1, 1, 2, INDICES, 2, 1, 1);
    big.out[0] = operand_like(&big.in[0]);
    tall.in[0] = operand_random(-1, 1, 2, OPERAND_MAX / 32, 32, 1, 1);
    tall.out[0] = operand_make(ORR_F32, 2, 1, 32, 1, 1);
    for (int i = 0; i < 3; ++i) {
        if (!fixture_left_out(OPERAND_MAX) && trial_device(&tall, 0, false, &err)) fail_msg("%s", err.text);
        if (!fixture_left_out(INDICES) && trial_device(&big, 0, false, &err)) fail_msg("%s", err.text);
        write_all(bed.buffer);
        execute(one);
        read_all(bed.buffer, now);
        if (memcmp(&now[PLACES * PLACE], &first[PLACES * PLACE], sizeof now - PLACES * PLACE * 4) != 0)
            fail_msg("the first program gives other bits in round %d", i);
        write_all(bed.buffer);
        execute(two);
        read_all(bed.buffer, now);
        if (memcmp(&now[PLACES * PLACE], &second[PLACES * PLACE], sizeof now - PLACES * PLACE * 4) != 0)
            fail_msg("the second program gives other bits in round %d", i);
    }
    fixture_opencl->discard(fixture_device, one);
    fixture_opencl->discard(fixture_device, two);
    bed.n = 0;
}

static void times_are_taken_when_watched(void **state)
{
    (void)state;
    struct orr_error err = {0};
    double seconds[CALLS_MAX], all = 0;
    some_work();
    void *program = prepare();
    execute(program);
    assert_int_equal(fixture_opencl->elapsed(fixture_device, program, seconds, &err), ORR_EUNSUPPORTED);
    assert_int_equal(fixture_opencl->watch(fixture_device, true, &err), ORR_OK);
    execute(program);
    execute(program);
    if (fixture_opencl->elapsed(fixture_device, program, seconds, &err)) fail_msg("%s", err.text);
    for (size_t i = 0; i < bed.n; ++i) {
        if (!(seconds[i] >= 0 && seconds[i] < 60)) fail_msg("call %zu took %g s", i, seconds[i]);
        all += seconds[i];
    }
    if (!(all > 0)) fail_msg("%zu calls took %g s", bed.n, all);
    assert_int_equal(fixture_opencl->watch(fixture_device, false, &err), ORR_OK);
    execute(program);
    assert_int_equal(fixture_opencl->elapsed(fixture_device, program, seconds, &err), ORR_EUNSUPPORTED);
    fixture_opencl->discard(fixture_device, program);
    bed.n = 0;
}

static void programs_without_work(void **state)
{
    (void)state;
    if (check("no calls") != 0) fail_msg("a program of no calls launches something");
    struct orr_tensor none = kept();
    none.dim[0] = 0;
    unary(ORR_OP_NEG, none, none);
    product(none, kept(), none, false, false);
    check("calls of no elements");
}

static void failures_name_the_operation(void **state)
{
    (void)state;
    struct orr_error err = {0};
    void *program;
    unary(ORR_OP_SILU, kept(), kept());
    bed.call[0].out[0].dtype = bed.call[0].in[0].dtype = ORR_F64;
    const struct orr_call *call = &bed.call[0];
    assert_int_equal(fixture_opencl->prepare(fixture_device, &call, 1, &program, &err), ORR_EUNSUPPORTED);
    if (!strstr(err.text, "silu")) fail_msg("the text does not name the operation: %s", err.text);
    bed.n = 0;
}

static int close_device(void **state) { return fixture_close(state); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(neighbours_are_fused, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(repeated_rows_are_added, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(wanted_values_are_written, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(places_are_used_again, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(residuals_are_added, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(indices_are_shifted, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(results_may_be_in_place, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(constants_are_made_once, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(sums_wait_until_wanted, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(random_programs, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(executing_only_queues, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(products_are_counted, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(programs_and_calls_take_turns, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(times_are_taken_when_watched, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(programs_without_work, bed_open, bed_close),
        cmocka_unit_test_setup_teardown(failures_name_the_operation, bed_open, bed_close),
    };
    if (fixture_device_count() == 0) {
        printf("1..0 # SKIP no OpenCL device (OCL_ICD_VENDORS=%s)\n",
               getenv("OCL_ICD_VENDORS") ? getenv("OCL_ICD_VENDORS") : "");
        return 77;
    }
    return cmocka_run_group_tests(tests, fixture_open, close_device);
}
