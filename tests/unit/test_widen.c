/* Widening of narrow numbers against values from the definitions of their formats. */
#include "io/widen.h"

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void check_reals(enum orr_narrow narrow, const uint16_t *bits, const float *expected, size_t n)
{
    float wide[16];
    assert_true(n <= 16);
    assert_int_equal(orr_narrow_becomes(narrow), ORR_NPY_F32);
    assert_true(orr_widen(narrow, bits, n, wide));
    for (size_t i = 0; i < n; ++i) {
        const bool both_nan = isnan(expected[i]) && isnan(wide[i]);
        if (!both_nan && memcmp(&wide[i], &expected[i], sizeof(float)) != 0)
            fail_msg("%04x became %.9g, expected %.9g", (unsigned)bits[i], (double)wide[i], (double)expected[i]);
    }
}

/* IEEE 754-2008, table 3.5: bias 15, 10 bits of fraction; the largest is 65504, the smallest 2^-24. */
static void halves(void **state)
{
    (void)state;
    const uint16_t bits[] = {0x0000, 0x8000, 0x3c00, 0xc000, 0x3555, 0x7bff, 0xfbff,
                             0x0400, 0x03ff, 0x0001, 0x8001, 0x7c00, 0xfc00, 0x7e00};
    const float expected[] = {0.0f,
                              -0.0f,
                              1.0f,
                              -2.0f,
                              1365.0f / 4096.0f,
                              65504.0f,
                              -65504.0f,
                              ldexpf(1.0f, -14),
                              ldexpf(1023.0f, -24),
                              ldexpf(1.0f, -24),
                              -ldexpf(1.0f, -24),
                              INFINITY,
                              -INFINITY,
                              NAN};
    check_reals(ORR_NARROW_F16, bits, expected, sizeof bits / sizeof *bits);
}

static void brain_floats(void **state)
{
    (void)state;
    const uint16_t bits[] = {0x0000, 0x3f80, 0xc000, 0x3eab, 0x7f7f, 0x0080, 0x7f80, 0x7fc0};
    const float expected[] = {0.0f, 1.0f, -2.0f, 171.0f / 512.0f, 0x1.fep127f, ldexpf(1.0f, -126), INFINITY, NAN};
    check_reals(ORR_NARROW_BF16, bits, expected, sizeof bits / sizeof *bits);
}

static void check_small(enum orr_narrow narrow, const void *from, const int32_t *expected, size_t n)
{
    int32_t wide[8];
    assert_int_equal(orr_narrow_becomes(narrow), ORR_NPY_I32);
    assert_true(orr_widen(narrow, from, n, wide));
    for (size_t i = 0; i < n; ++i)
        assert_int_equal(wide[i], expected[i]);
}

static void small_whole_numbers(void **state)
{
    (void)state;
    const int8_t i8[] = {0, 1, -1, INT8_MAX, INT8_MIN};
    const uint8_t u8[] = {0, 1, UINT8_MAX};
    const int16_t i16[] = {0, 1, -1, INT16_MAX, INT16_MIN};
    const uint16_t u16[] = {0, 1, UINT16_MAX};
    check_small(ORR_NARROW_I8, i8, (const int32_t[]){0, 1, -1, 127, -128}, 5);
    check_small(ORR_NARROW_U8, u8, (const int32_t[]){0, 1, 255}, 3);
    check_small(ORR_NARROW_I16, i16, (const int32_t[]){0, 1, -1, 32767, -32768}, 5);
    check_small(ORR_NARROW_U16, u16, (const int32_t[]){0, 1, 65535}, 3);
    check_small(ORR_NARROW_U8, u8, NULL, 0);
}

static void large_whole_numbers(void **state)
{
    (void)state;
    const uint32_t u32[] = {0, 1, UINT32_MAX};
    const uint64_t u64[] = {0, INT64_MAX}, too_large[] = {0, (uint64_t)INT64_MAX + 1};
    int64_t wide[3];
    assert_int_equal(orr_narrow_becomes(ORR_NARROW_U32), ORR_NPY_I64);
    assert_true(orr_widen(ORR_NARROW_U32, u32, 3, wide));
    assert_true(wide[0] == 0 && wide[1] == 1 && wide[2] == 4294967295);
    assert_int_equal(orr_narrow_becomes(ORR_NARROW_U64), ORR_NPY_I64);
    assert_true(orr_widen(ORR_NARROW_U64, u64, 2, wide));
    assert_true(wide[0] == 0 && wide[1] == INT64_MAX);
    assert_false(orr_widen(ORR_NARROW_U64, too_large, 2, wide));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves),
        cmocka_unit_test(brain_floats),
        cmocka_unit_test(small_whole_numbers),
        cmocka_unit_test(large_whole_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
