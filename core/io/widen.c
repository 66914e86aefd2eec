/* Widening: small whole numbers, and the 16-bit floating-point formats of IEEE 754-2008 (binary16) and of bfloat16, the
 * upper half of a float. In: elements as a file has them, at any alignment. Out: the same values, exactly. */
#include "io/widen.h"

#include <math.h>
#include <string.h>

static const struct {
    uint32_t becomes;
    size_t bytes;
} rows[] = {
    [ORR_NARROW_I8] = {ORR_NPY_I32, 1},  [ORR_NARROW_U8] = {ORR_NPY_I32, 1},  [ORR_NARROW_I16] = {ORR_NPY_I32, 2},
    [ORR_NARROW_U16] = {ORR_NPY_I32, 2}, [ORR_NARROW_U32] = {ORR_NPY_I64, 4}, [ORR_NARROW_U64] = {ORR_NPY_I64, 8},
    [ORR_NARROW_F16] = {ORR_NPY_F32, 2}, [ORR_NARROW_BF16] = {ORR_NPY_F32, 2}};

uint32_t orr_narrow_becomes(enum orr_narrow narrow) { return rows[narrow].becomes; }

size_t orr_narrow_bytes(enum orr_narrow narrow) { return rows[narrow].bytes; }

/* Sign, 5 bits of exponent (bias 15), 10 of fraction. */
static float from_half(uint16_t half)
{
    const int exponent = half >> 10 & 31, fraction = half & 1023;
    float value;
    if (exponent == 31)
        value = fraction ? NAN : INFINITY;
    else
        value = ldexpf((float)(exponent ? 1024 + fraction : fraction), (exponent ? exponent : 1) - 25);
    return half & 0x8000 ? -value : value;
}

static float from_brain(uint16_t brain)
{
    const uint32_t bits = (uint32_t)brain << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The number whose bits, without a sign, are the given ones. */
static int32_t with_sign(uint64_t bits, size_t bytes)
{
    const int64_t half = (int64_t)1 << (8 * bytes - 1);
    return (int32_t)((int64_t)bits >= half ? (int64_t)bits - 2 * half : (int64_t)bits);
}

bool orr_widen(enum orr_narrow narrow, const void *from, size_t n, void *to)
{
    const size_t bytes = rows[narrow].bytes;
    const char *at = from;
    for (size_t i = 0; i < n; ++i, at += bytes) {
        uint64_t bits = 0;
        memcpy(&bits, at, bytes); /* little-endian, as npy.c asserts */
        if (bits > INT64_MAX) return false;
        if (narrow == ORR_NARROW_F16)
            ((float *)to)[i] = from_half((uint16_t)bits);
        else if (narrow == ORR_NARROW_BF16)
            ((float *)to)[i] = from_brain((uint16_t)bits);
        else if (rows[narrow].becomes == ORR_NPY_I64)
            ((int64_t *)to)[i] = (int64_t)bits;
        else if (narrow == ORR_NARROW_I8 || narrow == ORR_NARROW_I16)
            ((int32_t *)to)[i] = with_sign(bits, bytes);
        else
            ((int32_t *)to)[i] = (int32_t)bits;
    }
    return true;
}
