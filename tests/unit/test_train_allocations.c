/* Nothing is allocated during a step: every allocation of the process, engine and plugins alike, is counted.
 *
 * This program's malloc and its kin stand before the C library's, also for loaded modules. Under a
 * sanitizer or valgrind, which bring their own, it is skipped.
 */
#include "train_fixture.h"

#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || ORR_SANITIZER_(address_sanitizer) ||              \
    ORR_SANITIZER_(thread_sanitizer)

static unsigned long counted(void) { return 0; }

#else

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_ulong allocations;

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *p, size_t bytes);
extern void *__libc_memalign(size_t align, size_t bytes);

ORR_EXPORT void *malloc(size_t bytes)
{
    atomic_fetch_add(&allocations, 1u);
    return __libc_malloc(bytes);
}

ORR_EXPORT void *calloc(size_t count, size_t bytes)
{
    atomic_fetch_add(&allocations, 1u);
    return __libc_calloc(count, bytes);
}

ORR_EXPORT void *realloc(void *p, size_t bytes)
{
    atomic_fetch_add(&allocations, 1u);
    return __libc_realloc(p, bytes);
}

ORR_EXPORT void *aligned_alloc(size_t align, size_t bytes)
{
    atomic_fetch_add(&allocations, 1u);
    return __libc_memalign(align, bytes);
}

ORR_EXPORT int posix_memalign(void **out, size_t align, size_t bytes)
{
    atomic_fetch_add(&allocations, 1u);
    *out = __libc_memalign(align, bytes);
    return *out ? 0 : ENOMEM;
}

static unsigned long counted(void) { return atomic_load(&allocations); }

#endif

/* Counts at the first and the last call: whole chunks of steps, reading their losses included, lie between. */
struct marks {
    unsigned long first, last;
    unsigned calls;
};

static void mark(void *context, const struct orr_train_progress *progress)
{
    struct marks *marks = context;
    (void)progress;
    marks->last = counted();
    if (marks->calls++ == 0) marks->first = marks->last;
}

static void skip_if_instrumented(void)
{
    if (!fixture_is_instrumented()) return;
    print_message("SKIPPED counting of allocations: a sanitizer or valgrind has its own malloc\n");
    skip();
}

static void the_counter_counts(void **state)
{
    (void)state;
    skip_if_instrumented();
    const unsigned long before = counted();
    char *directory = fixture_directory(); /* asprintf of the C library, hence through us */
    assert_true(counted() > before);
    fixture_remove(directory);
}

/* On a device; NULL: the fixture's. */
static void count_during_steps(struct orr_open_device *device)
{
    struct train_fixture f;
    struct orr_train_result result;
    struct orr_error err = {0};
    struct marks marks = {0};
    fixture_open(&f, 6, 20, 5);
    f.config.steps = 40;
    f.job.watch = mark;
    f.job.watch_context = &marks;
    if (device) {
        f.job.device = device;
        f.job.real = ORR_F32;
    }
    assert_ok(orr_train_run(&f.job, &result, &err), &err);
    assert_int_equal(marks.calls, 8);
    if (marks.last != marks.first) fail_msg("%lu allocations in 35 steps, expected none", marks.last - marks.first);
    orr_train_result_fini(&result);
    fixture_close(&f);
}

static void no_allocation_during_steps(void **state)
{
    (void)state;
    skip_if_instrumented();
    count_during_steps(NULL);
}

static void no_allocation_on_the_cpu_backend(void **state)
{
    (void)state;
    struct orr_loader *loader;
    struct orr_open_device *device;
    struct orr_error err = {0};
    skip_if_instrumented();
    assert_ok(orr_loader_create(&loader, &err), &err);
    assert_ok(orr_device_open(loader, "cpu", &device, &err), &err);
    count_during_steps(device);
    orr_device_close(device);
    orr_loader_destroy(loader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_counter_counts),
        cmocka_unit_test(no_allocation_during_steps),
        cmocka_unit_test(no_allocation_on_the_cpu_backend),
    };
    return cmocka_run_group_tests_name("train_allocations", tests, NULL, NULL);
}
