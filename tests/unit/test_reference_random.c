/* Random numbers: published vectors of Philox, which word goes where, the normal table against the exact inverse. */
#include "orrery/random.h"
#include "reference_fixture.h"

#include <math.h>

enum { STREAM = 3, STEP = 17 };
static const uint64_t seed = UINT64_C(0x123456789ABCDEF0);

/* Philox4x32-10, from the known-answer file of Random123 (Salmon and others 2011). */
static void philox_vectors(void **state)
{
    (void)state;
    static const uint32_t ones = 0xFFFFFFFFu;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } vectors[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{ones, ones, ones, ones}, {ones, ones}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t k = 0; k < 3; ++k) {
        uint32_t out[4];
        orr_random_philox(vectors[k].key, vectors[k].counter, out);
        for (int i = 0; i < 4; ++i)
            if (out[i] != vectors[k].out[i])
                fail_msg("vector %zu word %d is %08x, expected %08x", k, i, out[i], vectors[k].out[i]);
    }
}

static uint32_t word(int64_t element)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)(element / 4), STREAM, STEP, 0};
    uint32_t out[4];
    orr_random_philox(key, counter, out);
    return out[element % 4];
}

static struct trial draw(uint32_t op, uint32_t dtype, int64_t count)
{
    struct trial t = {.op = op, .attr = {.i = {(int64_t)seed, STREAM}}};
    t.in[0] = operand_make(ORR_I32, 0, 0, 0, 0, 0);
    t.in[0].value[0] = STEP;
    t.out[0] = operand_make(dtype, 1, count, 0, 0, 0);
    return t;
}

static void whole_numbers(void **state)
{
    (void)state;
    static const int64_t below[] = {1, 2, 1000, 2147483647};
    for (int64_t count = 0; count < 11; ++count)
        for (size_t b = 0; b < 4; ++b) {
            struct trial t = draw(ORR_OP_RANDOM_INT, ORR_I32, count);
            t.attr.i[2] = below[b];
            for (int64_t e = 0; e < count; ++e)
                t.out[0].value[e] = (long double)((uint64_t)word(e) * (uint64_t)below[b] / UINT64_C(4294967296));
            trial_check(&t, 0);
        }
    struct trial none = draw(ORR_OP_RANDOM_INT, ORR_I32, 1);
    trial_refuse(&none, ORR_ESHAPE, "bound");
}

/* The x with P(Z < x) = p, for p up to 1/2, by bisection of erfc. */
static double lower_quantile(double p)
{
    double low = 0, high = 40; /* of -x */
    for (int i = 0; i < 100; ++i) {
        const double middle = (low + high) / 2;
        if (0.5 * erfc(middle / sqrt(2)) > p)
            low = middle;
        else
            high = middle;
    }
    return -low;
}

static void normal_table(void **state)
{
    (void)state;
    double worst = 0;
    for (uint32_t i = 0; i < 20000; ++i) {
        uint32_t w[4];
        orr_random_block(1, 2, 3, i, w);
        const uint32_t r = (w[0] & 0x7FFFFFFFu) >> (i % 31); /* every octave of the tail as often */
        const double exact = lower_quantile((2.0 * r + 1) / 8589934592.0);
        worst = fmax(worst, fabs((double)orr_random_normal(r) - exact));
        assert_true(orr_random_normal(r) == -orr_random_normal(r | 0x80000000u));
    }
    /* The cubics are within 1.7e-7. Rounding to f32 adds up to 2.4e-7 for a coefficient and for the last sum, where
     * they are above 4; both at their worst are rare: 5.4e-7 is the largest error of 2.1e7 words. */
    if (worst > 6e-7) fail_msg("the worst error of 20,000 words is %.3g, expected at most 6e-7", worst);
}

/* The f32 product of scale and number, the same in both types, in block and word order. */
static void normal_numbers(void **state)
{
    (void)state;
    for (int64_t count = 0; count < 11; ++count) {
        struct trial t = draw(ORR_OP_RANDOM_NORMAL, 0, count);
        t.attr.f[0] = 0.1;
        for (int64_t e = 0; e < count; ++e)
            t.out[0].value[e] = (long double)(0.1f * orr_random_normal(word(e)));
        trial_check(&t, 0);
    }
}

static void normal_moments(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    struct trial t = draw(ORR_OP_RANDOM_NORMAL, 0, COUNT);
    t.attr.f[0] = 1;
    struct orr_error err = {0};
    long double *const result[] = {t.out[0].value};
    assert_int_equal(trial_run(&t, ORR_F64, false, result, &err), ORR_OK);
    long double sum[5] = {0};
    for (int64_t e = 0; e < COUNT; ++e)
        for (int k = 1; k <= 4; ++k)
            sum[k] += powl(t.out[0].value[e], k) / COUNT;
    /* Five standard errors of each moment: sqrt((m_2k - m_k^2) / n) with m_2 = 1, m_4 = 3, m_6 = 15, m_8 = 105. */
    static const double expected[] = {0, 0, 1, 0, 3}, variance[] = {0, 1, 2, 15, 96};
    for (int k = 1; k <= 4; ++k)
        if (fabs((double)sum[k] - expected[k]) > 5 * sqrt(variance[k] / COUNT))
            fail_msg("moment %d is %Lg, expected %g within %g", k, sum[k], expected[k], 5 * sqrt(variance[k] / COUNT));
}

int test_reference_random(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(philox_vectors, fixture_setup), cmocka_unit_test_setup(whole_numbers, fixture_setup),
        cmocka_unit_test_setup(normal_table, fixture_setup),   cmocka_unit_test_setup(normal_numbers, fixture_setup),
        cmocka_unit_test_setup(normal_moments, fixture_setup),
    };
    return cmocka_run_group_tests_name("reference random", tests, fixture_open, fixture_close);
}
