/* Files made to hurt: every parser refuses them with the file, the place and what was expected, at the cost of what is
 * in the file and not of what it promises.
 *
 * Beside the tests of each format, which name every lie of a header, and the corpus of the fuzzer. */
#include "base/config.h"
#include "base/memory.h"
#include "data/recording.h"
#include "expect.h"
#include "graph/graph.h"
#include "io/safetensors.h"
#include "study/sweep.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEEP = 100000 };

static struct orr_error err;
static char directory[256], path[300];

static int set_up(void **state)
{
    (void)state;
    make_scratch(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/hostile", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_scratch(directory);
    return 0;
}

/* One parser and the status with which it refuses the file at path. */
struct parser {
    const char *name;
    orr_status (*read)(void);
};

static orr_status read_npy(void)
{
    struct orr_array array;
    const orr_status status = orr_npy_read(path, &array, &err);
    if (status == ORR_OK) orr_array_fini(&array);
    return status;
}

static orr_status read_safetensors(void)
{
    struct orr_safetensors *set = NULL;
    const orr_status status = orr_safetensors_load(path, &set, &err);
    orr_safetensors_destroy(set);
    return status;
}

static orr_status read_recipe(void)
{
    struct orr_config *config = NULL;
    const orr_status status = orr_config_load(path, &config, &err);
    orr_config_destroy(config);
    return status;
}

static orr_status read_graph(void)
{
    struct orr_graph *g = NULL;
    const orr_status status = orr_graph_load(path, &g, &err);
    orr_graph_destroy(g);
    return status;
}

/* The recording's readers go by the end of the name: links to the file that every test makes. */
static orr_status read_recording(const char *ending)
{
    char link[310];
    struct orr_recording *recording;
    snprintf(link, sizeof link, "%s.%s", path, ending);
    if (symlink("hostile", link) != 0) assert_int_equal(errno, EEXIST);
    const struct orr_recording_config config = {.path = link};
    const orr_status status = orr_recording_read(&config, &recording, &err);
    orr_recording_destroy(recording);
    return status;
}

static orr_status read_csv(void) { return read_recording("csv"); }

static orr_status read_npy_recording(void) { return read_recording("npy"); }

static orr_status read_tensor_recording(void) { return read_recording("safetensors"); }

static const struct parser parsers[] = {{"npy", read_npy},
                                        {"safetensors", read_safetensors},
                                        {"recipe", read_recipe},
                                        {"graph", read_graph},
                                        {"csv", read_csv},
                                        {"recording of .npy", read_npy_recording},
                                        {"recording of .safetensors", read_tensor_recording}};
enum { PARSERS = sizeof parsers / sizeof *parsers };

#define TEBIBYTE ((off_t)1 << 40)

/* Make the file at path this long, with holes, or skip the test where the file system has no such files. */
static void stretch(off_t size)
{
    if (truncate(path, size) == 0) return;
    print_message("SKIPPED: no file of a tebibyte fits this file system\n");
    skip();
}

/* A .npy file of this dictionary and n bytes of data. */
static void make_npy(const char *dictionary, size_t n)
{
    char file[1024] = "\x93NUMPY\x01";
    file[8] = (char)(strlen(dictionary) + 1);
    snprintf(file + 10, sizeof file - 10, "%s\n", dictionary);
    write_bytes(path, file, 10 + strlen(dictionary) + 1 + n);
}

/* A safetensors file of the first `length` bytes of a header and n bytes of data. */
static void make_tensors(const char *header, uint64_t length, size_t n)
{
    char file[1024] = "";
    memcpy(file, &length, sizeof length);
    memcpy(file + sizeof length, header, length);
    write_bytes(path, file, sizeof length + length + n);
}

/* Reading such a file before judging it would take a tebibyte of memory, or minutes. */
static void huge_files_are_judged_by_their_heads(void **state)
{
    (void)state;
    for (size_t i = 0; i < PARSERS; ++i) {
        write_bytes(path, "", 0);
        stretch(TEBIBYTE);
        if (parsers[i].read() != ORR_EFORMAT || !strstr(err.text, path))
            fail_msg("%s: %s \"%s\"", parsers[i].name, orr_status_name(err.code), err.text);
    }
}

/* Nor is a checksum taken first, nor memory for numbers that no recording has: a tebibyte in four dimensions. */
static void recordings_are_judged_by_their_heads(void **state)
{
    (void)state;
    static const char four[] = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 1, 137438953472)}";
    make_npy(four, 0);
    struct stat head;
    assert_int_equal(stat(path, &head), 0);
    stretch(head.st_size + TEBIBYTE);
    expect_error(read_npy_recording(), &err, ORR_EFORMAT, path, "4 dimensions");
}

/* Columns are placed one by one, and their names compared: 100,000 of them, in a file of 0.8 MB, once took a minute. */
static void columns_without_end(void **state)
{
    (void)state;
    make_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 100000)}", 0);
    struct stat head;
    assert_int_equal(stat(path, &head), 0);
    stretch(head.st_size + 800000);
    expect_error(read_npy_recording(), &err, ORR_EFORMAT, path, "100000 columns: at most 4096");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs("trajectory,step", file);
    for (int i = 0; i < 4097; ++i)
        fprintf(file, ",x%d", i);
    fputs("\n", file);
    assert_int_equal(fclose(file), 0);
    expect_error(read_csv(), &err, ORR_EFORMAT, path, "more than 4096 columns", "\"x4096\"");
}

static const char two_floats[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}";
static const char one_float[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";

static void a_small_header_on_a_huge_file(void **state)
{
    (void)state;
    make_npy(two_floats, 8);
    expect_ok(read_npy(), &err);
    stretch(TEBIBYTE);
    expect_error(read_npy(), &err, ORR_EFORMAT, path, "its shape needs 8");
    make_tensors(one_float, strlen(one_float), 4);
    expect_ok(read_safetensors(), &err);
    stretch(TEBIBYTE);
    expect_error(read_safetensors(), &err, ORR_EFORMAT, path, "belong to no tensor");
}

/* The other way round: a promise of 2^62 bytes in a file of a hundred. */
static void huge_promises_of_small_files(void **state)
{
    (void)state;
    static const char tensors[] =
        "{\"a\":{\"dtype\":\"F64\",\"shape\":[576460752303423487],\"data_offsets\":[0,4611686018427387896]}}";
    make_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (576460752303423487,)}", 8);
    expect_error(read_npy(), &err, ORR_EFORMAT, path, "holds 8 bytes of data, its shape needs 4611686018427387896");
    make_tensors(tensors, strlen(tensors), 8);
    expect_error(read_safetensors(), &err, ORR_EFORMAT, path, "cut short");
    static const char graph[] = "graph f32\nstorage s0 1125899906842624 kept\n%0 = input : f32[1099511627776] @s0+0\n";
    write_bytes(path, graph, sizeof graph - 1); /* a graph is a description: nothing is allocated by it */
    expect_ok(read_graph(), &err);
}

/* before, then DEEP times open, then DEEP times close, then after. */
static void make_deep(const char *before, const char *open, const char *close, const char *after)
{
    const size_t n = strlen(before) + DEEP * (strlen(open) + strlen(close)) + strlen(after);
    char *text = orr_memory_array(n + 1, 1), *at = text;
    assert_non_null(text);
    at = stpcpy(at, before);
    for (int i = 0; i < DEEP; ++i)
        at = stpcpy(at, open);
    for (int i = 0; i < DEEP; ++i)
        at = stpcpy(at, close);
    stpcpy(at, after);
    write_bytes(path, text, n);
    orr_memory_free(text);
}

/* The same as a header of safetensors: its length stands before it. */
static void make_deep_header(const char *open, const char *close)
{
    const uint64_t n = strlen("{\"a\":}") + DEEP * (strlen(open) + strlen(close));
    make_deep("********{\"a\":", open, close, "}");
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fwrite(&n, sizeof n, 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

static void nesting_a_hundred_thousand_deep(void **state)
{
    (void)state;
    static const struct {
        const char *open, *close;
    } flow[] = {{"[", "]"}, {"{a: ", "}"}, {"[", ""}, {"- ", ""}, {"? ", ""}, {"{", ""}};
    for (size_t i = 0; i < sizeof flow / sizeof *flow; ++i) {
        make_deep(strcmp(flow[i].open, "- ") == 0 ? "a:\n- " : "a: ", flow[i].open, flow[i].close, "\n");
        expect_error(read_recipe(), &err, ORR_EFORMAT, path);
    }
    make_deep_header("[", "]");
    expect_error(read_safetensors(), &err, ORR_EFORMAT, path, "maximum parsing depth");
    make_deep_header("{\"a\":", "}");
    expect_error(read_safetensors(), &err, ORR_EFORMAT, path);
    make_deep("graph f32\n%0 = input : f32", "[", "]", "\n");
    expect_error(read_graph(), &err, ORR_EFORMAT, path, ":2: ");
    make_deep("graph f32\n%0 = fill {f=1} : f32[1]\n%1 = neg ", "%0, ", "", " : f32[1]\n");
    expect_error(read_graph(), &err, ORR_EFORMAT, path, ":3: ", "at most 6 inputs");
}

static void zero_bytes_end_no_text(void **state)
{
    (void)state;
    static const char graph[] = "graph f32\n%0 = input : f32[2]\n\0%1 = nonsense\n";
    write_bytes(path, graph, sizeof graph - 1);
    expect_error(read_graph(), &err, ORR_EFORMAT, path, "byte 30 is zero");
    write_bytes(path, "a: 1\n\0b: 2\n", 11);
    expect_error(read_recipe(), &err, ORR_EFORMAT, path, ":2:1:");
    make_tensors("{}\0 ", 4, 0);
    expect_error(read_safetensors(), &err, ORR_EFORMAT, path, "not valid JSON");
}

static void names_are_utf8(void **state)
{
    (void)state;
    static const char graph[] = "graph f32\n%0 = input : f32[2] \"x\xFF\"\n";
    write_bytes(path, graph, sizeof graph - 1);
    expect_error(read_graph(), &err, ORR_EFORMAT, path, ":2: ", "UTF-8");
    static const char tensors[] = "{\"\xC3\x28\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    make_tensors(tensors, strlen(tensors), 4);
    expect_error(read_safetensors(), &err, ORR_EFORMAT, path, "not valid JSON");
}

/* Windows' line ends and mark, where text is text. */
static void line_ends_and_marks_of_others(void **state)
{
    (void)state;
    static const char graph[] = "graph f32\r\n%0 = input : f32[2] \"x\"\r\n%1 = neg %0 : f32[2] keep\r\n";
    write_bytes(path, graph, sizeof graph - 1);
    expect_ok(read_graph(), &err);
    static const char recipe[] = "\xEF\xBB\xBFname: a\r\ndata:\r\n  steps: 3\r\n";
    write_bytes(path, recipe, sizeof recipe - 1);
    expect_ok(read_recipe(), &err);
}

/* Terminals take what is between ESC and m, and the C1 bytes, as commands. */
static void messages_carry_no_commands(void **state)
{
    (void)state;
    static const char graph[] = "graph f32\n\x1b[31m\xC2\x9B\xFF\n";
    static const char npy[] = "\x93NUMPY\x01\0\x0a\0{\x1b\xC2\x9B\xFF\xE2   \n";
    write_bytes(path, graph, sizeof graph - 1);
    expect_error(read_graph(), &err, ORR_EFORMAT, path);
    for (const unsigned char *c = (const unsigned char *)err.text; *c; ++c)
        assert_in_range(*c, 0x20, 0x7E);
    write_bytes(path, npy, sizeof npy - 1);
    expect_error(read_npy(), &err, ORR_EFORMAT, path);
    for (const unsigned char *c = (const unsigned char *)err.text; *c; ++c)
        assert_in_range(*c, 0x20, 0x7E);
}

/* A key of control characters is longest when it is written out; YAML's limit for a key is 1,024 characters. */
static void the_longest_key_reads_back(void **state)
{
    (void)state;
    char yaml[1100] = "\"", *text = NULL;
    for (int i = 0; i < 255; ++i)
        strcat(yaml, "\\x01");
    strcat(yaml, "\": 1\n");
    struct orr_config *config = NULL, *back = NULL;
    expect_ok(orr_config_parse(yaml, "yaml", &config, &err), &err);
    expect_ok(orr_config_write(orr_config_root(config), &text, &err), &err);
    expect_ok(orr_config_parse(text, "written", &back, &err), &err);
    assert_string_equal(orr_config_root(back)->children[0]->key, orr_config_root(config)->children[0]->key);
    orr_memory_free(text);
    orr_config_destroy(back);
    orr_config_destroy(config);
}

/* Every beginning of these is a file that somebody's disk was too full for. */
static void texts_cut_at_every_byte(void **state)
{
    (void)state;
    static const char graph[] = "graph f32\nstorage s0 32 kept\n%0 = input : f32[2,4] @s0+0 batch=2 \"a\\\"b\"\n"
                                "%1 = sum %0 {i=1} : f32[2,1] keep \"y\"\n";
    static const char recipe[] = "a: \"\\u00e9\"\nb: [1, {c: 'd'}]\ne: |\n  f\n";
    for (size_t n = 0; n < sizeof graph; ++n) {
        write_bytes(path, graph, n);
        if (read_graph() != ORR_OK) expect_error(err.code, &err, ORR_EFORMAT, path);
    }
    for (size_t n = 0; n < sizeof recipe; ++n) {
        write_bytes(path, recipe, n);
        if (read_recipe() != ORR_OK) expect_error(err.code, &err, ORR_EFORMAT, path);
    }
}

/* Each size of a recipe is tried, so that their number and that of their points bound the time. */
static void sizes_without_end(void **state)
{
    (void)state;
    static const char recipe[] = "name: a\nsimulator: {name: kepler}\ndata: {trajectories: 40, steps: 9, context: 3}\n"
                                 "train: {steps: 5, batch_size: 1}\nsizes:\n";
    static const struct orr_sweep_options options = {.size = NULL};
    struct orr_sweep *sweep = NULL;
    for (int sizes = 64; sizes <= 65; ++sizes) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        fputs(recipe, file);
        for (int i = 0; i < sizes; ++i)
            fprintf(file, "  s%d: {}\n", i);
        assert_int_equal(fclose(file), 0);
        if (sizes == 64) {
            expect_ok(orr_sweep_create(path, &options, &sweep, &err), &err);
            orr_sweep_destroy(sweep);
        } else {
            expect_error(orr_sweep_create(path, &options, &sweep, &err), &err, ORR_EINVAL, path, ":5:1: sizes",
                         "65 sizes are more than 64");
        }
    }
}

/* The keys of a map are compared with one another. */
static void keys_without_end(void **state)
{
    (void)state;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 1025; ++i)
        fprintf(file, "k%d: 1\n", i);
    assert_int_equal(fclose(file), 0);
    expect_error(read_recipe(), &err, ORR_EFORMAT, path, ":1025:1: more than 1024 keys in one map");
}

#define in_scratch(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch(huge_files_are_judged_by_their_heads),
        in_scratch(recordings_are_judged_by_their_heads),
        in_scratch(columns_without_end),
        in_scratch(a_small_header_on_a_huge_file),
        in_scratch(huge_promises_of_small_files),
        in_scratch(nesting_a_hundred_thousand_deep),
        in_scratch(zero_bytes_end_no_text),
        in_scratch(names_are_utf8),
        in_scratch(line_ends_and_marks_of_others),
        in_scratch(messages_carry_no_commands),
        cmocka_unit_test(the_longest_key_reads_back),
        in_scratch(texts_cut_at_every_byte),
        in_scratch(sizes_without_end),
        in_scratch(keys_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
