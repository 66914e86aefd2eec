/* The loader: what it finds, and every refusal with its own sentence. Plugins come from tests/abi. */
#include "base/loader.h"
#include "capture.h"
#include "expect.h"
#include "orrery/probe.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/wait.h>

static struct orr_error err;
static char directory[256];
static struct orr_loader *loader;
static const struct orr_plugin *plugin;

static const char *built(void)
{
    const char *path = getenv("ORRERY_TEST_ABI");
    if (!path) fail_msg("ORRERY_TEST_ABI is not set: run by meson test");
    return path;
}

static void open_loader(const char *path)
{
    orr_loader_destroy(loader);
    loader = NULL;
    plugin = NULL;
    setenv("ORRERY_PLUGIN_PATH", path, 1);
    expect_ok(orr_loader_create(&loader, &err), &err);
}

static int set_up(void **state)
{
    (void)state;
    make_scratch(directory, sizeof directory);
    unsetenv("ORRERY_TEST_CONSTRUCTED");
    open_loader(directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    orr_loader_destroy(loader);
    loader = NULL;
    remove_scratch(directory);
    return 0;
}

static void run(const char *format, const char *a, const char *b)
{
    char command[4096];
    if (snprintf(command, sizeof command, "%s '%s' '%s'", format, a, b) < 0 || system(command) != 0)
        fail_msg("failed: %s", command);
}

/* Copy a built plugin into the scratch directory under a name; its path. */
static const char *copy(const char *from, const char *to)
{
    static char path[512];
    char source[4000];
    snprintf(source, sizeof source, "%s/%s.so", built(), from);
    snprintf(path, sizeof path, "%s/%s.so", directory, to);
    run("cp", source, path);
    if (chmod(path, 0755) != 0) fail_msg("chmod %s: %s", path, strerror(errno));
    return path;
}

static void test_a_sound_plugin_is_found_by_name_and_by_path(void **state)
{
    (void)state;
    const struct orr_plugin *again = NULL;
    const char *path = copy("orrery-probe-good", "orrery-probe-good");
    expect_ok(orr_loader_find(loader, ORR_PROBE, "good", &plugin, &err), &err);
    assert_string_equal(plugin->name, "good");
    assert_string_equal(orr_loader_path(loader, plugin), path);
    assert_string_equal(getenv("ORRERY_TEST_CONSTRUCTED"), "good");
    expect_ok(orr_loader_find(loader, ORR_PROBE, path, &again, &err), &err);
    assert_ptr_equal(again, plugin);
    expect_ok(orr_loader_find(loader, ORR_PROBE, "good", &again, &err), &err);
    assert_ptr_equal(again, plugin);
}

static void test_a_path_may_have_any_file_name(void **state)
{
    (void)state;
    expect_ok(orr_loader_find(loader, ORR_PROBE, copy("orrery-probe-good", "mine"), &plugin, &err), &err);
    assert_string_equal(plugin->name, "good");
}

static void test_an_unknown_name_lists_every_path_tried(void **state)
{
    (void)state;
    char both[600], tried[900];
    copy("orrery-probe-good", "orrery-probe-good");
    snprintf(both, sizeof both, "%s:%s/none", directory, directory);
    snprintf(tried, sizeof tried, "orrery-probe-goood.so: No such file or directory: %s, %s/none, ", directory,
             directory);
    open_loader(both);
    expect_error(orr_loader_find(loader, ORR_PROBE, "goood", &plugin, &err), &err, ORR_EUNSUPPORTED,
                 "there is no probe \"goood\"", "did you mean \"good\"", tried);
    assert_null(getenv("ORRERY_TEST_CONSTRUCTED"));
}

/* What does not fit into the error, which then says so, is in the log. */
static void test_many_long_directories_are_all_told(void **state)
{
    (void)state;
    enum { DIRECTORIES = 6 };
    char paths[4000] = "", each[DIRECTORIES][600], name[181] = "";
    memset(name, 'n', sizeof name - 1);
    for (size_t i = 0, at = 0; i < DIRECTORIES; ++i) {
        snprintf(each[i], sizeof each[i], "%s/%zu%s", directory, i, name);
        at += (size_t)snprintf(paths + at, sizeof paths - at, "%s%s", i ? ":" : "", each[i]);
    }
    open_loader(paths);
    capture_begin();
    const orr_status status = orr_loader_find(loader, ORR_PROBE, "good", &plugin, &err);
    const char *log = capture_end();
    expect_error(status, &err, ORR_EUNSUPPORTED, "there is no probe \"good\"", each[0], each[1]);
    assert_string_equal(err.text + strlen(err.text) - 3, "...");
    for (size_t i = 0; i < DIRECTORIES; ++i) {
        char line[4000];
        snprintf(line, sizeof line, "tried %s/orrery-probe-good.so: No such file", each[i]);
        if (!strstr(log, line)) fail_msg("\"%s\" is not in\n%s", line, log);
    }
    if (!strstr(log, "/orrery/plugins/orrery-probe-good.so")) fail_msg("no install directory in\n%s", log);
}

static void test_other_reasons_are_told_apart(void **state)
{
    (void)state;
    char both[900], file[300], tried[700];
    snprintf(file, sizeof file, "%s/file", directory);
    write_bytes(file, "", 0);
    snprintf(both, sizeof both, "%s/a:%s:%s/b", directory, file, directory);
    snprintf(tried, sizeof tried, "; Not a directory: %s", file);
    open_loader(both);
    expect_error(orr_loader_find(loader, ORR_PROBE, "good", &plugin, &err), &err, ORR_EUNSUPPORTED,
                 "orrery-probe-good.so: No such file or directory: ", tried);
}

static void test_names_that_are_none(void **state)
{
    (void)state;
    static const char *const names[] = {"", "Good", "good.so", "a-b", "good "};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
        expect_error(orr_loader_find(loader, ORR_PROBE, names[i], &plugin, &err), &err, ORR_EINVAL,
                     "is not the name of a probe", "give a path with '/'");
    expect_error(orr_loader_find(loader, (enum orr_plugin_kind)7, "x", &plugin, &err), &err, ORR_EINVAL, "kind 7");
}

static void test_every_fault_has_its_own_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *file, *sentence;
        orr_status code;
    } faults[] = {
        {"orrery-probe-magic", "its magic number is 0xdeadbeef", ORR_EABI},
        {"orrery-probe-size", "its struct orr_plugin is 16 bytes", ORR_EABI},
        {"orrery-probe-major", "it was built for plugin interface 2, this engine has 1", ORR_EABI},
        {"orrery-probe-minor", "it needs plugin interface 1.1 or later, this engine has 1.0", ORR_EABI},
        {"orrery-probe-build", "it was built with ", ORR_EABI},
        {"orrery-probe-kind", "it is a simulator, but a probe was asked for", ORR_EINVAL},
        {"orrery-probe-unknown_kind", "its kind is 9", ORR_EINVAL},
        {"orrery-probe-other", "the file must be called orrery-probe-another.so", ORR_EINVAL},
        {"bad-name", "its name \"Bad-Name\" has other characters", ORR_EINVAL},
        {"no-name", "it has no name", ORR_EINVAL},
        {"orrery-probe-version", "its version is NULL", ORR_EINVAL},
        {"orrery-probe-summary", "its summary is NULL", ORR_EINVAL},
        {"orrery-probe-source", "its source is NULL", ORR_EINVAL},
        {"orrery-probe-license", "its license is NULL", ORR_EINVAL},
        {"orrery-probe-no_params", "its parameter table is NULL", ORR_EINVAL},
        {"orrery-probe-table", "its parameter table: cut: the key is given twice", ORR_EINVAL},
        {"orrery-probe-no_ops", "its table of functions (ops) is NULL", ORR_EINVAL},
        {"orrery-probe-ops_size", "its ops->size is 4 bytes, too small for the required \"create\"", ORR_EINVAL},
        {"orrery-probe-ops_null", "its required function \"measure\" is NULL", ORR_EINVAL},
        {"orrery-probe-declines", "orr_plugin_query returned NULL", ORR_EABI},
        {"orrery-probe-no_symbol", "exports no orr_plugin_query", ORR_EABI},
        {"orrery-probe-unresolved", "undefined symbol: orr_test_defined_nowhere", ORR_EABI},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; ++i) {
        const char *path = copy(faults[i].file, faults[i].file);
        expect_error(orr_loader_find(loader, ORR_PROBE, path, &plugin, &err), &err, faults[i].code, path,
                     faults[i].sentence);
        assert_null(plugin);
    }
}

static void test_a_refusal_by_name_says_the_path(void **state)
{
    (void)state;
    const char *path = copy("orrery-probe-good", "orrery-probe-wrong");
    expect_error(orr_loader_find(loader, ORR_PROBE, "wrong", &plugin, &err), &err, ORR_EINVAL,
                 "the probe \"wrong\" cannot be used", path, "calls itself \"good\", but \"wrong\" was asked for");
}

/* The first one is told, the others are not: one line a process. The process is a child, in which none was. */
static void test_a_group_writable_file_is_a_warning(void **state)
{
    (void)state;
    const char *path = copy("orrery-probe-good", "orrery-probe-good");
    assert_int_equal(chmod(path, 0775), 0);
    capture_begin();
    const pid_t child = fork();
    if (child == 0) {
        int failures = 0;
        for (int i = 0; i < 2; ++i)
            failures += orr_plugin_check_place(path, &err) != ORR_OK;
        _exit(failures);
    }
    int status = -1;
    waitpid(child, &status, 0);
    const char *log = capture_end();
    char expected[700];
    snprintf(expected, sizeof expected,
             "warn loader: %s is writable by its group: if that is not wanted, chmod g-w '%s'\n", path, path);
    assert_int_equal(status, 0);
    assert_string_equal(log, expected);
}

static void refuse_sanitized(const char *name, const char *runtime)
{
    char source[4000];
    snprintf(source, sizeof source, "%s/%s.so", built(), name);
    if (access(source, R_OK) != 0) {
        print_message("SKIPPED %s: this compiler has no such sanitizer\n", name);
        return;
    }
    expect_error(orr_loader_find(loader, ORR_PROBE, copy(name, name), &plugin, &err), &err, ORR_EABI, runtime,
                 "was not loaded");
    assert_null(getenv("ORRERY_TEST_CONSTRUCTED"));
}

static void test_sanitized_plugins_are_refused_before_they_are_loaded(void **state)
{
    (void)state;
    if (!(ORR_BUILD_FLAGS & ORR_BUILD_ASAN)) refuse_sanitized("orrery-probe-address", "AddressSanitizer");
    if (!(ORR_BUILD_FLAGS & ORR_BUILD_TSAN)) {
        refuse_sanitized("orrery-probe-thread", "ThreadSanitizer");
        refuse_sanitized("orrery-probe-sanitizer_symbol", "Sanitizer");
    }
    if (!dlsym(RTLD_DEFAULT, "__ubsan_handle_add_overflow"))
        refuse_sanitized("orrery-probe-undefined", "UndefinedBehaviorSanitizer");
}

static void test_files_that_are_no_plugins(void **state)
{
    (void)state;
    char path[300];
    snprintf(path, sizeof path, "%s/x.so", directory);
    expect_error(orr_loader_find(loader, ORR_PROBE, path, &plugin, &err), &err, ORR_EIO, path, "No such file");
    write_bytes(path, "", 0);
    expect_error(orr_loader_find(loader, ORR_PROBE, path, &plugin, &err), &err, ORR_EFORMAT, path, "is empty");
    write_bytes(path, "text", 4);
    expect_error(orr_loader_find(loader, ORR_PROBE, path, &plugin, &err), &err, ORR_EFORMAT, path, "no ELF header");
    expect_error(orr_loader_find(loader, ORR_PROBE, directory, &plugin, &err), &err, ORR_EPERM, "not a regular file");
    snprintf(path, sizeof path, "%s/pipe.so", directory);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_error(orr_loader_find(loader, ORR_PROBE, path, &plugin, &err), &err, ORR_EPERM, "not a regular file");
}

static void test_a_file_writable_by_everyone(void **state)
{
    (void)state;
    char mend[600];
    const char *path = copy("orrery-probe-good", "orrery-probe-good");
    snprintf(mend, sizeof mend, "chmod o-w '%s'", path);
    assert_int_equal(chmod(path, 0757), 0);
    expect_error(orr_loader_find(loader, ORR_PROBE, path, &plugin, &err), &err, ORR_EPERM, path, mend);
    assert_null(getenv("ORRERY_TEST_CONSTRUCTED"));
    run("chmod", "o-w", path); /* what the message says mends it */
    expect_ok(orr_loader_find(loader, ORR_PROBE, path, &plugin, &err), &err);
}

static void test_a_directory_writable_by_everyone(void **state)
{
    (void)state;
    char mend[600];
    const char *path = copy("orrery-probe-good", "orrery-probe-good");
    snprintf(mend, sizeof mend, "chmod o-w '%s'", directory);
    assert_int_equal(chmod(directory, 0777), 0);
    expect_error(orr_loader_find(loader, ORR_PROBE, path, &plugin, &err), &err, ORR_EPERM, path, mend);
    assert_null(getenv("ORRERY_TEST_CONSTRUCTED"));
    assert_int_equal(chmod(directory, 01777), 0); /* as /tmp: others cannot replace the file */
    expect_ok(orr_loader_find(loader, ORR_PROBE, path, &plugin, &err), &err);
}

static void test_a_link_is_judged_by_its_target(void **state)
{
    (void)state;
    char link[300], below[300];
    snprintf(below, sizeof below, "%s/below", directory);
    snprintf(link, sizeof link, "%s/below/orrery-probe-good.so", directory);
    const char *path = copy("orrery-probe-good", "target");
    assert_int_equal(mkdir(below, 0755), 0);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(chmod(path, 0757), 0);
    expect_error(orr_loader_find(loader, ORR_PROBE, link, &plugin, &err), &err, ORR_EPERM, path);
    assert_int_equal(chmod(path, 0755), 0);
    expect_ok(orr_loader_find(loader, ORR_PROBE, link, &plugin, &err), &err);
    assert_string_equal(orr_loader_path(loader, plugin), path);
}

static void test_a_foreign_owner(void **state)
{
    (void)state;
    const char *path = copy("orrery-probe-good", "orrery-probe-good");
    if (chown(path, 65533, (gid_t)-1) != 0) {
        print_message("SKIPPED: only root can give a file away: %s\n", strerror(errno));
        skip();
    }
    expect_error(orr_loader_find(loader, ORR_PROBE, path, &plugin, &err), &err, ORR_EPERM, path, "owned by user 65533",
                 "chown 0 '");
    assert_null(getenv("ORRERY_TEST_CONSTRUCTED"));
    assert_int_equal(chown(path, 0, (gid_t)-1), 0);
    expect_ok(orr_loader_find(loader, ORR_PROBE, path, &plugin, &err), &err);
}

static void test_two_files_of_one_name(void **state)
{
    (void)state;
    char other[300], both[600], second[400];
    snprintf(other, sizeof other, "%s/other", directory);
    snprintf(both, sizeof both, "%s:%s", directory, other);
    snprintf(second, sizeof second, "%s/orrery-probe-good.so", other);
    assert_int_equal(mkdir(other, 0755), 0);
    const char *first = copy("orrery-probe-good", "orrery-probe-good");
    run("cp", first, second);
    open_loader(both);
    expect_error(orr_loader_find(loader, ORR_PROBE, "good", &plugin, &err), &err, ORR_EINVAL,
                 "the probe \"good\" is given twice", first, second);
    assert_null(getenv("ORRERY_TEST_CONSTRUCTED"));
    expect_ok(orr_loader_find(loader, ORR_PROBE, first, &plugin, &err), &err);
    expect_error(orr_loader_find(loader, ORR_PROBE, second, &plugin, &err), &err, ORR_EINVAL, "given twice", first,
                 second);
    /* The same file by two ways is one plugin. */
    assert_int_equal(unlink(second), 0);
    assert_int_equal(link(first, second), 0);
    const struct orr_plugin *again = NULL;
    expect_ok(orr_loader_find(loader, ORR_PROBE, second, &again, &err), &err);
    assert_ptr_equal(again, plugin);
    expect_ok(orr_loader_find(loader, ORR_PROBE, "good", &again, &err), &err);
    assert_ptr_equal(again, plugin);
}

static void test_relative_entries_are_skipped(void **state)
{
    (void)state;
    char here[4096], paths[600];
    copy("orrery-probe-good", "orrery-probe-good");
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(directory), 0);
    open_loader(".:::relative");
    const orr_status status = orr_loader_find(loader, ORR_PROBE, "good", &plugin, &err);
    snprintf(paths, sizeof paths, "relative::%s:", directory);
    open_loader(paths);
    struct orr_error second = {0};
    const orr_status found = orr_loader_find(loader, ORR_PROBE, "good", &plugin, &second);
    assert_int_equal(chdir(here), 0);
    expect_error(status, &err, ORR_EUNSUPPORTED, "there is no probe");
    expect_ok(found, &second);
}

static orr_status measure(struct orr_probe *probe, const struct orr_study *study, struct orr_error *error)
{
    (void)probe;
    (void)study;
    (void)error;
    return ORR_OK;
}

static orr_status create(const union orr_value *param, struct orr_probe **out, struct orr_error *error)
{
    (void)param;
    (void)error;
    *out = NULL;
    return ORR_OK;
}

static void destroy(struct orr_probe *probe) { (void)probe; }

static const struct orr_param no_params[] = {{.type = ORR_PARAM_END}};
static const struct orr_probe_ops ops = {.size = sizeof ops, .create = create, .destroy = destroy, .measure = measure};
static const struct orr_plugin linked = {.magic = ORR_ABI_MAGIC,
                                         .size = sizeof linked,
                                         .abi_major = ORR_ABI_MAJOR,
                                         .kind = ORR_PROBE,
                                         .build = ORR_BUILD_FLAGS,
                                         .name = "linked",
                                         .version = "1",
                                         .summary = "",
                                         .source = "",
                                         .license = "",
                                         .params = no_params,
                                         .ops = &ops};

static void test_built_in_plugins(void **state)
{
    (void)state;
    struct orr_plugin bad = linked, twin = linked;
    bad.magic = 1;
    expect_error(orr_loader_add(loader, &bad, &err), &err, ORR_EABI, "a built-in plugin: its magic number is 0x1");
    expect_ok(orr_loader_add(loader, &linked, &err), &err);
    expect_ok(orr_loader_add(loader, &linked, &err), &err);
    expect_error(orr_loader_add(loader, &twin, &err), &err, ORR_EINVAL, "given twice, by built in");
    expect_ok(orr_loader_find(loader, ORR_PROBE, "linked", &plugin, &err), &err);
    assert_ptr_equal(plugin, &linked);
    assert_string_equal(orr_loader_path(loader, &linked), "built in");
    assert_null(orr_loader_path(loader, &twin));
    expect_error(orr_loader_find(loader, ORR_BACKEND, "linked", &plugin, &err), &err, ORR_EUNSUPPORTED,
                 "there is no backend \"linked\"");
}

struct seen {
    int count, refused;
    char text[4096];
};

static orr_status note(const char *path, const struct orr_plugin *found, const struct orr_error *reason, void *context)
{
    struct seen *seen = context;
    const char *slash = strrchr(path, '/');
    const size_t at = strlen(seen->text);
    snprintf(seen->text + at, sizeof seen->text - at, "%s=%s;", slash ? slash + 1 : path, found ? found->name : "-");
    ++seen->count;
    seen->refused += reason != NULL;
    assert_true(!found == (reason != NULL));
    return ORR_OK;
}

static orr_status stop(const char *path, const struct orr_plugin *found, const struct orr_error *reason, void *context)
{
    (void)path;
    (void)found;
    (void)reason;
    ++*(int *)context;
    return ORR_ECANCELLED;
}

static void test_scan(void **state)
{
    (void)state;
    struct seen seen = {0};
    expect_ok(orr_loader_scan(loader, note, &seen, &err), &err);
    assert_string_equal(seen.text, "");
    copy("orrery-probe-good", "orrery-probe-good");
    copy("orrery-probe-major", "orrery-probe-major");
    copy("orrery-probe-good", "orrery-probe-zzz");
    copy("orrery-probe-good", "ignored");
    expect_ok(orr_loader_add(loader, &linked, &err), &err);
    for (int round = 0; round < 2; ++round) { /* the second finds all loaded */
        seen = (struct seen){0};
        expect_ok(orr_loader_scan(loader, note, &seen, &err), &err);
        assert_string_equal(seen.text, "orrery-probe-good.so=good;orrery-probe-major.so=-;orrery-probe-zzz.so=-;"
                                       "built in=linked;");
        assert_int_equal(seen.refused, 2);
    }
    int visits = 0;
    assert_int_equal(orr_loader_scan(loader, stop, &visits, &err), ORR_ECANCELLED);
    assert_int_equal(visits, 1);
}

static void test_scan_tells_of_missing_directories_that_were_asked_for(void **state)
{
    (void)state;
    char missing[300];
    struct seen seen = {0};
    snprintf(missing, sizeof missing, "%s/none", directory);
    open_loader(missing);
    expect_ok(orr_loader_scan(loader, note, &seen, &err), &err);
    assert_int_equal(seen.refused, 1);
    assert_int_equal(seen.count, 1);
}

static void test_the_host(void **state)
{
    (void)state;
    const struct orr_host *host = orr_loader_host();
    /* Philox4x32-10 of key 0 and counter 0 (Salmon et al. 2011, the published known answers). */
    const uint32_t expected[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    uint32_t key[2] = {0, 0}, counter[4] = {0, 0, 0, 0}, out[4];
    host->philox(key, counter, out);
    assert_memory_equal(out, expected, sizeof out);
    void *p = host->alloc(100, 256);
    assert_int_equal((uintptr_t)p % 256, 0);
    host->dealloc(p);
    host->dealloc(NULL);
    expect_error((host->fail)(&err, ORR_EDEVICE, "lost %d", 3), &err, ORR_EDEVICE, "lost 3");
    assert_int_equal(host->size, sizeof *host);
    assert_int_equal(host->abi_major, ORR_ABI_MAJOR);
}

#define in_scratch(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch(test_a_sound_plugin_is_found_by_name_and_by_path),
        in_scratch(test_a_path_may_have_any_file_name),
        in_scratch(test_an_unknown_name_lists_every_path_tried),
        in_scratch(test_many_long_directories_are_all_told),
        in_scratch(test_other_reasons_are_told_apart),
        in_scratch(test_names_that_are_none),
        in_scratch(test_every_fault_has_its_own_sentence),
        in_scratch(test_a_refusal_by_name_says_the_path),
        in_scratch(test_sanitized_plugins_are_refused_before_they_are_loaded),
        in_scratch(test_files_that_are_no_plugins),
        in_scratch(test_a_group_writable_file_is_a_warning),
        in_scratch(test_a_file_writable_by_everyone),
        in_scratch(test_a_directory_writable_by_everyone),
        in_scratch(test_a_link_is_judged_by_its_target),
        in_scratch(test_a_foreign_owner),
        in_scratch(test_two_files_of_one_name),
        in_scratch(test_relative_entries_are_skipped),
        in_scratch(test_built_in_plugins),
        in_scratch(test_scan),
        in_scratch(test_scan_tells_of_missing_directories_that_were_asked_for),
        in_scratch(test_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
