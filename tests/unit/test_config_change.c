/* Recipes changed: --set, sizes laid over a recipe, removal; what is refused leaves the tree as it was. */
#include "base/config.h"
#include "base/memory.h"
#include "expect.h"

static struct orr_error err;

static struct orr_config *parse(const char *text)
{
    struct orr_config *config = NULL;
    expect_ok(orr_config_parse(text, "recipe.yaml", &config, &err), &err);
    return config;
}

static void expect_yaml(const struct orr_config *config, const char *expected)
{
    char *text = NULL;
    expect_ok(orr_config_write(orr_config_root(config), &text, &err), &err);
    assert_string_equal(text, expected);
    orr_memory_free(text);
}

static void check_set(const char *before, const char *path, const char *value, const char *after)
{
    struct orr_config *config = parse(before);
    expect_ok(orr_config_set(config, path, value, "--set", &err), &err);
    expect_yaml(config, after);
    orr_config_destroy(config);
}

static void test_set(void **state)
{
    (void)state;
    check_set("a: 1\n", "a", "2", "a: 2\n");
    check_set("a: 1\nb: 2\n", "a", "[3, x]", "a: [3, x]\nb: 2\n");
    check_set("a: {b: 1}\n", "a.c", "2", "a:\n  b: 1\n  c: 2\n");
    check_set("", "a.b.c", "2", "a:\n  b:\n    c: 2\n");
    check_set("a:\n", "a.b", "2", "a:\n  b: 2\n");
    check_set("a: 1\n", "a", "{b: {c: 2}}", "a:\n  b:\n    c: 2\n");
    check_set("a: 1\n", "a", "", "a: \"\"\n");
    check_set("a: 1\n", "a", "2,10,100", "a: \"2,10,100\"\n");
    check_set("a: 1\n", "a", "opencl:0", "a: \"opencl:0\"\n");
    check_set("l: [1, 2]\n", "l.1", "x", "l: [1, x]\n");
    check_set("l: [1, 2]\n", "l.2", "x", "l: [1, 2, x]\n");
    check_set("l: []\n", "l.0", "x", "l: [x]\n");
    check_set("l: [{a: 1}]\n", "l.0.b", "x", "l:\n  - a: 1\n    b: x\n");
    check_set("l: [1]\n", "l.1.a.b", "x", "l:\n  - 1\n  - a:\n      b: x\n");
    check_set("s: {data.context: 1}\n", "s.data.context", "2", "s:\n  data.context: 2\n");
}

static void test_refused_settings_change_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *path, *value, *fragment;
        orr_status code;
    } cases[] = {
        {"a.b", "1", "--set: a: there is nothing below it to set", ORR_EINVAL},
        {"l.3", "1", "use 0 to 2", ORR_EINVAL},
        {"l.x", "1", "\"x\" is not an item", ORR_EINVAL},
        {"m..x", "1", "is not a path", ORR_EINVAL},
        {"m.", "1", "is not a path", ORR_EINVAL},
        {"", "1", "is not a path", ORR_EINVAL},
        {"a", "[1", "--set a: ", ORR_EFORMAT},
        {"a", "*x", "anchors and aliases", ORR_EFORMAT},
        {"a", "{x: 1, x: 2}", "given twice", ORR_EFORMAT},
        {"a", "\xFF", "UTF-8", ORR_EFORMAT},
    };
    struct orr_config *config = parse("a: 5\nl: [1, 2]\nm: {}\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        expect_error(orr_config_set(config, cases[i].path, cases[i].value, "--set", &err), &err, cases[i].code,
                     cases[i].fragment);
        expect_yaml(config, "a: 5\nl: [1, 2]\nm: {}\n");
    }
    orr_config_destroy(config);
}

static void test_depth_holds_for_settings(void **state)
{
    (void)state;
    char path[200] = "a";
    for (int i = 2; i < ORR_CONFIG_DEPTH; ++i)
        strcat(path, ".a"); /* ORR_CONFIG_DEPTH - 1 keys below the root: as deep as it may be */
    struct orr_config *config = parse("");
    char *text = NULL;
    struct orr_config *back = NULL;
    expect_error(orr_config_set(config, path, "[x]", "--set", &err), &err, ORR_EINVAL, "nested deeper than 64");
    expect_ok(orr_config_set(config, path, "x", "--set", &err), &err);
    expect_error(orr_config_set(config, path, "[x]", "--set", &err), &err, ORR_EINVAL, "nested deeper than 64");
    expect_ok(orr_config_write(orr_config_root(config), &text, &err), &err);
    expect_ok(orr_config_parse(text, "written", &back, &err), &err);
    orr_memory_free(text);
    orr_config_destroy(back);
    orr_config_destroy(config);
}

static void test_origin_is_named_later(void **state)
{
    (void)state;
    struct orr_config *config = parse("train: {steps: 3}\n");
    int64_t value;
    expect_ok(orr_config_set(config, "train.steps", "abc", "--set", &err), &err);
    const struct orr_config_node *node = orr_config_find(orr_config_root(config), "train.steps");
    expect_error(orr_config_int(node, 1, 9, &value, &err), &err, ORR_EINVAL, "--set: train.steps: \"abc\" is not");
    orr_config_destroy(config);
}

static void check_merge(const char *before, const char *over, const char *after)
{
    struct orr_config *config = parse(before), *other = parse(over);
    expect_ok(orr_config_merge(config, orr_config_root(other), &err), &err);
    orr_config_destroy(other); /* nothing may be borrowed from it */
    expect_yaml(config, after);
    orr_config_destroy(config);
}

static void test_merge(void **state)
{
    (void)state;
    check_merge("a: 1\n", "", "a: 1\n");
    check_merge("", "a: 1\n", "a: 1\n");
    check_merge("a: {b: 1, c: 2}\n", "a: {c: 3, d: 4}\n", "a:\n  b: 1\n  c: 3\n  d: 4\n");
    check_merge("a: {b: 1, c: 2}\n", "a.c: 3\na.d.e: 4\n", "a:\n  b: 1\n  c: 3\n  d:\n    e: 4\n");
    check_merge("a: [1, 2]\n", "a: [3]\n", "a: [3]\n");
    check_merge("a: {b: 1}\n", "a: 2\n", "a: 2\n");
    check_merge("a: 2\n", "a: {b: {c: 1}}\n", "a:\n  b:\n    c: 1\n");
    check_merge("l: [{a: 1}]\n", "l.0.a: 2\nl.1: x\n", "l:\n  - a: 2\n  - x\n");
    check_merge("s: {data.context: 1}\n", "s: {data.context: [2, 3], x.y: 4}\n",
                "s:\n  data.context: [2, 3]\n  x.y: 4\n");
}

static void test_merge_within_one_configuration(void **state)
{
    (void)state;
    struct orr_config *config = parse("train: {steps: 5}\nsizes:\n  quick: {train.steps: 1, new.key: 2}\n");
    const struct orr_config_node *quick = orr_config_find(orr_config_root(config), "sizes.quick");
    expect_ok(orr_config_merge(config, quick, &err), &err);
    expect_ok(orr_config_remove(config, "sizes"), &err);
    expect_yaml(config, "train:\n  steps: 1\nnew:\n  key: 2\n");
    const struct orr_config_node *steps = orr_config_find(orr_config_root(config), "train.steps");
    assert_int_equal(steps->line, 3); /* where the value was written */
    orr_config_destroy(config);
}

static void test_merge_refusals_name_the_place(void **state)
{
    (void)state;
    struct orr_config *config = parse("a: 5\n"), *other = parse("b: 1\na.b: 2\n"), *list = parse("l: [1]\n");
    expect_error(orr_config_merge(config, orr_config_root(other), &err), &err, ORR_EINVAL, "recipe.yaml:2:1",
                 "nothing below");
    expect_error(orr_config_merge(config, orr_config_find(orr_config_root(list), "l"), &err), &err, ORR_EINVAL,
                 "a map of keys");
    orr_config_destroy(config);
    orr_config_destroy(other);
    orr_config_destroy(list);
}

static void test_remove(void **state)
{
    (void)state;
    struct orr_config *config = parse("a: {b: 1, c: 2}\nl: [1, 2, 3]\n");
    assert_int_equal(orr_config_remove(config, "a.b"), ORR_OK);
    assert_int_equal(orr_config_remove(config, "l.1"), ORR_OK);
    expect_yaml(config, "a:\n  c: 2\nl: [1, 3]\n");
    assert_int_equal(orr_config_remove(config, "a.b"), ORR_EINVAL);
    assert_int_equal(orr_config_remove(config, ""), ORR_EINVAL);
    assert_int_equal(orr_config_remove(config, "l"), ORR_OK);
    assert_int_equal(orr_config_remove(config, "a"), ORR_OK);
    expect_yaml(config, "{}\n");
    orr_config_destroy(config);
}

static void test_removing_and_adding_many(void **state)
{
    (void)state;
    /* Around the sizes at which an array of children grows. */
    struct orr_config *config = parse("l: []\n");
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 40; ++i) {
            char path[16], value[16];
            snprintf(path, sizeof path, "l.%d", i);
            snprintf(value, sizeof value, "%d", i + round);
            expect_ok(orr_config_set(config, path, value, "--set", &err), &err);
        }
        const struct orr_config_node *list = orr_config_find(orr_config_root(config), "l");
        assert_int_equal(list->count, 40);
        for (int i = 0; i < 40; ++i)
            assert_int_equal(atoi(list->children[i]->text), i + round);
        for (int i = 40; i-- > round * 4;) {
            char path[16];
            snprintf(path, sizeof path, "l.%d", i);
            assert_int_equal(orr_config_remove(config, path), ORR_OK);
        }
    }
    orr_config_destroy(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_refused_settings_change_nothing),
        cmocka_unit_test(test_depth_holds_for_settings),
        cmocka_unit_test(test_origin_is_named_later),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_merge_within_one_configuration),
        cmocka_unit_test(test_merge_refusals_name_the_place),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_removing_and_adding_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
