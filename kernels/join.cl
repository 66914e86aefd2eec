/* Second passes of sums: JOIN_WIDTH columns an item, their partial sums added in order, compensated. */
#include "params.h"
#include "sum.h"

static void add_up(global const float *partials, global float *y, int from, int chunks, int columns, int to, int column)
{
    global const float *p = partials + from + column;
    const int n = columns - column;
    if (n >= JOIN_WIDTH) {
        float16 value = 0.0f, error = 0.0f;
        for (int k = 0; k < chunks; ++k, p += columns) {
            const float16 x = vload16(0, p), sum = value + x, seen = sum - value;
            error += (value - (sum - seen)) + (x - seen);
            value = sum;
        }
        vstore16(select(value, value + error, isfinite(value)), 0, y + to + column);
        return;
    }
    for (int j = 0; j < n; ++j) {
        struct sum s = {0.0f, 0.0f};
        for (int k = 0; k < chunks; ++k)
            sum_add(&s, p[k * columns + j]);
        y[to + column + j] = sum_result(&s);
    }
}

kernel void join_one(global const float *partials, global float *y, const struct params_join p)
{
    ITEM(i, p.count);
    add_up(partials, y, p.from, p.chunks, p.columns, p.y, (int)i * JOIN_WIDTH);
}

/* Of row r of the table: its first item, and then what join_one is given. */
kernel void join_all(global const float *partials, global float *y, global const int *table, const struct params_join p)
{
    ITEM(i, p.count);
    int low = 0, high = p.rows;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        if (table[5 * middle] <= (int)i)
            low = middle;
        else
            high = middle;
    }
    global const int *row = table + 5 * low;
    add_up(partials, y, row[1], row[2], row[3], row[4], ((int)i - row[0]) * JOIN_WIDTH);
}
