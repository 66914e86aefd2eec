/* Coordinates to bins and back.
 *
 * In: numbers and the range of their column. Out: bin numbers, or the centres of bins. arXiv 2602.06923: the token of x
 * in [-1, 1] is floor((x + 1) / (2 / V)).
 */
#include "data/tokens.h"

#include <math.h>

static double width(const struct orr_bins *bins, uint32_t column)
{
    return (bins->high[column] - bins->low[column]) / (double)bins->count;
}

int32_t orr_bins_token(const struct orr_bins *bins, uint32_t column, double x)
{
    const double last = (double)(bins->count - 1);
    return (int32_t)fmax(0, fmin(last, floor((x - bins->low[column]) / width(bins, column))));
}

double orr_bins_centre(const struct orr_bins *bins, uint32_t column, int32_t token)
{
    return bins->low[column] + (token + 0.5) * width(bins, column);
}

void orr_bins_tokens(const struct orr_bins *bins, uint32_t n_columns, size_t rows, const float *observed,
                     int32_t *token)
{
    for (size_t row = 0; row < rows; ++row)
        for (uint32_t c = 0; c < n_columns; ++c)
            token[row * n_columns + c] = orr_bins_token(bins, c, (double)observed[row * n_columns + c]);
}
