/* Figures: their data and scripts, what gnuplot makes of hostile texts, and what is said where it fails. */
#include "expect.h"
#include "study/figure.h"
#include "study/gnuplot.h"

#include <math.h>

static char scratch[256];

static int set_up(void **state)
{
    (void)state;
    make_scratch(scratch, sizeof scratch);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_scratch(scratch);
    return 0;
}

static struct orr_figure_curve *add(struct orr_figure *figure, enum orr_curve_kind kind, size_t n)
{
    struct orr_error err;
    struct orr_figure_curve *curve = NULL;
    expect_ok(orr_figure_add(figure, kind, n, &curve, &err), &err);
    for (size_t i = 0; i < n; ++i) {
        curve->x[i] = (double)(i + 1);
        curve->y[i] = 0.5 * (double)(i + 1);
    }
    return curve;
}

/* Written without gnuplot; the file is the caller's. */
static char *written(const struct orr_figure *figure, const char *ending)
{
    struct orr_error err;
    struct orr_text svg = {.data = NULL};
    char why[64], path[400];
    static char text[20000];
    bool missing = true;
    expect_ok(orr_figure_write(figure, scratch, &svg, &missing, why, sizeof why, &err), &err);
    assert_int_equal(svg.length, 0);
    snprintf(path, sizeof path, "%s/%s.%s", scratch, figure->name, ending);
    FILE *file = fopen(path, "r");
    if (!file) fail_msg("no %s", path);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void expect_text(const char *text, const char *fragment)
{
    if (!strstr(text, fragment)) fail_msg("no \"%s\" in:\n%s", fragment, text);
}

static void expect_none(const char *text, const char *fragment)
{
    if (strstr(text, fragment)) fail_msg("\"%s\" in:\n%s", fragment, text);
}

static void test_texts_are_quoted(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_figure figure = {.x_label = "it's \\n `ls` \"$x\"\n", .y_label = "cut \xe2\x82"};
    orr_figure_name(&figure, "../a b", "'; rm", "");
    struct orr_figure_curve *curve = add(&figure, ORR_CURVE_MEAN, 2);
    snprintf(curve->title, sizeof curve->title, "50%% of 'it'");
    expect_ok(orr_figure_tic(&figure, 1, "50% 'a'", &err), &err);
    expect_ok(orr_figure_tic(&figure, 2.5, "%d", &err), &err);

    assert_string_equal(figure.name, "---a-b----rm");
    const char *script = written(&figure, "gp");
    expect_text(script, "set xlabel 'it''s \\n `ls` \"$x\" '\n");
    expect_text(script, "set ylabel 'cut ?"
                        "?'\n");
    expect_text(script, "title '50% of ''it'''");
    expect_text(script, "set xtics ('50%% ''a''' 1, '%%d' 2.5)\n"); /* a tic's text is a format */
    expect_text(script, "set encoding utf8\n");
    orr_figure_fini(&figure);
}

static void test_whiskers_of_seeds_stand_side_by_side(void **state)
{
    (void)state;
    struct orr_figure figure = {.name = "f", .log_x = true, .spacing = log(2)};
    struct orr_figure_curve *curve = add(&figure, ORR_CURVE_SEED, 2);
    curve->low[1] = 0.75;
    curve->high[1] = 1.25;
    curve->shift = 0.5;

    expect_text(written(&figure, "dat"), "1 0.5 nan nan\n2 1 0.75 1.25\n"); /* the data stay where they are */
    const char *script = written(&figure, "gp");
    /* Half of the spacing: times the square root of 2. */
    expect_text(script, "using ($1*1.414213562373095");
    expect_text(script, ":($3):(0):($4-($3)) with vectors nohead");
    expect_text(script, "with linespoints pt 7 ps 0.2 lw 0.5");
    figure.log_x = false;
    figure.spacing = 3;
    expect_text(written(&figure, "gp"), "using ($1+1.5)");
    orr_figure_fini(&figure);
}

/* gnuplot draws in order: a control of the same value must not hide what the figure is about. */
static void test_means_are_drawn_on_top(void **state)
{
    (void)state;
    struct orr_figure figure = {.name = "f"};
    snprintf(add(&figure, ORR_CURVE_MEAN, 2)->title, 8, "mean");
    snprintf(add(&figure, ORR_CURVE_CONTROL, 2)->title, 8, "control");
    add(&figure, ORR_CURVE_SEED, 2);

    const char *script = written(&figure, "gp");
    const char *seed = strstr(script, "index 2"), *mean = strstr(script, "title 'mean'");
    const char *control = strstr(script, "title 'control'");

    if (!seed || !mean || !control || !(seed < mean && mean < control)) fail_msg("another order:\n%s", script);
    expect_text(control, "index 0 "); /* once more, without a second title */
    expect_none(control, "title 'mean'");
    orr_figure_fini(&figure);
}

static void test_bars_below_zero_on_a_log_axis_reach_its_bottom(void **state)
{
    (void)state;
    struct orr_figure figure = {.name = "f"};
    struct orr_figure_curve *curve = add(&figure, ORR_CURVE_MEAN, 3);
    curve->y[0] = 0.01;
    curve->low[0] = -3;
    curve->high[0] = 3;
    assert_true(orr_figure_spans_decade(&figure));
    expect_text(written(&figure, "gp"), "using 1:2:($3):4 with yerrorbars");
    figure.log_y = true;

    const char *script = written(&figure, "gp");

    expect_text(script, "set logscale y\n");
    expect_text(script, "using 1:2:($3<0.00");
    expect_none(script, "yrange [-");
    orr_figure_fini(&figure);
}

static void test_many_numbers_are_thinned_in_the_drawing_alone(void **state)
{
    (void)state;
    assert_int_equal(orr_figure_every(0), 1);
    assert_int_equal(orr_figure_every(1), 1);
    assert_int_equal(orr_figure_every(500), 1);
    assert_int_equal(orr_figure_every(501), 2);
    assert_int_equal(orr_figure_every(20001), 41);
    struct orr_figure figure = {.name = "f"};
    add(&figure, ORR_CURVE_LINE, 501);
    expect_text(written(&figure, "gp"), "'f.dat' index 0 every 2 using 1:2 with lines");
    expect_text(written(&figure, "dat"), "\n500 250 nan nan\n501 250.5 nan nan\n");
    orr_figure_fini(&figure);
}

static void test_only_numbers_that_can_be_drawn_count(void **state)
{
    (void)state;
    struct orr_figure figure = {.name = "f"};
    assert_int_equal(orr_figure_count(&figure), 0);
    assert_false(orr_figure_spans_decade(&figure));
    add(&figure, ORR_CURVE_MEAN, 0);
    struct orr_figure_curve *curve = add(&figure, ORR_CURVE_MEAN, 4);
    curve->y[0] = (double)NAN;
    curve->y[1] = (double)INFINITY;
    curve->y[2] = -1;
    curve->y[3] = 0;
    assert_int_equal(orr_figure_count(&figure), 2);
    assert_false(orr_figure_spans_decade(&figure));
    figure.log_y = true;
    assert_int_equal(orr_figure_count(&figure), 0);
    expect_none(written(&figure, "gp"), "yrange");
    expect_text(written(&figure, "dat"), "nan nan nan nan\n"); /* a block of none is a block */
    orr_figure_fini(&figure);
}

static void test_crowded_tics_are_turned(void **state)
{
    (void)state;
    struct orr_error err;
    struct orr_figure figure = {.name = "f"};
    add(&figure, ORR_CURVE_BARS, 2);
    const int height = orr_figure_height(&figure);
    expect_ok(orr_figure_tic(&figure, 1, "untrained, solver=rk4", &err), &err);
    expect_none(written(&figure, "gp"), "rotate");
    expect_ok(orr_figure_tic(&figure, 2, "with squares, solver=rk4", &err), &err);
    expect_text(written(&figure, "gp"), "set xtics rotate by 90 right\n");
    assert_true(orr_figure_height(&figure) > height);
    orr_figure_fini(&figure);
}

/* ---- gnuplot ---- */

static void test_gnuplot_draws_hostile_texts(void **state)
{
    (void)state;
    if (system("gnuplot --version > /dev/null 2>&1") != 0) {
        print_message("SKIPPED: there is no gnuplot\n");
        skip();
    }
    struct orr_error err;
    struct orr_text svg = {.data = NULL};
    struct orr_figure figure = {
        .name = "hostile", .x_label = "50% <b>&amp; it's \\ `id`", .y_label = "\xc3\xa9", .log_x = true, .spacing = 1};
    char why[256];
    bool missing = false;
    struct orr_figure_curve *curve = add(&figure, ORR_CURVE_SEED, 3);
    curve->low[0] = 0.4;
    curve->high[0] = 0.6;
    curve->shift = 0.1;
    add(&figure, ORR_CURVE_MEAN, 1);
    add(&figure, ORR_CURVE_FIT, 0);
    expect_ok(orr_figure_tic(&figure, 1, "5%s", &err), &err);

    expect_ok(orr_figure_write(&figure, scratch, &svg, &missing, why, sizeof why, &err), &err);

    assert_string_equal(why, "");
    assert_false(missing);
    expect_text(svg.data, "50% &lt;b>&amp;amp; it's \\ `id`");
    expect_text(svg.data, ">5%s<");
    expect_text(svg.data, "\xc3\xa9");
    orr_text_fini(&svg);
    orr_figure_fini(&figure);
}

/* With a gnuplot of ours, a shell script, in the place of the real one. */
static void run_fake(const char *script, struct orr_text *svg, bool *missing, char *why, size_t size)
{
    struct orr_error err;
    char path[300], *before = getenv("PATH"), *kept = before ? strdup(before) : NULL;
    snprintf(path, sizeof path, "%s/gnuplot", scratch);
    if (script) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(script, file);
        fclose(file);
        chmod(path, 0700);
    }
    setenv("PATH", scratch, 1);
    const orr_status status = orr_gnuplot(scratch, "f.gp", svg, missing, why, size, &err);
    setenv("PATH", kept ? kept : "", 1);
    free(kept);
    expect_ok(status, &err);
}

static void test_a_gnuplot_that_fails_is_told_of(void **state)
{
    (void)state;
    static const char *const scripts[][2] = {
        {"#!/bin/sh\necho 'line 3: \033[1m<odd>' >&2\nexit 1\n", "line 3:  [1m<odd>"},
        {"#!/bin/sh\necho '<svg></svg>'\nexit 3\n", "status"},
        {"#!/bin/sh\necho '<svg>'\n", "printed no SVG"},
        {"#!/bin/sh\nprintf '\\377 far too long a complaint for its room, which is not long' >&2\nexit 1\n",
         "? far too"},
        {"#!/bin/sh\nkill -9 $$\n", "status"},
    };
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; ++i) {
        struct orr_error err;
        struct orr_text svg = {.data = NULL};
        char why[40];
        bool missing = true;
        expect_ok(orr_text_add(&svg, &err, "before"), &err);
        run_fake(scripts[i][0], &svg, &missing, why, sizeof why);
        expect_text(why, scripts[i][1]);
        assert_false(missing);
        assert_string_equal(svg.data, "before"); /* nothing of it is kept */
        assert_int_equal(svg.length, 6);
        orr_text_fini(&svg);
    }
}

static void test_no_gnuplot_is_missing(void **state)
{
    (void)state;
    struct orr_text svg = {.data = NULL};
    char why[80];
    bool missing = false;
    run_fake(NULL, &svg, &missing, why, sizeof why);
    assert_true(missing);
    assert_null(svg.data);
    run_fake("#!/bin/sh\necho 'a warning' >&2\necho '<svg></svg>'\n", &svg, &missing, why, sizeof why);
    assert_false(missing);
    assert_string_equal(why, "");
    assert_string_equal(svg.data, "<svg></svg>\n");
    orr_text_fini(&svg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_texts_are_quoted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_whiskers_of_seeds_stand_side_by_side, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_means_are_drawn_on_top, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bars_below_zero_on_a_log_axis_reach_its_bottom, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_numbers_are_thinned_in_the_drawing_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_numbers_that_can_be_drawn_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_crowded_tics_are_turned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gnuplot_draws_hostile_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_gnuplot_that_fails_is_told_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_gnuplot_is_missing, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("figure", tests, NULL, NULL);
}
