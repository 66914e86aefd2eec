/* What the CPU backend has a product do for others, on programs made by hand. Nothing is computed here. */
#include "../../backends/cpu/fuse.h"
#include "cpu_bed.h"

static void put_linear(struct cpu_bed *b, uint32_t from, uint32_t to)
{
    bed_put(b, ORR_OP_LINEAR, 3, 1, bed_rows(from), bed_matrix(90, WIDTH, WIDTH, 0), bed_vector(91, WIDTH),
            bed_rows(to));
}

static void a_product_finishes_its_result(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    put_linear(&b, 0, 1);
    bed_put(&b, ORR_OP_SILU, 1, 1, bed_rows(1), bed_rows(2));
    bed_put(&b, ORR_OP_ADD, 2, 1, bed_rows(0), bed_rows(2), bed_rows(3));
    cpu_fuse(&bed_kernels, b.item, &b.n);
    assert_int_equal(b.n, 1);
    assert_int_equal(b.item[0].activation, ORR_OP_SILU);
    assert_int_equal(b.item[0].has, 1u << CPU_RESIDUAL);
    assert_int_equal(b.item[0].residual.storage, 0);
    assert_int_equal(b.item[0].call.out[0].storage, 3);
}

static void a_value_that_is_read_again_is_written_too(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    put_linear(&b, 0, 1);
    bed_put(&b, ORR_OP_SILU, 1, 1, bed_rows(1), bed_rows(2));
    bed_put_exp(&b, 2, 3);
    bed_put(&b, ORR_OP_MATMUL, 2, 1, bed_rows(3), bed_matrix(90, WIDTH, WIDTH, 0), bed_rows(4))->attr.i[1] = 1;
    bed_put(&b, ORR_OP_SILU_GRAD, 2, 1, bed_rows(4), bed_rows(1), bed_rows(5));
    cpu_fuse(&bed_kernels, b.item, &b.n);
    assert_int_equal(b.n, 3);
    assert_int_equal(b.item[0].has, 1u << CPU_BEFORE);
    assert_int_equal(b.item[0].before.storage, 1);
    assert_int_equal(b.item[2].slope, ORR_OP_SILU_GRAD);
    assert_int_equal(b.item[2].at.storage, 1);
}

static void what_must_stay_is_not_fused(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    /* Read twice: what is added to is still needed. */
    put_linear(&b, 0, 1);
    bed_put(&b, ORR_OP_ADD, 2, 1, bed_rows(1), bed_rows(7), bed_rows(2));
    bed_put_exp(&b, 1, 3);
    /* Twice the same operand. */
    put_linear(&b, 0, 4);
    bed_put(&b, ORR_OP_ADD, 2, 1, bed_rows(4), bed_rows(4), bed_rows(5));
    /* A sum over the groups, of which a part is no value. */
    bed_put(&b, ORR_OP_MATMUL, 2, 1, bed_rows(0), bed_rows(7), bed_matrix(8, WIDTH, WIDTH, 0))->attr.i[0] = 1;
    bed_put(&b, ORR_OP_SILU, 1, 1, bed_matrix(8, WIDTH, WIDTH, 0), bed_matrix(9, WIDTH, WIDTH, 0));
    /* The result would be written where the product still reads. */
    put_linear(&b, 10, 11);
    bed_put(&b, ORR_OP_SILU, 1, 1, bed_rows(11), bed_rows(10));
    const size_t n = b.n;
    cpu_fuse(&bed_kernels, b.item, &b.n);
    assert_int_equal(b.n, n);
}

static void a_product_waits_for_what_it_adds(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    put_linear(&b, 0, 1);
    bed_put_exp(&b, 2, 3);
    bed_put(&b, ORR_OP_ADD, 2, 1, bed_rows(3), bed_rows(1), bed_rows(4));
    cpu_fuse(&bed_kernels, b.item, &b.n);
    assert_int_equal(b.n, 2);
    assert_int_equal(b.item[0].call.op, ORR_OP_EXP);
    assert_int_equal(b.item[1].residual.storage, 3);
    assert_int_equal(b.item[1].number, 0);
}

/* What it reads is overwritten before its result is read: it cannot go there, but its reader can come. */
static void a_product_stays_before_its_input_is_gone(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    put_linear(&b, 0, 1);
    bed_put_exp(&b, 2, 0);
    bed_put(&b, ORR_OP_SILU, 1, 1, bed_rows(1), bed_rows(3));
    cpu_fuse(&bed_kernels, b.item, &b.n);
    assert_int_equal(b.n, 2);
    assert_int_equal(b.item[0].activation, ORR_OP_SILU);
    assert_int_equal(b.item[0].call.out[0].storage, 3);
    assert_int_equal(b.item[1].call.op, ORR_OP_EXP);
}

static void items_that_cannot_meet_stay_two(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    put_linear(&b, 0, 1);
    bed_put_exp(&b, 2, 0);
    bed_put_exp(&b, 4, 5);
    bed_put(&b, ORR_OP_ADD, 2, 1, bed_rows(1), bed_rows(5), bed_rows(6));
    cpu_fuse(&bed_kernels, b.item, &b.n);
    assert_int_equal(b.n, 4);
}

/* Memory of the engine's may be read by others than the program. */
static void a_value_in_a_buffer_is_written(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    struct orr_buffer buffer = {.bytes = 4096};
    struct orr_tensor kept = bed_rows(1);
    kept.buffer = &buffer;
    bed_put(&b, ORR_OP_LINEAR, 3, 1, bed_rows(0), bed_matrix(90, WIDTH, WIDTH, 0), bed_vector(91, WIDTH), kept);
    bed_put(&b, ORR_OP_SILU, 1, 1, kept, bed_rows(2));
    cpu_fuse(&bed_kernels, b.item, &b.n);
    assert_int_equal(b.n, 1);
    assert_int_equal(b.item[0].has, 1u << CPU_BEFORE);
    assert_ptr_equal(b.item[0].before.buffer, &buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_product_finishes_its_result),
        cmocka_unit_test(a_value_that_is_read_again_is_written_too),
        cmocka_unit_test(what_must_stay_is_not_fused),
        cmocka_unit_test(a_product_waits_for_what_it_adds),
        cmocka_unit_test(a_product_stays_before_its_input_is_gone),
        cmocka_unit_test(items_that_cannot_meet_stay_two),
        cmocka_unit_test(a_value_in_a_buffer_is_written),
    };
    bed_prepare();
    return cmocka_run_group_tests_name("cpu_fuse", tests, NULL, NULL);
}
