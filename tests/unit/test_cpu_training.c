/* Training on the CPU backend beside training on the reference, and the same bits from any number of threads. Seeds:
 * data 7, training 3 (train_fixture.c).
 */
#include "base/memory.h"
#include "train_fixture.h"

#include <math.h>
#include <stdio.h>

/* Two f32 trainings from the same start drift apart by rounding: over these steps, by much less than this. */
#define LOSS_BAND 1e-3

static struct orr_loader *loader;
static struct orr_open_device *cpu;

/* Train on the CPU with so many threads. */
static void train(const struct train_fixture *f, int64_t threads, struct orr_train_result *result)
{
    const union orr_value values[] = {{.i = threads}};
    struct orr_error err = {0};
    struct orr_open_device device = *cpu;
    struct orr_train_job job = f->job;
    assert_ok(cpu->ops->open(0, values, &device.handle, &err), &err);
    job.device = &device;
    job.real = ORR_F32;
    assert_ok(orr_train_run(&job, result, &err), &err);
    cpu->ops->close(device.handle);
}

static void compare(const struct train_fixture *f, const char *what)
{
    struct orr_train_result reference, one, other;
    struct orr_train_job job = f->job;
    struct orr_error err = {0};
    const size_t steps = (size_t)f->config.steps;
    double worst = 0;
    job.real = ORR_F32;
    assert_ok(orr_train_run(&job, &reference, &err), &err);
    train(f, 1, &one);
    for (size_t i = 0; i < steps; ++i) {
        const double off = fabs(one.loss[i] - reference.loss[i]) / fabs(reference.loss[i]);
        if (!(off <= LOSS_BAND))
            fail_msg("%s, step %zu: loss %.9g, on the reference %.9g", what, i + 1, one.loss[i], reference.loss[i]);
        worst = fmax(worst, off);
    }
    if (!(reference.loss[steps - 1] < reference.loss[0])) fail_msg("%s: nothing was learned", what);
    const size_t n = (size_t)one.parameters.elements;
    for (int64_t threads = 1; threads <= 3; ++threads) {
        train(f, threads, &other);
        for (size_t i = 0; i < n; ++i)
            if (other.trained[i] != one.trained[i])
                fail_msg("%s, %d threads: parameter %zu is %.9g, with one thread %.9g", what, (int)threads, i,
                         (double)other.trained[i], (double)one.trained[i]);
        assert_memory_equal(other.loss, one.loss, steps * sizeof *one.loss);
        orr_train_result_fini(&other);
    }
    printf("# %s: %zu losses within %.2g of the reference's\n", what, steps, worst);
    orr_train_result_fini(&reference);
    orr_train_result_fini(&one);
}

/* As many rows a step at each context, so that one has many short windows and one few long. */
static void numbers(uint32_t context, uint32_t batch)
{
    struct train_fixture f;
    char what[40];
    fixture_open(&f, 40, 100, context);
    f.config.steps = 20;
    f.config.batch = batch;
    snprintf(what, sizeof what, "context %u", context);
    compare(&f, what);
    fixture_close(&f);
}

static void short_windows(void **state)
{
    (void)state;
    numbers(2, 800);
}

static void long_windows(void **state)
{
    (void)state;
    numbers(100, 16);
}

static void tokens(void **state)
{
    (void)state;
    struct train_fixture f;
    fixture_open(&f, 40, 30, 10);
    fixture_use_tokens(&f, 20);
    f.config.steps = 20;
    f.config.batch = 60;
    compare(&f, "tokens");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_windows),
        cmocka_unit_test(long_windows),
        cmocka_unit_test(tokens),
    };
    struct orr_error err = {0};
    if (orr_loader_create(&loader, &err) != ORR_OK || orr_device_open(loader, "cpu", &cpu, &err) != ORR_OK) {
        print_error("%s\n", err.text);
        return 1;
    }
    const int failed = cmocka_run_group_tests_name("cpu_training", tests, NULL, NULL);
    orr_device_close(cpu);
    orr_loader_destroy(loader);
    return failed;
}
