/* Cuts, levels and segments.
 *
 * In: items in the order of a program. Out: the same in the order in which they are run: a level for each barrier that
 * the longest chain of dependences needs, and in a level one segment for each number of groups, of all items that are
 * cut alike. An item is run as late as those with which it shares values group by group, so that a backward pass which
 * had to wait for something finds its forward pass in its own segment. Nothing is reordered that shares a byte of which
 * either writes. */
#include "segment.h"

#include <stdlib.h>
#include <string.h>

/* Bytes that a call without groups must read and write to be cut for its own sake. */
enum { WORTH_CUTTING = 256 << 10 };

/* --- by which groups -----------------------------------------------------------------------------------------------
 */

static bool cut_by_batch(struct cpu_item *item)
{
    const struct orr_call *call = &item->call;
    for (uint32_t k = 0; k < call->n_out; ++k)
        if (call->out[k].batch > 1 && cpu_cut_rows(call, call->out[k].batch, &item->cut)) return true;
    for (uint32_t k = 0; k < call->n_in; ++k)
        if (call->in[k].batch > 1 && cpu_cut_rows(call, call->in[k].batch, &item->cut)) return true;
    return false;
}

/* Does `reader` read a result of `item`, group by group? */
static bool reads_groups(const struct cpu_item *reader, const struct cpu_item *item)
{
    for (uint32_t k = 0; k < CPU_OPERANDS; ++k) {
        const struct orr_tensor *t = cpu_operand(reader, k);
        if (!t || cpu_operand_is_written(k) || cpu_operand_role(reader, k) != CPU_SLICED) continue;
        for (uint32_t i = 0; i < item->call.n_out; ++i)
            if (cpu_same_place(t, &item->call.out[i])) return true;
    }
    return false;
}

static bool cut_as_readers(struct cpu_item *item, size_t i, size_t n)
{
    for (size_t j = 1; i + j < n; ++j)
        if (item[j].cut.groups > 1 && reads_groups(&item[j], item) &&
            cpu_cut_rows(&item->call, item[j].cut.groups, &item->cut))
            return true;
    return false;
}

static uint64_t traffic(const struct cpu_item *item)
{
    uint64_t bytes = 0;
    for (uint32_t k = 0; k < CPU_OPERANDS; ++k)
        if (cpu_operand(item, k)) bytes += cpu_bytes(cpu_operand(item, k));
    return bytes;
}

void cpu_cut_items(struct cpu_item *item, size_t n)
{
    for (size_t i = n; i-- > 0;) {
        item[i].cut = (struct cpu_cut){.groups = 0};
        if (cut_by_batch(&item[i]) || cut_as_readers(&item[i], i, n)) continue;
        if (traffic(&item[i]) >= WORTH_CUTTING) (void)cpu_cut_alone(&item[i].call, &item[i].cut);
    }
}

/* --- levels --------------------------------------------------------------------------------------------------------
 */

/* Item `to` must wait for item `from`. */
struct edge {
    size_t from, to;
    enum cpu_order order;
};

struct edges {
    struct edge *edge; /* in order of from, then of to */
    size_t count, room;
};

static orr_status add_edge(struct edges *edges, struct edge edge, struct orr_error *err)
{
    if (edges->count == edges->room) {
        const size_t room = edges->room ? 2 * edges->room : 256;
        struct edge *grown = cpu_host->alloc(room * sizeof *grown, CPU_ALIGN);
        if (!grown) return CPU_FAIL(err, ORR_ENOMEM, "out of memory: more than %zu dependences", edges->count);
        if (edges->count) memcpy(grown, edges->edge, edges->count * sizeof *grown);
        cpu_host->dealloc(edges->edge);
        edges->edge = grown;
        edges->room = room;
    }
    edges->edge[edges->count++] = edge;
    return ORR_OK;
}

static orr_status find_edges(const struct cpu_item *item, size_t n, struct edges *edges, struct orr_error *err)
{
    for (size_t i = 0; i < n; ++i)
        for (size_t j = i + 1; j < n; ++j) {
            const enum cpu_order order = cpu_item_order(&item[i], &item[j]);
            if (order != CPU_FREE) CPU_TRY(add_edge(edges, (struct edge){i, j, order}, err));
        }
    return ORR_OK;
}

struct place {
    size_t item;
    int64_t groups;
    uint32_t level, latest;
};

/* Barriers that must lie between the ends of an edge. */
static uint32_t barriers(const struct edge *edge) { return edge->order == CPU_APART; }

/* Raise levels until no edge is too short; an edge comes after all that lead to its beginning. */
static void raise_levels(const struct edges *edges, struct place *place)
{
    for (size_t e = 0; e < edges->count; ++e) {
        const struct edge *edge = &edges->edge[e];
        const uint32_t level = place[edge->from].level + barriers(edge);
        if (place[edge->to].level < level) place[edge->to].level = level;
    }
}

/* Draw each item to the level of the last that takes its values group by group, as far as all others allow. */
static void draw_together(const struct edges *edges, struct place *place, size_t n)
{
    uint32_t last = 0;
    for (size_t i = 0; i < n; ++i)
        if (place[i].level > last) last = place[i].level;
    size_t e = edges->count;
    for (size_t i = n; i-- > 0;) {
        place[i].latest = last;
        for (; e > 0 && edges->edge[e - 1].from == i; --e) {
            const struct edge *edge = &edges->edge[e - 1];
            const struct place *to = &place[edge->to];
            if (place[i].latest > to->latest - barriers(edge)) place[i].latest = to->latest - barriers(edge);
            if (edge->order == CPU_TOGETHER && place[i].level < to->level) place[i].level = to->level;
        }
        if (place[i].level > place[i].latest) place[i].level = place[i].latest;
    }
}

/* --- the order in which items are run ------------------------------------------------------------------------------
 */

/* By level; those that are run whole first, then by groups; and in the order of the program. */
static int earlier(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->level != y->level) return x->level < y->level ? -1 : 1;
    if (x->groups != y->groups) return x->groups < y->groups ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

static orr_status permute(struct cpu_item *item, size_t n, const struct place *place, struct orr_error *err)
{
    struct cpu_item *copy = cpu_host->alloc(n * sizeof *copy, CPU_ALIGN);
    if (!copy) return CPU_FAIL(err, ORR_ENOMEM, "out of memory: a program of %zu calls", n);
    memcpy(copy, item, n * sizeof *copy);
    for (size_t i = 0; i < n; ++i)
        item[i] = copy[place[i].item];
    cpu_host->dealloc(copy);
    return ORR_OK;
}

static orr_status list_pieces(const struct place *place, size_t n, struct cpu_piece **piece, size_t *n_pieces,
                              struct orr_error *err)
{
    struct cpu_piece *list = cpu_host->alloc(n * sizeof *list, CPU_ALIGN);
    if (!list) return CPU_FAIL(err, ORR_ENOMEM, "out of memory: a program of %zu calls", n);
    size_t count = 0;
    for (size_t i = 0; i < n; ++i) {
        if (i == 0 || place[i].level != place[i - 1].level || place[i].groups != place[i - 1].groups)
            list[count++] = (struct cpu_piece){.first = i, .groups = place[i].groups, .level = place[i].level};
        list[count - 1].count += 1;
    }
    *piece = list;
    *n_pieces = count;
    return ORR_OK;
}

static orr_status order_items(struct cpu_item *item, size_t n, struct place *place, struct edges *edges,
                              struct cpu_piece **piece, size_t *n_pieces, struct orr_error *err)
{
    for (size_t i = 0; i < n; ++i)
        place[i] = (struct place){.item = i, .groups = item[i].cut.groups};
    CPU_TRY(find_edges(item, n, edges, err));
    raise_levels(edges, place);
    draw_together(edges, place, n);
    raise_levels(edges, place);
    qsort(place, n, sizeof *place, earlier);
    CPU_TRY(list_pieces(place, n, piece, n_pieces, err));
    const orr_status status = permute(item, n, place, err);
    if (status != ORR_OK) cpu_host->dealloc(*piece);
    return status;
}

orr_status cpu_order_items(struct cpu_item *item, size_t n, struct cpu_piece **piece, size_t *n_pieces,
                           struct orr_error *err)
{
    struct edges edges = {.count = 0};
    *piece = NULL;
    *n_pieces = 0;
    if (n == 0) return ORR_OK;
    struct place *place = cpu_host->alloc(n * sizeof *place, CPU_ALIGN);
    if (!place) return CPU_FAIL(err, ORR_ENOMEM, "out of memory: a program of %zu calls", n);
    const orr_status status = order_items(item, n, place, &edges, piece, n_pieces, err);
    if (status != ORR_OK) *piece = NULL;
    cpu_host->dealloc(edges.edge);
    cpu_host->dealloc(place);
    return status;
}
