/* Compensated sums (Knuth's error-free addition): within 2 units in the last place of the exact sum of the terms,
 * whatever their number, unless it cancels. Right only without contraction and without relaxed arithmetic. */
#ifndef KERNELS_SUM_H
#define KERNELS_SUM_H

struct sum {
    float value, error;
};

static void sum_add(struct sum *s, float x)
{
    const float value = s->value + x;
    const float seen = value - s->value;
    s->error += (s->value - (value - seen)) + (x - seen);
    s->value = value;
}

/* Infinity and NaN go on as in a plain sum, where their errors would make a NaN of both. */
static float sum_result(const struct sum *s) { return isfinite(s->value) ? s->value + s->error : s->value; }

#endif
