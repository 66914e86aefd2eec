/* Given weights as a network's block.
 *
 * In: a file of tensors, a model and the layout of its parameters. Out: the block. */
#include "study/given.h"

#include "model/weights.h"

orr_status orr_given_block(const char *path, const struct orr_model *model, const struct orr_parameters *p,
                           float *block, struct orr_error *err)
{
    struct orr_weights weights;
    ORR_TRY(orr_weights_read_as(path, model, &weights, err));
    const orr_status status = orr_weights_check_real(&weights, path, ORR_F32, err);
    /* The same parameters in the same order, but each layout puts its decayed ones first. */
    for (size_t i = 0; status == ORR_OK && i < p->count; ++i) {
        const struct orr_parameter *to = &p->item[i];
        const double *from = weights.block + weights.parameters.item[i].first;
        for (int64_t k = 0; k < to->dim[0] * to->dim[1]; ++k)
            block[to->first + k] = (float)from[k];
    }
    orr_weights_fini(&weights);
    return status;
}
