/* Operations that choose rows by index: gather, scatter-add, put, one-hot; gaps (-1), runs of rows, what is refused. */
#include "reference_fixture.h"

enum { ROWS = 5, WIDTH = 3 };

static struct operand indices(int64_t count, const double *value) { return operand_list(ORR_I32, count, value); }

static const double some[] = {4, -1, 0, 0, 2, 4, -1};
static const double runs[] = {3, -1, 0, 0, 2, 3, -1};

static struct operand table(uint32_t dtype)
{
    struct operand t = operand_make(dtype, 2, ROWS, WIDTH, 0, 0);
    for (int64_t i = 0; i < ROWS * WIDTH; ++i)
        t.value[i] = i + 1;
    return t;
}

static void gathers(void **state)
{
    (void)state;
    static const uint32_t types[] = {0, ORR_I32};
    for (uint32_t type = 0; type < 2; ++type)
        for (int64_t run = 0; run < 3; ++run)
            for (int64_t count = 0; count < 8; ++count) {
                const int64_t each = run ? run : 1;
                struct trial t = {.op = ORR_OP_GATHER, .attr = {.i = {run}}};
                t.in[0] = table(types[type]);
                t.in[1] = indices(count, run == 2 ? runs : some);
                t.out[0] = operand_make(types[type], 3, count, each, WIDTH, 0);
                for (int64_t k = 0; k < count; ++k)
                    for (int64_t i = 0; i < each * WIDTH; ++i) {
                        const int64_t at = (int64_t)t.in[1].value[k];
                        t.out[0].value[k * each * WIDTH + i] = at < 0 ? 0 : t.in[0].value[at * WIDTH + i];
                    }
                trial_check(&t, 0);
            }
}

static void gathers_from_vectors_and_scalars(void **state)
{
    (void)state;
    struct trial t = {.op = ORR_OP_GATHER, .in = {operand_random(1, 1, 4, 0, 0, 0)}};
    t.in[1] = operand_make(ORR_I32, 0, 0, 0, 0, 0);
    t.in[1].value[0] = 2;
    t.out[0] = operand_make(0, 0, 0, 0, 0, 0);
    t.out[0].value[0] = t.in[0].value[2];
    trial_check(&t, 0);
}

static void scatters_in_index_order(void **state)
{
    (void)state;
    for (int64_t run = 0; run < 3; ++run)
        for (int64_t count = 0; count < 8; ++count) {
            const int64_t each = run ? run : 1;
            /* At most 15 terms of size below 1, in double. */
            struct trial t = {.op = ORR_OP_SCATTER_ADD, .attr = {.i = {run}}, .absolute = 2e-15L};
            t.in[0] = operand_random(1, 2, ROWS, WIDTH, 0, 0);
            t.in[1] = indices(count, run == 2 ? runs : some);
            t.in[2] = operand_random(1, 2, count * each, WIDTH, 0, 0);
            t.out[0] = operand_make(0, 2, ROWS, WIDTH, 0, 0);
            for (int64_t i = 0; i < ROWS * WIDTH; ++i)
                t.out[0].value[i] = t.in[0].value[i];
            for (int64_t k = 0; k < count; ++k)
                for (int64_t i = 0; i < each * WIDTH; ++i) {
                    const int64_t at = (int64_t)t.in[1].value[k];
                    if (at >= 0) t.out[0].value[at * WIDTH + i] += t.in[2].value[k * each * WIDTH + i];
                }
            trial_check(&t, 0);
        }
}

static void puts_rows_modulo(void **state)
{
    (void)state;
    static const uint32_t types[] = {0, ORR_I32};
    static const double at[] = {0, 4, 5, 12, -1, -5, -2147483648.0, 2147483647};
    static const int64_t row[] = {0, 4, 0, 2, 4, 0, 2, 2};
    for (uint32_t type = 0; type < 2; ++type)
        for (int k = 0; k < 8; ++k) {
            struct trial t = {.op = ORR_OP_PUT, .in = {table(types[type]), indices(1, &at[k])}};
            t.in[2] = operand_make(types[type], 1, WIDTH, 0, 0, 0);
            t.out[0] = table(types[type]);
            for (int64_t j = 0; j < WIDTH; ++j)
                t.out[0].value[row[k] * WIDTH + j] = t.in[2].value[j] = 100 + j;
            trial_check(&t, 0);
        }
}

static void marks_one(void **state)
{
    (void)state;
    for (int64_t count = 0; count < 8; ++count) {
        struct trial t = {.op = ORR_OP_ONE_HOT, .attr = {.i = {ROWS}}, .in = {indices(count, some)}};
        t.out[0] = operand_make(0, 2, count, ROWS, 0, 0);
        for (int64_t k = 0; k < count; ++k)
            if (some[k] >= 0) t.out[0].value[k * ROWS + (int64_t)some[k]] = 1;
        trial_check(&t, 0);
    }
}

/* The text names the index, its position and the bound. */
static void refuses_indices_out_of_range(void **state)
{
    (void)state;
    static const double beyond[] = {0, 1, 5}, below[] = {0, -2, 1}, run[] = {4, 0, 0};
    struct trial gather = {.op = ORR_OP_GATHER, .in = {table(0), indices(3, beyond)}};
    gather.out[0] = operand_make(0, 2, 3, WIDTH, 0, 0);
    trial_refuse(&gather, ORR_EINVAL, "index 5 at position 2 is out of range: at most 4");
    gather.in[1] = indices(3, below);
    trial_refuse(&gather, ORR_EINVAL, "index -2 at position 1");
    gather.in[1] = indices(3, run);
    gather.attr.i[0] = 2;
    gather.out[0] = operand_make(0, 3, 3, 2, WIDTH, 0);
    trial_refuse(&gather, ORR_EINVAL, "index 4 at position 0 is out of range: at most 3");

    struct trial scatter = {.op = ORR_OP_SCATTER_ADD, .in = {table(0), indices(3, beyond)}};
    scatter.in[2] = operand_make(0, 2, 3, WIDTH, 0, 0);
    scatter.out[0] = table(0);
    trial_refuse(&scatter, ORR_EINVAL, "index 5 at position 2");

    struct trial one_hot = {.op = ORR_OP_ONE_HOT, .attr = {.i = {ROWS}}, .in = {indices(3, beyond)}};
    one_hot.out[0] = operand_make(0, 2, 3, ROWS, 0, 0);
    trial_refuse(&one_hot, ORR_EINVAL, "index 5 at position 2");

    struct trial put = {.op = ORR_OP_PUT, .in = {operand_make(0, 2, 0, WIDTH, 0, 0), indices(1, beyond)}};
    put.in[2] = operand_make(0, 1, WIDTH, 0, 0, 0);
    put.out[0] = put.in[0];
    trial_refuse(&put, ORR_ESHAPE, "no row");
}

/* A refused scatter in place has written nothing. */
static void leaves_the_table_when_refused(void **state)
{
    (void)state;
    struct orr_error err = {0};
    struct orr_buffer *buffer = NULL;
    float memory[3] = {1, 2, 3}, after[3] = {0};
    const int32_t index[2] = {0, 7};
    assert_int_equal(fixture_backend->alloc(fixture_device, 64, &buffer, &err), ORR_OK);
    assert_int_equal(fixture_backend->write(fixture_device, buffer, 0, memory, sizeof memory, &err), ORR_OK);
    assert_int_equal(fixture_backend->write(fixture_device, buffer, 16, index, sizeof index, &err), ORR_OK);
    const struct orr_tensor rows = {.buffer = buffer, .rank = 1, .dim = {3}, .dtype = ORR_F32};
    const struct orr_tensor at = {.buffer = buffer, .offset = 16, .rank = 1, .dim = {2}, .dtype = ORR_I32};
    const struct orr_tensor update = {.buffer = buffer, .offset = 24, .rank = 1, .dim = {2}, .dtype = ORR_F32};
    const struct orr_call call = {
        .size = sizeof call, .op = ORR_OP_SCATTER_ADD, .n_in = 3, .n_out = 1, .in = {rows, at, update}, .out = {rows}};
    assert_int_equal(fixture_backend->run(fixture_device, &call, &err), ORR_EINVAL);
    assert_int_equal(fixture_backend->read(fixture_device, buffer, 0, after, sizeof after, &err), ORR_OK);
    assert_memory_equal(after, memory, sizeof after);
    fixture_backend->free(fixture_device, buffer);
}

int test_reference_rows(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(gathers, fixture_setup),
        cmocka_unit_test_setup(gathers_from_vectors_and_scalars, fixture_setup),
        cmocka_unit_test_setup(scatters_in_index_order, fixture_setup),
        cmocka_unit_test_setup(puts_rows_modulo, fixture_setup),
        cmocka_unit_test_setup(marks_one, fixture_setup),
        cmocka_unit_test_setup(refuses_indices_out_of_range, fixture_setup),
        cmocka_unit_test_setup(leaves_the_table_when_refused, fixture_setup),
    };
    return cmocka_run_group_tests_name("reference rows", tests, fixture_open, fixture_close);
}
