/* Random graphs, a failing one cut to its shortest failing beginning and written as text; and graphs from such a text.
 */
#include "base/memory.h"
#include "conform/noise.h"
#include "conform/pair.h"
#include "conform/random_graph.h"
#include "io/file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Some tens of operations, each with some roundings and a condition of a few: about 1e-5 where all is right; a wrong
 * number anywhere is far beyond. A few graphs magnify errors more: how much is measured on the reference, with noise
 * on every number of every primitive (conform/noise.h); some times that is then allowed. */
#define GRAPH_BOUND 2e-4
enum { QUICK_GRAPHS = 200, FULL_GRAPHS = 4000 };

/* Run a graph (which this takes over) and find its worst kept value. */
static orr_status measure(struct orr_session *s, struct orr_graph *g, double *worst, char *where, size_t size,
                          struct orr_error *err)
{
    struct orr_pair p;
    *worst = 0.0;
    where[0] = '\0';
    orr_status status = orr_pair_init(s, g, &p, err);
    if (status == ORR_OK) status = orr_pair_fill(&p, s->asked->seed, 1.0, err);
    if (status == ORR_OK) status = orr_pair_run(&p, err);
    for (size_t v = 0; status == ORR_OK && v < g->n_values; ++v) {
        const struct orr_graph_value *value = &g->value[v];
        double d = 0.0;
        if (!g->storage[value->storage].kept || value->node == ORR_NONE) continue;
        status = orr_pair_distance(&p, (orr_handle)v, &d, err);
        if (status != ORR_OK || d <= *worst) continue;
        const struct orr_graph_node *node = &g->node[value->node];
        *worst = d;
        snprintf(where, size, "%%%zu (%s) is off by %.3g of its norm", v,
                 node->op == ORR_NODE_VIEW ? "view" : orr_op_by_id(node->op)->name, d);
    }
    orr_pair_fini(&p);
    return status;
}

/* How far noise moves the values of a graph (which this takes over). */
static orr_status measure_noise(struct orr_session *s, struct orr_graph *g, double *distance, struct orr_error *err)
{
    struct orr_session own = *s;
    struct orr_open_device device;
    struct orr_backend_ops ops;
    char ignored[600];
    orr_noise_device(s->truth, &device, &ops);
    own.device = &device;
    return measure(&own, g, distance, ignored, sizeof(ignored), err);
}

/* The worst distance as a share of what is allowed for this graph (which this takes over). */
static orr_status judge(struct orr_session *s, struct orr_graph *g, double *fraction, char *where, size_t size,
                        struct orr_error *err)
{
    struct orr_graph *again = NULL;
    double worst = 0.0, moved = 0.0;
    orr_status status = orr_graph_clone(g, &again, err);
    if (status == ORR_OK)
        status = measure(s, g, &worst, where, size, err);
    else
        orr_graph_destroy(g);
    if (status == ORR_OK && worst > GRAPH_BOUND) {
        status = measure_noise(s, again, &moved, err);
        again = NULL;
    }
    orr_graph_destroy(again);
    const double allowed = GRAPH_BOUND + ORR_NOISE_SHARE * (isfinite(moved) ? moved : 0.0);
    *fraction = worst / allowed;
    const size_t at = strlen(where);
    if (at < size) snprintf(where + at, size - at, ", allowed %.3g", allowed);
    return status;
}

static orr_status judge_random(struct orr_session *s, uint32_t number, uint32_t length, double *fraction, char *where,
                               size_t size)
{
    struct orr_graph *g = NULL;
    struct orr_error err = {.code = ORR_OK};
    orr_status status = orr_random_graph(s->asked->seed, number, length, &g, &err);
    if (status == ORR_OK) status = judge(s, g, fraction, where, size, &err);
    if (status != ORR_OK) snprintf(where, size, "%s", err.text);
    return status;
}

static bool write_graph(struct orr_session *s, uint32_t number, uint32_t length, char *path, size_t size)
{
    struct orr_graph *g = NULL;
    struct orr_error err;
    char *text = NULL;
    snprintf(path, size, "orrery-validate-%llu-%u.graph", (unsigned long long)s->asked->seed, number);
    orr_status status = orr_random_graph(s->asked->seed, number, length, &g, &err);
    if (status == ORR_OK) status = orr_graph_print(g, &text, &err);
    if (status == ORR_OK) status = orr_file_write_atomic(path, text, strlen(text), &err);
    orr_memory_free(text);
    orr_graph_destroy(g);
    return status == ORR_OK;
}

static void shrink(struct orr_session *s, uint32_t number, struct orr_check_result *r)
{
    char where[600], path[80];
    for (uint32_t length = 1; length <= ORR_RANDOM_GRAPH_LENGTH; ++length) {
        double fraction = 0.0;
        const orr_status status = judge_random(s, number, length, &fraction, where, sizeof(where));
        if (status == ORR_OK && fraction <= 1.0) continue;
        const bool written = write_graph(s, number, length, path, sizeof(path));
        orr_check_fail(r, number, "the first %u of its operations: %s%s%s", length, where,
                       written ? "; as text in " : "", written ? path : "");
        if (written)
            snprintf(r->note, sizeof(r->note), "orrery validate '%s' --graph %s --seed %llu", s->asked->backend, path,
                     (unsigned long long)s->asked->seed);
        return;
    }
    orr_check_fail(r, number, "it failed once and passed when repeated: the backend is not deterministic");
}

void orr_check_random_graphs(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    const uint32_t n = s->asked->level == ORR_CONFORM_FULL ? FULL_GRAPHS : QUICK_GRAPHS;
    (void)check;
    for (uint32_t i = 0; i < n; ++i) {
        double fraction = 0.0;
        char where[600];
        if (!orr_check_begin(s, r, i)) continue;
        const orr_status status = judge_random(s, i, ORR_RANDOM_GRAPH_LENGTH, &fraction, where, sizeof(where));
        if (status == ORR_OK && fraction <= 1.0)
            orr_check_fraction(r, i, fraction, where);
        else if (!r->failed)
            shrink(s, i, r);
        else
            orr_check_fail(r, i, "%s", where);
    }
}

/* Values that the text neither keeps nor reads are kept, so that there is something to compare. */
static void keep_unread(struct orr_graph *g)
{
    for (size_t v = 0; v < g->n_values; ++v) {
        bool read = g->value[v].node == ORR_NONE;
        for (size_t i = 0; i < g->n_nodes && !read; ++i)
            for (uint32_t k = 0; k < g->node[i].n_in; ++k)
                read = read || g->node[i].in[k] == (orr_handle)v;
        if (!read) orr_graph_keep(g, (orr_handle)v);
    }
}

/* Does any operation give a number that is compared? */
static bool compares(const struct orr_graph *g)
{
    for (size_t v = 0; v < g->n_values; ++v)
        if (g->value[v].node != ORR_NONE && g->storage[g->value[v].storage].kept &&
            orr_shape_count(&g->value[v].shape) > 0)
            return true;
    return false;
}

void orr_check_graph_file(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    struct orr_error err = {.code = ORR_OK};
    struct orr_graph *g = NULL;
    char where[600] = "";
    double fraction = 0.0;
    (void)check;
    orr_status status = orr_graph_load(s->asked->graph, &g, &err);
    if (status == ORR_OK) keep_unread(g);
    if (status == ORR_OK && !compares(g)) {
        snprintf(r->note, sizeof(r->note), "the graph has no result to compare");
        orr_graph_destroy(g);
        return;
    }
    if (!orr_check_begin(s, r, 0)) {
        orr_graph_destroy(g);
        return;
    }
    if (status == ORR_OK) status = judge(s, g, &fraction, where, sizeof(where), &err);
    if (status == ORR_OK)
        orr_check_fraction(r, 0, fraction, where);
    else
        orr_check_fail(r, 0, "%s", err.text);
}
