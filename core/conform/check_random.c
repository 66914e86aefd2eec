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

struct verdict {
    double fraction; /* the worst distance as a share of what is allowed; below 0: rounding alone moves it too far */
    double noise;    /* what was allowed beyond the bound */
    char where[600];
};

/* Judge a graph, which this takes over. */
static orr_status judge(struct orr_session *s, struct orr_graph *g, struct verdict *v, struct orr_error *err)
{
    struct orr_graph *again = NULL;
    double worst = 0.0, moved = 0.0;
    orr_status status = orr_graph_clone(g, &again, err);
    if (status == ORR_OK)
        status = measure(s, g, &worst, v->where, sizeof(v->where), err);
    else
        orr_graph_destroy(g);
    if (status == ORR_OK && worst > GRAPH_BOUND) {
        status = measure_noise(s, again, &moved, err);
        again = NULL;
    }
    orr_graph_destroy(again);
    v->noise = ORR_NOISE_SHARE * moved;
    v->fraction = v->noise <= ORR_NOISE_MOST ? worst / (GRAPH_BOUND + v->noise) : -1.0;
    const size_t at = strlen(v->where);
    if (at < sizeof(v->where)) snprintf(v->where + at, sizeof(v->where) - at, ", allowed %.3g", GRAPH_BOUND + v->noise);
    return status;
}

static orr_status judge_random(struct orr_session *s, uint32_t number, uint32_t length, struct verdict *v)
{
    struct orr_graph *g = NULL;
    struct orr_error err = {.code = ORR_OK};
    *v = (struct verdict){.fraction = 0.0};
    orr_status status = orr_random_graph(s->asked->seed, number, length, &g, &err);
    if (status == ORR_OK) status = judge(s, g, v, &err);
    if (status != ORR_OK) snprintf(v->where, sizeof(v->where), "%s", err.text);
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
    struct verdict v;
    char path[80];
    for (uint32_t length = 1; length <= ORR_RANDOM_GRAPH_LENGTH; ++length) {
        const orr_status status = judge_random(s, number, length, &v);
        if (status == ORR_OK && v.fraction <= 1.0) continue;
        const bool written = write_graph(s, number, length, path, sizeof(path));
        orr_check_fail(r, number, "the first %u of its operations: %s%s%s", length, v.where,
                       written ? "; as text in " : "", written ? path : "");
        if (written)
            snprintf(r->note, sizeof(r->note), "orrery validate '%s' --graph %s --seed %llu", s->asked->backend, path,
                     (unsigned long long)s->asked->seed);
        return;
    }
    orr_check_fail(r, number, "it failed once and passed when repeated: the backend is not deterministic");
}

static void accept(struct orr_check_result *r, uint32_t number, const struct verdict *v)
{
    r->noise = fmax(r->noise, v->noise);
    orr_check_fraction(r, number, v->fraction, v->where);
}

void orr_check_random_graphs(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    const uint32_t n = s->asked->level == ORR_CONFORM_FULL ? FULL_GRAPHS : QUICK_GRAPHS;
    uint32_t unjudged = 0;
    (void)check;
    for (uint32_t i = 0; i < n; ++i) {
        struct verdict v;
        if (!orr_check_begin(s, r, i)) continue;
        const orr_status status = judge_random(s, i, ORR_RANDOM_GRAPH_LENGTH, &v);
        if (status == ORR_OK && v.fraction < 0.0)
            ++unjudged;
        else if (status == ORR_OK && v.fraction <= 1.0)
            accept(r, i, &v);
        else if (!r->failed)
            shrink(s, i, r);
        else
            orr_check_fail(r, i, "%s", v.where);
    }
    r->cases -= unjudged;
    r->left_out += unjudged;
    if (unjudged && !r->cases) r->state = ORR_CHECK_NOT_TESTED;
    if (unjudged && !r->note[0])
        snprintf(r->note, sizeof(r->note), "%u graphs not judged: rounding alone may move them by more than %g",
                 unjudged, ORR_NOISE_MOST);
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
    struct verdict v = {.fraction = 0.0};
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
    if (status == ORR_OK) status = judge(s, g, &v, &err);
    if (status != ORR_OK) {
        orr_check_fail(r, 0, "%s", err.text);
    } else if (v.fraction < 0.0) {
        *r = (struct orr_check_result){.family = r->family, .worst = -1.0, .worst_case = -1, .failed_case = -1};
        memcpy(r->name, check->name, sizeof(r->name));
        snprintf(r->note, sizeof(r->note), "not judged: rounding alone may move it by more than %g", ORR_NOISE_MOST);
    } else {
        accept(r, 0, &v);
    }
}
