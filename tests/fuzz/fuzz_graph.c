/* Graph text: what is taken passes the verifier, prints, and parses back to the same print. */
#include "fuzz.h"
#include "graph/graph.h"

#include <string.h>

static void expect_round_trip(const struct orr_graph *g)
{
    struct orr_error err = {.code = ORR_OK};
    struct orr_graph *back = NULL, *clone = NULL;
    char *text = NULL, *again = NULL, *picture = NULL;
    fuzz_expect(orr_graph_verify(g, &err) == ORR_OK, "a graph that passes the verifier");
    fuzz_expect(orr_graph_print(g, &text, &err) == ORR_OK, "a graph that prints");
    if (orr_graph_parse(text, "printed", &back, &err) != ORR_OK) fuzz_expect(false, err.text);
    fuzz_expect(orr_graph_print(back, &again, &err) == ORR_OK, "a parsed print that prints");
    fuzz_expect(strcmp(text, again) == 0, "the same text after printing and parsing");
    fuzz_expect(orr_graph_print_dot(g, &picture, &err) == ORR_OK, "a picture");
    fuzz_expect(orr_graph_clone(g, &clone, &err) == ORR_OK, "a clone");
    orr_graph_destroy(clone);
    orr_graph_destroy(back);
    orr_text_free(text);
    orr_text_free(again);
    orr_text_free(picture);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct orr_error err = {.code = ORR_OK};
    struct orr_graph *g = NULL;
    const char *path = fuzz_file(data, size);
    const orr_status status = orr_graph_load(path, &g, &err);
    if (status == ORR_OK)
        expect_round_trip(g);
    else
        fuzz_expect_refusal(status, &err, path);
    orr_graph_destroy(g);
    return 0;
}
