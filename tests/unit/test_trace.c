/* A step on a device that keeps time and counts: the trace file, the counters, and steps that are those of training.
 *
 * The device is the reference with a clock of ours: call i of a program takes i + 1 microseconds, every third none, as
 * if it had been fused into another.
 */
#include "base/memory.h"
#include "train/trace.h"
#include "train_fixture.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static const struct orr_backend_ops *inner;
static struct {
    int watched; /* begun and not ended */
    uint64_t launches;
    bool clock_fails;
} fake;

struct program {
    size_t n;
    struct orr_call call[];
};

static orr_status fake_prepare(struct orr_device *dev, const struct orr_call *const *calls, size_t n, void **program,
                               struct orr_error *err)
{
    (void)dev;
    struct program *p = orr_memory_aligned(sizeof *p + n * sizeof p->call[0], 64);
    if (!p) return orr_memory_out(err, "a program", n);
    p->n = n;
    for (size_t i = 0; i < n; ++i)
        p->call[i] = *calls[i];
    *program = p;
    return ORR_OK;
}

static orr_status fake_execute(struct orr_device *dev, void *program, struct orr_error *err)
{
    const struct program *p = program;
    fake.launches += p->n;
    for (size_t i = 0; i < p->n; ++i)
        ORR_TRY(inner->run(dev, &p->call[i], err));
    return ORR_OK;
}

static void fake_discard(struct orr_device *dev, void *program)
{
    (void)dev;
    orr_memory_free(program);
}

static uint64_t nanoseconds(size_t call) { return call % 3 == 2 ? 0 : 1000 * (call + 1); }

static orr_status fake_elapsed(struct orr_device *dev, void *program, double *seconds, struct orr_error *err)
{
    const struct program *p = program;
    (void)dev;
    if (fake.clock_fails) return orr_fail(err, ORR_EDEVICE, "the clock stands still");
    if (!fake.watched) return orr_fail(err, ORR_EINVAL, "not watched");
    for (size_t i = 0; i < p->n; ++i)
        seconds[i] = 1e-9 * (double)nanoseconds(i);
    return ORR_OK;
}

static orr_status fake_watch(struct orr_device *dev, bool on, struct orr_error *err)
{
    (void)dev, (void)err;
    fake.watched = on;
    return ORR_OK;
}

static void fake_counters(struct orr_device *dev, struct orr_counters *out)
{
    (void)dev;
    const struct orr_counters all = {.size = out->size,
                                     .n_providers = 99,
                                     .launches = fake.launches,
                                     .provider = {{"own", 3, 300}, {"unused", 0, 0}, {"clblast", 1, 100}}};
    *out = all;
}

struct bench {
    struct train_fixture f;
    struct orr_backend_ops ops;
    struct orr_stepper *stepper;
};

static void bench_open(struct bench *b, bool keeps_time)
{
    struct orr_error err = {0};
    memset(&fake, 0, sizeof fake);
    fixture_open(&b->f, 24, 9, 8);
    inner = b->f.device->ops;
    memset(&b->ops, 0, sizeof b->ops);
    memcpy(&b->ops, inner, inner->size < sizeof b->ops ? inner->size : sizeof b->ops);
    b->ops.size = sizeof b->ops;
    b->ops.prepare = fake_prepare;
    b->ops.execute = fake_execute;
    b->ops.discard = fake_discard;
    b->ops.elapsed = keeps_time ? fake_elapsed : NULL;
    b->ops.watch = keeps_time ? fake_watch : NULL;
    b->ops.counters = fake_counters;
    b->f.device->ops = &b->ops;
    assert_ok(orr_stepper_create(&b->f.job, 20, &b->stepper, &err), &err);
}

static void bench_close(struct bench *b)
{
    orr_stepper_destroy(b->stepper);
    b->f.device->ops = inner;
    fixture_close(&b->f);
}

/* ---- the file ---- */

static double number(const json_t *event, const char *key) { return json_number_value(json_object_get(event, key)); }

static const char *text(const json_t *event, const char *key)
{
    const char *value = json_string_value(json_object_get(event, key));
    return value ? value : "";
}

/* Is `event` within `outer`? Microseconds of whole nanoseconds: their doubles are off by 1e-10 at most. */
static bool lies_within(const json_t *event, const json_t *outer)
{
    const double begin = number(event, "ts"), end = begin + number(event, "dur");
    return begin >= number(outer, "ts") - 1e-6 && end <= number(outer, "ts") + number(outer, "dur") + 1e-6;
}

/* Of every slice of a category on the device: its children are within it, follow one another, and sum up to it. */
static size_t check_level(const json_t *events, const char *category, const char *below)
{
    size_t i, j, found = 0;
    json_t *event, *child;
    json_array_foreach(events, i, event)
    {
        if (strcmp(text(event, "cat"), category) != 0 || number(event, "tid") < 2) continue;
        double sum = 0, end = number(event, "ts");
        ++found;
        for (j = i + 1; j < json_array_size(events); ++j) {
            child = json_array_get(events, j);
            if (strcmp(text(child, "cat"), category) == 0) break;
            if (strcmp(text(child, "cat"), below) != 0) continue;
            if (!lies_within(child, event)) fail_msg("%s is not within %s", text(child, "name"), text(event, "name"));
            if (number(child, "ts") < end - 1e-6) fail_msg("%s overlaps the one before", text(child, "name"));
            end = number(child, "ts") + number(child, "dur");
            sum += number(child, "dur");
        }
        if (fabs(sum - number(event, "dur")) > 1e-6)
            fail_msg("%s takes %g us, its parts %g", text(event, "name"), number(event, "dur"), sum);
    }
    return found;
}

static size_t count_named(const json_t *events, const char *name)
{
    size_t i, n = 0;
    json_t *event;
    json_array_foreach(events, i, event) n += strcmp(text(event, "name"), name) == 0;
    return n;
}

static void slices_nest_and_sum_up(void **state)
{
    struct bench b;
    struct orr_trace trace;
    struct orr_error err = {0};
    (void)state;
    for (size_t steps = 0; steps <= 2; ++steps) {
        char *directory = fixture_directory();
        bench_open(&b, true);
        assert_ok(orr_trace_take(b.stepper, steps, &trace, &err), &err);
        assert_ok(orr_trace_write(&trace, fixture_path(directory, "trace.json"), &err), &err);
        json_t *json = json_load_file(fixture_path(directory, "trace.json"), JSON_REJECT_DUPLICATES, NULL);
        const json_t *events = json_object_get(json, "traceEvents");
        assert_int_equal(check_level(events, "step", "program"), steps);
        assert_int_equal(check_level(events, "program", "call"), 2 * steps);
        assert_int_equal(count_named(events, "mse loss"), steps);
        assert_int_equal(count_named(events, "random_normal noise"), steps);
        assert_int_equal(count_named(events, "step 1"), steps > 1 ? 2 : 0); /* of the host and of the device */
        json_decref(json);
        orr_trace_fini(&trace);
        bench_close(&b);
        fixture_remove(directory);
    }
}

static void times_are_those_of_the_device(void **state)
{
    struct bench b;
    struct orr_trace trace;
    struct orr_error err = {0};
    (void)state;
    bench_open(&b, true);
    assert_ok(orr_trace_take(b.stepper, 2, &trace, &err), &err);
    for (size_t p = 0; p < trace.plan->n_programs; ++p)
        for (size_t i = 0; i < trace.plan->program[p].count; ++i)
            assert_int_equal(trace.call[trace.n_calls + trace.plan->program[p].first + i], nanoseconds(i));
    assert_true(trace.counted);
    assert_int_equal(trace.counters.launches, 2 * trace.n_calls);
    assert_false(fake.watched);
    orr_trace_fini(&trace);
    bench_close(&b);
}

static void a_device_without_a_clock_is_refused(void **state)
{
    struct bench b;
    struct orr_trace trace;
    struct orr_error err = {0};
    (void)state;
    bench_open(&b, false);
    assert_error(orr_trace_take(b.stepper, 2, &trace, &err), &err, ORR_EUNSUPPORTED, "elapsed", "another device", NULL);
    assert_null(trace.call);
    bench_close(&b);
}

static void a_failing_clock_is_watched_no_more(void **state)
{
    struct bench b;
    struct orr_trace trace;
    struct orr_error err = {0};
    (void)state;
    bench_open(&b, true);
    fake.clock_fails = true;
    assert_error(orr_trace_take(b.stepper, 1, &trace, &err), &err, ORR_EDEVICE, "the clock stands still", NULL);
    assert_false(fake.watched);
    bench_close(&b);
}

/* ---- counters ---- */

static void counters_are_sound_and_printed(void **state)
{
    struct bench b;
    struct orr_counters before, now;
    char words[200];
    (void)state;
    bench_open(&b, false);
    assert_true(orr_device_counters(b.f.device, &before));
    assert_int_equal(before.n_providers, ORR_PROVIDERS_MAX);
    orr_counters_print_products(&before, words, sizeof words);
    assert_string_equal(words, "own 75 % (3 of 4), clblast 25 % (1 of 4)");
    orr_device_counters(b.f.device, &now);
    orr_counters_since(&before, &now);
    assert_int_equal(now.launches, 0);
    orr_counters_print_products(&now, words, sizeof words);
    assert_string_equal(words, "none");
    bench_close(&b);
}

static void without_counters_the_engine_knows_its_own_bytes(void **state)
{
    struct bench b;
    struct orr_counters before, now;
    struct orr_error err = {0};
    float loss[5];
    (void)state;
    bench_open(&b, false);
    b.ops.counters = NULL;
    assert_false(orr_device_counters(b.f.device, &before));
    assert_int_equal(before.launches, 0);
    assert_true(before.bytes_written > 24 * 9 * 2 / 2 * sizeof(float)); /* the data set at least */
    assert_ok(orr_exec_read(b.stepper->exec, b.stepper->step.ring, loss, sizeof loss, &err), &err);
    orr_device_counters(b.f.device, &now);
    orr_counters_since(&before, &now);
    assert_int_equal(now.bytes_read, sizeof loss);
    assert_int_equal(now.bytes_written, 0);
    bench_close(&b);
}

/* ---- steps ---- */

static void steps_are_those_of_training(void **state)
{
    struct bench b;
    struct orr_train_result trained;
    struct orr_error err = {0};
    (void)state;
    bench_open(&b, true);
    const size_t n = (size_t)b.stepper->parameters.elements;
    float *parameters = orr_memory_array(n, sizeof *parameters);
    assert_ok(orr_stepper_run(b.stepper, 13, &err), &err);
    assert_ok(orr_stepper_run(b.stepper, 7, &err), &err);
    assert_ok(orr_exec_read(b.stepper->exec, b.stepper->step.parameters, parameters, n * sizeof *parameters, &err),
              &err);
    fixture_train(&b.f, &trained);
    assert_memory_equal(parameters, trained.trained, n * sizeof *parameters);
    assert_error(orr_stepper_run(b.stepper, 1, &err), &err, ORR_EINVAL, "20", NULL);
    orr_memory_free(parameters);
    orr_train_result_fini(&trained);
    bench_close(&b);
}

static void a_signal_stops_steps(void **state)
{
    struct bench b;
    struct orr_error err = {0};
    static volatile sig_atomic_t stop = 1;
    (void)state;
    bench_open(&b, true);
    b.stepper->job.stop = &stop;
    assert_error(orr_stepper_run(b.stepper, 1, &err), &err, ORR_ECANCELLED, "stopped", NULL);
    assert_int_equal(b.stepper->done, 0);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_nest_and_sum_up),
        cmocka_unit_test(times_are_those_of_the_device),
        cmocka_unit_test(a_device_without_a_clock_is_refused),
        cmocka_unit_test(a_failing_clock_is_watched_no_more),
        cmocka_unit_test(counters_are_sound_and_printed),
        cmocka_unit_test(without_counters_the_engine_knows_its_own_bytes),
        cmocka_unit_test(steps_are_those_of_training),
        cmocka_unit_test(a_signal_stops_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
