/* Numbers of types that the engine does not hold, as those of a type that it holds and that has all their values.
 */
#ifndef ORR_IO_WIDEN_H
#define ORR_IO_WIDEN_H

#include "io/npy.h"

enum orr_narrow {
    ORR_NARROW_NONE,
    ORR_NARROW_I8,
    ORR_NARROW_U8,
    ORR_NARROW_I16,
    ORR_NARROW_U16,
    ORR_NARROW_U32,
    ORR_NARROW_U64,
    ORR_NARROW_F16,
    ORR_NARROW_BF16
};

/* enum orr_npy_type that holds all values: I32; I64 for 32 and 64 bits without a sign; F32. */
uint32_t orr_narrow_becomes(enum orr_narrow narrow);
/* Bytes of one element. */
size_t orr_narrow_bytes(enum orr_narrow narrow);

/* Widen n elements. to: caller's array of n. False: a whole number is 2^63 or more. Any thread. */
bool orr_widen(enum orr_narrow narrow, const void *from, size_t n, void *to);

#endif
