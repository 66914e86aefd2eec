/* Preparing a program: its calls become items, are cut, put in order, cut into slices, and bound to memory. */
#include "program.h"

#include "fuse.h"

#include <string.h>

static orr_status make_items(struct orr_device *dev, const struct orr_call *const *calls, size_t n,
                             struct cpu_program *program, struct orr_error *err)
{
    program->item = cpu_host->alloc(n * sizeof *program->item + 1, CPU_ALIGN);
    if (!program->item) return CPU_FAIL(err, ORR_ENOMEM, "out of memory: a program of %zu calls", n);
    for (size_t i = 0; i < n; ++i) {
        CPU_TRY(cpu_check(dev->kernels, calls[i], true, err));
        program->item[i] = (struct cpu_item){.call = *calls[i], .number = i};
    }
    program->n_calls = program->n_items = n;
    return ORR_OK;
}

static orr_status make_segments(struct orr_device *dev, struct cpu_program *program, const struct cpu_piece *piece,
                                size_t n_pieces, struct orr_error *err)
{
    program->segment = cpu_host->alloc(n_pieces * sizeof *program->segment + 1, CPU_ALIGN);
    if (!program->segment) return CPU_FAIL(err, ORR_ENOMEM, "out of memory: %zu segments", n_pieces);
    for (size_t p = 0; p < n_pieces; ++p)
        if (piece[p].groups)
            CPU_TRY(cpu_segment_make(dev->kernels, program->item, program->n_items, &piece[p],
                                     &program->segment[program->n_segments++], err));
    return ORR_OK;
}

/* Launches are segments, and calls that are run whole. */
static void count_work(struct cpu_program *program, const struct cpu_piece *piece, size_t n_pieces)
{
    for (size_t p = 0; p < n_pieces; ++p)
        program->launches += piece[p].groups ? 1 : piece[p].count;
    for (size_t i = 0; i < program->n_items; ++i) {
        const struct orr_call *call = &program->item[i].call;
        if (call->op != ORR_OP_MATMUL && call->op != ORR_OP_LINEAR) continue;
        const struct orr_tensor *a = &call->in[0];
        const int64_t inner = a->dim[a->rank - (call->op == ORR_OP_MATMUL && call->attr.i[0] ? 2 : 1)];
        program->products += 1;
        program->multiply_adds += (uint64_t)orr_tensor_elements(&call->out[0]) * (uint64_t)inner;
    }
}

static orr_status fill_program(struct orr_device *dev, const struct orr_call *const *calls, size_t n,
                               struct cpu_program *program, struct orr_error *err)
{
    struct cpu_piece *piece = NULL;
    size_t n_pieces = 0;
    CPU_TRY(make_items(dev, calls, n, program, err));
    cpu_fuse(dev->kernels, program->item, &program->n_items);
    cpu_cut_items(program->item, program->n_items);
    CPU_TRY(cpu_order_items(program->item, program->n_items, &piece, &n_pieces, err));
    orr_status status = make_segments(dev, program, piece, n_pieces, err);
    if (status == ORR_OK) status = cpu_program_bind(dev->kernels, program, piece, n_pieces, err);
    if (status == ORR_OK) count_work(program, piece, n_pieces);
    cpu_host->dealloc(piece);
    return status;
}

orr_status cpu_prepare(struct orr_device *dev, const struct orr_call *const *calls, size_t n, void **program,
                       struct orr_error *err)
{
    struct cpu_program *new = cpu_host->alloc(sizeof *new, CPU_ALIGN);
    if (!new) return CPU_FAIL(err, ORR_ENOMEM, "out of memory: a program of %zu calls", n);
    *new = (struct cpu_program){.threads = cpu_pool_threads(dev->pool)};
    const orr_status status = fill_program(dev, calls, n, new, err);
    if (status != ORR_OK) {
        cpu_discard(dev, new);
        return status;
    }
    *program = new;
    return ORR_OK;
}

void cpu_discard(struct orr_device *dev, void *program)
{
    struct cpu_program *gone = program;
    (void)dev;
    for (size_t s = 0; s < gone->n_segments; ++s)
        cpu_host->dealloc(gone->segment[s].region);
    void *const memory[] = {gone->item,    gone->step,          gone->bound,       gone->segment, gone->pack,
                            gone->sum,     gone->phase,         gone->shared,      gone->packed,  gone->slots,
                            gone->seconds, gone->thread_memory, gone->whole_memory};
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; ++i)
        cpu_host->dealloc(memory[i]);
    cpu_host->dealloc(gone);
}
