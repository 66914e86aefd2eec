/* The parameter block: the paper's counts, layout, initial values, weight-decay groups, file order. */
#include "base/memory.h"
#include "model/model.h"
#include "orrery/random.h"

#include <cmocka.h>
#include <math.h>
#include <string.h>

static struct orr_parameters describe(int64_t n_layer, int64_t n_embd, int64_t block_size)
{
    const struct orr_model m = {
        .n_layer = n_layer, .n_head = 1, .n_embd = n_embd, .block_size = block_size, .n_input = 2, .n_output = 2};
    struct orr_parameters p = {0};
    struct orr_error err = {.code = ORR_OK};
    if (orr_model_parameters(&m, &p, &err) != ORR_OK) fail_msg("%s", err.text);
    return p;
}

/* Counts that the authors' model has: 28,834 with a table of 100 positions. */
static void as_many_as_the_paper(void **state)
{
    (void)state;
    struct orr_parameters p = describe(2, 32, 100);
    struct orr_error err = {.code = ORR_OK};
    static const char *const weights[] = {"*.weight"};
    assert_int_equal(orr_parameters_arrange(&p, NULL, 0, &err), ORR_OK);
    assert_int_equal(orr_parameters_numbers(&p, false), 28834);
    assert_int_equal(orr_parameters_numbers(&p, true), 0);
    assert_int_equal(orr_parameters_arrange(&p, weights, 1, &err), ORR_OK);
    assert_int_equal(orr_parameters_numbers(&p, false), 28834);
    assert_true(orr_parameters_numbers(&p, true) > 0);
    orr_parameters_fini(&p);
}

/* Decayed ones first, none overlapping another, each aligned to 1 KiB of floats; also with no layer at all. */
static void layout(void **state)
{
    (void)state;
    static const char *const patterns[] = {"*.mlp.*.weight", "output_head.*"};
    for (int64_t n_layer = 0; n_layer < 3; ++n_layer) {
        struct orr_parameters p = describe(n_layer, 7, 3);
        struct orr_error err = {.code = ORR_OK};
        const orr_status status = orr_parameters_arrange(&p, patterns, 2, &err);
        if (n_layer == 0) {
            assert_int_equal(status, ORR_EINVAL);
            assert_non_null(strstr(err.text, "'*.mlp.*.weight'"));
            assert_non_null(strstr(err.text, "input_embedding.weight"));
            assert_int_equal(orr_parameters_arrange(&p, patterns + 1, 1, &err), ORR_OK);
        }
        for (size_t i = 0; i < p.count; ++i) {
            const int64_t end = p.item[i].first + p.item[i].dim[0] * p.item[i].dim[1];
            assert_int_equal(p.item[i].first % 256, 0);
            assert_true(p.item[i].decayed ? end <= p.decayed_elements : p.item[i].first >= p.decayed_elements);
            assert_true(end <= p.elements);
            for (size_t j = 0; j < i; ++j)
                assert_true(p.item[j].first >= end ||
                            p.item[i].first >= p.item[j].first + p.item[j].dim[0] * p.item[j].dim[1]);
        }
        orr_parameters_fini(&p);
    }
}

/* nanoGPT's initialisation, by moments: n draws give a mean within 5 sigma/sqrt(n) and a deviation within 5
 * sigma/sqrt(2n). */
static void initial_values(void **state)
{
    (void)state;
    struct orr_parameters p = describe(2, 32, 100);
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_parameters_arrange(&p, NULL, 0, &err), ORR_OK);
    float *block = orr_memory_array((size_t)p.elements, sizeof(*block));
    float *again = orr_memory_array((size_t)p.elements, sizeof(*again));
    assert_true(block && again);
    orr_parameters_initialise(&p, 17, block);
    for (size_t i = 0; i < p.count; ++i) {
        const struct orr_parameter *q = &p.item[i];
        const double n = (double)(q->dim[0] * q->dim[1]);
        const bool is_norm = strstr(q->name, ".ln_") != NULL, is_bias = strstr(q->name, ".bias") != NULL;
        const double sigma = is_norm || is_bias ? 0.0 : strstr(q->name, ".c_proj.") ? 0.02 / sqrt(4.0) : 0.02;
        const double centre = is_norm && !is_bias ? 1.0 : 0.0;
        double sum = 0.0, squares = 0.0;
        for (int64_t e = 0; e < q->dim[0] * q->dim[1]; ++e) {
            const double d = (double)block[q->first + e] - centre;
            sum += d;
            squares += d * d;
        }
        if (!(fabs(sum / n) <= 5.0 * sigma / sqrt(n)) ||
            !(fabs(sqrt(squares / n) - sigma) <= 5.0 * sigma / sqrt(2.0 * n)))
            fail_msg("%s: mean off by %.3g, deviation %.4g, expected %.4g", q->name, sum / n, sqrt(squares / n), sigma);
    }
    orr_parameters_initialise(&p, 17, again);
    assert_memory_equal(block, again, (size_t)p.elements * sizeof(*block));
    orr_parameters_initialise(&p, 18, again);
    assert_memory_not_equal(block, again, (size_t)p.elements * sizeof(*block));
    orr_memory_free(block);
    orr_memory_free(again);
    orr_parameters_fini(&p);
}

static void file_order(void **state)
{
    (void)state;
    struct orr_parameters p = describe(1, 4, 3);
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_parameters_arrange(&p, NULL, 0, &err), ORR_OK);
    float *block = orr_memory_array((size_t)p.elements, sizeof(*block));
    float *back = orr_memory_array((size_t)p.elements, sizeof(*back));
    float file[48];
    assert_true(block && back);
    orr_parameters_initialise(&p, 3, block);
    const struct orr_parameter *weight = orr_parameters_find(&p, "transformer.h.0.attn.c_attn.weight");
    assert_non_null(weight);
    assert_null(orr_parameters_find(&p, "transformer.h.1.attn.c_attn.weight"));
    orr_parameter_to_file(weight, block, file);
    for (int64_t in = 0; in < 4; ++in)
        for (int64_t out = 0; out < 12; ++out)
            if (file[out * 4 + in] != block[weight->first + in * 12 + out])
                fail_msg("file[%d][%d] is not block[%d][%d]", (int)out, (int)in, (int)in, (int)out);
    orr_parameter_from_file(weight, file, back);
    assert_memory_equal(back + weight->first, block + weight->first, sizeof(file));
    orr_memory_free(block);
    orr_memory_free(back);
    orr_parameters_fini(&p);
}

static void sizes_that_do_not_fit(void **state)
{
    (void)state;
    struct orr_model m = {.n_layer = 1, .n_head = 3, .n_embd = 32, .block_size = 4, .n_input = 2, .n_output = 2};
    struct orr_parameters p = {0};
    struct orr_error err = {.code = ORR_OK};
    assert_int_equal(orr_model_parameters(&m, &p, &err), ORR_EINVAL);
    assert_non_null(strstr(err.text, "n_embd 32 does not divide into model.n_head 3"));
    m.n_head = 0;
    assert_int_equal(orr_model_parameters(&m, &p, &err), ORR_EINVAL);
    assert_non_null(strstr(err.text, "model.n_head is 0"));
    orr_parameters_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_as_the_paper),  cmocka_unit_test(layout),
        cmocka_unit_test(initial_values),        cmocka_unit_test(file_order),
        cmocka_unit_test(sizes_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
