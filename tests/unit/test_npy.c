/* .npy: every type and rank there and back, bytes as NumPy writes them, and every malformed header refused. */
#include "base/memory.h"
#include "expect.h"
#include "io/file.h"
#include "io/npy.h"

static struct orr_error err;
static char directory[256], path[300];

static int set_up(void **state)
{
    (void)state;
    make_scratch(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/a.npy", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_scratch(directory);
    return 0;
}

static void test_every_type_and_rank(void **state)
{
    (void)state;
    static const uint32_t types[] = {ORR_NPY_F32, ORR_NPY_I32, ORR_NPY_F64, ORR_NPY_I64};
    static const int64_t shapes[][4] = {{2, 3, 2, 1}, {1, 1, 1, 1}, {0, 5, 1, 2}, {7, 1, 0, 3}};
    unsigned char data[12 * 8];
    for (size_t i = 0; i < sizeof data; ++i)
        data[i] = (unsigned char)(i * 7 + 1);
    for (size_t t = 0; t < 4; ++t)
        for (uint32_t rank = 0; rank <= 4; ++rank)
            for (size_t s = 0; s < 4; ++s) {
                struct orr_array array = {.dtype = types[t], .rank = rank, .data = data}, back;
                size_t bytes;
                memcpy(array.dim, shapes[s], rank * sizeof(int64_t));
                expect_ok(orr_npy_write(path, &array, &err), &err);
                expect_ok(orr_npy_read(path, &back, &err), &err);
                expect_ok(orr_npy_bytes(array.dtype, rank, array.dim, &bytes, &err), &err);
                assert_int_equal(back.dtype, array.dtype);
                assert_int_equal(back.rank, rank);
                assert_memory_equal(back.dim, array.dim, sizeof array.dim);
                assert_memory_equal(back.data, data, bytes);
                orr_array_fini(&back);
            }
}

/* The bytes that numpy.save writes for numpy.array([[1, 2, 3]], dtype='<i4') (NumPy 2.4.6). */
static void test_bytes_are_those_of_numpy(void **state)
{
    (void)state;
    static const char expected[] = "\x93NUMPY\x01\x00\x76\x00"
                                   "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 3), }"
                                   "                                                          \n"
                                   "\x01\0\0\0\x02\0\0\0\x03\0\0";
    int32_t data[] = {1, 2, 3};
    const struct orr_array array = {.dtype = ORR_NPY_I32, .rank = 2, .dim = {1, 3}, .data = data};
    char *written = NULL;
    size_t n = 0;
    expect_ok(orr_npy_write(path, &array, &err), &err);
    expect_ok(orr_file_read(path, 1000, &written, &n, &err), &err);
    assert_int_equal(n, sizeof expected);
    assert_memory_equal(written, expected, n);
    orr_memory_free(written);
}

static void test_writing_refuses(void **state)
{
    (void)state;
    float data[1] = {1};
    struct orr_array array = {.dtype = ORR_F16, .rank = 1, .dim = {1}, .data = data};
    expect_error(orr_npy_write(path, &array, &err), &err, ORR_EDTYPE, path, "type 4");
    array.dtype = ORR_NPY_F32;
    array.rank = 5;
    expect_error(orr_npy_write(path, &array, &err), &err, ORR_ESHAPE, "rank 5");
    array.rank = 1;
    array.dim[0] = -1;
    expect_error(orr_npy_write(path, &array, &err), &err, ORR_ESHAPE, "negative");
    array.rank = 2;
    array.dim[0] = array.dim[1] = INT64_C(1) << 40;
    expect_error(orr_npy_write(path, &array, &err), &err, ORR_ESHAPE, "more elements than memory");
    assert_int_equal(access(path, F_OK), -1);
}

/* A file of this header (a newline is added) and n bytes of data. */
static void make_file(const char *header, size_t n)
{
    unsigned char bytes[8192] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    const size_t length = strlen(header) + 1;
    bytes[8] = length & 0xFF;
    bytes[9] = (unsigned char)(length >> 8);
    memcpy(bytes + 10, header, length - 1);
    bytes[10 + length - 1] = '\n';
    write_bytes(path, bytes, 10 + length + n);
}

static void accept(const char *header, size_t n, uint32_t rank)
{
    struct orr_array array;
    make_file(header, n);
    expect_ok(orr_npy_read(path, &array, &err), &err);
    assert_int_equal(array.rank, rank);
    orr_array_fini(&array);
}

static void refuse(const char *header, size_t n, const char *fragment)
{
    struct orr_array array;
    make_file(header, n);
    expect_error(orr_npy_read(path, &array, &err), &err, ORR_EFORMAT, path, fragment);
}

/* One element of the bytes 1, 2, 3, ... */
static void check_type(const char *descr, size_t bytes, uint32_t dtype, int64_t whole, double real)
{
    struct orr_array array;
    char header[96];
    unsigned char file[160] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    const int length =
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (1,), }\n", descr);
    file[8] = (unsigned char)length;
    memcpy(file + 10, header, (size_t)length);
    for (size_t i = 0; i < bytes; ++i)
        file[10 + (size_t)length + i] = (unsigned char)(i + 1);
    write_bytes(path, file, 10 + (size_t)length + bytes);
    expect_ok(orr_npy_read(path, &array, &err), &err);
    assert_int_equal(array.dtype, dtype);
    if (dtype == ORR_NPY_I32) assert_int_equal(*(int32_t *)array.data, whole);
    if (dtype == ORR_NPY_I64) assert_int_equal(*(int64_t *)array.data, whole);
    if (dtype == ORR_NPY_F32) assert_true((double)*(float *)array.data == real);
    orr_array_fini(&array);
}

static void test_types_that_become_others(void **state)
{
    (void)state;
    check_type("|i1", 1, ORR_NPY_I32, 1, 0);
    check_type("|u1", 1, ORR_NPY_I32, 1, 0);
    check_type("<i2", 2, ORR_NPY_I32, 0x0201, 0);
    check_type(">i2", 2, ORR_NPY_I32, 0x0102, 0);
    check_type("<u2", 2, ORR_NPY_I32, 0x0201, 0);
    check_type("<u4", 4, ORR_NPY_I64, 0x04030201, 0);
    check_type(">u4", 4, ORR_NPY_I64, 0x01020304, 0);
    check_type("<u8", 8, ORR_NPY_I64, INT64_C(0x0807060504030201), 0);
    check_type(">i4", 4, ORR_NPY_I32, 0x01020304, 0);
    /* Subnormal: 0x0201 and 0x0102 times 2^-24. */
    check_type("<f2", 2, ORR_NPY_F32, 0, 513.0 / 16777216.0);
    check_type(">f2", 2, ORR_NPY_F32, 0, 258.0 / 16777216.0);
}

static void test_headers_that_others_write(void **state)
{
    (void)state;
    accept("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 8, 1);
    accept("{'descr':'<f4','fortran_order':False,'shape':(2,)}   ", 8, 1);
    accept("{'shape': (1, 2), 'descr': '<f8', 'fortran_order': False}", 16, 2);
    accept("{'descr': '<i8', 'fortran_order': False, 'shape': ()}", 8, 0);
    accept("{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1, 1, 3,)}", 12, 4);
    accept("{'descr': '<i4', 'fortran_order': False, 'shape': (0,)}", 0, 1);
}

static void test_malformed_headers(void **state)
{
    (void)state;
    refuse("", 8, "header");
    refuse("{'descr': '<c8', 'fortran_order': False, 'shape': (2,), }", 16, "a type of real");
    refuse("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", 8, "C order");
    refuse("{'descr': '<f4', 'fortran_order': False}", 8, "'shape'");
    refuse("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 8, "once each");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", 8, "once each");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (2)}", 8, "expected ,");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", 8, "a dimension");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", 8, "a dimension");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}", 24, "expected ");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 2)}", 8, "at most 4");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}", 8, "2^63");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807,)}", 8, "more elements than memory");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 0, "more elements");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", 8, "end of the line");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", 8, "expected }");
    refuse("{'descr': '<f4',\n 'fortran_order': False, 'shape': (2,)}", 8, "one line");
}

static void test_length_is_exact(void **state)
{
    (void)state;
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 7, "holds 7 bytes of data, its shape needs 8");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 9, "holds 9 bytes");
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (0,), }", 1, "holds 1 bytes");
}

static void test_every_cut_of_a_file_is_refused(void **state)
{
    (void)state;
    int64_t data[2] = {1, 2};
    const struct orr_array array = {.dtype = ORR_NPY_I64, .rank = 1, .dim = {2}, .data = data};
    struct orr_array back;
    char *whole = NULL;
    size_t n = 0;
    expect_ok(orr_npy_write(path, &array, &err), &err);
    expect_ok(orr_file_read(path, 1000, &whole, &n, &err), &err);
    for (size_t cut = 0; cut < n; ++cut) {
        write_bytes(path, whole, cut);
        expect_error(orr_npy_read(path, &back, &err), &err, ORR_EFORMAT, path);
    }
    whole[6] = 2; /* version 2.0 */
    write_bytes(path, whole, n);
    expect_error(orr_npy_read(path, &back, &err), &err, ORR_EFORMAT, "version 2.0, expected 1.0");
    orr_memory_free(whole);
}

#define in_scratch(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scratch(test_every_type_and_rank),       in_scratch(test_bytes_are_those_of_numpy),
        in_scratch(test_writing_refuses),           in_scratch(test_types_that_become_others),
        in_scratch(test_headers_that_others_write), in_scratch(test_malformed_headers),
        in_scratch(test_length_is_exact),           in_scratch(test_every_cut_of_a_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
