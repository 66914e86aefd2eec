/* Reading cv_model.txt and token_model.txt into the engine's own layout. */
#include "golden_model.h"

#include "base/memory.h"

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const files[] = {[GOLDEN_NUMBERS] = "cv_model.txt", [GOLDEN_TOKENS] = "token_model.txt"};

const char *golden_device(void)
{
    const char *name = getenv("ORRERY_TEST_DEVICE");
    return name ? name : "reference";
}

int golden_device_missing(void)
{
    struct orr_loader *loader;
    struct orr_open_device *device;
    struct orr_error err = {.code = ORR_OK};
    if (orr_loader_create(&loader, &err) != ORR_OK) return 1;
    const orr_status status = orr_device_open(loader, golden_device(), &device, &err);
    if (status == ORR_OK) orr_device_close(device);
    orr_loader_destroy(loader);
    if (status != ORR_EUNSUPPORTED) return 0;
    printf("1..0 # SKIP %s\n", err.text);
    return 77;
}

void golden_model_open(struct golden_model *m, enum golden_kind kind, bool decay)
{
    static const char *const every[] = {"*"};
    const int64_t columns = kind == GOLDEN_TOKENS ? 1 : 2;
    struct orr_error err = {.code = ORR_OK};
    *m = (struct golden_model){.sizes = {.n_layer = 2,
                                         .n_head = 2,
                                         .n_embd = 8,
                                         .block_size = GOLDEN_TIME,
                                         .n_input = columns,
                                         .n_output = columns,
                                         .vocab_size = kind == GOLDEN_TOKENS ? 11 : 0}};
    assert_int_equal(golden_load_named(files[kind], &m->file), 0);
    if (orr_loader_create(&m->loader, &err) != ORR_OK ||
        orr_device_open(m->loader, golden_device(), &m->device, &err) != ORR_OK)
        fail_msg("%s", err.text);
    assert_int_equal(orr_model_parameters(&m->sizes, &m->parameters, &err), ORR_OK);
    assert_int_equal(orr_parameters_arrange(&m->parameters, every, decay ? 1 : 0, &err), ORR_OK);
    m->block = orr_memory_array((size_t)m->parameters.elements, sizeof(double));
    assert_non_null(m->block);
    golden_model_block(m, "param/", m->block);
}

void golden_need(uint32_t real)
{
    struct golden_model m;
    golden_model_open(&m, GOLDEN_NUMBERS, false);
    const bool able = m.device->info.dtypes & (1u << real);
    golden_model_close(&m);
    if (able) return;
    printf("SKIP: %s does not compute in %s\n", golden_device(), orr_dtype_name(real));
    skip();
}

const char *golden_inputs(const struct golden_model *m) { return m->sizes.vocab_size ? "data/idx" : "data/x"; }

const char *golden_targets(const struct golden_model *m) { return m->sizes.vocab_size ? "data/targets" : "data/y"; }

orr_handle golden_model_input(const struct golden_model *m, struct orr_graph *g, const char *name)
{
    const int64_t shape[3] = {GOLDEN_BATCH, GOLDEN_TIME, m->sizes.n_input};
    const orr_handle v = orr_graph_input(g, name, m->sizes.vocab_size ? ORR_I32 : g->real, 3, shape);
    orr_graph_set_batch(g, v, GOLDEN_BATCH);
    return v;
}

void golden_model_write(const struct golden_model *m, struct orr_exec *exec, orr_handle v, const char *name)
{
    const struct golden_tensor *t = golden_find(m->file, name);
    struct orr_error err = {.code = ORR_OK};
    int32_t token[GOLDEN_BATCH * GOLDEN_TIME];
    if (!t) fail_msg("no %s in the golden file", name);
    orr_status status;
    if (m->sizes.vocab_size) {
        assert_int_equal(t->count, GOLDEN_BATCH * GOLDEN_TIME);
        for (size_t i = 0; i < t->count; ++i)
            token[i] = (int32_t)t->value[i];
        status = orr_exec_write(exec, v, token, sizeof(token), &err);
    } else {
        status = orr_exec_write_real(exec, v, t->value, t->count, &err);
    }
    if (status != ORR_OK) fail_msg("%s", err.text);
}

void golden_model_close(struct golden_model *m)
{
    orr_device_close(m->device);
    orr_loader_destroy(m->loader);
    orr_parameters_fini(&m->parameters);
    orr_memory_free(m->block);
    golden_free(m->file);
}

void golden_model_block(const struct golden_model *m, const char *prefix, double *block)
{
    memset(block, 0, (size_t)m->parameters.elements * sizeof(double));
    for (size_t i = 0; i < m->parameters.count; ++i) {
        const struct orr_parameter *p = &m->parameters.item[i];
        char name[160];
        snprintf(name, sizeof(name), "%s%s", prefix, p->name);
        const struct golden_tensor *t = golden_find(m->file, name);
        if (!t) fail_msg("no %s in the golden file", name);
        assert_int_equal(t->count, p->dim[0] * p->dim[1]);
        for (int64_t r = 0; r < p->dim[0]; ++r)
            for (int64_t c = 0; c < p->dim[1]; ++c)
                block[p->first + r * p->dim[1] + c] = t->value[p->transposed ? c * p->dim[0] + r : r * p->dim[1] + c];
    }
}

double golden_largest_difference(const struct golden_tensor *theirs, const double *ours, double *largest)
{
    double worst = 0.0;
    *largest = 0.0;
    for (size_t i = 0; i < theirs->count; ++i) {
        /* Written so that a NaN counts as the worst. */
        if (!(fabs(ours[i] - theirs->value[i]) <= worst)) worst = fabs(ours[i] - theirs->value[i]);
        if (fabs(theirs->value[i]) > *largest) *largest = fabs(theirs->value[i]);
    }
    return worst;
}

double golden_relative_distance(const double *theirs, const double *ours, size_t first, size_t n)
{
    double difference = 0.0, norm = 0.0;
    for (size_t i = first; i < first + n; ++i) {
        difference += (ours[i] - theirs[i]) * (ours[i] - theirs[i]);
        norm += theirs[i] * theirs[i];
    }
    return sqrt(difference / norm);
}
