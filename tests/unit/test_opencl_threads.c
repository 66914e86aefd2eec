/* The same bits for one thread and for two, and for two runs, of all that adds numbers up, with each provider of
 * products and each variant of the kernels.
 *
 * On PoCL, which divides a launch among POCL_MAX_PTHREAD_COUNT threads and reads that once: each run is a process of
 * its own, which leaves its results in shared memory. Skipped without PoCL.
 */
#include "opencl_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROOM = 1 << 18, SKIPPED = 77 };

/* What a run leaves behind. */
struct results {
    size_t count;
    int threads; /* of the process, at its end */
    double value[ROOM];
};

struct setting {
    const char *provider, *variant;
};

static struct results *all; /* one thread, two, and two again */
static struct results *mine;

/* --- in the process of a run ------------------------------------------------------------------------------------- */

static void compute(struct trial *t, uint32_t n_out)
{
    struct orr_error err = {0};
    if (trial_device(t, 0, false, &err)) fail_msg("%s", err.text);
    for (uint32_t k = 0; k < n_out; ++k) {
        const size_t count = (size_t)operand_count(&t->out[k]);
        assert_true(mine->count + count <= ROOM);
        memcpy(mine->value + mine->count, t->out[k].value, count * sizeof(double));
        mine->count += count;
    }
}

static void attend(int64_t batch, int64_t time, int64_t channels, int64_t heads)
{
    struct trial t = {.op = ORR_OP_ATTENTION, .attr = {.i = {true, 0, heads}, .f = {0.35}}};
    struct trial grad = {.op = ORR_OP_ATTENTION_GRAD, .attr = t.attr};
    fixture_setup(NULL);
    t.in[0] = operand_random(-1, 1, 3, batch, time, 3 * channels, 1);
    t.out[0] = operand_make(ORR_F32, 3, batch, time, channels, 1);
    t.out[1] = operand_make(ORR_F32, 3, batch, heads, time, 1);
    compute(&t, 2);
    grad.in[0] = operand_random(-1, 1, 3, batch, time, channels, 1);
    grad.in[1] = t.in[0];
    grad.in[2] = t.out[0];
    grad.in[3] = t.out[1];
    grad.out[0] = operand_like(&t.in[0]);
    compute(&grad, 1);
}

static void normalise(int64_t rows, int64_t width)
{
    struct trial t = {.op = ORR_OP_LAYERNORM, .attr = {.f = {1e-5}}}, grad = {.op = ORR_OP_LAYERNORM_GRAD};
    fixture_setup(NULL);
    t.in[0] = operand_random(-1, 1, 2, rows, width, 1, 1);
    t.in[1] = operand_random(-1, 1, 1, width, 1, 1, 1);
    t.in[2] = operand_random(-1, 1, 1, width, 1, 1, 1);
    t.out[0] = operand_like(&t.in[0]);
    t.out[1] = operand_make(ORR_F32, 1, rows, 1, 1, 1);
    t.out[2] = operand_like(&t.out[1]);
    compute(&t, 3);
    grad.in[0] = operand_random(-1, 1, 2, rows, width, 1, 1);
    grad.in[1] = t.in[0];
    grad.in[2] = t.in[1];
    grad.in[3] = t.out[1];
    grad.in[4] = t.out[2];
    grad.out[0] = operand_like(&t.in[0]);
    grad.out[1] = operand_like(&t.in[1]);
    grad.out[2] = operand_like(&t.in[1]);
    compute(&grad, 3);
}

static void add_up(int64_t outer, int64_t length, int64_t inner)
{
    struct trial sum = {.op = ORR_OP_SUM, .attr = {.i = {1}}};
    fixture_setup(NULL);
    sum.in[0] = operand_random(-1, 1, 3, outer, length, inner, 1);
    sum.out[0] = operand_make(ORR_F32, 3, outer, 1, inner, 1);
    compute(&sum, 1);
}

static void lose(int64_t rows, int64_t classes)
{
    struct trial mse = {.op = ORR_OP_MSE}, xent = {.op = ORR_OP_XENT};
    fixture_setup(NULL);
    mse.in[0] = operand_random(-1, 1, 2, rows, classes, 1, 1);
    mse.in[1] = operand_random(-1, 1, 2, rows, classes, 1, 1);
    mse.out[0] = operand_make(ORR_F32, 0, 1, 1, 1, 1);
    compute(&mse, 1);
    xent.in[0] = mse.in[0];
    xent.in[1] = operand_whole(0, classes, 1, rows, 1);
    xent.out[0] = operand_like(&mse.out[0]);
    xent.out[1] = operand_make(ORR_F32, 1, rows, 1, 1, 1);
    compute(&xent, 2);
}

static void multiply(int64_t m, int64_t n, int64_t k, bool ta, bool tb)
{
    struct trial t = {.op = ORR_OP_MATMUL, .attr = {.i = {ta, tb}}};
    fixture_setup(NULL);
    t.in[0] = operand_random(-1, 1, 2, ta ? k : m, ta ? m : k, 1, 1);
    t.in[1] = operand_random(-1, 1, 2, tb ? n : k, tb ? k : n, 1, 1);
    t.out[0] = operand_make(ORR_F32, 2, m, n, 1, 1);
    compute(&t, 1);
}

static int threads_now(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) return 0;
    for (const struct dirent *entry; (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

/* Several work-groups each, packed and long sequences, sums of several chunks, a divided inner axis. */
static void compute_all(void)
{
    attend(40, 5, 8, 2);
    attend(3, 65, 32, 2);
    normalise(257, 16);
    normalise(500, 33);
    add_up(1, 1000, 4);
    add_up(5, 700, 1);
    lose(700, 11);
    multiply(200, 96, 64, false, false);
    multiply(96, 70, 300, false, true);
    multiply(33, 32, 1500, true, false);
    mine->threads = threads_now();
}

static int run_process(const struct setting *setting, int threads)
{
    char text[16];
    snprintf(text, sizeof text, "%d", threads);
    if (setenv("OCL_ICD_VENDORS", "pocl.icd", 1) || setenv("POCL_MAX_PTHREAD_COUNT", text, 1) ||
        setenv("ORRERY_GEMM", setting->provider, 1) || setenv("ORRERY_KERNELS", setting->variant, 1))
        return 1;
    if (fixture_device_count() == 0) return SKIPPED;
    fixture_open(NULL);
    compute_all();
    return fixture_close(NULL) ? 1 : 0;
}

/* --- the test ---------------------------------------------------------------------------------------------------- */

static void run(const struct setting *setting, int which, int threads)
{
    int status = 0;
    mine = &all[which];
    memset(mine, 0, sizeof *mine);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) _exit(run_process(setting, threads));
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) skip();
    if (status)
        fail_msg("%s, %s, %d threads: the process ended with %#x", setting->provider, setting->variant, threads,
                 (unsigned)status);
}

static void check_same(const struct setting *setting, const char *what, const struct results *a,
                       const struct results *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; ++i)
        if (memcmp(&a->value[i], &b->value[i], sizeof a->value[i]) != 0)
            fail_msg("%s, %s, %s: number %zu of %zu is %.9g and %.9g", setting->provider, setting->variant, what, i,
                     a->count, a->value[i], b->value[i]);
}

static void check(struct setting setting)
{
    run(&setting, 0, 1);
    run(&setting, 1, 2);
    run(&setting, 2, 2);
    if (all[1].threads <= all[0].threads)
        fail_msg("%d threads, and %d where the driver may have two: this compares nothing", all[0].threads,
                 all[1].threads);
    check_same(&setting, "one and two threads", &all[0], &all[1]);
    check_same(&setting, "two runs", &all[1], &all[2]);
    printf("# %s, %s: %zu numbers\n", setting.provider, setting.variant, all[0].count);
}

static void rows(void **state)
{
    (void)state;
    check((struct setting){"own", "rows"});
}

static void groups(void **state)
{
    (void)state;
    check((struct setting){"own", "groups"});
}

static void clblast(void **state)
{
    (void)state;
    check((struct setting){"clblast", "rows"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(groups),
        cmocka_unit_test(clblast),
    };
    all = mmap(NULL, 3 * sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
