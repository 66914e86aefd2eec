/* A model from graph text: what is taken has parameters and sites, and builds and differentiates at another batch. */
#include "base/memory.h"
#include "fuzz.h"
#include "model/model.h"

#include <string.h>

static const char place[] = "fuzzed.graph";

/* A parameter whose shape changes with batch or time is only now found out. */
static void build(const struct orr_model *m, struct orr_parameters *p)
{
    const int64_t shape[3] = {2, m->block_size - 1, m->n_input};
    struct orr_error err = {.code = ORR_OK};
    struct orr_graph *g = NULL;
    orr_handle *view = orr_memory_array(2 * p->count, sizeof *view);
    fuzz_expect(view && orr_graph_create(ORR_F64, &g, &err) == ORR_OK, "memory for a graph");
    fuzz_expect(orr_parameters_arrange(p, NULL, 0, &err) == ORR_OK, "parameters that can be arranged");
    const orr_handle input = orr_graph_input(g, "input", ORR_F64, 3, shape);
    const orr_handle target = orr_graph_input(g, "target", ORR_F64, 3, shape);
    orr_graph_set_batch(g, input, 2);
    orr_parameters_views(g, p, orr_graph_input(g, "parameters", ORR_F64, 1, &p->elements), view);
    const orr_handle output = orr_model_forward(g, m, p, view, input, false);
    const orr_status status = orr_graph_status(g, &err);
    if (status != ORR_OK) {
        fuzz_expect_refusal(status, &err, place);
    } else {
        fuzz_expect(orr_graph_verify(g, &err) == ORR_OK, "a forward pass that passes the verifier");
        orr_graph_gradient(g, orr_model_loss(g, m, output, target), view, p->count, view + p->count);
        fuzz_expect(orr_graph_status(g, &err) != ORR_EBUG, "gradients, or a reason why there are none");
    }
    orr_graph_destroy(g);
    orr_memory_free(view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct orr_error err = {.code = ORR_OK};
    struct orr_parameters p = {0};
    char *text = orr_memory_array(size + 1, 1), **names = NULL;
    size_t n = 0;
    fuzz_expect(text != NULL, "memory for a text");
    if (size) memcpy(text, data, size);
    const struct orr_model m = {.kind = ORR_MODEL_GRAPH,
                                .n_head = 2,
                                .n_embd = 4,
                                .block_size = 3,
                                .n_input = 2,
                                .n_output = 2,
                                .graph = text,
                                .graph_name = place};
    const orr_status status = orr_model_parameters(&m, &p, &err);
    if (status != ORR_OK) {
        fuzz_expect_refusal(status, &err, place);
    } else {
        fuzz_expect(orr_model_hooks(&m, &names, &n, &err) == ORR_OK && n > 0, "sites");
        build(&m, &p);
    }
    orr_model_hooks_free(names, n);
    orr_parameters_fini(&p);
    orr_memory_free(text);
    return 0;
}
