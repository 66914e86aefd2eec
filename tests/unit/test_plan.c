/* The memory plan: no two storages that live together overlap, in every chunking; shared results; programs. */
#include "base/memory.h"
#include "graph/optable.h"
#include "op_cases.h"
#include "orrery/random.h"
#include "plan/arena.h"

#include <cmocka.h>
#include <string.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arenas_never_overlap),
        cmocka_unit_test(a_chain_shares_memory),
        cmocka_unit_test(limits_are_respected),
        cmocka_unit_test(cuts_make_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
