/* Reading cv_model.txt into the engine's own layout. */
#include "golden_model.h"

#include "base/memory.h"

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void golden_model_open(struct golden_model *m, const char *device, bool decay)
{
    static const char *const every[] = {"*"};
    struct orr_error err = {.code = ORR_OK};
    *m = (struct golden_model){
        .sizes = {.n_layer = 2, .n_head = 2, .n_embd = 8, .block_size = GOLDEN_TIME, .n_input = 2, .n_output = 2}};
    assert_int_equal(golden_load_named("cv_model.txt", &m->file), 0);
    if (orr_loader_create(&m->loader, &err) != ORR_OK || orr_device_open(m->loader, device, &m->device, &err) != ORR_OK)
        fail_msg("%s", err.text);
    assert_int_equal(orr_transformer_parameters(&m->sizes, &m->parameters, &err), ORR_OK);
    assert_int_equal(orr_parameters_arrange(&m->parameters, every, decay ? 1 : 0, &err), ORR_OK);
    m->block = orr_memory_array((size_t)m->parameters.elements, sizeof(double));
    assert_non_null(m->block);
    golden_model_block(m, "param/", m->block);
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
        if (!t) fail_msg("no %s in cv_model.txt", name);
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
