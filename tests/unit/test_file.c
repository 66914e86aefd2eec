/* Whole files: they appear whole or not at all, and the old one survives whatever goes wrong. */
#include "base/memory.h"
#include "capture.h"
#include "expect.h"
#include "io/file.h"
#include "io/lock.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static struct orr_error err;

/* This program's fsync stands before the C library's: on demand it fails for directories. */
static bool directories_fail;

ORR_EXPORT int fsync(int fd)
{
    struct stat file;
    if (!directories_fail || fstat(fd, &file) != 0 || !S_ISDIR(file.st_mode)) return (int)syscall(SYS_fsync, fd);
    errno = EIO;
    return -1;
}

struct place {
    char directory[256], path[300];
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    make_scratch(place->directory, sizeof place->directory);
    snprintf(place->path, sizeof place->path, "%s/file", place->directory);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    remove_scratch(place->directory);
    free(place);
    return 0;
}

static void expect_content(const char *path, const char *expected, size_t size)
{
    char *data = NULL;
    size_t n = 0;
    expect_ok(orr_file_read(path, 1u << 24, &data, &n, &err), &err);
    assert_int_equal(n, size);
    assert_memory_equal(data, expected, size);
    assert_int_equal(data[n], 0);
    orr_memory_free(data);
}

static int files_in(const char *path)
{
    int n = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        n += entry->d_name[0] != '.';
    closedir(directory);
    return n;
}

static void test_write_and_replace(void **state)
{
    struct place *place = *state;
    expect_ok(orr_file_write_atomic(place->path, "", 0, &err), &err);
    expect_content(place->path, "", 0);
    expect_ok(orr_file_write_atomic(place->path, "a\0b", 3, &err), &err);
    expect_content(place->path, "a\0b", 3);
    expect_ok(orr_file_write_atomic(place->path, "short", 5, &err), &err);
    expect_content(place->path, "short", 5);
    assert_int_equal(files_in(place->directory), 1);
}

static void test_pieces_add_up_whatever_their_size(void **state)
{
    struct place *place = *state;
    const size_t sizes[] = {1, 65535, 65536, 65537, 0, 3, 200000, 1};
    char *expected = calloc(1, 500000);
    size_t n = 0;
    struct orr_file_writer *writer;
    expect_ok(orr_file_writer_open(place->path, &writer, &err), &err);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        memset(expected + n, 'a' + (int)i, sizes[i]);
        expect_ok(orr_file_writer_append(writer, expected + n, sizes[i], &err), &err);
        n += sizes[i];
    }
    expect_ok(orr_file_writer_commit(writer, &err), &err);
    expect_content(place->path, expected, n);
    free(expected);
}

static void test_nothing_is_seen_before_commit_or_after_discard(void **state)
{
    struct place *place = *state;
    struct orr_file_writer *writer;
    expect_ok(orr_file_write_atomic(place->path, "old", 3, &err), &err);
    expect_ok(orr_file_writer_open(place->path, &writer, &err), &err);
    expect_ok(orr_file_writer_append(writer, "new", 3, &err), &err);
    expect_content(place->path, "old", 3);
    orr_file_writer_discard(writer);
    orr_file_writer_discard(NULL);
    expect_content(place->path, "old", 3);
    assert_int_equal(files_in(place->directory), 1);
}

static void test_two_writers_do_not_meet(void **state)
{
    struct place *place = *state;
    struct orr_file_writer *first, *second;
    expect_ok(orr_file_writer_open(place->path, &first, &err), &err);
    expect_ok(orr_file_writer_open(place->path, &second, &err), &err);
    expect_ok(orr_file_writer_append(first, "first", 5, &err), &err);
    expect_ok(orr_file_writer_append(second, "2", 1, &err), &err);
    expect_ok(orr_file_writer_commit(second, &err), &err);
    expect_ok(orr_file_writer_commit(first, &err), &err);
    expect_content(place->path, "first", 5);
    assert_int_equal(files_in(place->directory), 1);
}

/* A limit on the size of files fails write(2) as a full disk does, and needs no rights. */
static void test_a_write_that_fails_keeps_the_old_file(void **state)
{
    struct place *place = *state;
    static char data[300000];
    struct rlimit before;
    expect_ok(orr_file_write_atomic(place->path, "old", 3, &err), &err);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit limit = {100000, before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    const orr_status status = orr_file_write_atomic(place->path, data, sizeof data, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    expect_error(status, &err, ORR_EIO, place->path, "File too large", "ulimit");
    expect_content(place->path, "old", 3);
    assert_int_equal(files_in(place->directory), 1);
}

static void test_a_full_disk_keeps_the_old_file(void **state)
{
    struct place *place = *state;
    static char data[300000];
    if (mount("orrery-test", place->directory, "tmpfs", 0, "size=128k") != 0) {
        print_message("SKIPPED: no small file system can be mounted here: %s\n", strerror(errno));
        skip();
    }
    const orr_status old = orr_file_write_atomic(place->path, "old", 3, &err);
    struct orr_error full = {0};
    const orr_status status = orr_file_write_atomic(place->path, data, sizeof data, &full);
    char text[8] = "";
    FILE *file = fopen(place->path, "rb");
    if (file) {
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
    }
    const int files = files_in(place->directory);
    umount(place->directory);
    expect_ok(old, &err);
    expect_error(status, &full, ORR_EIO, place->path, "No space left", "free some space");
    assert_string_equal(text, "old");
    assert_int_equal(files, 1);
}

static void test_unwritable_places(void **state)
{
    struct place *place = *state;
    char path[320];
    snprintf(path, sizeof path, "%s/none/file", place->directory);
    expect_error(orr_file_write_atomic(path, "x", 1, &err), &err, ORR_EIO, path, "No such file", "directory exists");
    expect_error(orr_file_write_atomic(place->directory, "x", 1, &err), &err, ORR_EIO, place->directory,
                 "Is a directory");
    expect_ok(orr_file_write_atomic(place->path, "x", 1, &err), &err);
    snprintf(path, sizeof path, "%s/below", place->path);
    expect_error(orr_file_write_atomic(path, "x", 1, &err), &err, ORR_EIO, path, "Not a directory");
    expect_error(orr_file_make_directories(path, &err), &err, ORR_EIO, place->path, "File exists");
    expect_error(orr_file_make_directories(place->path, &err), &err, ORR_EIO, place->path, "File exists");
}

/* Root may write anywhere, so it puts its rights aside for the moment. */
static void test_a_directory_without_permission(void **state)
{
    struct place *place = *state;
    const bool root = geteuid() == 0;
    expect_ok(orr_file_write_atomic(place->path, "old", 3, &err), &err);
    assert_int_equal(chmod(place->directory, 0555), 0);
    if (root && seteuid(65534) != 0) {
        chmod(place->directory, 0700);
        print_message("SKIPPED: rights cannot be put aside: %s\n", strerror(errno));
        skip();
    }
    const orr_status status = orr_file_write_atomic(place->path, "new", 3, &err);
    if (root) assert_int_equal(seteuid(0), 0);
    chmod(place->directory, 0700);
    expect_error(status, &err, ORR_EIO, place->path, "Permission denied", "choose a place that you may write to");
    expect_content(place->path, "old", 3);
}

static void test_reading_refuses(void **state)
{
    struct place *place = *state;
    char *data = NULL;
    size_t n = 0;
    expect_error(orr_file_read(place->path, 10, &data, &n, &err), &err, ORR_EIO, place->path, "No such file");
    expect_error(orr_file_read(place->directory, 10, &data, &n, &err), &err, ORR_EIO, "not a regular file");
    expect_error(orr_file_read("/dev/zero", 10, &data, &n, &err), &err, ORR_EIO, "not a regular file");
    expect_ok(orr_file_write_atomic(place->path, "0123456789", 10, &err), &err);
    expect_error(orr_file_read(place->path, 9, &data, &n, &err), &err, ORR_EFORMAT, "has 10 bytes, expected at most 9");
    assert_null(data);
    expect_ok(orr_file_read(place->path, 10, &data, &n, &err), &err);
    orr_memory_free(data);
}

static void test_directories(void **state)
{
    struct place *place = *state;
    char path[400];
    struct stat status;
    static const char *const below[] = {"", "/a", "/b/c", "/b/c/d//e/", "/b/c"};
    for (size_t i = 0; i < sizeof below / sizeof *below; ++i) {
        snprintf(path, sizeof path, "%s%s", place->directory, below[i]);
        expect_ok(orr_file_make_directories(path, &err), &err);
        assert_int_equal(stat(path, &status), 0);
        assert_true(S_ISDIR(status.st_mode));
    }
}

/* The new file is in place: to report a failure would be wrong. */
static void test_a_directory_that_cannot_be_synchronised_is_a_warning(void **state)
{
    struct place *place = *state;
    capture_begin();
    directories_fail = true;
    const orr_status status = orr_file_write_atomic(place->path, "new", 3, &err);
    directories_fail = false;
    const char *log = capture_end();
    expect_ok(status, &err);
    expect_content(place->path, "new", 3);
    if (!strstr(log, "warn io") || !strstr(log, place->directory) || !strstr(log, "Input/output error"))
        fail_msg("the warning is \"%s\"", log);
}

static void test_a_link_stays_a_link(void **state)
{
    struct place *place = *state;
    char link[320], below[320], target[340];
    struct stat status;
    snprintf(link, sizeof link, "%s/link", place->directory);
    snprintf(below, sizeof below, "%s/below", place->directory);
    snprintf(target, sizeof target, "%s/target", below);
    assert_int_equal(mkdir(below, 0700), 0);
    assert_int_equal(symlink("below/target", link), 0);
    expect_error(orr_file_write_atomic(link, "x", 1, &err), &err, ORR_EIO, link,
                 "a link to a file that does not exist");
    expect_ok(orr_file_write_atomic(target, "old", 3, &err), &err);
    expect_ok(orr_file_write_atomic(link, "new", 3, &err), &err);
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    expect_content(target, "new", 3);
    assert_int_equal(files_in(below), 1);
    assert_int_equal(unlink(target), 0);
    assert_int_equal(symlink("../link", target), 0);
    expect_error(orr_file_write_atomic(link, "x", 1, &err), &err, ORR_EIO, link, "in a circle");
}

static void test_only_regular_files_are_replaced(void **state)
{
    struct place *place = *state;
    struct stat status;
    assert_int_equal(mkfifo(place->path, 0600), 0);
    expect_error(orr_file_write_atomic(place->path, "x", 1, &err), &err, ORR_EIO, place->path, "not a regular file",
                 "choose another name");
    assert_int_equal(lstat(place->path, &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
    assert_int_equal(files_in(place->directory), 1);
}

static void test_long_names(void **state)
{
    struct place *place = *state;
    char path[600], name[256];
    memset(name, 'n', sizeof name - 1);
    name[250] = '\0'; /* fits, but not with what a temporary file adds */
    snprintf(path, sizeof path, "%s/%s", place->directory, name);
    expect_error(orr_file_write_atomic(path, "x", 1, &err), &err, ORR_EIO, "File name too long", "shorter name");
}

static void test_what_killed_writers_left_is_removed(void **state)
{
    struct place *place = *state;
    static const char *const names[] = {"step-1.bin", "step-1.bin.12-0.tmp", "step-2.bin.7-31.tmp", "step-2.bin.x.tmp",
                                        "other.bin.12-0.tmp"};
    char path[400];
    for (size_t i = 0; i < 5; ++i) {
        snprintf(path, sizeof path, "%s/%s", place->directory, names[i]);
        write_bytes(path, "x", 1);
    }
    orr_file_remove_temporaries(place->directory, "step-*.bin");
    for (size_t i = 0; i < 5; ++i) {
        snprintf(path, sizeof path, "%s/%s", place->directory, names[i]);
        if ((access(path, F_OK) == 0) != (i != 1 && i != 2)) fail_msg("%s", names[i]);
    }
    orr_file_remove_temporaries(path, "*"); /* no directory: nothing to do */
}

static void test_a_lock_has_one_holder(void **state)
{
    struct place *place = *state;
    struct orr_file_lock *lock, *second;
    expect_ok(orr_file_lock(place->path, &lock, &err), &err);
    expect_error(orr_file_lock(place->path, &second, &err), &err, ORR_EINVAL, place->path, "locked", "wait");
    assert_null(second);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(orr_file_lock(place->path, &second, &err) == ORR_EINVAL ? 0 : 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    orr_file_unlock(lock);
    assert_int_equal(files_in(place->directory), 0);
    write_bytes(place->path, "", 0); /* as a killed holder leaves it */
    expect_ok(orr_file_lock(place->path, &second, &err), &err);
    orr_file_unlock(second);
    orr_file_unlock(NULL);
    snprintf(place->path, sizeof place->path, "%s/none/lock", place->directory);
    expect_error(orr_file_lock(place->path, &lock, &err), &err, ORR_EIO, place->path, "No such file");
}

#define in_scratch(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch(test_write_and_replace),
        in_scratch(test_pieces_add_up_whatever_their_size),
        in_scratch(test_nothing_is_seen_before_commit_or_after_discard),
        in_scratch(test_two_writers_do_not_meet),
        in_scratch(test_a_write_that_fails_keeps_the_old_file),
        in_scratch(test_a_full_disk_keeps_the_old_file),
        in_scratch(test_unwritable_places),
        in_scratch(test_a_directory_without_permission),
        in_scratch(test_reading_refuses),
        in_scratch(test_directories),
        in_scratch(test_a_directory_that_cannot_be_synchronised_is_a_warning),
        in_scratch(test_a_link_stays_a_link),
        in_scratch(test_only_regular_files_are_replaced),
        in_scratch(test_long_names),
        in_scratch(test_what_killed_writers_left_is_removed),
        in_scratch(test_a_lock_has_one_holder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
