/* Programs made by hand for tests of the CPU backend's planning: calls on values by number, of which nothing is
 * computed. What cannot be done fails the running test.
 */
#ifndef CPU_BED_H
#define CPU_BED_H

#include "../../backends/cpu/slice.h"
#include "base/loader.h"

/* cmocka.h needs what is before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
/* clang-format on */

enum { GROUPS = 8, WIDTH = 4, MOST = 40 };

struct cpu_bed {
    struct cpu_item item[MOST];
    size_t n;
    struct cpu_piece *piece;
    size_t n_pieces;
};

/* Kernels that take everything and run nothing; to be called before any test. */
extern struct cpu_kernels bed_kernels;
void bed_prepare(void);

/* Values that the backend keeps: a matrix, with batch 0 without groups; GROUPS groups of a row; a vector. */
struct orr_tensor bed_matrix(uint32_t storage, int64_t rows, int64_t width, uint32_t batch);
struct orr_tensor bed_rows(uint32_t storage);
struct orr_tensor bed_vector(uint32_t storage, int64_t count);

/* Append a call: its operands are struct orr_tensor, inputs first. */
struct orr_call *bed_put(struct cpu_bed *b, uint32_t op, uint32_t n_in, uint32_t n_out, ...);
void bed_put_exp(struct cpu_bed *b, uint32_t from, uint32_t to);
/* Column sums, which all groups add to. */
void bed_put_sum(struct cpu_bed *b, uint32_t from, uint32_t to);

/* Cut the calls and put them in order; bed_close frees what this makes. */
void bed_order(struct cpu_bed *b);
void bed_close(struct cpu_bed *b);

/* Where the call of this number has come: its place and its piece. */
size_t bed_place_of(const struct cpu_bed *b, size_t number);
size_t bed_piece_of(const struct cpu_bed *b, size_t number);
void bed_expect_together(const struct cpu_bed *b, size_t first, size_t second);
void bed_expect_apart(const struct cpu_bed *b, size_t first, size_t second);

#endif
