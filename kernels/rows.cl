/* Operations that write rows chosen by index: put, and scatter-add in the order of the indices.
 *
 * Scatter-add sorts (row, position) pairs by a bitonic network (Batcher 1968), which needs no atomics and gives the
 * order of the indices; then one item a column of each row that occurs adds up its updates.
 */
#include "params.h"
#include "sum.h"

kernel void rows_put(global const int *index, global const uint *row, global uint *y, const struct params_rows p)
{
    ITEM(i, p.count);
    const int at = (index[p.index] % p.rows + p.rows) % p.rows;
    y[p.y + at * p.width + i] = row[p.row + i];
}

/* keys := rows (count), then positions (count); a row is INT_MAX where there is nothing to add. count is a power of
 * two.
 */
kernel void rows_keys(global const int *index, global int *keys, const struct params_sort p)
{
    ITEM(i, p.count);
    const int position = (int)i, which = position / p.run;
    const int first = index[p.index + min(which, p.indices - 1)];
    const bool there = which < p.indices && first >= 0 && first <= p.rows - p.run;
    keys[i] = there ? first + position - which * p.run : INT_MAX;
    keys[p.count + i] = position;
}

/* One step of the network: items i and i ^ distance are put in order, ascending where bit `block` of i is 0. */
kernel void rows_sort(global int *keys, const struct params_sort p)
{
    ITEM(i, p.count);
    const uint other = i ^ (uint)p.distance;
    if (other < i) return;
    const int row = keys[i], position = keys[p.count + i];
    const int other_row = keys[other], other_position = keys[p.count + other];
    const bool after = row > other_row || (row == other_row && position > other_position);
    const bool ascending = (i & (uint)p.block) == 0u;
    if (after != ascending) return;
    keys[i] = other_row;
    keys[p.count + i] = other_position;
    keys[other] = row;
    keys[p.count + other] = position;
}

/* The run of pairs of one row is added up in segments, which end where REDUCE_CHUNK divides the position, so that no
 * item has more than that to add. Items (sorted pair, column): the first pair of each segment adds it up, into y where
 * it is the first of its run, else into the sum of its chunk. p.count is of pairs times columns, p.index is where the
 * positions begin, p.table where the sums (chunk, column) do. */
kernel void rows_add(global const int *keys, global const float *update, global float *sums, global float *y,
                     const struct params_rows p)
{
    ITEM(i, p.count);
    int at = (int)(i / (uint)p.width);
    const int j = (int)i - at * p.width, pairs = p.count / p.width, row = keys[at], chunk = at / REDUCE_CHUNK;
    const bool goes_on = at > 0 && keys[at - 1] == row;
    if (row == INT_MAX || (goes_on && at != chunk * REDUCE_CHUNK)) return;
    const int end = min(pairs, (chunk + 1) * REDUCE_CHUNK);
    struct sum s = {goes_on ? 0.0f : y[p.y + row * p.width + j], 0.0f};
    for (; at < end && keys[at] == row; ++at)
        sum_add(&s, update[p.row + keys[p.index + at] * p.width + j]);
    if (goes_on)
        sums[p.table + chunk * p.width + j] = sum_result(&s);
    else
        y[p.y + row * p.width + j] = sum_result(&s);
}

/* Does the run of pairs before chunk go on in it? */
static bool goes_into(global const int *keys, int chunk)
{
    const int at = chunk * REDUCE_CHUNK;
    return chunk > 0 && keys[at] != INT_MAX && keys[at - 1] == keys[at];
}

/* Items (chunk, column): the first chunk that a run goes into adds the sums of all of them.
 * p.count is of chunks times columns. */
kernel void rows_join(global const int *keys, global const float *sums, global float *y, const struct params_rows p)
{
    ITEM(i, p.count);
    int chunk = (int)(i / (uint)p.width);
    const int j = (int)i - chunk * p.width, chunks = p.count / p.width, row = keys[chunk * REDUCE_CHUNK];
    if (!goes_into(keys, chunk) || (goes_into(keys, chunk - 1) && keys[(chunk - 1) * REDUCE_CHUNK] == row)) return;
    struct sum s = {y[p.y + row * p.width + j], 0.0f};
    for (; chunk < chunks && keys[chunk * REDUCE_CHUNK] == row; ++chunk)
        sum_add(&s, sums[p.table + chunk * p.width + j]);
    y[p.y + row * p.width + j] = sum_result(&s);
}
