/* Attention and its gradient for short contexts: LANES groups (a head of a sequence) at a time.
 *
 * Scores of a pair of positions are summed along the depth for each group, then turned so that each lane has those of
 * one group: softmax needs no sums across lanes. Sums over positions are taken group by group along the depth again.
 * Formulas as in attention.c and attention_grad.c.
 */
#include "attention.h"

/* Rows of a tensor of LANES groups; a group beyond the last stands for the last one and is not written. */
struct lane_rows {
    int64_t at[LANES];
    int64_t stride;
};

struct lane_groups {
    int64_t first, count;
    struct lane_rows wide, narrow; /* of qkv and of y */
    vec *probability, *dscore;     /* (time, time) */
};

/* Out of line, so that where groups begin stays in memory: there are more of them than registers. */
static __attribute__((noinline)) void groups_from(const struct attention *s, int64_t first, vec *scratch,
                                                  struct lane_groups *g)
{
    int64_t sequence = first / s->heads, head = first % s->heads;
    g->first = first;
    g->count = smaller(s->groups - first, LANES);
    g->probability = scratch;
    g->dscore = scratch + s->time * s->time;
    g->wide.stride = 3 * s->channels;
    g->narrow.stride = s->channels;
    for (int i = 0; i < LANES; ++i) {
        g->wide.at[i] = sequence * s->time * g->wide.stride + head * s->depth;
        g->narrow.at[i] = sequence * s->time * g->narrow.stride + head * s->depth;
        if (i + 1 >= g->count) continue;
        if (++head == s->heads) head = 0, ++sequence;
    }
}

/* How many vectors a row of a head is, and whether the last is whole; 0: read it from the depth, and it is not. */
struct shape {
    int vectors;
    bool whole;
};

CPU_INLINE int64_t depth_of(const struct attention *s, struct shape shape)
{
    return shape.vectors && shape.whole ? shape.vectors * LANES : s->depth;
}

CPU_INLINE int64_t vectors_of(const struct attention *s, struct shape shape)
{
    return shape.vectors ? shape.vectors : whole_vectors(s->depth) / LANES;
}

CPU_INLINE vec load(struct shape shape, const float *p, int64_t left)
{
    return shape.whole ? vec_load(p) : vec_load_some(p, smaller(left, LANES));
}

CPU_INLINE void store(struct shape shape, float *p, vec v, int64_t left)
{
    if (shape.whole)
        vec_store(p, v);
    else
        vec_store_some(p, v, smaller(left, LANES));
}

/* The products of row `row_a` of a and `row_b` of b, one group in each lane. */
CPU_INLINE vec dots(const struct attention *s, struct shape shape, const float *a, const struct lane_rows *of_a,
                    int64_t row_a, const float *b, const struct lane_rows *of_b, int64_t row_b)
{
    const int64_t depth = depth_of(s, shape), vectors = vectors_of(s, shape);
    vec part[LANES];
    a += row_a * of_a->stride;
    b += row_b * of_b->stride;
    __asm__("" : "+r"(a), "+r"(b)); /* or compilers add up, and spill, 2 LANES pointers for the loop around this one */
    CPU_UNROLL for (int i = 0; i < LANES; ++i)
    {
        const float *x = a + of_a->at[i], *y = b + of_b->at[i];
        vec sum = {0};
        for (int64_t v = 0; v < vectors; ++v)
            sum += load(shape, x + v * LANES, depth - v * LANES) * load(shape, y + v * LANES, depth - v * LANES);
        part[i] = sum;
    }
    return lanes_sum(part);
}

/* to (depth) := the sum of rows first .. end - 1 of `from`, row i times lane `lane` of weight[i * step]. */
CPU_INLINE void weighted(const struct attention *s, struct shape shape, const vec *weight, int64_t step, int lane,
                         const float *from, int64_t stride, int64_t first, int64_t end, float *to)
{
    const int64_t depth = depth_of(s, shape), vectors = vectors_of(s, shape);
    const float *by = (const float *)weight + lane;
    enum { AT_ONCE = 2 };
    for (int64_t v = 0; v < vectors; v += AT_ONCE) {
        const bool both = v + 1 < vectors;
        const int64_t left = depth - v * LANES;
        vec sum = {0}, next = {0};
        for (int64_t i = first; i < end; ++i) {
            const vec x = vec_all(by[i * step * LANES]);
            const float *row = from + i * stride + v * LANES;
            sum += x * load(shape, row, left);
            if (both) next += x * load(shape, row + LANES, left - LANES);
        }
        store(shape, to + v * LANES, sum, left);
        if (both) store(shape, to + (v + 1) * LANES, next, left - LANES);
    }
}

CPU_INLINE void store_lanes(const struct attention *s, const struct lane_groups *g, int64_t t, vec v, float *to)
{
    float lane[LANES];
    vec_store(lane, v);
    for (int64_t i = 0; i < g->count; ++i)
        to[(g->first + i) * s->time + t] = lane[i];
}

CPU_INLINE vec load_lanes(const struct attention *s, const struct lane_groups *g, int64_t t, const float *from)
{
    float lane[LANES];
    for (int64_t i = 0; i < LANES; ++i)
        lane[i] = from[(g->first + smaller(i, g->count - 1)) * s->time + t];
    return vec_load(lane);
}

/* The probabilities of query t. */
CPU_INLINE void softmax(const struct attention *s, struct shape shape, const struct lane_groups *g, int64_t t,
                        const float *qkv, float *lse)
{
    const int64_t first = first_key(s, t), end = end_key(s, t);
    vec *p = g->probability + t * s->time;
    vec most = vec_all(-__builtin_inff()), total = {0};
    for (int64_t k = first; k < end; ++k) {
        p[k] = dots(s, shape, qkv, &g->wide, t, qkv + s->channels, &g->wide, k) * s->scale;
        most = lanes_larger(p[k], most);
    }
    for (int64_t k = first; k < end; ++k)
        total += p[k] = vec_exp_or_zero(p[k] - most);
    const vec over = 1.0f / total;
    for (int64_t k = first; k < end; ++k)
        p[k] *= over;
    store_lanes(s, g, t, most + lanes_log(total), lse);
}

CPU_INLINE void forward(const struct attention *s, const struct cpu_job *job, struct shape shape)
{
    const float *qkv = job->in[0].data;
    for (int64_t group = 0; group < s->groups; group += LANES) {
        struct lane_groups g;
        groups_from(s, group, job->scratch, &g);
        for (int64_t t = 0; t < s->time; ++t)
            softmax(s, shape, &g, t, qkv, job->out[1].data);
        for (int i = 0; i < g.count; ++i)
            for (int64_t t = 0; t < s->time; ++t)
                weighted(s, shape, g.probability + t * s->time, 1, i, qkv + g.wide.at[i] + 2 * s->channels,
                         g.wide.stride, first_key(s, t), end_key(s, t),
                         (float *)job->out[0].data + g.narrow.at[i] + t * g.narrow.stride);
    }
}

/* Probabilities and dscore of query t. */
CPU_INLINE void slopes(const struct attention *s, struct shape shape, const struct lane_groups *g, int64_t t,
                       const struct cpu_job *job)
{
    const float *dy = job->in[0].data, *qkv = job->in[1].data, *y = job->in[2].data;
    const vec along = dots(s, shape, dy, &g->narrow, t, y, &g->narrow, t), lse = load_lanes(s, g, t, job->in[3].data);
    for (int64_t k = first_key(s, t); k < end_key(s, t); ++k) {
        const vec score = dots(s, shape, qkv, &g->wide, t, qkv + s->channels, &g->wide, k);
        const vec slope = dots(s, shape, dy, &g->narrow, t, qkv + 2 * s->channels, &g->wide, k);
        const vec p = vec_exp_or_zero(score * s->scale - lse);
        g->probability[t * s->time + k] = p;
        g->dscore[t * s->time + k] = p * s->scale * (slope - along);
    }
}

CPU_INLINE void backward(const struct attention *s, const struct cpu_job *job, struct shape shape)
{
    for (int64_t group = 0; group < s->groups; group += LANES) {
        struct lane_groups g;
        groups_from(s, group, job->scratch, &g);
        for (int64_t t = 0; t < s->time; ++t)
            slopes(s, shape, &g, t, job);
        for (int i = 0; i < g.count; ++i) {
            const int64_t stride = g.wide.stride, time = s->time;
            const float *q = (const float *)job->in[1].data + g.wide.at[i], *k = q + s->channels;
            const float *dy = (const float *)job->in[0].data + g.narrow.at[i];
            float *dq = (float *)job->out[0].data + g.wide.at[i], *dk = dq + s->channels, *dv = dk + s->channels;
            for (int64_t t = 0; t < time; ++t) {
                const int64_t first = first_query(s, t), end = end_query(s, t);
                weighted(s, shape, g.dscore + t * time, 1, i, k, stride, first_key(s, t), end_key(s, t),
                         dq + t * stride);
                weighted(s, shape, g.dscore + t, time, i, q, stride, first, end, dk + t * stride);
                weighted(s, shape, g.probability + t, time, i, dy, g.narrow.stride, first, end, dv + t * stride);
            }
        }
    }
}

#define SHAPE(pass, name, vectors, whole)                                                                              \
    static void pass##_##name(const struct attention *s, const struct cpu_job *job)                                    \
    {                                                                                                                  \
        pass(s, job, (struct shape){vectors, whole});                                                                  \
    }
#define SHAPES(pass)                                                                                                   \
    SHAPE(pass, half, 1, false)                                                                                        \
    SHAPE(pass, one, 1, true)                                                                                          \
    SHAPE(pass, two, 2, true)                                                                                          \
    SHAPE(pass, four, 4, true)                                                                                         \
    SHAPE(pass, many, 0, true)                                                                                         \
    SHAPE(pass, any, 0, false)                                                                                         \
    static void pass##_by_depth(const struct attention *s, const struct cpu_job *job)                                  \
    {                                                                                                                  \
        if (s->depth > 0 && s->depth < LANES)                                                                          \
            pass##_half(s, job);                                                                                       \
        else if (s->depth % LANES)                                                                                     \
            pass##_any(s, job);                                                                                        \
        else if (s->depth == LANES)                                                                                    \
            pass##_one(s, job);                                                                                        \
        else if (s->depth == 2 * LANES)                                                                                \
            pass##_two(s, job);                                                                                        \
        else if (s->depth == 4 * LANES)                                                                                \
            pass##_four(s, job);                                                                                       \
        else                                                                                                           \
            pass##_many(s, job);                                                                                       \
    }
SHAPES(forward)
SHAPES(backward)

void CPU_NAME(attention_short)(const struct attention *s, const struct cpu_job *job) { forward_by_depth(s, job); }

void CPU_NAME(attention_short_grad)(const struct attention *s, const struct cpu_job *job) { backward_by_depth(s, job); }
