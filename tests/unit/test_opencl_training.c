/* Training on an OpenCL device beside training on the reference: the same batches, noise and initial values to the bit,
 * and losses that stay together. Skipped without a device. Seeds: data 7, training 3 (train_fixture.c).
 */
#include "base/memory.h"
#include "train/state.h"
#include "train_fixture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STEPS = 100 };
/* Two f32 trainings from the same start drift apart by rounding: over a hundred steps, by much less than this. */
#define LOSS_BAND 1e-3

static struct orr_loader *loader;
static struct orr_open_device *opencl;

/* What the model sees and should say in the first step, and which windows were picked. */
struct batch {
    int32_t window[16];
    float input[16 * 6 * 2], target[16 * 6 * 2];
};

static void first_batch(const struct train_fixture *f, struct orr_open_device *device, struct batch *out)
{
    const struct orr_exec_options options = {.keep_all = true};
    struct orr_error err = {0};
    struct orr_parameters p = {.item = NULL};
    struct orr_step step;
    struct orr_exec *exec;
    struct orr_train_state state;
    struct orr_train_job job = f->job;
    const size_t batch = f->config.batch, values = batch * f->windows.length * 2;
    const size_t targets = f->windows.whole ? values : batch * 2;
    memset(out, 0, sizeof *out);
    job.device = device;
    job.real = ORR_F32;
    assert_true(values <= sizeof out->input / sizeof out->input[0]);
    assert_ok(orr_model_parameters(&f->model, &p, &err), &err);
    assert_ok(orr_parameters_arrange(&p, NULL, 0, &err), &err);
    assert_ok(orr_step_build(&job, &p, 1, &step, &err), &err);
    assert_ok(orr_exec_create(step.graph, device, &options, &exec, &err), &err);
    assert_ok(orr_step_upload(&job, &step, exec, &err), &err);
    assert_ok(orr_train_state_init(&state, &f->config.optimiser, (size_t)p.elements, &err), &err);
    assert_ok(orr_train_state_write(&state, &step, exec, &err), &err);
    assert_ok(orr_exec_run(exec, &err), &err);
    assert_ok(orr_exec_read(exec, step.window, out->window, batch * 4, &err), &err);
    assert_ok(orr_exec_read(exec, step.input, out->input, values * 4, &err), &err);
    assert_ok(orr_exec_read(exec, step.target, out->target, targets * 4, &err), &err);
    orr_train_state_fini(&state);
    orr_exec_destroy(exec);
    orr_step_fini(&step);
    orr_parameters_fini(&p);
}

static void the_first_batch_has_the_same_bits(void **state)
{
    (void)state;
    struct train_fixture f;
    struct batch ours, theirs;
    fixture_open(&f, 40, 12, 6);
    f.config.batch = 16;
    first_batch(&f, f.device, &theirs);
    first_batch(&f, opencl, &ours);
    assert_memory_equal(ours.window, theirs.window, sizeof ours.window);
    assert_memory_equal(ours.input, theirs.input, sizeof ours.input);
    assert_memory_equal(ours.target, theirs.target, sizeof ours.target);
    /* Noise leaves no exact zero. */
    if (theirs.input[0] == 0 || theirs.input[1] == 0) fail_msg("the batch has no noise");
    fixture_close(&f);
}

static void train(const struct train_fixture *f, struct orr_open_device *device, struct orr_train_result *result)
{
    struct orr_error err = {0};
    struct orr_train_job job = f->job;
    job.device = device;
    assert_ok(orr_train_run(&job, result, &err), &err);
}

static void losses_stay_together(void **state)
{
    (void)state;
    struct train_fixture f;
    struct orr_train_result ours, again, theirs;
    double worst = 0;
    fixture_open(&f, 40, 12, 6);
    f.config.steps = STEPS;
    train(&f, f.device, &theirs);
    train(&f, opencl, &ours);
    train(&f, opencl, &again);
    const size_t n = (size_t)ours.parameters.elements;
    assert_memory_equal(ours.initial, theirs.initial, n * sizeof *ours.initial);
    for (int i = 0; i < STEPS; ++i) {
        const double off = fabs(ours.loss[i] - theirs.loss[i]) / fabs(theirs.loss[i]);
        if (!(off <= LOSS_BAND))
            fail_msg("step %d: loss %.9g, on the reference %.9g", i + 1, ours.loss[i], theirs.loss[i]);
        worst = fmax(worst, off);
    }
    if (!(theirs.loss[STEPS - 1] < theirs.loss[0])) fail_msg("nothing was learned: this compares too little");
    assert_memory_equal(ours.trained, again.trained, n * sizeof *ours.trained);
    assert_memory_equal(ours.loss, again.loss, STEPS * sizeof *ours.loss);
    printf("# %d losses within %.2g of the reference's\n", STEPS, worst);
    orr_train_result_fini(&ours);
    orr_train_result_fini(&again);
    orr_train_result_fini(&theirs);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_batch_has_the_same_bits),
        cmocka_unit_test(losses_stay_together),
    };
    struct orr_error err = {0};
    if (orr_loader_create(&loader, &err) != ORR_OK) {
        print_error("%s\n", err.text);
        return 1;
    }
    if (orr_device_open(loader, "opencl", &opencl, &err) != ORR_OK) {
        printf("1..0 # SKIP %s\n", err.text);
        return 77;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    orr_device_close(opencl);
    orr_loader_destroy(loader);
    return failed;
}
