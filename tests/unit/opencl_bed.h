/* A bench for programs on an OpenCL device: a program's result beside that of its calls, run one by one on a copy of
 * the memory.
 *
 * Values are matrices in one arena whose places are used again, as a plan lays them out; what is flagged as kept lies
 * apart, and only that is compared. Random numbers are of seed BED_SEED.
 */
#ifndef OPENCL_BED_H
#define OPENCL_BED_H

#include "opencl_counts.h"
#include "opencl_fixture.h"

/* Matrices of SIDE x SIDE; the arena has so many places, each PLACE floats after the one before. */
enum { SIDE = 32, PLACE = SIDE * SIDE, PLACES = 8, KEPT = 24, FLOATS = (PLACES + KEPT) * PLACE, CALLS_MAX = 40 };
enum { BED_SEED = 20261122 };

struct bed {
    struct orr_buffer *buffer, *copy;
    struct orr_call call[CALLS_MAX];
    size_t n;
    uint32_t storages;
    int kept; /* places given out */
    float start[FLOATS];
};
extern struct bed bed;

/* cmocka setup and teardown of a test. */
int bed_open(void **state);
int bed_close(void **state);
/* In [0, below). */
uint32_t bed_random(uint32_t below);

/* A matrix at a place of the arena, not kept, with a storage of its own; and one that is kept. */
struct orr_tensor scratch(int place);
struct orr_tensor kept(void);
/* The first row, as a vector (rank 1) or as (1, SIDE); and as a vector of whole numbers. */
struct orr_tensor row_of(struct orr_tensor t, uint32_t rank);
struct orr_tensor whole_row(struct orr_tensor t);

/* One more call. */
struct orr_call *add_call(uint32_t op, struct orr_tensor a, struct orr_tensor b, uint32_t n_in, struct orr_tensor y);
void unary(uint32_t op, struct orr_tensor a, struct orr_tensor y);
void binary(uint32_t op, struct orr_tensor a, struct orr_tensor b, struct orr_tensor y);
void product(struct orr_tensor a, struct orr_tensor b, struct orr_tensor y, bool ta, bool tb);
void linear(struct orr_tensor x, struct orr_tensor w, struct orr_tensor bias, struct orr_tensor y);
void columns(struct orr_tensor x, struct orr_tensor y);
void fill(double value, struct orr_tensor y);

/* The steps of a check; memory is start's after write_all. */
void write_all(struct orr_buffer *buffer);
void read_all(struct orr_buffer *buffer, float *to);
void *prepare(void);
void execute(void *program);

/* The program against its calls, twice over with the same bits; returns how many launches it makes. Then the bed is
 * empty again. */
unsigned check(const char *what);
/* Not CLBlast's, by ORRERY_GEMM: CLBlast makes, sets and launches what it likes each time, and fuses nothing. */
bool bed_own_products(void);
/* As check; with own products no more launches than that. */
void expect_launches(const char *what, unsigned most);

#endif
