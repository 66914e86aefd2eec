/* Both transformers against numbers that PyTorch computed in float64 (tests/golden/cv_model.txt, token_model.txt). */
#include "base/memory.h"
#include "golden_model.h"

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Issue tolerances: 1e-12 of the largest magnitude (at least 1) for float64 values, 1e-10 for gradients. */
#define VALUE_TOLERANCE    1e-12
#define GRADIENT_TOLERANCE 1e-10
/* Per tensor ||a-b||/||b|| in float32: about 30 roundings of 2^-24. */
#define SINGLE_TOLERANCE 2e-6

struct run {
    struct golden_model m;
    struct orr_graph *g;
    struct orr_exec *exec;
    orr_handle x, y, block, view[40], output, loss, grad[40];
};

static void build(struct run *r, enum golden_kind kind, uint32_t real, bool open_attention, bool last_only)
{
    struct orr_error err = {.code = ORR_OK};
    golden_model_open(&r->m, kind, false);
    assert_int_equal(orr_graph_create(real, &r->g, &err), ORR_OK);
    r->x = golden_model_input(&r->m, r->g, "x");
    r->y = golden_model_input(&r->m, r->g, "y");
    r->block = orr_graph_input(r->g, "parameters", real, 1, &r->m.parameters.elements);
    orr_parameters_views(r->g, &r->m.parameters, r->block, r->view);
    r->output = orr_model_forward(r->g, &r->m.sizes, &r->m.parameters, r->view, r->x, open_attention);
    orr_handle prediction = r->output, target = r->y;
    if (last_only) {
        prediction = orr_slice(r->g, prediction, 1, GOLDEN_TIME - 1, 1);
        target = orr_slice(r->g, target, 1, GOLDEN_TIME - 1, 1);
    }
    r->loss = orr_model_loss(r->g, &r->m.sizes, prediction, target);
    orr_graph_gradient(r->g, r->loss, r->view, r->m.parameters.count, r->grad);
    orr_graph_keep(r->g, r->loss);
    for (size_t i = 0; i < r->m.parameters.count; ++i)
        orr_graph_keep(r->g, r->grad[i]);
    for (size_t i = 0; i < r->g->n_values; ++i)
        if (r->g->value[i].name && r->g->value[i].node != ORR_NONE) orr_graph_keep(r->g, (orr_handle)i);
    if (orr_graph_verify(r->g, &err) != ORR_OK || orr_exec_create(r->g, r->m.device, NULL, &r->exec, &err) != ORR_OK)
        fail_msg("%s", err.text);
}

static void execute(struct run *r, const char *targets)
{
    struct orr_error err = {.code = ORR_OK};
    golden_model_write(&r->m, r->exec, r->x, golden_inputs(&r->m));
    golden_model_write(&r->m, r->exec, r->y, targets);
    assert_int_equal(orr_exec_write_real(r->exec, r->block, r->m.block, (size_t)r->m.parameters.elements, &err),
                     ORR_OK);
    if (orr_exec_run(r->exec, &err) != ORR_OK) fail_msg("%s", err.text);
}

static void finish(struct run *r)
{
    orr_exec_destroy(r->exec);
    orr_graph_destroy(r->g);
    golden_model_close(&r->m);
}

static double *read(struct run *r, orr_handle v, size_t count)
{
    struct orr_error err = {.code = ORR_OK};
    double *data = malloc(count * sizeof(*data));
    assert_non_null(data);
    if (orr_exec_read_real(r->exec, v, data, count, &err) != ORR_OK) fail_msg("%s", err.text);
    return data;
}

static const struct {
    const char *file, *hook; /* %d: block */
    bool opened;             /* exists only with opened attention */
} activation[] = {
    {"act/input_embed", "hook_embed", false}, /* of tokens: act/token_embed */
    {"act/after_pos_emb", "hook_pos_embed", false},
    {"act/block_%d_ln_1", "blocks.%d.ln1.hook_normalized", false},
    {"act/block_%d_att_probs", "blocks.%d.attn.hook_pattern", true},
    {"act/block_%d_attn_heads", "blocks.%d.attn.hook_z", false},
    {"act/block_%d_attn_output", "blocks.%d.hook_attn_out", false},
    {"act/block_%d_resid_mid", "blocks.%d.hook_resid_mid", false},
    {"act/block_%d_ln_2", "blocks.%d.ln2.hook_normalized", false},
    {"act/block_%d_mlp_fc", "blocks.%d.mlp.hook_pre", false},
    {"act/block_%d_mlp_hidden", "blocks.%d.mlp.hook_post", false},
    {"act/block_%d_mlp_output", "blocks.%d.hook_mlp_out", false},
    {"act/block_%d_out", "blocks.%d.hook_resid_post", false},
    {"act/after_ln_f", "ln_final.hook_normalized", false},
    {"act/output", "hook_output", false},
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the table above holds the formats */
static void names_of(size_t i, int block, char *file, char *hook, size_t size)
{
    snprintf(file, size, activation[i].file, block);
    snprintf(hook, size, activation[i].hook, block);
}
#pragma GCC diagnostic pop

static void check_tensor(const char *name, const struct golden_tensor *theirs, const double *ours, uint32_t real,
                         double tolerance)
{
    double largest;
    const double worst = golden_largest_difference(theirs, ours, &largest);
    const double distance = golden_relative_distance(theirs->value, ours, 0, theirs->count);
    if (real == ORR_F64 && !(worst <= tolerance * fmax(1.0, largest)))
        fail_msg("%s: largest difference %.3g, allowed %.3g of %.3g", name, worst, tolerance, largest);
    if (real == ORR_F32 && !(distance <= SINGLE_TOLERANCE))
        fail_msg("%s: relative distance %.3g, allowed %.3g", name, distance, SINGLE_TOLERANCE);
}

static void check_activations(struct run *r, uint32_t real, bool opened)
{
    size_t checked = 0;
    for (size_t i = 0; i < sizeof(activation) / sizeof(activation[0]); ++i) {
        const bool in_block = strchr(activation[i].file, '%') != NULL;
        if (activation[i].opened && !opened) continue;
        for (int block = 0; block < (in_block ? 2 : 1); ++block) {
            char file[64], hook[64];
            names_of(i, block, file, hook, sizeof(file));
            if (i == 0 && r->m.sizes.vocab_size) snprintf(file, sizeof(file), "act/token_embed");
            const struct golden_tensor *theirs = golden_find(r->m.file, file);
            assert_non_null(theirs);
            double *ours = read(r, orr_graph_find(r->g, hook), theirs->count);
            check_tensor(hook, theirs, ours, real, VALUE_TOLERANCE);
            free(ours);
            ++checked;
        }
    }
    assert_int_equal(checked, opened ? 24 : 22);
}

/* The key part of c_attn.bias has gradient zero in exact arithmetic, so only its size is meaningful in float32. */
static void check_gradient(struct run *r, size_t i, const double *theirs, uint32_t real)
{
    const struct orr_parameter *p = &r->m.parameters.item[i];
    const size_t count = (size_t)(p->dim[0] * p->dim[1]), n = (size_t)r->m.sizes.n_embd;
    double *ours = read(r, r->grad[i], count), largest = 0.0, worst = 0.0;
    for (size_t k = 0; k < count; ++k) {
        largest = fmax(largest, fabs(theirs[k]));
        if (!(fabs(ours[k] - theirs[k]) <= worst)) worst = fabs(ours[k] - theirs[k]);
    }
    if (real == ORR_F64 && !(worst <= GRADIENT_TOLERANCE * largest))
        fail_msg("gradient of %s: largest difference %.3g, largest value %.3g", p->name, worst, largest);
    if (real == ORR_F32) {
        const bool has_key_part = strstr(p->name, "c_attn.bias") != NULL;
        const double distance = has_key_part ? fmax(golden_relative_distance(theirs, ours, 0, n),
                                                    golden_relative_distance(theirs, ours, 2 * n, n))
                                             : golden_relative_distance(theirs, ours, 0, count);
        if (!(distance <= SINGLE_TOLERANCE)) fail_msg("gradient of %s: relative distance %.3g", p->name, distance);
        for (size_t k = n; has_key_part && k < 2 * n; ++k)
            if (!(fabs(ours[k]) <= SINGLE_TOLERANCE * largest))
                fail_msg("gradient of the key part of %s: %.3g beside %.3g", p->name, ours[k], largest);
    }
    free(ours);
}

static void check_loss_and_gradients(struct run *r, uint32_t real, const char *loss, const char *prefix)
{
    const struct golden_tensor *expected = golden_find(r->m.file, loss);
    double *ours = read(r, r->loss, 1);
    double *block = orr_memory_array((size_t)r->m.parameters.elements, sizeof(*block));
    assert_non_null(block);
    check_tensor(loss, expected, ours, real, VALUE_TOLERANCE);
    golden_model_block(&r->m, prefix, block);
    for (size_t i = 0; i < r->m.parameters.count; ++i)
        check_gradient(r, i, block + r->m.parameters.item[i].first, real);
    orr_memory_free(block);
    free(ours);
}

static void check_whole_model(enum golden_kind kind, uint32_t real, bool open_attention)
{
    struct run r;
    golden_need(real);
    build(&r, kind, real, open_attention, false);
    execute(&r, golden_targets(&r.m));
    check_activations(&r, real, open_attention);
    check_loss_and_gradients(&r, real, "loss", "grad/");
    finish(&r);
}

#define WHOLE_MODEL(name, kind, real, open_attention)                                                                  \
    static void name(void **state)                                                                                     \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        check_whole_model(kind, real, open_attention);                                                                 \
    }
WHOLE_MODEL(numbers_in_double, GOLDEN_NUMBERS, ORR_F64, false)
WHOLE_MODEL(numbers_in_double_with_open_attention, GOLDEN_NUMBERS, ORR_F64, true)
WHOLE_MODEL(numbers_in_single, GOLDEN_NUMBERS, ORR_F32, false)
WHOLE_MODEL(numbers_in_single_with_open_attention, GOLDEN_NUMBERS, ORR_F32, true)
WHOLE_MODEL(tokens_in_double, GOLDEN_TOKENS, ORR_F64, false)
WHOLE_MODEL(tokens_in_double_with_open_attention, GOLDEN_TOKENS, ORR_F64, true)
WHOLE_MODEL(tokens_in_single, GOLDEN_TOKENS, ORR_F32, false)
WHOLE_MODEL(tokens_in_single_with_open_attention, GOLDEN_TOKENS, ORR_F32, true)

/* Two of the eighteen targets are -1: the loss is the mean over sixteen. The file has the gradient of the one matrix
 * that is both embedding and output. */
static void check_ignored_targets(uint32_t real)
{
    struct run r;
    golden_need(real);
    build(&r, GOLDEN_TOKENS, real, false, false);
    execute(&r, "targets_with_ignore");
    double *loss = read(&r, r.loss, 1);
    check_tensor("loss_with_ignore", golden_find(r.m.file, "loss_with_ignore"), loss, real, VALUE_TOLERANCE);
    free(loss);
    assert_string_equal(r.m.parameters.item[0].name, "transformer.wte.weight");
    check_gradient(&r, 0, golden_find(r.m.file, "grad_with_ignore/transformer.wte.weight")->value, real);
    finish(&r);
}

static void ignored_targets_in_double(void **state)
{
    (void)state;
    check_ignored_targets(ORR_F64);
}

static void ignored_targets_in_single(void **state)
{
    (void)state;
    check_ignored_targets(ORR_F32);
}

static void loss_on_the_last_position(void **state)
{
    (void)state;
    struct run r;
    golden_need(ORR_F64);
    build(&r, GOLDEN_NUMBERS, ORR_F64, false, true);
    execute(&r, golden_targets(&r.m));
    check_loss_and_gradients(&r, ORR_F64, "loss_last_only", "grad_last_only/");
    finish(&r);
}

/* Twelve points from four, the context cropped to the last six, positions counted from 0 again after cropping. The
 * model is run at every length by a graph of its own. */
static void rollout(void **state)
{
    (void)state;
    struct golden_model m;
    struct orr_error err = {.code = ORR_OK};
    golden_need(ORR_F64);
    golden_model_open(&m, GOLDEN_NUMBERS, false);
    const struct golden_tensor *truth = golden_find(m.file, "rollout_4_plus_8");
    double points[GOLDEN_BATCH][12][2], worst = 0.0;
    for (int b = 0; b < GOLDEN_BATCH; ++b)
        memcpy(points[b], truth->value + (size_t)b * 24, 4 * 2 * sizeof(double));
    for (int64_t made = 4; made < 12; ++made) {
        const int64_t time = made < GOLDEN_TIME ? made : GOLDEN_TIME, shape[3] = {GOLDEN_BATCH, time, 2};
        double window[GOLDEN_BATCH * GOLDEN_TIME * 2], next[GOLDEN_BATCH * GOLDEN_TIME * 2];
        struct orr_graph *g;
        struct orr_exec *exec;
        orr_handle view[40];
        assert_int_equal(orr_graph_create(ORR_F64, &g, &err), ORR_OK);
        const orr_handle x = orr_graph_input(g, "x", ORR_F64, 3, shape);
        const orr_handle block = orr_graph_input(g, "parameters", ORR_F64, 1, &m.parameters.elements);
        orr_parameters_views(g, &m.parameters, block, view);
        const orr_handle y = orr_model_forward(g, &m.sizes, &m.parameters, view, x, false);
        orr_graph_keep(g, y);
        if (orr_exec_create(g, m.device, NULL, &exec, &err) != ORR_OK) fail_msg("%s", err.text);
        for (int b = 0; b < GOLDEN_BATCH; ++b)
            memcpy(window + b * time * 2, points[b][made - time], (size_t)time * 2 * sizeof(double));
        const size_t count = (size_t)(GOLDEN_BATCH * time * 2);
        assert_int_equal(orr_exec_write_real(exec, x, window, count, &err), ORR_OK);
        assert_int_equal(orr_exec_write_real(exec, block, m.block, (size_t)m.parameters.elements, &err), ORR_OK);
        assert_int_equal(orr_exec_run(exec, &err), ORR_OK);
        assert_int_equal(orr_exec_read_real(exec, y, next, count, &err), ORR_OK);
        for (int b = 0; b < GOLDEN_BATCH; ++b)
            memcpy(points[b][made], next + (b * time + time - 1) * 2, 2 * sizeof(double));
        orr_exec_destroy(exec);
        orr_graph_destroy(g);
    }
    double largest;
    worst = golden_largest_difference(truth, &points[0][0][0], &largest);
    if (!(worst <= VALUE_TOLERANCE * fmax(1.0, largest))) fail_msg("rollout: largest difference %.3g", worst);
    golden_model_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_in_double),         cmocka_unit_test(numbers_in_double_with_open_attention),
        cmocka_unit_test(numbers_in_single),         cmocka_unit_test(numbers_in_single_with_open_attention),
        cmocka_unit_test(tokens_in_double),          cmocka_unit_test(tokens_in_double_with_open_attention),
        cmocka_unit_test(tokens_in_single),          cmocka_unit_test(tokens_in_single_with_open_attention),
        cmocka_unit_test(ignored_targets_in_double), cmocka_unit_test(ignored_targets_in_single),
        cmocka_unit_test(loss_on_the_last_position), cmocka_unit_test(rollout),
    };
    const int missing = golden_device_missing();
    return missing ? missing : cmocka_run_group_tests(tests, NULL, NULL);
}
