/* Programs made by hand: struct cpu_bed. */
#include "cpu_bed.h"

#include <string.h>

static bool takes_all(const struct orr_call *call, const struct cpu_after *after)
{
    (void)call;
    (void)after;
    return true;
}

static const struct cpu_kernel any_kernel = {.takes_after = takes_all};
struct cpu_kernels bed_kernels;

void bed_prepare(void)
{
    cpu_host = orr_loader_host();
    for (int op = 0; op < ORR_OP_COUNT_; ++op)
        bed_kernels.kernel[op] = &any_kernel;
}

struct orr_tensor bed_matrix(uint32_t storage, int64_t rows, int64_t width, uint32_t batch)
{
    return (struct orr_tensor){.storage = storage,
                               .storage_bytes = (uint64_t)(rows * width) * 4,
                               .dim = {rows, width},
                               .rank = 2,
                               .dtype = ORR_F32,
                               .batch = batch};
}

struct orr_tensor bed_rows(uint32_t storage) { return bed_matrix(storage, GROUPS, WIDTH, GROUPS); }

struct orr_tensor bed_vector(uint32_t storage, int64_t count)
{
    struct orr_tensor t = bed_matrix(storage, count, 1, 0);
    t.rank = 1;
    return t;
}

struct orr_call *bed_put(struct cpu_bed *b, uint32_t op, uint32_t n_in, uint32_t n_out, ...)
{
    struct orr_call call = {.size = sizeof call, .op = op, .n_in = n_in, .n_out = n_out};
    va_list operands;
    va_start(operands, n_out);
    for (uint32_t k = 0; k < n_in; ++k)
        call.in[k] = va_arg(operands, struct orr_tensor);
    for (uint32_t k = 0; k < n_out; ++k)
        call.out[k] = va_arg(operands, struct orr_tensor);
    va_end(operands);
    assert_true(b->n < MOST);
    b->item[b->n] = (struct cpu_item){.call = call, .number = b->n};
    return &b->item[b->n++].call;
}

void bed_put_exp(struct cpu_bed *b, uint32_t from, uint32_t to)
{
    bed_put(b, ORR_OP_EXP, 1, 1, bed_rows(from), bed_rows(to));
}

void bed_put_sum(struct cpu_bed *b, uint32_t from, uint32_t to)
{
    bed_put(b, ORR_OP_SUM, 1, 1, bed_rows(from), bed_matrix(to, 1, WIDTH, 0));
}

void bed_order(struct cpu_bed *b)
{
    struct orr_error err = {0};
    cpu_cut_items(b->item, b->n);
    if (cpu_order_items(b->item, b->n, &b->piece, &b->n_pieces, &err) != ORR_OK) fail_msg("%s", err.text);
}

void bed_close(struct cpu_bed *b)
{
    cpu_host->dealloc(b->piece);
    memset(b, 0, sizeof *b);
}

size_t bed_place_of(const struct cpu_bed *b, size_t number)
{
    for (size_t i = 0; i < b->n; ++i)
        if (b->item[i].number == number) return i;
    fail_msg("call %zu is gone", number);
    return 0;
}

size_t bed_piece_of(const struct cpu_bed *b, size_t number)
{
    const size_t place = bed_place_of(b, number);
    for (size_t p = 0; p < b->n_pieces; ++p)
        if (place - b->piece[p].first < b->piece[p].count) return p;
    fail_msg("call %zu is in no piece", number);
    return 0;
}

void bed_expect_together(const struct cpu_bed *b, size_t first, size_t second)
{
    if (bed_piece_of(b, first) != bed_piece_of(b, second) || bed_place_of(b, first) > bed_place_of(b, second))
        fail_msg("calls %zu and %zu are in pieces %zu and %zu, expected one, in this order", first, second,
                 bed_piece_of(b, first), bed_piece_of(b, second));
}

void bed_expect_apart(const struct cpu_bed *b, size_t first, size_t second)
{
    if (bed_piece_of(b, first) >= bed_piece_of(b, second))
        fail_msg("calls %zu and %zu are in pieces %zu and %zu, expected the second later", first, second,
                 bed_piece_of(b, first), bed_piece_of(b, second));
}
