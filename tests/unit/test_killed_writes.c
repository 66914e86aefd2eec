/* A run that dies inside any of its writes to disk, or is refused one, goes on to the same bits and leaves no litter.
 *
 * This program's write, fsync, rename and unlink stand before the C library's. In: a tiny kepler job with checkpoints,
 * on the reference backend. Seeds: data 7, training 3.
 */
#include "train_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum fate { DIE_BEFORE, DIE_WITHIN, DISK_FULL };

static struct {
    long calls, fatal; /* the call of this number meets its fate; -1: none */
    enum fate fate;
    bool harmless; /* what failed may be shrugged off: the new file is in place, an old one stays */
} disk = {.fatal = -1};

/* True when this call is the fatal one, and is to fail or to be done in part. */
static bool is_fatal(void)
{
    if (disk.calls++ != disk.fatal) return false;
    if (disk.fate == DIE_BEFORE) kill(getpid(), SIGKILL);
    return true;
}

static int finish(bool fatal, int result)
{
    if (fatal) kill(getpid(), SIGKILL);
    return result;
}

static int full(bool harmless)
{
    disk.harmless = harmless;
    errno = ENOSPC;
    return -1;
}

ORR_EXPORT ssize_t write(int fd, const void *data, size_t n)
{
    if (fd <= STDERR_FILENO || !is_fatal()) return syscall(SYS_write, fd, data, n);
    if (disk.fate == DISK_FULL) return full(false);
    syscall(SYS_write, fd, data, n / 2);
    return finish(true, 0);
}

ORR_EXPORT int fsync(int fd)
{
    struct stat file;
    const bool fatal = is_fatal();
    if (fatal && disk.fate == DISK_FULL) return full(fstat(fd, &file) == 0 && S_ISDIR(file.st_mode));
    return finish(fatal, (int)syscall(SYS_fsync, fd));
}

ORR_EXPORT int rename(const char *from, const char *to)
{
    const bool fatal = is_fatal();
    if (fatal && disk.fate == DISK_FULL) return full(false);
    return finish(fatal, (int)syscall(SYS_renameat2, -100, from, -100, to, 0)); /* -100: AT_FDCWD */
}

ORR_EXPORT int unlink(const char *path)
{
    const bool fatal = is_fatal();
    if (fatal && disk.fate == DISK_FULL) return full(true);
    return finish(fatal, (int)syscall(SYS_unlinkat, -100, path, 0));
}

static int temporaries_in(const char *directory)
{
    int n = 0;
    DIR *open = opendir(directory);
    for (const struct dirent *entry = open ? readdir(open) : NULL; entry; entry = readdir(open))
        n += strstr(entry->d_name, ".tmp") != NULL;
    if (open) closedir(open);
    return n;
}

static void assert_no_temporaries(const char *directory)
{
    assert_int_equal(temporaries_in(directory), 0);
    assert_int_equal(temporaries_in(fixture_path(directory, "checkpoints")), 0);
}

/* Train in a child whose call number n meets the fate; it must not end well, unless what failed is harmless. */
static void run_to_its_fate(const struct train_fixture *f, enum fate fate, long n)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct orr_train_result result;
        struct orr_error err = {0};
        disk.calls = 0;
        disk.fatal = n;
        disk.fate = fate;
        const orr_status status = orr_train_run(&f->job, &result, &err);
        const bool reported = status == ORR_EIO && strstr(err.text, "No space left");
        _exit(disk.harmless ? status != ORR_OK : !reported);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (fate == DISK_FULL) {
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail_msg("call %ld failed: wait status %#x", n, status);
    } else if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        fail_msg("call %ld: wait status %#x, expected SIGKILL", n, status);
    }
}

static void resume(struct train_fixture *f, const struct orr_train_result *whole, enum fate fate, long n)
{
    struct orr_train_result result;
    struct orr_error err = {0};
    f->job.resume = true;
    const orr_status status = orr_train_run(&f->job, &result, &err);
    if (status != ORR_OK) fail_msg("fate %d of call %ld: %s", (int)fate, n, err.text);
    const size_t bytes = (size_t)whole->parameters.elements * sizeof(float);
    if (memcmp(result.trained, whole->trained, bytes) != 0 ||
        memcmp(result.loss, whole->loss, f->config.steps * sizeof(double)) != 0)
        fail_msg("fate %d of call %ld: the resumed run has other bits", (int)fate, n);
    assert_no_temporaries(f->job.directory);
    orr_train_result_fini(&result);
    f->job.resume = false;
}

static void every_write(enum fate fate)
{
    struct train_fixture f;
    struct orr_train_result whole;
    struct orr_error err = {0};
    char *directory = fixture_directory();
    fixture_open(&f, 6, 20, 5);
    f.config.steps = 10;
    f.config.checkpoint_every = 3;
    f.job.directory = directory;
    disk.calls = 0;
    assert_ok(orr_train_run(&f.job, &whole, &err), &err);
    const long calls = disk.calls;
    print_message("%ld calls that write\n", calls);
    assert_true(calls >= 4 * 4); /* four checkpoints: write, fsync, rename, fsync of the directory */
    fixture_remove(directory);
    const long stride = fixture_is_instrumented() ? 5 : 1; /* sanitizers and valgrind are slow: a part will do */
    for (long n = 0; n < calls; n += stride) {
        directory = fixture_directory();
        f.job.directory = directory;
        run_to_its_fate(&f, fate, n);
        if (fate == DISK_FULL) assert_no_temporaries(directory);
        resume(&f, &whole, fate, n);
        fixture_remove(directory);
    }
    orr_train_result_fini(&whole);
    fixture_close(&f);
}

static void killed_before_each_write(void **state)
{
    (void)state;
    every_write(DIE_BEFORE);
}

static void killed_within_each_write(void **state)
{
    (void)state;
    every_write(DIE_WITHIN);
}

static void each_write_finds_the_disk_full(void **state)
{
    (void)state;
    every_write(DISK_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_before_each_write),
        cmocka_unit_test(killed_within_each_write),
        cmocka_unit_test(each_write_finds_the_disk_full),
    };
    return cmocka_run_group_tests_name("killed_writes", tests, NULL, NULL);
}
