/* A program that embeds the engine: the public headers and liborrery.so, nothing else of ours. */
#include "orrery/orrery.h"

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 3, IN = 2, OUT = 4 };

static const char *const graph_text = "graph f32\n"
                                      "%0 = input : f32[3,2] batch=3 \"x\"\n"
                                      "%1 = input : f32[2,4] \"weight\"\n"
                                      "%2 = matmul %0, %1 : f32[3,4] batch=3 keep \"y\"\n";

static const float x[ROWS][IN] = {{1, 2}, {3, 4}, {5, 6}}, weight[IN][OUT] = {{1, 0, 2, -1}, {0, 1, 1, 3}};

static void run(struct orr_graph *graph, orr_handle in, orr_handle w, orr_handle out)
{
    struct orr_error err = {.code = ORR_OK};
    struct orr_loader *loader = NULL;
    struct orr_open_device *device = NULL;
    struct orr_exec *exec = NULL;
    float y[ROWS][OUT];
    if (orr_loader_create(&loader, &err) != ORR_OK || orr_device_open(loader, "reference", &device, &err) != ORR_OK ||
        orr_exec_create(graph, device, NULL, &exec, &err) != ORR_OK ||
        orr_exec_write(exec, in, x, sizeof(x), &err) != ORR_OK ||
        orr_exec_write(exec, w, weight, sizeof(weight), &err) != ORR_OK || orr_exec_run(exec, &err) != ORR_OK ||
        orr_exec_read(exec, out, y, sizeof(y), &err) != ORR_OK)
        fail_msg("%s", err.text);
    for (int r = 0; r < ROWS; ++r)
        for (int c = 0; c < OUT; ++c) {
            const float expected = x[r][0] * weight[0][c] + x[r][1] * weight[1][c];
            if (y[r][c] != expected) fail_msg("y[%d][%d] is %g, not %g", r, c, (double)y[r][c], (double)expected);
        }
    orr_exec_destroy(exec);
    orr_device_close(device);
    orr_loader_destroy(loader);
}

static void graph_from_text(void **state)
{
    (void)state;
    struct orr_error err = {.code = ORR_OK};
    struct orr_graph *graph = NULL;
    if (orr_graph_parse(graph_text, "text", &graph, &err) != ORR_OK) fail_msg("%s", err.text);
    run(graph, orr_graph_find(graph, "x"), orr_graph_find(graph, "weight"), orr_graph_find(graph, "y"));
    orr_graph_destroy(graph);
}

static void graph_from_calls(void **state)
{
    (void)state;
    struct orr_error err = {.code = ORR_OK};
    struct orr_graph *graph = NULL;
    const int64_t x_dim[2] = {ROWS, IN}, w_dim[2] = {IN, OUT};
    char *text = NULL;
    assert_int_equal(orr_graph_create(ORR_F32, &graph, &err), ORR_OK);
    const orr_handle in[2] = {orr_graph_input(graph, "x", ORR_F32, 2, x_dim),
                              orr_graph_input(graph, "weight", ORR_F32, 2, w_dim)};
    const orr_handle y = orr_graph_apply(graph, ORR_OP_MATMUL, in, 2, NULL, NULL, 0, NULL);
    orr_graph_keep(graph, y);
    assert_int_equal(orr_graph_print(graph, &text, &err), ORR_OK);
    assert_non_null(strstr(text, "matmul %0, %1 : f32[3,4]"));
    orr_text_free(text);
    run(graph, in[0], in[1], y);
    orr_graph_destroy(graph);
}

static void a_missing_device_says_where_it_looked(void **state)
{
    (void)state;
    struct orr_error err = {.code = ORR_OK};
    struct orr_loader *loader = NULL;
    struct orr_open_device *device = NULL;
    assert_int_equal(orr_loader_create(&loader, &err), ORR_OK);
    assert_int_not_equal(orr_device_open(loader, "nowhere", &device, &err), ORR_OK);
    assert_non_null(strstr(err.text, "orrery-backend-nowhere.so"));
    orr_loader_destroy(loader);
}

static void the_version_is_known(void **state)
{
    (void)state;
    int major = -1, minor = -1, patch = -1;
    assert_int_equal(sscanf(orr_version(), "%d.%d.%d", &major, &minor, &patch), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graph_from_text),
        cmocka_unit_test(graph_from_calls),
        cmocka_unit_test(a_missing_device_says_where_it_looked),
        cmocka_unit_test(the_version_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
