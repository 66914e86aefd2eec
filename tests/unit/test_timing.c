/* Timing: how much work is done and what comes out, and single calls with operands that the reference accepts. */
#include "run/timing.h"
#include "train_fixture.h"

#include <string.h>
#include <time.h>

struct work {
    uint64_t units, times;
    uint64_t fails_at; /* units, from which on it fails; 0: never */
};

/* About a tenth of a millisecond a unit. */
static orr_status do_work(void *context, uint64_t n, struct orr_error *err)
{
    struct work *w = context;
    const struct timespec pause = {.tv_nsec = (long)(100000 * n)};
    w->units += n;
    ++w->times;
    nanosleep(&pause, NULL);
    if (w->fails_at && w->units >= w->fails_at) return orr_fail(err, ORR_EDEVICE, "it broke");
    return ORR_OK;
}

static void repetitions_are_long_enough(void **state)
{
    (void)state;
    for (uint32_t repeats = 1; repeats <= 3; ++repeats) {
        const struct orr_timing_plan plan = {.repeats = repeats, .seconds = 0.004, .most = 15};
        struct work w = {0};
        struct orr_timing t;
        struct orr_error err = {0};
        assert_ok(orr_time_work(do_work, &w, &plan, &t, &err), &err);
        assert_int_equal(w.times, 2 + repeats);
        assert_int_equal(w.units, 2 + repeats * t.units);
        assert_in_range(t.units, 1, 15);
        assert_int_equal(t.repeats, repeats);
        /* nanosleep never wakes early. */
        assert_true(t.least >= 1e-4 && t.least <= t.median && t.median <= t.most);
    }
}

static void no_repetition_is_longer_than_most(void **state)
{
    const struct orr_timing_plan plan = {.repeats = 2, .seconds = 100, .most = 3};
    struct work w = {0};
    struct orr_timing t;
    struct orr_error err = {0};
    (void)state;
    assert_ok(orr_time_work(do_work, &w, &plan, &t, &err), &err);
    assert_int_equal(t.units, 3);
}

static void a_failure_ends_it(void **state)
{
    const struct orr_timing_plan plan = {.repeats = 3, .seconds = 1e-9, .most = 3};
    (void)state;
    for (uint64_t at = 1; at <= 5; ++at) {
        struct work w = {.fails_at = at};
        struct orr_timing t;
        struct orr_error err = {0};
        assert_error(orr_time_work(do_work, &w, &plan, &t, &err), &err, ORR_EDEVICE, "it broke", NULL);
        assert_int_equal(w.units, at);
    }
}

static struct orr_tensor tensor(uint32_t storage, uint32_t dtype, int64_t rows, int64_t columns)
{
    return (struct orr_tensor){.rank = columns ? 2 : 1,
                               .dtype = dtype,
                               .storage = storage,
                               .dim = {rows, columns},
                               .storage_bytes = (uint64_t)(rows * (columns ? columns : 1)) * 4};
}

/* The reference refuses indices out of range: 100 of them below 5 - 3 + 1. */
static void indices_are_in_range(void **state)
{
    struct train_fixture f;
    const struct orr_timing_plan plan = {.repeats = 1, .seconds = 1e-6, .most = 2};
    struct orr_timing t;
    struct orr_counters counters;
    struct orr_error err = {0};
    (void)state;
    fixture_open(&f, 4, 4, 2);
    struct orr_call call = {.size = sizeof call, .op = ORR_OP_GATHER, .n_in = 2, .n_out = 1, .attr.i = {3}};
    call.in[0] = tensor(0, ORR_F32, 5, 2);
    call.in[1] = tensor(1, ORR_I32, 100, 0);
    call.out[0] = tensor(2, ORR_F32, 300, 2);
    assert_ok(orr_time_call(f.device, &call, &plan, &t, &counters, &err), &err);
    assert_true(t.median > 0);
    assert_int_equal(counters.launches, 0);
    assert_int_equal(f.device->buffer_bytes, 0);
    fixture_close(&f);
}

static const struct orr_backend_ops *inner;
static bool in_place;

static orr_status watch_run(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    in_place = call->in[0].buffer == call->out[0].buffer && call->in[1].buffer != call->out[0].buffer;
    return inner->run(dev, call, err);
}

/* An update in place: its result is its first operand's memory, and is given back once. */
static void an_update_in_place_has_one_buffer(void **state)
{
    struct train_fixture f;
    struct orr_backend_ops ops;
    const struct orr_timing_plan plan = {.repeats = 1, .seconds = 1e-6, .most = 2};
    struct orr_timing t;
    struct orr_error err = {0};
    (void)state;
    fixture_open(&f, 4, 4, 2);
    inner = f.device->ops;
    ops = *inner;
    ops.run = watch_run;
    f.device->ops = &ops;
    struct orr_call call = {.size = sizeof call, .op = ORR_OP_ADD, .n_in = 2, .n_out = 1};
    call.in[0] = call.out[0] = tensor(7, ORR_F32, 33, 0);
    call.in[1] = tensor(9, ORR_F32, 33, 0);
    assert_ok(orr_time_call(f.device, &call, &plan, &t, NULL, &err), &err);
    assert_true(in_place);
    assert_int_equal(f.device->buffer_bytes, 0);
    f.device->ops = inner;
    fixture_close(&f);
}

static void a_failing_call_is_named(void **state)
{
    struct train_fixture f;
    const struct orr_timing_plan plan = {.repeats = 1, .seconds = 1e-6, .most = 2};
    struct orr_timing t;
    struct orr_error err = {0};
    (void)state;
    fixture_open(&f, 4, 4, 2);
    struct orr_call call = {.size = sizeof call, .op = ORR_OP_COUNT_, .n_out = 1};
    call.out[0] = tensor(0, ORR_F32, 3, 0);
    const orr_status status = orr_time_call(f.device, &call, &plan, &t, NULL, &err);
    assert_int_not_equal(status, ORR_OK);
    assert_non_null(strstr(err.text, "a timed call"));
    assert_int_equal(f.device->buffer_bytes, 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repetitions_are_long_enough),
        cmocka_unit_test(no_repetition_is_longer_than_most),
        cmocka_unit_test(a_failure_ends_it),
        cmocka_unit_test(indices_are_in_range),
        cmocka_unit_test(an_update_in_place_has_one_buffer),
        cmocka_unit_test(a_failing_call_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
