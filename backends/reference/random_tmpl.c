/* Normal random numbers, the same bits on every backend: see orrery/random.h and the note in ops.def. */
#include "orrery/random.h"
#include "template.h"

/* in: the step, one i32; out (any dims): f[0] times a standard normal number each, the product in f32 whatever the type
 * of the result; element e from word e & 3 of block e >> 2 of the sequence (seed i[0], stream i[1], step). */
KERNEL(RANDOM_NORMAL)
{
    const int32_t *step = reference_data(&call->in[0]);
    element *out = reference_data(&call->out[0]);
    const float scale = (float)call->attr.f[0];
    const int64_t count = reference_count(&call->out[0]);
    uint32_t word[4] = {0};
    for (int64_t e = 0; e < count; ++e) {
        if ((e & 3) == 0)
            orr_random_block((uint64_t)call->attr.i[0], (uint32_t)call->attr.i[1], (uint32_t)*step, (uint32_t)(e >> 2),
                             word);
        const float value = scale * orr_random_normal(word[e & 3]);
        out[e] = (element)value;
    }
    return ORR_OK;
}
