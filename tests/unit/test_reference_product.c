/* Matrix products and the linear layer against three plain loops in long double. */
#include "reference_fixture.h"

/* At most 40 terms of size below 1. */
#define PRODUCT_ERROR 1e-14L

static struct operand leading(uint32_t rank, int64_t rows, int64_t columns)
{
    if (rank == 2) return operand_random(1, 2, rows, columns, 0, 0);
    if (rank == 3) return operand_random(1, 3, 3, rows, columns, 0);
    return operand_random(1, 4, 2, 2, rows, columns);
}

static void check_product(uint32_t rank, int64_t m, int64_t k, int64_t n, bool ta, bool tb)
{
    struct trial t = {.op = ORR_OP_MATMUL, .attr = {.i = {ta, tb}}, .absolute = PRODUCT_ERROR};
    t.in[0] = leading(rank, ta ? k : m, ta ? m : k);
    t.in[1] = leading(rank, tb ? n : k, tb ? k : n);
    t.out[0] = leading(rank, m, n);
    const int64_t products = rank == 2 ? 1 : rank == 3 ? 3 : 4;
    for (int64_t p = 0; p < products; ++p)
        for (int64_t i = 0; i < m; ++i)
            for (int64_t j = 0; j < n; ++j) {
                long double sum = 0;
                for (int64_t l = 0; l < k; ++l)
                    sum += t.in[0].value[p * m * k + (ta ? l * m + i : i * k + l)] *
                           t.in[1].value[p * k * n + (tb ? j * k + l : l * n + j)];
                t.out[0].value[(p * m + i) * n + j] = sum;
            }
    trial_check(&t, 0);
}

static void products(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 1, 1}, {2, 2, 2}, {3, 5, 7}, {8, 37, 9}, {5, 4, 16},
                                       {1, 6, 2}, {0, 3, 2}, {2, 0, 3}, {3, 2, 0}};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; ++s)
        for (uint32_t rank = 2; rank <= 4; ++rank)
            for (int turned = 0; turned < 4; ++turned)
                check_product(rank, sizes[s][0], sizes[s][1], sizes[s][2], turned & 1, turned >> 1);
}

static void linear_layers(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 1, 1}, {2, 2, 2}, {7, 33, 5}, {0, 3, 2}, {4, 0, 3}};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; ++s) {
        const int64_t rows = sizes[s][0], from = sizes[s][1], to = sizes[s][2];
        struct trial t = {.op = ORR_OP_LINEAR, .absolute = PRODUCT_ERROR};
        t.in[0] = operand_random(1, 3, 2, rows, from, 0);
        t.in[1] = operand_random(1, 2, from, to, 0, 0);
        t.in[2] = operand_random(1, 1, to, 0, 0, 0);
        t.out[0] = operand_make(0, 3, 2, rows, to, 0);
        for (int64_t i = 0; i < 2 * rows; ++i)
            for (int64_t j = 0; j < to; ++j) {
                long double sum = t.in[2].value[j];
                for (int64_t k = 0; k < from; ++k)
                    sum += t.in[0].value[i * from + k] * t.in[1].value[k * to + j];
                t.out[0].value[i * to + j] = sum;
            }
        trial_check(&t, 0);
    }
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct trial t = {.op = ORR_OP_MATMUL, .in = {leading(2, 2, 3), leading(2, 4, 5)}, .out = {leading(2, 2, 5)}};
    trial_refuse(&t, ORR_ESHAPE, "inner dims differ");
    t.in[1] = leading(2, 3, 5);
    t.out[0] = leading(2, 5, 2);
    trial_refuse(&t, ORR_ESHAPE, "rows of the first");
    t.in[1] = leading(3, 3, 5);
    trial_refuse(&t, ORR_ESHAPE, "ranks");
    struct trial linear = {.op = ORR_OP_LINEAR, .in = {leading(2, 2, 3), leading(2, 3, 5)}, .out = {leading(2, 2, 5)}};
    linear.in[2] = operand_make(0, 1, 4, 0, 0, 0);
    trial_refuse(&linear, ORR_ESHAPE, "bias");
}

int test_reference_product(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(products, fixture_setup),
        cmocka_unit_test_setup(linear_layers, fixture_setup),
        cmocka_unit_test_setup(refuses_what_does_not_fit, fixture_setup),
    };
    return cmocka_run_group_tests_name("reference product", tests, fixture_open, fixture_close);
}
