/* Tokens: which of `count` equal bins a coordinate lies in, and the centre of a bin.
 *
 * The classes of the token models of arXiv 2602.06923: a column's range is cut into bins of equal width.
 */
#ifndef ORR_DATA_TOKENS_H
#define ORR_DATA_TOKENS_H

#include "base/error.h"

struct orr_bins {
    int64_t count;      /* bins of each column; 0: no tokens */
    double *low, *high; /* (n_observed) the range of each column, low < high */
};

/* floor((x - low) / width), width = (high - low) / count; the edge bins also take what lies outside. x: not nan. Any
 * thread. */
int32_t orr_bins_token(const struct orr_bins *bins, uint32_t column, double x);

/* The middle of a bin, in the column's unit. token: 0 .. count-1. Any thread. */
double orr_bins_centre(const struct orr_bins *bins, uint32_t column, int32_t token);

/* Tokens of rows points: observed and token (rows, n_columns), the caller's. Any thread. */
void orr_bins_tokens(const struct orr_bins *bins, uint32_t n_columns, size_t rows, const float *observed,
                     int32_t *token);

#endif
