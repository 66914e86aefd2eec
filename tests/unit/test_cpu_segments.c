/* How the CPU backend orders a program: what may be cut, levels, segments, slices, slots and places, on programs made
 * by hand and at random (seed 20). Nothing is computed here.
 */
#include "../../backends/cpu/place.h"
#include "cpu_bed.h"

#include <string.h>

/* ---- order ---- */

static void none_one_and_two_calls(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    bed_order(&b);
    assert_int_equal(b.n_pieces, 0);
    bed_put_exp(&b, 0, 1);
    bed_order(&b);
    assert_int_equal(b.n_pieces, 1);
    assert_int_equal(b.piece[0].groups, GROUPS);
    cpu_host->dealloc(b.piece);
    bed_put_exp(&b, 1, 2);
    bed_order(&b);
    assert_int_equal(b.n_pieces, 1);
    bed_expect_together(&b, 0, 1);
    bed_close(&b);
}

static void what_is_read_row_by_row_is_one_segment(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    bed_put_exp(&b, 0, 1);
    bed_put(&b, ORR_OP_LINEAR, 3, 1, bed_rows(1), bed_matrix(2, WIDTH, 6, 0), bed_vector(3, 6),
            bed_matrix(4, GROUPS, 6, GROUPS));
    /* The same bytes by another shape: rows folded into one axis. */
    bed_put(&b, ORR_OP_NEG, 1, 1, bed_vector(4, GROUPS * 6), bed_vector(5, GROUPS * 6));
    b.item[2].call.out[0].batch = GROUPS;
    bed_put(&b, ORR_OP_SUM, 1, 1, bed_matrix(5, GROUPS, 6, GROUPS), bed_matrix(6, 1, 6, 0));
    bed_order(&b);
    assert_int_equal(b.n_pieces, 1);
    assert_int_equal(b.item[3].cut.out[0], CPU_SUMMED);
    assert_int_equal(b.item[1].cut.in[1], CPU_WHOLE);
    bed_close(&b);
}

static void a_sum_is_complete_before_it_is_read(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    bed_put_sum(&b, 0, 1);
    bed_put(&b, ORR_OP_BROADCAST, 1, 1, bed_matrix(1, 1, WIDTH, 0), bed_rows(2));
    bed_put_exp(&b, 2, 3);
    bed_order(&b);
    bed_expect_apart(&b, 0, 1);
    bed_expect_together(&b, 1, 2);
    bed_close(&b);
}

static void written_after_it_was_read_whole(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    const struct orr_tensor weight = bed_matrix(1, GROUPS, WIDTH, GROUPS);
    bed_put(&b, ORR_OP_MATMUL, 2, 1, bed_matrix(0, GROUPS, GROUPS, GROUPS), weight, bed_rows(2));
    bed_put(&b, ORR_OP_EXP, 1, 1, bed_rows(3), weight);
    bed_order(&b);
    bed_expect_apart(&b, 0, 1);
    bed_close(&b);
}

static void written_twice(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    bed_put_sum(&b, 0, 1);
    bed_put_sum(&b, 2, 1);
    bed_put_exp(&b, 3, 4);
    bed_put_exp(&b, 5, 4);
    bed_order(&b);
    bed_expect_apart(&b, 0, 1);
    bed_expect_together(&b, 2, 3);
    bed_close(&b);
}

static void groups_of_another_number_are_another_segment(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    bed_put_exp(&b, 0, 1);
    bed_put(&b, ORR_OP_EXP, 1, 1, bed_matrix(1, GROUPS, WIDTH, GROUPS / 2), bed_matrix(2, GROUPS, WIDTH, GROUPS / 2));
    bed_order(&b);
    bed_expect_apart(&b, 0, 1);
    assert_int_equal(b.piece[1].groups, GROUPS / 2);
    bed_close(&b);
}

/* Storages whose lifetimes are apart may lie on the same bytes of a buffer. */
static void shared_bytes_keep_their_order(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    struct orr_buffer buffer = {.bytes = 4096};
    struct orr_tensor same = bed_rows(1), shifted = bed_rows(2);
    same.buffer = shifted.buffer = &buffer;
    shifted.offset = 4 * WIDTH;
    bed_put(&b, ORR_OP_EXP, 1, 1, bed_rows(0), same);
    bed_put(&b, ORR_OP_NEG, 1, 1, same, bed_rows(3));
    bed_put(&b, ORR_OP_EXP, 1, 1, bed_rows(4), shifted);
    same.storage = 5;
    bed_put(&b, ORR_OP_EXP, 1, 1, bed_rows(6), same);
    bed_order(&b);
    bed_expect_together(&b, 0, 1);
    bed_expect_apart(&b, 1, 2);
    bed_expect_apart(&b, 2, 3);
    bed_close(&b);
}

static void what_takes_no_groups_stands_before_its_level(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    bed_put_exp(&b, 0, 1);
    bed_put(&b, ORR_OP_FILL, 0, 1, bed_vector(2, 3));
    bed_put(&b, ORR_OP_NEG, 1, 1, bed_vector(2, 3), bed_vector(3, 3));
    bed_put(&b, ORR_OP_NEG, 1, 1, bed_matrix(1, 1, GROUPS * WIDTH, 0), bed_matrix(4, 1, GROUPS * WIDTH, 0));
    bed_order(&b);
    assert_int_equal(bed_piece_of(&b, 1), 0);
    bed_expect_together(&b, 1, 2);
    bed_expect_apart(&b, 2, 0);
    bed_expect_apart(&b, 0, 3);
    bed_close(&b);
}

/* Without groups of its own, but read by those that have. */
static void a_constant_is_cut_as_its_readers(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    bed_put(&b, ORR_OP_FILL, 0, 1, bed_matrix(0, GROUPS, WIDTH, 0));
    bed_put(&b, ORR_OP_ADD, 2, 1, bed_rows(1), bed_matrix(0, GROUPS, WIDTH, 0), bed_rows(2));
    bed_order(&b);
    bed_expect_together(&b, 0, 1);
    bed_close(&b);
}

/* Cross-entropy reads the targets of all groups: they are picked first, and the forward pass stays with the backward.
 */
static void forward_stays_with_backward(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    struct orr_tensor target = bed_vector(1, GROUPS), window = bed_vector(0, GROUPS), loss = bed_vector(8, 1);
    target.batch = window.batch = GROUPS;
    target.dtype = window.dtype = ORR_I32;
    struct orr_tensor lse = bed_vector(4, GROUPS);
    lse.batch = GROUPS;
    bed_put(&b, ORR_OP_COPY, 1, 1, window, target);                                               /* 0 */
    bed_put_exp(&b, 2, 3);                                                                        /* 1: forward */
    bed_put(&b, ORR_OP_XENT, 2, 2, bed_rows(3), target, loss, lse);                               /* 2 */
    bed_put(&b, ORR_OP_FILL, 0, 1, bed_vector(5, 1));                                             /* 3 */
    bed_put(&b, ORR_OP_XENT_GRAD, 4, 1, bed_vector(5, 1), bed_rows(3), target, lse, bed_rows(6)); /* 4 */
    bed_put(&b, ORR_OP_MUL, 2, 1, bed_rows(6), bed_rows(3), bed_rows(7));                         /* 5: backward */
    bed_put_sum(&b, 7, 9);                                                                        /* 6 */
    bed_put(&b, ORR_OP_NEG, 1, 1, bed_rows(3), bed_rows(10)); /* 7: a capture, which nobody reads */
    bed_order(&b);
    bed_expect_apart(&b, 0, 2);
    for (size_t i = 2; i < b.n; ++i)
        if (i != 3) bed_expect_together(&b, 1, i);
    bed_close(&b);
}

/* ---- programs at random ---- */

static uint32_t random_below(uint64_t *state, uint32_t n)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*state >> 33) % n);
}

static bool conflict(const struct orr_tensor *a, const struct orr_tensor *b)
{
    return a->storage == b->storage && a->offset < b->offset + cpu_bytes(b) && b->offset < a->offset + cpu_bytes(a);
}

/* Must the two calls keep their order? Said again, from bytes alone. */
static bool depends(const struct orr_call *a, const struct orr_call *b)
{
    bool found = false;
    for (uint32_t o = 0; o < a->n_out; ++o) {
        for (uint32_t k = 0; k < b->n_in; ++k)
            found = found || conflict(&a->out[o], &b->in[k]);
        for (uint32_t k = 0; k < b->n_out; ++k)
            found = found || conflict(&a->out[o], &b->out[k]);
    }
    for (uint32_t k = 0; k < a->n_in; ++k)
        for (uint32_t o = 0; o < b->n_out; ++o)
            found = found || conflict(&a->in[k], &b->out[o]);
    return found;
}

static void put_random(struct cpu_bed *b, uint64_t *state)
{
    const uint32_t from = random_below(state, 6), other = random_below(state, 6), to = random_below(state, 6);
    struct orr_tensor part = bed_matrix(to, 2, WIDTH, 0), whole = bed_matrix(from, 1, GROUPS * WIDTH, 0);
    part.offset = 4 * WIDTH * random_below(state, 4);
    switch (random_below(state, 5)) {
    case 0:
        bed_put(b, ORR_OP_ADD, 2, 1, bed_rows(from), bed_rows(other), bed_rows(to));
        return;
    case 1:
        bed_put(b, ORR_OP_SUM, 1, 1, bed_rows(from), bed_matrix(to, 1, WIDTH, 0));
        return;
    case 2:
        bed_put(b, ORR_OP_MATMUL, 2, 1, bed_matrix(other, GROUPS, WIDTH, GROUPS), bed_matrix(from, WIDTH, WIDTH, 0),
                bed_rows(to));
        return;
    case 3:
        bed_put(b, ORR_OP_FILL, 0, 1, part);
        return;
    default:
        bed_put(b, ORR_OP_NEG, 1, 1, whole, bed_matrix(to, 1, GROUPS * WIDTH, 0));
    }
}

static void no_dependence_is_turned_round(void **state)
{
    enum { PROGRAMS = 400, CALLS = 24 };
    uint64_t seed = 20;
    size_t kept = 0;
    (void)state;
    for (int p = 0; p < PROGRAMS; ++p) {
        struct cpu_bed b = {.n = 0};
        while (b.n < CALLS)
            put_random(&b, &seed);
        bed_order(&b);
        for (size_t x = 0; x < CALLS; ++x)
            for (size_t y = x + 1; y < CALLS; ++y) {
                const struct cpu_item *first = &b.item[x], *second = &b.item[y];
                if (!depends(&first->call, &second->call)) continue;
                ++kept;
                if (first->number > second->number)
                    fail_msg("program %d: call %zu is run before call %zu, on which it depends", p, first->number,
                             second->number);
                const size_t one = bed_piece_of(&b, first->number), two = bed_piece_of(&b, second->number);
                if (one == two && b.piece[one].groups && cpu_item_order(first, second) != CPU_TOGETHER)
                    fail_msg("program %d: calls %zu and %zu share a segment without a barrier", p, first->number,
                             second->number);
            }
        bed_close(&b);
    }
    assert_true(kept > 1000);
}

/* ---- slices, slots and places ---- */

static struct cpu_segment segment_of(struct cpu_bed *b)
{
    struct orr_error err = {0};
    struct cpu_segment segment;
    bed_order(b);
    assert_int_equal(b->n_pieces, 1);
    if (cpu_segment_make(&bed_kernels, b->item, b->n, b->piece, &segment, &err) != ORR_OK) fail_msg("%s", err.text);
    return segment;
}

/* Four values of `bytes` a group, of which three live at a time and one leaves the segment. */
static struct cpu_segment segment_of_values(struct cpu_bed *b, int64_t groups, int64_t bytes)
{
    struct orr_buffer *somewhere = (struct orr_buffer *)b;
    struct orr_tensor in = bed_matrix(0, groups, bytes / 4, (uint32_t)groups), out = in;
    in.buffer = out.buffer = somewhere;
    out.offset = (uint64_t)(groups * bytes);
    struct orr_tensor first = bed_matrix(1, groups, bytes / 4, (uint32_t)groups), second = first, third = first;
    second.storage = 2;
    third.storage = 3;
    bed_put(b, ORR_OP_EXP, 1, 1, in, first);
    bed_put(b, ORR_OP_NEG, 1, 1, first, second);
    bed_put(b, ORR_OP_ADD, 2, 1, first, second, third);
    bed_put(b, ORR_OP_NEG, 1, 1, third, out);
    bed_put(b, ORR_OP_SUM, 1, 1, third, bed_matrix(4, 1, bytes / 4, 0));
    return segment_of(b);
}

static void values_of_a_slice_fit_a_cache(void **state)
{
    static const int64_t bytes[] = {4, 1024, 64 << 10, 200 << 10, 1 << 20};
    static const int64_t groups[] = {1, 2, 3, 100, 6400};
    (void)state;
    for (size_t i = 0; i < 5; ++i)
        for (size_t k = 1; k < 5; ++k) {
            struct cpu_bed b = {.n = 0};
            const struct cpu_segment s = segment_of_values(&b, groups[k], bytes[i]);
            assert_int_equal(s.n_regions, 3);
            if (s.value_bytes > 768 << 10 && s.most > 1)
                fail_msg("%lld groups of %lld bytes: slices of %lld, which need %llu bytes", (long long)groups[k],
                         (long long)bytes[i], (long long)s.most, (unsigned long long)s.value_bytes);
            if (s.value_bytes < 3 * (uint64_t)bytes[i])
                fail_msg("three values live at a time, in less than their bytes");
            if (s.slots > s.slices || s.slots < 1 || s.slots > 32 || s.slices > groups[k])
                fail_msg("%u slots of %u slices of %lld groups", s.slots, s.slices, (long long)groups[k]);
            for (uint32_t slice = 0; slice < s.slices; ++slice) {
                const int64_t count =
                    cpu_share_begin(groups[k], s.slices, slice + 1) - cpu_share_begin(groups[k], s.slices, slice);
                if (count < 1 || count > s.most) fail_msg("slice %u has %lld groups", slice, (long long)count);
            }
            assert_int_equal(cpu_share_begin(groups[k], s.slices, 0), 0);
            assert_int_equal(cpu_share_begin(groups[k], s.slices, s.slices), groups[k]);
            cpu_host->dealloc(s.region);
            bed_close(&b);
        }
}

static void small_work_is_one_slice_and_large_is_many(void **state)
{
    (void)state;
    struct cpu_bed small = {.n = 0}, large = {.n = 0};
    const struct cpu_segment s = segment_of_values(&small, 100, 16), l = segment_of_values(&large, 128, 300 << 10);
    assert_int_equal(s.slices, 1);
    assert_int_equal(l.slices, 128);
    assert_in_range(l.slots, 8, 32);
    cpu_host->dealloc(s.region);
    cpu_host->dealloc(l.region);
    bed_close(&small);
    bed_close(&large);
}

/* What is read elsewhere, or partly, or as a whole, does not stay in a thread's memory. */
static void only_what_stays_inside_is_a_region(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    struct orr_error err = {0};
    struct cpu_segment segment;
    struct orr_tensor part = bed_matrix(3, 2, WIDTH, 0);
    part.storage_bytes = bed_rows(3).storage_bytes;
    bed_put_exp(&b, 0, 1);
    bed_put_exp(&b, 1, 2);
    bed_put_exp(&b, 1, 3);
    bed_put(&b, ORR_OP_NEG, 1, 1, part, bed_matrix(4, 2, WIDTH, 0));
    bed_order(&b);
    assert_int_equal(b.n_pieces, 2);
    if (cpu_segment_make(&bed_kernels, b.item, b.n, b.piece, &segment, &err) != ORR_OK) fail_msg("%s", err.text);
    const struct orr_tensor inside = bed_rows(1), across = bed_rows(3), given = bed_rows(0);
    assert_non_null(cpu_segment_region(&segment, &inside));
    assert_null(cpu_segment_region(&segment, &across));
    assert_null(cpu_segment_region(&segment, &given));
    cpu_host->dealloc(segment.region);
    bed_close(&b);
}

/* Read group by group, but in another segment. */
static void what_another_segment_reads_is_no_region(void **state)
{
    (void)state;
    struct cpu_bed b = {.n = 0};
    struct orr_error err = {0};
    struct cpu_segment segment;
    const struct orr_tensor across = bed_rows(1);
    bed_put_exp(&b, 0, 1);
    bed_put_sum(&b, 1, 2);
    bed_put(&b, ORR_OP_BROADCAST, 1, 1, bed_matrix(2, 1, WIDTH, 0), bed_rows(3));
    bed_put(&b, ORR_OP_ADD, 2, 1, bed_rows(1), bed_rows(3), bed_rows(4));
    bed_order(&b);
    assert_int_equal(b.n_pieces, 2);
    for (size_t p = 0; p < 2; ++p) {
        if (cpu_segment_make(&bed_kernels, b.item, b.n, &b.piece[p], &segment, &err) != ORR_OK)
            fail_msg("%s", err.text);
        assert_null(cpu_segment_region(&segment, &across));
        cpu_host->dealloc(segment.region);
    }
    bed_close(&b);
}

static void blocks_that_live_together_do_not_overlap(void **state)
{
    enum { BLOCKS = 60 };
    struct cpu_block block[BLOCKS];
    struct orr_error err = {0};
    uint64_t seed = 20, bytes, most = 0;
    (void)state;
    assert_int_equal(cpu_place(block, 0, &bytes, &err), ORR_OK);
    assert_int_equal(bytes, 0);
    for (size_t i = 0; i < BLOCKS; ++i) {
        const size_t first = random_below(&seed, 100);
        block[i] = (struct cpu_block){random_below(&seed, 1000), first, first + random_below(&seed, 20), 1};
    }
    assert_int_equal(cpu_place(block, BLOCKS, &bytes, &err), ORR_OK);
    for (size_t i = 0; i < BLOCKS; ++i) {
        assert_int_equal(block[i].offset % CPU_ALIGN, 0);
        assert_true(block[i].offset + block[i].bytes <= bytes);
        for (size_t k = 0; k < i; ++k)
            if (block[i].first <= block[k].last && block[k].first <= block[i].last &&
                block[i].offset < block[k].offset + block[k].bytes &&
                block[k].offset < block[i].offset + block[i].bytes)
                fail_msg("blocks %zu and %zu share bytes and time", k, i);
    }
    for (size_t time = 0; time < 120; ++time) {
        uint64_t living = 0;
        for (size_t i = 0; i < BLOCKS; ++i)
            if (block[i].first <= time && time <= block[i].last) living += cpu_aligned(block[i].bytes);
        if (living > most) most = living;
    }
    /* The method has no bound; half as much again is far from no sharing at all. */
    if (bytes > most + most / 2)
        fail_msg("%llu bytes, where %llu live at most", (unsigned long long)bytes, (unsigned long long)most);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_one_and_two_calls),
        cmocka_unit_test(what_is_read_row_by_row_is_one_segment),
        cmocka_unit_test(a_sum_is_complete_before_it_is_read),
        cmocka_unit_test(written_after_it_was_read_whole),
        cmocka_unit_test(written_twice),
        cmocka_unit_test(groups_of_another_number_are_another_segment),
        cmocka_unit_test(shared_bytes_keep_their_order),
        cmocka_unit_test(what_takes_no_groups_stands_before_its_level),
        cmocka_unit_test(a_constant_is_cut_as_its_readers),
        cmocka_unit_test(forward_stays_with_backward),
        cmocka_unit_test(no_dependence_is_turned_round),
        cmocka_unit_test(values_of_a_slice_fit_a_cache),
        cmocka_unit_test(small_work_is_one_slice_and_large_is_many),
        cmocka_unit_test(only_what_stays_inside_is_a_region),
        cmocka_unit_test(what_another_segment_reads_is_no_region),
        cmocka_unit_test(blocks_that_live_together_do_not_overlap),
    };
    bed_prepare();
    return cmocka_run_group_tests_name("cpu_segments", tests, NULL, NULL);
}
