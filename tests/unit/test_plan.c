/* The memory plan: no two storages that live together overlap, in every chunking; shared results; programs; and what
 * calls cost, counted by hand. */
#include "base/memory.h"
#include "graph/optable.h"
#include "op_cases.h"
#include "orrery/random.h"
#include "plan/arena.h"

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* The most that is alive at one time: no arena is smaller. */
static uint64_t lower_bound(const struct orr_arena_item *item, size_t n)
{
    uint64_t most = 0;
    for (int32_t t = 0; t < 64; ++t) {
        uint64_t alive = 0;
        for (size_t i = 0; i < n; ++i)
            if (item[i].life.first <= t && t <= item[i].life.last) alive += item[i].bytes;
        if (alive > most) most = alive;
    }
    return most;
}

static uint64_t arena_bytes(struct orr_arena_item *item, size_t n)
{
    struct orr_error err = {.code = ORR_OK};
    uint64_t *chunk_bytes = NULL;
    size_t n_chunks = 0;
    assert_int_equal(orr_arena_place(item, n, 0, &chunk_bytes, &n_chunks, &err), ORR_OK);
    assert_int_equal(n_chunks, 1);
    const uint64_t bytes = chunk_bytes[0];
    orr_memory_free(chunk_bytes);
    return bytes;
}

static void check_arena(uint64_t seed, size_t n, uint64_t max_chunk)
{
    struct orr_arena_item item[64];
    struct orr_error err = {.code = ORR_OK};
    uint64_t *chunk_bytes = NULL;
    size_t n_chunks = 0;
    for (size_t i = 0; i < n; ++i) {
        uint32_t word[4];
        orr_random_block(seed, 0, 0, (uint32_t)i, word);
        const int32_t first = (int32_t)orr_random_below(word[0], 40);
        item[i] = (struct orr_arena_item){.bytes = 64 * (1 + orr_random_below(word[1], 50)),
                                          .life = {first, first + (int32_t)orr_random_below(word[2], 15)}};
    }
    assert_int_equal(orr_arena_place(item, n, max_chunk, &chunk_bytes, &n_chunks, &err), ORR_OK);
    for (size_t i = 0; i < n; ++i) {
        assert_in_range(item[i].chunk, 0, n_chunks - 1);
        assert_true(item[i].offset + item[i].bytes <= chunk_bytes[item[i].chunk]);
        for (size_t j = 0; j < i; ++j) {
            const bool together = item[i].life.first <= item[j].life.last && item[j].life.first <= item[i].life.last;
            const bool overlap = item[i].chunk == item[j].chunk && item[i].offset < item[j].offset + item[j].bytes &&
                                 item[j].offset < item[i].offset + item[i].bytes;
            if (together && overlap) fail_msg("seed %llu: items %zu and %zu overlap", (unsigned long long)seed, i, j);
        }
    }
    for (size_t c = 0; max_chunk && c < n_chunks; ++c)
        assert_true(chunk_bytes[c] <= max_chunk);
    orr_memory_free(chunk_bytes);
}

static void arenas_never_overlap(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; ++seed) {
        check_arena(seed, 64, 0);
        check_arena(seed, 64, 64 * 60);
        check_arena(seed, seed % 3, 0);
    }
}

/* Two gaps, of 4 and then of 3 units, for items of 3, 2 and 2: only when the 3 takes the gap of 3 do the others fit in
 * the gap of 4, and the arena is as small as any can be. */
static void the_best_gap_is_taken(void **state)
{
    (void)state;
    static const struct {
        uint64_t units;
        struct orr_lifetime life;
    } of[] = {{5, {0, 1}}, {4, {0, 0}}, {4, {0, 1}}, {3, {0, 0}}, {3, {0, 1}}, {3, {1, 1}}, {2, {1, 1}}, {2, {1, 1}}};
    enum { ITEMS = sizeof(of) / sizeof(of[0]) };
    struct orr_arena_item item[ITEMS];
    for (size_t i = 0; i < ITEMS; ++i)
        item[i] = (struct orr_arena_item){.bytes = 64 * of[i].units, .life = of[i].life};
    assert_int_equal(lower_bound(item, ITEMS), 64 * 19);
    assert_int_equal(arena_bytes(item, ITEMS), 64 * 19);
}

/* A chain of n steps needs two buffers of scratch, whatever n; in place, one. */
static void a_chain_shares_memory(void **state)
{
    (void)state;
    const int64_t n = 1024;
    for (int in_place = 0; in_place < 2; ++in_place) {
        struct orr_graph *g;
        struct orr_plan *plan;
        struct orr_error err = {.code = ORR_OK};
        const struct orr_plan_target target = {.align = 64};
        assert_int_equal(orr_graph_create(ORR_F32, &g, &err), ORR_OK);
        orr_handle x = orr_graph_input(g, "x", ORR_F32, 1, &n);
        for (int k = 0; k < 20; ++k)
            x = in_place ? orr_unary(g, ORR_OP_EXP, x) : orr_copy(g, x);
        orr_graph_keep(g, x);
        assert_int_equal(orr_plan_create(g, &target, &plan, &err), ORR_OK);
        assert_int_equal(plan->n_calls, 20);
        assert_int_equal(plan->kept_bytes, 2 * 4096);
        assert_int_equal(plan->scratch_bytes, in_place ? 4096 : 2 * 4096);
        orr_plan_destroy(plan);
        orr_graph_destroy(g);
    }
}

static void limits_are_respected(void **state)
{
    (void)state;
    const int64_t n = 1024;
    struct orr_graph *g;
    struct orr_plan *plan = NULL;
    struct orr_error err = {.code = ORR_OK};
    struct orr_plan_target target = {.align = 64, .memory_bytes = 3 * 4096};
    assert_int_equal(orr_graph_create(ORR_F32, &g, &err), ORR_OK);
    const orr_handle x = orr_graph_input(g, "x", ORR_F32, 1, &n);
    const orr_handle y = orr_unary(g, ORR_OP_EXP, x), z = orr_unary(g, ORR_OP_NEG, x);
    orr_graph_keep(g, orr_add(g, y, z));
    assert_int_equal(orr_plan_create(g, &target, &plan, &err), ORR_ENOMEM);
    assert_non_null(strstr(err.text, "the device has"));
    target.memory_bytes = 0;
    target.max_alloc = 4095;
    assert_int_equal(orr_plan_create(g, &target, &plan, &err), ORR_ENOMEM);
    assert_non_null(strstr(err.text, "largest buffer"));
    target.max_alloc = 4096;
    assert_int_equal(orr_plan_create(g, &target, &plan, &err), ORR_OK);
    assert_int_equal(plan->n_buffers, 4);
    orr_plan_destroy(plan);
    target.dtypes = 1u << ORR_F64;
    assert_int_equal(orr_plan_create(g, &target, &plan, &err), ORR_EUNSUPPORTED);
    orr_graph_destroy(g);
}

static void cuts_make_programs(void **state)
{
    (void)state;
    const int64_t n = 16;
    struct orr_graph *g;
    struct orr_plan *plan;
    struct orr_error err = {.code = ORR_OK};
    const struct orr_plan_target target = {.align = 64, .plans_scratch = true};
    assert_int_equal(orr_graph_create(ORR_F32, &g, &err), ORR_OK);
    const orr_handle x = orr_graph_input(g, "x", ORR_F32, 1, &n);
    const orr_handle inside = orr_unary(g, ORR_OP_EXP, orr_copy(g, x));
    const orr_handle across = orr_unary(g, ORR_OP_NEG, inside);
    orr_graph_cut(g, "second");
    orr_graph_keep(g, orr_unary(g, ORR_OP_TANH, across));
    orr_graph_cut(g, "empty");
    assert_int_equal(orr_plan_create(g, &target, &plan, &err), ORR_OK);
    assert_int_equal(plan->n_programs, 3);
    assert_string_equal(plan->program[1].name, "second");
    assert_int_equal(plan->program[0].count, 3);
    assert_int_equal(plan->program[1].count, 1);
    assert_int_equal(plan->program[2].count, 0);
    /* What crosses a cut has a buffer; what does not is the backend's own. */
    assert_int_equal(plan->place[plan->call[0].out[0].storage].buffer, ORR_NONE);
    assert_int_not_equal(plan->place[plan->call[2].out[0].storage].buffer, ORR_NONE);
    assert_true(plan->call[2].out[0].flags & ORR_KEPT);
    orr_plan_destroy(plan);
    orr_graph_destroy(g);
}

/* --- results that take the place of an input ------------------------------------------------- */

/* The plan of a text, whose graph must still be sound after sharing. */
static struct orr_plan *plan_text(const char *text)
{
    const struct orr_plan_target target = {.align = 64};
    struct orr_graph *g;
    struct orr_plan *plan;
    struct orr_error err = {.code = ORR_OK};
    if (orr_graph_parse(text, "text", &g, &err) != ORR_OK) fail_msg("%s", err.text);
    if (orr_plan_create(g, &target, &plan, &err) != ORR_OK) fail_msg("%s", err.text);
    if (orr_graph_verify(plan->graph, &err) != ORR_OK) fail_msg("after sharing: %s", err.text);
    orr_graph_destroy(g);
    return plan;
}

/* Which results share, and that none does which may not. */
static void results_share_where_they_may(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t scratch_units;
    } of[] = {
        /* An input that dies: shared. */
        {"%1 = exp %0 : f32[16]\n%2 = neg %1 : f32[16]\n%3 = sum %2 {i=0} : f32[1] keep\n", 1},
        /* Both inputs are one value: the output may lie in its first input only. */
        {"%1 = exp %0 : f32[16]\n%2 = mul %1, %1 : f32[16]\n%3 = sum %2 {i=0} : f32[1] keep\n", 2},
        /* The other input is a view of it. */
        {"%1 = exp %0 : f32[16]\n%2 = view %1 : f32[16]\n%3 = mul %1, %2 : f32[16]\n"
         "%4 = sum %3 {i=0} : f32[1] keep\n",
         2},
        /* Read again later. */
        {"%1 = exp %0 : f32[16]\n%2 = neg %1 : f32[16]\n%3 = sub %2, %1 : f32[16]\n"
         "%4 = sum %3 {i=0} : f32[1] keep\n",
         2},
        /* Only a part of it is read. */
        {"%1 = exp %0 : f32[16]\n%2 = view %1 : f32[8]\n%3 = neg %2 : f32[8]\n%4 = sum %3 {i=0} : f32[1] keep\n", 2},
    };
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); ++i) {
        char text[400] = "graph f32\n%0 = input : f32[16]\n";
        strcat(text, of[i].text);
        struct orr_plan *plan = plan_text(text);
        if (plan->scratch_bytes != 64 * of[i].scratch_units)
            fail_msg("text %zu: %llu bytes, expected %llu", i, (unsigned long long)plan->scratch_bytes,
                     64ull * (unsigned long long)of[i].scratch_units);
        orr_plan_destroy(plan);
    }
}

/* A storage that the text uses twice, first for a value that is still read when the shared one is written. */
static void a_storage_that_was_used_before(void **state)
{
    (void)state;
    orr_plan_destroy(plan_text("graph f32\nstorage s0 64 kept\nstorage s1 64\nstorage s2 64\nstorage s3 64\n"
                               "storage s4 4 kept\n%0 = input : f32[16] @s0+0\n%1 = exp %0 : f32[16] @s1+0\n"
                               "%2 = neg %0 : f32[16] @s2+0\n%3 = add %2, %1 : f32[16] @s3+0\n"
                               "%4 = exp %3 : f32[16] @s1+0\n%5 = sum %4 {i=0} : f32[1] @s4+0\n"));
}

/* --- what calls cost ------------------------------------------------------------------------- */

static void expect_cost(const char *text, double flops, double bytes)
{
    struct orr_graph *g;
    struct orr_call call;
    struct orr_error err = {.code = ORR_OK};
    if (orr_graph_parse(text, "text", &g, &err) != ORR_OK) fail_msg("%s", err.text);
    orr_plan_call(g, g->n_nodes - 1, &call);
    if (orr_plan_call_flops(&call) != flops || orr_plan_call_bytes(&call) != bytes)
        fail_msg("%s%.17g operations and %.17g bytes, expected %.17g and %.17g", text, orr_plan_call_flops(&call),
                 orr_plan_call_bytes(&call), flops, bytes);
    orr_graph_destroy(g);
}

static void costs_of_calls(void **state)
{
    (void)state;
    /* 2 m n k, transposed or not, for each of the leading. */
    expect_cost("graph f32\n%0 = input : f32[3,4]\n%1 = input : f32[4,5]\n%2 = matmul %0, %1 : f32[3,5]\n",
                2.0 * 3 * 5 * 4, 4.0 * (12 + 20 + 15));
    expect_cost("graph f32\n%0 = input : f32[4,3]\n%1 = input : f32[5,4]\n%2 = matmul %0, %1 {i=1,1} : f32[3,5]\n",
                2.0 * 3 * 5 * 4, 4.0 * (12 + 20 + 15));
    expect_cost("graph f64\n%0 = input : f64[2,7,3,4]\n%1 = input : f64[2,7,4,5]\n"
                "%2 = matmul %0, %1 : f64[2,7,3,5]\n",
                2.0 * 14 * 3 * 5 * 4, 8.0 * 14 * (12 + 20 + 15));
    /* The same, and one addition for each result. */
    expect_cost("graph f32\n%0 = input : f32[2,3,4]\n%1 = input : f32[4,6]\n%2 = input : f32[6]\n"
                "%3 = linear %0, %1, %2 : f32[2,3,6]\n",
                36.0 * (2 * 4 + 1), 4.0 * (24 + 24 + 6 + 36));
    /* One for each element; AFFINE two; SUM one for each that it reads. */
    expect_cost("graph f32\n%0 = input : f32[3,5]\n%1 = add %0, %0 : f32[3,5]\n", 15, 4.0 * 45);
    expect_cost("graph f32\n%0 = input : f32[3,5]\n%1 = affine %0 {f=2,1} : f32[3,5]\n", 30, 4.0 * 30);
    expect_cost("graph f32\n%0 = input : f32[3,5]\n%1 = sum %0 {i=0} : f32[1,5]\n", 15, 4.0 * 20);
    expect_cost("graph f32\n%0 = input : f32[3,5]\n%1 = copy %0 : f32[3,5]\n", 0, 4.0 * 30);
    /* Rows that are gathered are read and written, and their numbers read; the table is not. */
    expect_cost("graph f32\n%0 = input : f32[1000,3]\n%1 = input : i32[2,4]\n%2 = gather %0, %1 : f32[2,4,3]\n", 0,
                4.0 * (24 + 8 + 24));
    /* Fourteen for each parameter: five numbers read or written and the schedule's row; three written. */
    expect_cost("graph f32\n%0 = input : f32[9]\n%1 = input : f32[9]\n%2 = input : f32[9]\n%3 = input : f32[9]\n"
                "%4 = input : f32[4]\n"
                "%5, %6, %7 = adamw %0, %1, %2, %3, %4 {f=0.9,0.99,1e-8,0.1} : f32[9], f32[9], f32[9]\n",
                14.0 * 9, 4.0 * (4 * 9 + 4 + 3 * 9));
}

/* Query t and key s meet when the mask of ops.def lets them. */
static double pairs_that_meet(int time, bool causal, int window)
{
    int pairs = 0;
    for (int t = 0; t < time; ++t)
        for (int s = 0; s < time; ++s)
            pairs += (!causal || s <= t) && (!window || abs(t - s) < window);
    return pairs;
}

/* A score and its share of the result cost 4 depth a head and pair, the softmax 5; the gradient has five such products
 * instead of two, and 6 beside them. */
static void costs_of_attention(void **state)
{
    (void)state;
    enum { BATCH = 2, TIME = 7, HEADS = 2, DEPTH = 3 };
    static const int windows[] = {0, 1, 3, 4, 6, 7, 9};
    struct orr_call forward = {.op = ORR_OP_ATTENTION, .in = {{.rank = 3, .dim = {BATCH, TIME, 3 * HEADS * DEPTH}}}};
    struct orr_call backward = {.op = ORR_OP_ATTENTION_GRAD};
    backward.in[1] = forward.in[0];
    for (int causal = 0; causal < 2; ++causal)
        for (size_t k = 0; k < sizeof(windows) / sizeof(windows[0]); ++k) {
            const double each = BATCH * HEADS * pairs_that_meet(TIME, causal, windows[k]);
            forward.attr = backward.attr = (struct orr_attr){.i = {causal, windows[k], HEADS}};
            const double found[2] = {orr_plan_call_flops(&forward), orr_plan_call_flops(&backward)};
            const double expected[2] = {each * (4 * DEPTH + 5), each * (10 * DEPTH + 6)};
            for (int g = 0; g < 2; ++g)
                if (found[g] != expected[g])
                    fail_msg("%s, causal %d, window %d: %.17g operations, expected %.17g", g ? "gradient" : "attention",
                             causal, windows[k], found[g], expected[g]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arenas_never_overlap),
        cmocka_unit_test(the_best_gap_is_taken),
        cmocka_unit_test(a_chain_shares_memory),
        cmocka_unit_test(limits_are_respected),
        cmocka_unit_test(cuts_make_programs),
        cmocka_unit_test(results_share_where_they_may),
        cmocka_unit_test(a_storage_that_was_used_before),
        cmocka_unit_test(costs_of_calls),
        cmocka_unit_test(costs_of_attention),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
