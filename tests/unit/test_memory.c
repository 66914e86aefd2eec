/* Memory: alignment, zeroing, overflow, growth. */
#include "base/memory.h"
#include "expect.h"

static void test_aligned(void **state)
{
    (void)state;
    for (size_t align = 1; align <= 4096; align *= 2)
        for (size_t bytes = 0; bytes < 3; ++bytes) {
            void *p = orr_memory_aligned(bytes, align);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % align, 0);
            orr_memory_free(p);
        }
}

static void test_aligned_refuses(void **state)
{
    (void)state;
    assert_null(orr_memory_aligned(64, 48)); /* no power of two */
}

static void test_array_is_zeroed(void **state)
{
    (void)state;
    for (size_t count = 0; count < 3; ++count) {
        int64_t *p = orr_memory_array(count, sizeof *p);
        assert_non_null(p);
        for (size_t i = 0; i < count; ++i)
            assert_int_equal(p[i], 0);
        orr_memory_free(p);
    }
}

static void test_array_overflow_is_out_of_memory(void **state)
{
    (void)state;
    volatile size_t many = SIZE_MAX / 2;
    assert_null(orr_memory_array(many, 4));
}

static void test_grow_keeps_and_zeroes(void **state)
{
    (void)state;
    struct orr_error err = {0};
    void *array = NULL;
    size_t capacity = 0;
    for (size_t n = 1; n <= 100; ++n) {
        expect_ok(orr_memory_grow(&array, &capacity, n, sizeof(int), &err), &err);
        assert_true(capacity >= n);
        int *numbers = array;
        assert_int_equal(numbers[n - 1], 0);
        numbers[n - 1] = (int)n;
    }
    for (int i = 0; i < 100; ++i)
        assert_int_equal(((int *)array)[i], i + 1);
    orr_memory_free(array);
}

static void test_grow_overflow_keeps_the_array(void **state)
{
    (void)state;
    struct orr_error err = {0};
    void *array = NULL;
    size_t capacity = 0;
    expect_ok(orr_memory_grow(&array, &capacity, 2, 8, &err), &err);
    const size_t before = capacity;
    volatile size_t need = SIZE_MAX / 4;
    expect_error(orr_memory_grow(&array, &capacity, need, 8, &err), &err, ORR_ENOMEM, "out of memory");
    assert_int_equal(capacity, before);
    orr_memory_free(array);
}

static void test_texts(void **state)
{
    (void)state;
    char *copy = orr_memory_text(""), *text = orr_memory_print("%s-%d", "probe", 3);
    assert_string_equal(copy, "");
    assert_string_equal(text, "probe-3");
    orr_memory_free(copy);
    orr_memory_free(text);
    orr_memory_free(NULL);
}

static void test_out_says_what_for(void **state)
{
    (void)state;
    struct orr_error err = {0};
    expect_error(orr_memory_out(&err, "the data set", 4096), &err, ORR_ENOMEM, "4096 bytes for the data set");
    expect_error(orr_memory_out(&err, "an array", SIZE_MAX), &err, ORR_ENOMEM, "more bytes than can be counted");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aligned),
        cmocka_unit_test(test_aligned_refuses),
        cmocka_unit_test(test_array_is_zeroed),
        cmocka_unit_test(test_array_overflow_is_out_of_memory),
        cmocka_unit_test(test_grow_keeps_and_zeroes),
        cmocka_unit_test(test_grow_overflow_keeps_the_array),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_out_says_what_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
