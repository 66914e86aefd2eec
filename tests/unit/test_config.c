/* Recipes read: places, refusals, paths, typed values, and YAML that parses back to the same tree. */
#include "base/config.h"
#include "base/memory.h"
#include "expect.h"

#include <math.h>

static struct orr_error err;

static struct orr_config *parse(const char *text)
{
    struct orr_config *config = NULL;
    expect_ok(orr_config_parse(text, "recipe.yaml", &config, &err), &err);
    return config;
}

static void refuse(const char *text, const char *fragment)
{
    struct orr_config *config = NULL;
    expect_error(orr_config_parse(text, "recipe.yaml", &config, &err), &err, ORR_EFORMAT, fragment);
    assert_null(config);
}

static const char recipe[] = "simulator: kepler   # a comment\n"
                             "train:\n"
                             "  steps: 300\n"
                             "  rate: 1e-3\n"
                             "  clip: true\n"
                             "probes:\n"
                             "  - {name: linear, cut: 0.1}\n"
                             "  - name: rollout\n"
                             "sizes: [2, 10, 100]\n"
                             "sweep: {data.context: [2, 10]}\n"
                             "expect:\n";

static const struct orr_config_node *at(const struct orr_config *config, const char *path)
{
    const struct orr_config_node *node = orr_config_find(orr_config_root(config), path);
    if (!node) fail_msg("nothing at \"%s\"", path);
    return node;
}

static void test_nodes_and_places(void **state)
{
    (void)state;
    struct orr_config *config = parse(recipe);
    assert_int_equal(orr_config_root(config)->kind, ORR_CONFIG_MAP);
    assert_int_equal(orr_config_root(config)->count, 6);
    assert_string_equal(at(config, "simulator")->text, "kepler");
    assert_string_equal(at(config, "train.rate")->text, "1e-3");
    assert_int_equal(at(config, "train.rate")->line, 4);
    assert_int_equal(at(config, "train.rate")->column, 3);
    assert_string_equal(at(config, "train.rate")->file, "recipe.yaml");
    assert_string_equal(at(config, "probes.0.cut")->text, "0.1");
    assert_string_equal(at(config, "probes.1.name")->text, "rollout");
    assert_null(at(config, "probes.1")->key);
    assert_string_equal(at(config, "sizes.2")->text, "100");
    assert_string_equal(at(config, "sweep.data.context.1")->text, "10");
    assert_string_equal(at(config, "expect")->text, "");
    assert_ptr_equal(at(config, ""), orr_config_root(config));
    orr_config_destroy(config);
}

static void test_nothing_is_found_where_nothing_is(void **state)
{
    (void)state;
    static const char *const paths[] = {"steps",          "train.step", "train.steps.x",
                                        "sizes.3",        "sizes.x",    "sizes.",
                                        "train.",         ".train",     "sizes.00000000000000000000001",
                                        "probes.0.cut.0", "simulato",   "train..steps",
                                        "sizes.-1"};
    struct orr_config *config = parse(recipe);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; ++i)
        if (orr_config_find(orr_config_root(config), paths[i])) fail_msg("something at \"%s\"", paths[i]);
    assert_null(orr_config_find(NULL, "train"));
    orr_config_destroy(config);
}

static void test_empty_documents_are_empty_maps(void **state)
{
    (void)state;
    static const char *const empty[] = {"", "# only a comment\n", "---\n...\n", "{}"};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; ++i) {
        struct orr_config *config = parse(empty[i]);
        assert_int_equal(orr_config_root(config)->kind, ORR_CONFIG_MAP);
        assert_int_equal(orr_config_root(config)->count, 0);
        orr_config_destroy(config);
    }
}

static void test_refusals_name_the_place(void **state)
{
    (void)state;
    refuse("a: 1\nb:\n  c: 1\n  c: 2\n", "recipe.yaml:4:3: the key \"c\" is given twice (first in line 3)");
    refuse("a: &x 1\n", "recipe.yaml:1:4: anchors and aliases are not supported");
    refuse("a: *x\n", "recipe.yaml:1:4: anchors and aliases are not supported");
    refuse("*x : 1\n", "recipe.yaml:1:1: a key must be a single word");
    refuse("a: !!int 1\n", "recipe.yaml:1:4: tags");
    refuse("[a]: 1\n", "recipe.yaml:1:1: a key must be");
    refuse("a: 1\n\tb: 2\n", "recipe.yaml:2:1: ");
    refuse("a: 1\n\tb: 2\n", "indent by spaces");
    refuse("a: 1\n---\nb: 2\n", "recipe.yaml:2:1: a second document");
    refuse("- 1\n", "recipe.yaml:1:1: a map of keys");
    refuse("just text\n", "recipe.yaml:1:1: a map of keys");
    refuse("a: [1, 2\n", "recipe.yaml:2:1: ");
    refuse("a: 1\nb: \"\\0\"\n", "recipe.yaml:2:4: a text must not hold a zero byte");
    refuse("\"\": 1\n", "a key has 1 to 255 characters");
    refuse("a: 1\nb: \xFF\xFE\n", "recipe.yaml:2:4: ");
    refuse("a: \xC3\n", "UTF-8");
    refuse("a: \x01\n", "recipe.yaml:1:4: ");
}

static void nested(char *text, size_t size, int levels)
{
    size_t n = (size_t)snprintf(text, size, "a: ");
    for (int i = 0; i < levels; ++i)
        text[n++] = '[';
    for (int i = 0; i < levels; ++i)
        text[n++] = ']';
    text[n] = '\0';
}

static void test_depth_is_limited(void **state)
{
    (void)state;
    char text[512];
    nested(text, sizeof text, ORR_CONFIG_DEPTH - 1); /* the root map is one level */
    orr_config_destroy(parse(text));
    nested(text, sizeof text, ORR_CONFIG_DEPTH);
    refuse(text, "nested deeper than 64");
}

static void test_size_is_limited(void **state)
{
    (void)state;
    char *text = orr_memory_array(ORR_CONFIG_BYTES + 2, 1);
    memset(text, ' ', ORR_CONFIG_BYTES);
    memcpy(text, "a: 1", 4);
    orr_config_destroy(parse(text));
    text[ORR_CONFIG_BYTES] = '\n';
    refuse(text, "larger than 1048576 bytes");
    orr_memory_free(text);
}

static void test_files(void **state)
{
    (void)state;
    char directory[256], path[300], expected[400];
    struct orr_config *config = NULL;
    make_scratch(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/r.yaml", directory);
    expect_error(orr_config_load(path, &config, &err), &err, ORR_EIO, path, "No such file");
    expect_error(orr_config_load(directory, &config, &err), &err, ORR_EIO, directory);
    write_bytes(path, "a: 1\0b: 2\n", 10);
    snprintf(expected, sizeof expected, "%s:1:5: ", path);
    expect_error(orr_config_load(path, &config, &err), &err, ORR_EFORMAT, expected);
    write_bytes(path,
                "\xEF\xBB\xBF"
                "a: 1\n",
                8); /* a byte order mark is fine */
    expect_ok(orr_config_load(path, &config, &err), &err);
    assert_string_equal(at(config, "a")->text, "1");
    assert_string_equal(at(config, "a")->file, path);
    orr_config_destroy(config);
    remove_scratch(directory);
}

static void test_typed_values(void **state)
{
    (void)state;
    struct orr_config *config = parse(recipe);
    int64_t i = 0;
    double r = 0;
    bool b = false;
    const char *text = NULL;
    expect_ok(orr_config_int(at(config, "train.steps"), 300, 300, &i, &err), &err);
    expect_ok(orr_config_real(at(config, "train.rate"), 0, 1, &r, &err), &err);
    expect_ok(orr_config_bool(at(config, "train.clip"), &b, &err), &err);
    expect_ok(orr_config_text(at(config, "simulator"), &text, &err), &err);
    assert_int_equal(i, 300);
    assert_true(r == 1e-3);
    assert_true(b);
    assert_string_equal(text, "kepler");
    orr_config_destroy(config);
}

static void test_wrong_types_say_where_and_what(void **state)
{
    (void)state;
    struct orr_config *config = parse(recipe);
    int64_t i = 7;
    double r = 7;
    bool b = true;
    const char *text = NULL;
    expect_error(orr_config_int(at(config, "simulator"), 1, 10, &i, &err), &err, ORR_EINVAL,
                 "recipe.yaml:1:1: simulator: \"kepler\" is not a whole number: expected a whole number from 1 to 10");
    expect_error(orr_config_int(at(config, "train.steps"), 1, 299, &i, &err), &err, ORR_EINVAL,
                 "recipe.yaml:3:3: train.steps: 300 is out of range", "from 1 to 299");
    expect_error(orr_config_int(at(config, "train.steps"), 301, INT64_MAX, &i, &err), &err, ORR_EINVAL, "at least 301");
    expect_error(orr_config_int(at(config, "train"), 1, 2, &i, &err), &err, ORR_EINVAL, "train: is a map");
    expect_error(orr_config_int(at(config, "expect"), 1, 2, &i, &err), &err, ORR_EINVAL, "has no value");
    expect_error(orr_config_real(at(config, "train.rate"), 0.01, (double)INFINITY, &r, &err), &err, ORR_EINVAL,
                 "1e-3 is out of range", "at least 0.01");
    expect_error(orr_config_real(at(config, "probes.0.name"), 0, 1, &r, &err), &err, ORR_EINVAL, "probes.0.name",
                 "\"linear\" is not a finite number");
    expect_error(orr_config_bool(at(config, "train.steps"), &b, &err), &err, ORR_EINVAL, "true or false");
    expect_error(orr_config_text(at(config, "sizes"), &text, &err), &err, ORR_EINVAL, "sizes: is a list");
    expect_error(orr_config_text(at(config, "expect"), &text, &err), &err, ORR_EINVAL, "expect: has no value");
    assert_int_equal(i, 7);
    assert_true(r == 7);
    orr_config_destroy(config);
}

static void test_unknown_keys(void **state)
{
    (void)state;
    static const char *const known[] = {"rate", "clip", "step"};
    struct orr_config *config = parse(recipe);
    const struct orr_config_node *train = at(config, "train");
    expect_error(orr_config_check_keys(train, known, 3, &err), &err, ORR_EINVAL, "recipe.yaml:3:3", "\"steps\"",
                 "did you mean \"step\"", "one of rate, clip, step");
    expect_error(orr_config_check_keys(train, known, 0, &err), &err, ORR_EINVAL, "\"steps\"", "none");
    expect_error(orr_config_check_keys(at(config, "sizes"), known, 3, &err), &err, ORR_EINVAL, "is a list");
    static const char *const all[] = {"steps", "rate", "clip"};
    expect_ok(orr_config_check_keys(train, all, 3, &err), &err);
    expect_ok(orr_config_check_keys(at(config, "expect"), all, 3, &err), &err);
    orr_config_destroy(config);
}

static bool same(const struct orr_config_node *a, const struct orr_config_node *b)
{
    if (a->kind != b->kind || a->count != b->count || !a->key != !b->key || !a->text != !b->text) return false;
    if ((a->key && strcmp(a->key, b->key) != 0) || (a->text && strcmp(a->text, b->text) != 0)) return false;
    for (size_t i = 0; i < a->count; ++i)
        if (!same(a->children[i], b->children[i])) return false;
    return true;
}

static void check_round_trip(const char *yaml)
{
    struct orr_config *config = parse(yaml), *back = NULL;
    char *text = NULL, *again = NULL;
    expect_ok(orr_config_write(orr_config_root(config), &text, &err), &err);
    if (orr_config_parse(text, "written", &back, &err) != ORR_OK) fail_msg("%s\nfrom:\n%s", err.text, text);
    if (!same(orr_config_root(config), orr_config_root(back))) fail_msg("\n%s\nbecame\n%s", yaml, text);
    expect_ok(orr_config_write(orr_config_root(back), &again, &err), &err);
    assert_string_equal(text, again);
    orr_memory_free(text);
    orr_memory_free(again);
    orr_config_destroy(back);
    orr_config_destroy(config);
}

static void test_written_yaml_parses_back(void **state)
{
    (void)state;
    check_round_trip(recipe);
    check_round_trip("");
    check_round_trip("a: {}\nb: []\nc: ''\nd: [[], {}, '', [1], [[2, {x: [3, [4]]}]]]\n");
    check_round_trip("l:\n- - a\n  - b: 1\n    c:\n    - d: {e: f}\n- g\n");
    check_round_trip("'key: odd': 'it''s: #1'\n'- x': '- y'\n'?': '? z'\n'~': '...'\n' ': '  lead and trail '\n");
    check_round_trip("a: 'opencl:0'\nb: '*x'\nc: '&y'\nd: '!t'\ne: '%d'\nf: '@g'\ng: '`'\nh: '{'\ni: 'a, b'\n");
    check_round_trip("a: \"tab\\tline\\nbell\\a del\\x7f nel\\x85 ls\\u2028 bom\\ufeff\"\nb: \"\\U0001F600 \\xe9\"\n");
    check_round_trip("text: |\n  two\n  lines\nfolded: >\n  x\n  y\n");
    check_round_trip("a: '-'\nb: '--- x'\nc: +1\nd: .5\ne: ./x\nf: ../y\ng: /z\nh: -x\ni: '-'\nj: 'a  b'\n");
}

static void test_written_form_is_plain(void **state)
{
    (void)state;
    struct orr_config *config = parse("b: {c: [1, 2], d: 'x: y'}\na: [{n: 1, m: {}}, 2]\n");
    char *text = NULL;
    expect_ok(orr_config_write(orr_config_root(config), &text, &err), &err);
    assert_string_equal(text, "b:\n  c: [1, 2]\n  d: \"x: y\"\na:\n  - n: 1\n    m: {}\n  - 2\n");
    orr_memory_free(text);
    orr_config_destroy(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nodes_and_places),
        cmocka_unit_test(test_nothing_is_found_where_nothing_is),
        cmocka_unit_test(test_empty_documents_are_empty_maps),
        cmocka_unit_test(test_refusals_name_the_place),
        cmocka_unit_test(test_depth_is_limited),
        cmocka_unit_test(test_size_is_limited),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_typed_values),
        cmocka_unit_test(test_wrong_types_say_where_and_what),
        cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_written_yaml_parses_back),
        cmocka_unit_test(test_written_form_is_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
