/* The one inner loop of matrix products: rows of doubles, added up in order, so that the compiler can vectorise along
 * the row while each sum keeps its order.
 */
#ifndef REFERENCE_PRODUCT_H
#define REFERENCE_PRODUCT_H

#include <stdint.h>

/* sum (width) += a (count) times b (count rows of width, stride apart). */
static inline void reference_add_product(double *restrict sum, int64_t width, const double *restrict a,
                                         const double *restrict b, int64_t stride, int64_t count)
{
    int64_t k = 0;
    for (; k + 4 <= count; k += 4) { /* four at once: a sum is loaded and stored once for four products */
        const double *b0 = b + k * stride, *b1 = b0 + stride, *b2 = b1 + stride, *b3 = b2 + stride;
        const double a0 = a[k], a1 = a[k + 1], a2 = a[k + 2], a3 = a[k + 3];
        for (int64_t j = 0; j < width; ++j)
            sum[j] = sum[j] + a0 * b0[j] + a1 * b1[j] + a2 * b2[j] + a3 * b3[j];
    }
    for (; k < count; ++k)
        for (int64_t j = 0; j < width; ++j)
            sum[j] += a[k] * b[k * stride + j];
}

/* The same for two rows of sums and of a, which share the reading of b. */
static inline void reference_add_product_pair(double *restrict sum0, double *restrict sum1, int64_t width,
                                              const double *restrict a0, const double *restrict a1,
                                              const double *restrict b, int64_t stride, int64_t count)
{
    int64_t k = 0;
    for (; k + 4 <= count; k += 4) {
        const double *b0 = b + k * stride, *b1 = b0 + stride, *b2 = b1 + stride, *b3 = b2 + stride;
        const double a00 = a0[k], a01 = a0[k + 1], a02 = a0[k + 2], a03 = a0[k + 3];
        const double a10 = a1[k], a11 = a1[k + 1], a12 = a1[k + 2], a13 = a1[k + 3];
        for (int64_t j = 0; j < width; ++j) {
            sum0[j] = sum0[j] + a00 * b0[j] + a01 * b1[j] + a02 * b2[j] + a03 * b3[j];
            sum1[j] = sum1[j] + a10 * b0[j] + a11 * b1[j] + a12 * b2[j] + a13 * b3[j];
        }
    }
    reference_add_product(sum0, width, a0 + k, b + k * stride, stride, count - k);
    reference_add_product(sum1, width, a1 + k, b + k * stride, stride, count - k);
}

#endif
