/* Panels of the second operand of a product: what a tile reads at each step of the inner axis lies together, and
 * columns are filled up with zeros to whole vectors.
 */
#include "lanes.h"
#include "product.h"

/* Up to LANES columns, which are rows of b: to (inner, width). */
static void pack_turned(const float *b, int64_t stride, int64_t inner, int64_t columns, float *to, int64_t width)
{
    for (int64_t k = 0; k < inner; k += LANES) {
        const int64_t steps = inner - k < LANES ? inner - k : LANES;
        vec line[LANES];
        if (steps == LANES && columns == LANES) {
            CPU_UNROLL for (int j = 0; j < LANES; ++j) line[j] = vec_load(b + j * stride + k);
            lanes_turn(line);
            CPU_UNROLL for (int j = 0; j < LANES; ++j) vec_store(to + (k + j) * width, line[j]);
            continue;
        }
        for (int j = 0; j < LANES; ++j)
            line[j] = j < columns ? vec_load_some(b + j * stride + k, steps) : (vec){0};
        lanes_turn(line);
        for (int j = 0; j < steps; ++j)
            vec_store(to + (k + j) * width, line[j]);
    }
}

static void pack_straight(const float *b, int64_t stride, int64_t inner, int64_t columns, float *to, int64_t width)
{
    for (int64_t k = 0; k < inner; ++k)
        vec_store(to + k * width, columns == LANES ? vec_load(b + k * stride) : vec_load_some(b + k * stride, columns));
}

void product_pack(const float *b, int64_t stride, bool turned, int64_t inner, int64_t columns, float *to)
{
    for (int64_t j = 0; j < columns; j += PANEL) {
        const int64_t width = columns - j < PANEL ? whole_vectors(columns - j) : PANEL;
        for (int64_t v = 0; v < width; v += LANES) {
            const int64_t some = columns - j - v < LANES ? columns - j - v : LANES;
            if (turned)
                pack_turned(b + (j + v) * stride, stride, inner, some, to + v, width);
            else
                pack_straight(b + j + v, stride, inner, some, to + v, width);
        }
        to += inner * width;
    }
}
