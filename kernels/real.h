/* REAL, a vector of VECTOR floats (4 or 16: what the program is built for), for kernels that take that many elements an
 * item; with what activation.h asks for. */
#ifndef KERNELS_REAL_H
#define KERNELS_REAL_H

#define VECTOR      DEPTH
#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
#define REAL        JOIN(float, VECTOR)
#define BITS        JOIN(uint, VECTOR)
#define WHOLE       JOIN(int, VECTOR)
#define AS_REAL     JOIN(as_float, VECTOR)
#define AS_BITS     JOIN(as_uint, VECTOR)
#define AS_WHOLE    JOIN(as_int, VECTOR)
#define LOAD        JOIN(vload, VECTOR)
#define STORE       JOIN(vstore, VECTOR)
#define SOME(c)     any(c)

static BITS lane_numbers(void)
{
#if VECTOR == 16
    return (BITS)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#else
    return (BITS)(0, 1, 2, 3);
#endif
}

/* Item i takes elements [at, at + VECTOR), the last one fewer: `left`, never more than VECTOR. */
#define ITEM_OF_REALS(total)                                                                                           \
    ITEM(i, ((uint)(total) + VECTOR - 1) / VECTOR);                                                                    \
    const int at = (int)i * VECTOR, left = min(VECTOR, (int)(total)-at)

/* Elements that are not there count as 1, which no operation minds. */
static REAL take(global const float *from, int left)
{
    if (left == VECTOR) return LOAD(0, from);
    float part[VECTOR];
    for (int j = 0; j < VECTOR; ++j)
        part[j] = j < left ? from[j] : 1.0f;
    return LOAD(0, part);
}

static void give(REAL x, global float *to, int left)
{
    if (left == VECTOR) {
        STORE(x, 0, to);
        return;
    }
    float part[VECTOR];
    STORE(x, 0, part);
    for (int j = 0; j < left; ++j)
        to[j] = part[j];
}

#endif
