/* safetensors: there and back, the exact bytes, and every way in which a header can lie. */
#include "base/memory.h"
#include "expect.h"
#include "io/file.h"
#include "io/safetensors.h"

static struct orr_error err;
static char directory[256], path[300];

static int set_up(void **state)
{
    (void)state;
    make_scratch(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/a.safetensors", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_scratch(directory);
    return 0;
}

static const float weights[6] = {1, 2, 3, 4, 5, 6};
static const double step[1] = {0.1};
static const int64_t counts[2] = {-1, INT64_MAX};
static const int32_t token[1] = {7};

static struct orr_safetensors *make(size_t tensors)
{
    struct orr_safetensors *set = NULL;
    expect_ok(orr_safetensors_create(&set, &err), &err);
    if (tensors > 0)
        expect_ok(orr_safetensors_add(set, "w", ORR_NPY_F32, 2, (const int64_t[]){2, 3}, weights, &err), &err);
    if (tensors > 1) expect_ok(orr_safetensors_add(set, "a.token", ORR_NPY_I32, 0, NULL, token, &err), &err);
    if (tensors > 2)
        expect_ok(orr_safetensors_add(set, "empty", ORR_NPY_F32, 1, (const int64_t[]){0}, NULL, &err), &err);
    if (tensors > 3) expect_ok(orr_safetensors_add(set, "step", ORR_NPY_F64, 0, NULL, step, &err), &err);
    if (tensors > 4)
        expect_ok(orr_safetensors_add(set, "counts", ORR_NPY_I64, 1, (const int64_t[]){2}, counts, &err), &err);
    return set;
}

static void test_there_and_back(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 5; ++n) {
        struct orr_safetensors *set = make(n), *back = NULL;
        expect_ok(orr_safetensors_save(set, path, &err), &err);
        expect_ok(orr_safetensors_load(path, &back, &err), &err);
        assert_int_equal(orr_safetensors_count(back), n);
        for (size_t i = 0; i < n; ++i) {
            const struct orr_safetensors_tensor *a = orr_safetensors_tensor(set, i);
            const struct orr_safetensors_tensor *b = orr_safetensors_tensor(back, i);
            assert_string_equal(b->name, a->name);
            assert_int_equal(b->dtype, a->dtype);
            assert_int_equal(b->rank, a->rank);
            assert_memory_equal(b->dim, a->dim, sizeof a->dim);
            assert_int_equal(b->bytes, a->bytes);
            assert_int_equal((uintptr_t)b->data % orr_npy_type_bytes(b->dtype), 0);
            if (a->bytes) assert_memory_equal(b->data, a->data, a->bytes);
            assert_ptr_equal(orr_safetensors_find(back, a->name), b);
        }
        assert_null(orr_safetensors_tensor(back, n));
        assert_null(orr_safetensors_find(back, "nothing"));
        orr_safetensors_destroy(set);
        orr_safetensors_destroy(back);
    }
}

static void test_metadata(void **state)
{
    (void)state;
    struct orr_safetensors *set = make(1), *back = NULL;
    expect_ok(orr_safetensors_set_metadata(set, "step", "1", &err), &err);
    expect_ok(orr_safetensors_set_metadata(set, "note", "line\n\"quoted\" \xC3\xA9", &err), &err);
    expect_ok(orr_safetensors_set_metadata(set, "step", "300", &err), &err);
    expect_error(orr_safetensors_set_metadata(set, "bad", "\xFF", &err), &err, ORR_EINVAL, "UTF-8");
    expect_ok(orr_safetensors_save(set, path, &err), &err);
    expect_ok(orr_safetensors_load(path, &back, &err), &err);
    assert_string_equal(orr_safetensors_metadata(back, "step"), "300");
    assert_string_equal(orr_safetensors_metadata(back, "note"), "line\n\"quoted\" \xC3\xA9");
    assert_null(orr_safetensors_metadata(back, "bad"));
    orr_safetensors_destroy(set);
    orr_safetensors_destroy(back);
}

static void test_bytes(void **state)
{
    (void)state;
    static const char expected[] = "\x50\0\0\0\0\0\0\0"
                                   "{\"__metadata__\":{\"k\":\"v\"},"
                                   "\"t\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[0,4]}} "
                                   "\x07\0\0";
    struct orr_safetensors *set = NULL;
    char *data = NULL;
    size_t n = 0;
    expect_ok(orr_safetensors_create(&set, &err), &err);
    expect_ok(orr_safetensors_add(set, "t", ORR_NPY_I32, 1, (const int64_t[]){1}, token, &err), &err);
    expect_ok(orr_safetensors_set_metadata(set, "k", "v", &err), &err);
    expect_ok(orr_safetensors_save(set, path, &err), &err);
    expect_ok(orr_file_read(path, 1000, &data, &n, &err), &err);
    assert_int_equal(n, sizeof expected);
    assert_memory_equal(data, expected, n);
    orr_memory_free(data);
    orr_safetensors_destroy(set);
}

static void test_adding_refuses(void **state)
{
    (void)state;
    struct orr_safetensors *set = make(1);
    const int64_t negative[] = {-1};
    expect_error(orr_safetensors_add(set, "w", ORR_NPY_F32, 0, NULL, weights, &err), &err, ORR_EINVAL, "\"w\"");
    expect_error(orr_safetensors_add(set, "", ORR_NPY_F32, 0, NULL, weights, &err), &err, ORR_EINVAL, "name");
    expect_error(orr_safetensors_add(set, "__metadata__", ORR_NPY_F32, 0, NULL, weights, &err), &err, ORR_EINVAL,
                 "name");
    expect_error(orr_safetensors_add(set, "x", ORR_BF16, 0, NULL, weights, &err), &err, ORR_EDTYPE, "\"x\"");
    expect_error(orr_safetensors_add(set, "x", ORR_NPY_F32, 1, negative, weights, &err), &err, ORR_ESHAPE, "\"x\"");
    assert_int_equal(orr_safetensors_count(set), 1);
    expect_error(orr_safetensors_add(set, "\xFF", ORR_NPY_F32, 0, NULL, weights, &err), &err, ORR_EINVAL, "UTF-8");
    expect_error(orr_safetensors_set_metadata(set, "unit", "m\xC2", &err), &err, ORR_EINVAL, "\"unit\"", "UTF-8");
    expect_error(orr_safetensors_set_metadata(set, "\xFF", "m", &err), &err, ORR_EINVAL, "UTF-8");
    assert_int_equal(orr_safetensors_count(set), 1);
    assert_null(orr_safetensors_metadata(set, "unit"));
    orr_safetensors_destroy(set);
}

static void make_file(const char *header, size_t bytes)
{
    unsigned char file[2048] = {0};
    const uint64_t length = strlen(header);
    memcpy(file, &length, sizeof length);
    memcpy(file + 8, header, length);
    write_bytes(path, file, 8 + length + bytes);
}

static void refuse(const char *header, size_t bytes, const char *fragment)
{
    struct orr_safetensors *set = NULL;
    make_file(header, bytes);
    expect_error(orr_safetensors_load(path, &set, &err), &err, ORR_EFORMAT, path, fragment);
    assert_null(set);
}

#define TENSOR(name, dtype, shape, offsets)                                                                            \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void test_headers_that_lie(void **state)
{
    (void)state;
    refuse("", 4, "'{'");
    refuse(" {}", 0, "'{'");
    refuse("[]", 0, "'{'");
    refuse("{", 0, "not valid JSON");
    refuse("{}x", 0, "not valid JSON");
    refuse("{}", 1, "last 1 bytes belong to no tensor");
    refuse("{\"a\":1}", 0, "expected \"dtype\"");
    refuse("{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("a", "F32", "[1]", "[4,8]") "}", 8, "duplicate");
    refuse("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "duplicate");
    refuse("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4, "expected \"dtype\"");
    refuse("{" TENSOR("a", "F8_E5M2", "[2]", "[0,2]") "}", 2, "type \"F8_E5M2\" is not supported");
    refuse("{\"a\":{\"dtype\":5,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "is not supported");
    refuse("{" TENSOR("", "F32", "[1]", "[0,4]") "}", 4, "empty name");
    refuse("{" TENSOR("a", "F32", "1", "[0,4]") "}", 4, "not a list");
    refuse("{" TENSOR("a", "F32", "[-1]", "[0,4]") "}", 4, "dimension 0");
    refuse("{" TENSOR("a", "F32", "[1.0]", "[0,4]") "}", 4, "dimension 0");
    refuse("{" TENSOR("a", "F32", "[1,1,1,1,1]", "[0,4]") "}", 4, "rank 5");
    refuse("{" TENSOR("a", "F32", "[4294967296,4294967296]", "[0,0]") "}", 0, "more elements than memory");
    refuse("{" TENSOR("a", "F32", "[99999999999999999999]", "[0,4]") "}", 4, "not valid JSON");
    refuse("{" TENSOR("a", "F32", "[1]", "[0]") "}", 4, "[begin, end]");
    refuse("{" TENSOR("a", "F32", "[1]", "[4,0]") "}", 4, "[begin, end]");
    refuse("{" TENSOR("a", "F32", "[1]", "[-4,0]") "}", 4, "[begin, end]");
    refuse("{" TENSOR("a", "F32", "[2]", "[0,4]") "}", 4, "has 4 bytes, its shape needs 8");
    refuse("{" TENSOR("a", "F32", "[1]", "[0,4]") "}", 3, "cut short");
    refuse("{" TENSOR("a", "F32", "[1]", "[0,4]") "}", 5, "belong to no tensor");
    refuse("{" TENSOR("a", "F32", "[1]", "[4,8]") "}", 8, "belong to no tensor");
    refuse("{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("b", "F32", "[1]", "[8,12]") "}", 12, "\"b\"");
    refuse("{" TENSOR("a", "F32", "[2]", "[0,8]") "," TENSOR("b", "F32", "[1]", "[4,8]") "}", 8, "tensors overlap");
    refuse("{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("b", "F32", "[1]", "[0,4]") "}", 4, "tensors overlap");
    refuse("{\"__metadata__\":{\"k\":1}}", 0, "\"k\" is not a text");
    refuse("{\"__metadata__\":[]}", 0, "not a map of texts");
    refuse("{\"__metadata__\":{\"k\":\"\\u0000\"}}", 0, "not valid JSON");
}

static void test_lengths_that_lie(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {3, 100000000, 100000001, UINT64_MAX, INT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; ++i) {
        unsigned char file[10] = {0};
        struct orr_safetensors *set = NULL;
        memcpy(file, &lengths[i], 8);
        memcpy(file + 8, "{}", 2);
        write_bytes(path, file, sizeof file);
        expect_error(orr_safetensors_load(path, &set, &err), &err, ORR_EFORMAT, path);
    }
}

static void test_every_cut_of_a_file_is_refused(void **state)
{
    (void)state;
    struct orr_safetensors *set = make(5), *back = NULL;
    char *whole = NULL;
    size_t n = 0;
    expect_ok(orr_safetensors_save(set, path, &err), &err);
    expect_ok(orr_file_read(path, 4000, &whole, &n, &err), &err);
    for (size_t cut = 0; cut < n; ++cut) {
        write_bytes(path, whole, cut);
        expect_error(orr_safetensors_load(path, &back, &err), &err, ORR_EFORMAT, path);
    }
    orr_memory_free(whole);
    orr_safetensors_destroy(set);
}

/* The bytes 0 of both are the number 0; what others become, test_widen.c says. */
static void test_16_bit_tensors_become_floats(void **state)
{
    (void)state;
    struct orr_safetensors *set = NULL;
    make_file("{" TENSOR("a", "BF16", "[3]", "[0,6]") "," TENSOR("b", "F16", "[]", "[6,8]") "}", 8);
    expect_ok(orr_safetensors_load(path, &set, &err), &err);
    for (size_t i = 0; i < 2; ++i) {
        const struct orr_safetensors_tensor *t = orr_safetensors_tensor(set, i);
        assert_int_equal(t->dtype, ORR_NPY_F32);
        assert_int_equal(t->bytes, i == 0 ? 12 : 4);
        for (size_t k = 0; k < t->bytes / 4; ++k)
            assert_true(((const float *)t->data)[k] == 0.0f);
    }
    orr_safetensors_destroy(set);
    refuse("{" TENSOR("a", "BF16", "[2]", "[0,8]") "}", 8, "has 8 bytes, its shape needs 4");
}

static void test_order_of_the_header_is_free(void **state)
{
    (void)state;
    struct orr_safetensors *set = NULL;
    make_file("{" TENSOR("b", "F32", "[1]", "[4,8]") "," TENSOR("z", "F32", "[0]",
                                                                "[4,4]") "," TENSOR("a", "F32", "[1]", "[0,4]") "}   ",
              8);
    expect_ok(orr_safetensors_load(path, &set, &err), &err);
    assert_int_equal(orr_safetensors_count(set), 3);
    assert_string_equal(orr_safetensors_tensor(set, 0)->name, "a");
    assert_string_equal(orr_safetensors_tensor(set, 1)->name, "z");
    assert_string_equal(orr_safetensors_tensor(set, 2)->name, "b");
    orr_safetensors_destroy(set);
}

#define in_scratch(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch(test_there_and_back),
        in_scratch(test_metadata),
        in_scratch(test_bytes),
        in_scratch(test_adding_refuses),
        in_scratch(test_headers_that_lie),
        in_scratch(test_lengths_that_lie),
        in_scratch(test_every_cut_of_a_file_is_refused),
        in_scratch(test_16_bit_tensors_become_floats),
        in_scratch(test_order_of_the_header_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
