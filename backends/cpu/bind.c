/* Items on memory: which values live where, what each kernel is given, and the phases in which it is run.
 *
 * In: items in the order in which they are run, pieces, segments. Out: the tables of a program, and its memory. A value
 * of one segment is in the memory of each thread; others that have no buffer share one block, placed by lifetime. */
#include "place.h"
#include "program.h"

#include <string.h>

enum {
    SUM_COUNT = 2048, /* elements of a summed result that a thread adds up at a time */
    PAGE = 4096,      /* memory of two threads is in different pages */
};

/* A storage that is kept for the whole program. */
struct shared {
    uint32_t storage;
    uint64_t offset;
};

struct binding {
    const struct cpu_kernels *kernels;
    struct cpu_program *program;
    struct shared *shared;
    struct cpu_block *block; /* one for each of shared */
    size_t n_shared, n_bound;
};

static orr_status out_of_memory(const char *what, uint64_t bytes, struct orr_error *err)
{
    return CPU_FAIL(err, ORR_ENOMEM, "out of memory: %llu bytes for %s: lower the batch or the model",
                    (unsigned long long)bytes, what);
}

/* `count` times `bytes`. */
static orr_status get_memory(uint64_t count, uint64_t bytes, const char *what, unsigned char **out,
                             struct orr_error *err)
{
    size_t all;
    if (__builtin_mul_overflow(count, bytes, &all)) return out_of_memory(what, UINT64_MAX, err);
    *out = cpu_host->alloc(all ? all : 1, all >= PAGE ? PAGE : CPU_ALIGN);
    return *out ? ORR_OK : out_of_memory(what, all, err);
}

/* The segment of an item; NULL where it is run whole. */
static const struct cpu_segment *segment_of(const struct cpu_program *program, size_t item)
{
    for (size_t s = 0; s < program->n_segments; ++s)
        if (item - program->segment[s].first < program->segment[s].count) return &program->segment[s];
    return NULL;
}

/* --- values without a buffer ---------------------------------------------------------------------------------------
 */

static void share(struct binding *b, const struct orr_tensor *t, size_t piece)
{
    size_t i = 0;
    while (i < b->n_shared && b->shared[i].storage != t->storage)
        ++i;
    struct cpu_block *block = &b->block[i];
    if (i == b->n_shared) {
        b->shared[b->n_shared++] = (struct shared){.storage = t->storage};
        *block = (struct cpu_block){.bytes = t->storage_bytes, .first = piece};
    }
    if (block->bytes < t->offset + cpu_bytes(t)) block->bytes = t->offset + cpu_bytes(t);
    block->last = piece;
}

static orr_status place_shared(struct binding *b, const struct cpu_piece *piece, size_t n_pieces, struct orr_error *err)
{
    struct cpu_program *program = b->program;
    for (size_t p = 0; p < n_pieces; ++p)
        for (size_t i = piece[p].first; i < piece[p].first + piece[p].count; ++i) {
            const struct cpu_segment *segment = segment_of(program, i);
            for (uint32_t k = 0; k < CPU_OPERANDS; ++k) {
                const struct orr_tensor *t = cpu_operand(&program->item[i], k);
                if (t && !t->buffer && !(segment && cpu_segment_region(segment, t))) share(b, t, p);
            }
        }
    CPU_TRY(cpu_place(b->block, b->n_shared, &program->shared_bytes, err));
    for (size_t i = 0; i < b->n_shared; ++i)
        b->shared[i].offset = b->block[i].offset;
    return get_memory(1, program->shared_bytes, "values of a program", &program->shared, err);
}

/* --- operands ------------------------------------------------------------------------------------------------------
 */

static struct cpu_view view_of(const struct orr_tensor *t, bool flat)
{
    struct cpu_view v = {.rank = t->rank, .dtype = t->dtype};
    memcpy(v.dim, t->dim, sizeof v.dim);
    if (!flat) return v;
    v.rank = 1;
    v.dim[0] = orr_tensor_elements(t);
    return v;
}

static void locate(const struct binding *b, const struct cpu_segment *segment, const struct orr_tensor *t,
                   struct cpu_bound *bound)
{
    const struct cpu_region *region = !t->buffer && segment ? cpu_segment_region(segment, t) : NULL;
    if (t->buffer) {
        bound->view.data = t->buffer->data + t->offset;
    } else if (region) {
        bound->base = CPU_THREAD;
        bound->offset = region->offset;
    } else {
        size_t i = 0;
        while (b->shared[i].storage != t->storage)
            ++i;
        bound->view.data = b->program->shared + b->shared[i].offset + t->offset;
    }
}

/* *summed: bytes of the slot that are given away. */
static void bind_operand(struct binding *b, const struct cpu_item *item, uint32_t k, const struct cpu_segment *segment,
                         size_t *summed)
{
    const struct orr_tensor *t = cpu_operand(item, k);
    const enum cpu_role role = cpu_operand_role(item, k);
    struct cpu_bound *bound = &b->program->bound[b->n_bound++];
    *bound = (struct cpu_bound){.operand = (uint8_t)k, .sliced = role == CPU_SLICED};
    bound->view = view_of(t, bound->sliced && item->cut.flat);
    if (bound->sliced) {
        bound->view.dim[0] /= item->cut.groups;
        bound->stride = cpu_bytes(t) / (size_t)item->cut.groups;
    }
    locate(b, segment, t, bound);
    if (role != CPU_SUMMED || segment->slots == 1) return;
    struct cpu_sum sum = {.to = bound->view.data, .offset = *summed, .number = item->number};
    for (size_t left = (size_t)orr_tensor_elements(t); left > 0; left -= sum.count) {
        sum.count = left < SUM_COUNT ? left : SUM_COUNT;
        b->program->sum[b->program->n_sums++] = sum;
        sum.to += sum.count;
        sum.offset += sum.count * sizeof(float);
    }
    bound->base = CPU_SLOT;
    bound->offset = *summed;
    *summed += cpu_aligned(cpu_bytes(t));
}

static void bind_item(struct binding *b, size_t i, const struct cpu_segment *segment, size_t *summed)
{
    struct cpu_program *program = b->program;
    const struct cpu_item *item = &program->item[i];
    const size_t first = b->n_bound;
    for (uint32_t k = 0; k < CPU_OPERANDS; ++k)
        if (cpu_operand(item, k)) bind_operand(b, item, k, segment, summed);
    program->step[i] = (struct cpu_step){.kernel = b->kernels->kernel[item->call.op],
                                         .item = item,
                                         .bound = &program->bound[first],
                                         .n_bound = (uint32_t)(b->n_bound - first)};
}

/* --- phases --------------------------------------------------------------------------------------------------------
 */

static void add_phase(struct cpu_program *program, struct cpu_phase phase)
{
    if (phase.tickets == 0) return;
    phase.used = phase.tickets < program->threads ? phase.tickets : program->threads;
    if (phase.tickets > program->most_tickets) program->most_tickets = phase.tickets;
    struct cpu_phase *place = &program->phase[program->n_phases++];
    memcpy(place, &phase, sizeof phase);
    atomic_init(&place->next, 0);
}

/* Operands that the kernels of a segment want packed; *floats: what they need. */
static void list_packs(struct cpu_program *program, const struct cpu_segment *segment, size_t *floats)
{
    for (size_t i = segment->first; i < segment->first + segment->count; ++i) {
        struct cpu_step *step = &program->step[i];
        for (uint32_t k = 0; k < step->n_bound; ++k) {
            const struct cpu_bound *bound = &step->bound[k];
            if (bound->operand >= CPU_OUT || bound->sliced || !step->kernel->pack_floats) continue;
            const size_t need = step->kernel->pack_floats(&step->item->call, bound->operand);
            if (need == 0) continue;
            program->pack[program->n_packs++] =
                (struct cpu_pack){.step = step, .operand = bound->operand, .from = bound->view};
            *floats += (size_t)cpu_aligned(need * sizeof(float)) / sizeof(float);
        }
    }
}

static void place_packs(struct cpu_program *program)
{
    for (size_t s = 0; s < program->n_segments; ++s) {
        const struct cpu_segment *segment = &program->segment[s];
        size_t at = 0;
        for (size_t i = 0; i < program->n_packs; ++i) {
            struct cpu_pack *pack = &program->pack[i];
            const size_t item = (size_t)(pack->step - program->step);
            if (item - segment->first >= segment->count) continue;
            pack->to = (float *)(void *)(program->packed + at);
            program->step[item].packed[pack->operand] = pack->to;
            at += (size_t)cpu_aligned(pack->step->kernel->pack_floats(&pack->step->item->call, pack->operand) *
                                      sizeof(float));
        }
    }
}

static void bind_segment(struct binding *b, const struct cpu_segment *segment)
{
    struct cpu_program *program = b->program;
    const size_t packs = program->n_packs, sums = program->n_sums;
    size_t summed = 0, floats = 0;
    for (size_t i = segment->first; i < segment->first + segment->count; ++i)
        bind_item(b, i, segment, &summed);
    list_packs(program, segment, &floats);
    add_phase(program, (struct cpu_phase){.kind = CPU_PACKS,
                                          .first = packs,
                                          .count = program->n_packs - packs,
                                          .tickets = (uint32_t)(program->n_packs - packs)});
    add_phase(program, (struct cpu_phase){.kind = CPU_SLICES, .segment = segment, .tickets = segment->slots});
    add_phase(program, (struct cpu_phase){.kind = CPU_SUMS,
                                          .first = sums,
                                          .count = program->n_sums - sums,
                                          .segment = segment,
                                          .tickets = (uint32_t)(program->n_sums - sums)});
    const uint64_t thread = segment->value_bytes + segment->kernel_bytes;
    const uint64_t slots = segment->slots > 1 ? segment->slots * segment->summed_bytes : 0;
    if (floats * sizeof(float) > program->packed_bytes) program->packed_bytes = floats * sizeof(float);
    if (thread > program->thread_bytes) program->thread_bytes = thread;
    if (slots > program->slots_bytes) program->slots_bytes = slots;
}

static void bind_whole(struct binding *b, const struct cpu_piece *piece)
{
    for (size_t i = piece->first; i < piece->first + piece->count; ++i) {
        bind_item(b, i, NULL, NULL);
        const struct cpu_step *step = &b->program->step[i];
        const uint64_t bytes = step->kernel->scratch ? step->kernel->scratch(&step->item->call, 1, 1) : 0;
        if (bytes > b->program->whole_bytes) b->program->whole_bytes = bytes;
    }
    add_phase(b->program,
              (struct cpu_phase){.kind = CPU_WHOLE_STEPS, .first = piece->first, .count = piece->count, .tickets = 1});
}

/* --- tables --------------------------------------------------------------------------------------------------------
 */

/* How many sums the segments have at most. */
static size_t count_sums(const struct cpu_program *program)
{
    size_t sums = 0;
    for (size_t i = 0; i < program->n_items; ++i)
        for (uint32_t k = CPU_OUT; k < CPU_BEFORE; ++k)
            if (cpu_operand(&program->item[i], k) && cpu_operand_role(&program->item[i], k) == CPU_SUMMED)
                sums += (size_t)orr_tensor_elements(cpu_operand(&program->item[i], k)) / SUM_COUNT + 1;
    return sums;
}

static orr_status get_tables(struct cpu_program *program, size_t n_pieces, struct orr_error *err)
{
    const size_t n = program->n_items, sums = count_sums(program);
    program->step = cpu_host->alloc(n * sizeof *program->step + 1, CPU_ALIGN);
    program->bound = cpu_host->alloc(n * CPU_OPERANDS * sizeof *program->bound + 1, CPU_ALIGN);
    program->pack = cpu_host->alloc(n * ORR_IN_MAX * sizeof *program->pack + 1, CPU_ALIGN);
    program->sum = cpu_host->alloc(sums * sizeof *program->sum + 1, CPU_ALIGN);
    program->phase = cpu_host->alloc(3 * n_pieces * sizeof *program->phase + 1, CPU_ALIGN);
    if (program->step && program->bound && program->pack && program->sum && program->phase) return ORR_OK;
    return out_of_memory("the tables of a program", n * CPU_OPERANDS * sizeof *program->bound, err);
}

static orr_status get_memories(struct cpu_program *program, struct orr_error *err)
{
    unsigned char *clocks;
    program->thread_bytes = (program->thread_bytes + PAGE - 1) / PAGE * PAGE;
    CPU_TRY(get_memory(1, program->packed_bytes, "packed operands", &program->packed, err));
    CPU_TRY(get_memory(1, program->slots_bytes, "sums", &program->slots, err));
    CPU_TRY(get_memory(program->threads, program->thread_bytes, "values of threads", &program->thread_memory, err));
    CPU_TRY(get_memory(1, program->whole_bytes, "scratch", &program->whole_memory, err));
    CPU_TRY(get_memory(program->threads, program->n_calls * sizeof *program->seconds, "times", &clocks, err));
    program->seconds = (double *)(void *)clocks;
    return ORR_OK;
}

static orr_status bind_pieces(struct binding *b, const struct cpu_piece *piece, size_t n_pieces, struct orr_error *err)
{
    const struct cpu_segment *segment = b->program->segment;
    CPU_TRY(place_shared(b, piece, n_pieces, err));
    for (size_t p = 0; p < n_pieces; ++p)
        if (piece[p].groups)
            bind_segment(b, segment++);
        else
            bind_whole(b, &piece[p]);
    CPU_TRY(get_memories(b->program, err));
    place_packs(b->program);
    return ORR_OK;
}

orr_status cpu_program_bind(const struct cpu_kernels *kernels, struct cpu_program *program,
                            const struct cpu_piece *piece, size_t n_pieces, struct orr_error *err)
{
    struct binding b = {.kernels = kernels, .program = program};
    const size_t operands = program->n_items * CPU_OPERANDS;
    CPU_TRY(get_tables(program, n_pieces, err));
    b.shared = cpu_host->alloc(operands * sizeof *b.shared + 1, CPU_ALIGN);
    b.block = cpu_host->alloc(operands * sizeof *b.block + 1, CPU_ALIGN);
    const orr_status status = b.shared && b.block
                                  ? bind_pieces(&b, piece, n_pieces, err)
                                  : out_of_memory("the places of values", operands * sizeof *b.block, err);
    cpu_host->dealloc(b.shared);
    cpu_host->dealloc(b.block);
    return status;
}
