/* Matrix products: MATMUL (with transposes and leading dims) and LINEAR (a layer with bias).
 *
 * Operands are widened to double (and, where given transposed, turned) in scratch; sums run over the inner dim in
 * order.
 */
#include "product.h"
#include "template.h"

struct product {
    int64_t rows, inner, columns;
    int64_t a_row, a_inner; /* strides of the first operand, in elements */
    int64_t b_inner, b_column;
};

/* Doubles of scratch that multiply needs. */
static int64_t scratch_count(const struct product *p) { return p->inner * p->columns + 2 * p->inner + 2 * p->columns; }

/* out (rows, columns) := a (rows, inner) times b (inner, columns), plus bias (columns) unless NULL. */
static void multiply(const struct product *p, const element *restrict a, const element *restrict b,
                     const element *restrict bias, element *restrict out, double *scratch)
{
    double *wide_b = scratch, *row_a = wide_b + p->inner * p->columns, *sum = row_a + 2 * p->inner;
    for (int64_t k = 0; k < p->inner; ++k)
        for (int64_t j = 0; j < p->columns; ++j)
            wide_b[k * p->columns + j] = (double)b[k * p->b_inner + j * p->b_column];
    for (int64_t i = 0; i < p->rows; i += 2) {
        const int64_t pair = p->rows - i < 2 ? 1 : 2;
        for (int64_t r = 0; r < pair; ++r) {
            for (int64_t k = 0; k < p->inner; ++k)
                row_a[r * p->inner + k] = (double)a[(i + r) * p->a_row + k * p->a_inner];
            for (int64_t j = 0; j < p->columns; ++j)
                sum[r * p->columns + j] = bias ? (double)bias[j] : 0;
        }
        if (pair == 2)
            reference_add_product_pair(sum, sum + p->columns, p->columns, row_a, row_a + p->inner, wide_b, p->columns,
                                       p->inner);
        else
            reference_add_product(sum, p->columns, row_a, wide_b, p->columns, p->inner);
        for (int64_t j = 0; j < pair * p->columns; ++j)
            out[i * p->columns + j] = (element)sum[j];
    }
}

/* a (.., m, k) x b (.., k, n) -> out (.., m, n); i[0]: a is given as (.., k, m); i[1]: b is given as (.., n, k). */
KERNEL(MATMUL)
{
    const struct orr_tensor *a = &call->in[0], *out = &call->out[0];
    const bool ta = call->attr.i[0] != 0, tb = call->attr.i[1] != 0;
    const uint32_t rank = out->rank;
    struct product p = {.rows = out->dim[rank - 2], .inner = a->dim[rank - 1 - ta], .columns = out->dim[rank - 1]};
    p.a_row = ta ? 1 : p.inner;
    p.a_inner = ta ? p.rows : 1;
    p.b_inner = tb ? 1 : p.columns;
    p.b_column = tb ? p.inner : 1;
    double *scratch = reference_scratch(dev, scratch_count(&p), err);
    if (!scratch) return ORR_ENOMEM;
    const element *from_a = reference_data(a), *from_b = reference_data(&call->in[1]);
    element *to = reference_data(out);
    const int64_t products = reference_span(out, 0, rank - 2);
    for (int64_t i = 0; i < products; ++i)
        multiply(&p, from_a + i * p.rows * p.inner, from_b + i * p.inner * p.columns, NULL, to + i * p.rows * p.columns,
                 scratch);
    return ORR_OK;
}

/* x (.., in), W (in, out), b (out) -> (.., out). */
KERNEL(LINEAR)
{
    const struct orr_tensor *x = &call->in[0], *weight = &call->in[1];
    const int64_t inner = weight->dim[0], columns = weight->dim[1];
    const struct product p = {.rows = reference_rows(x),
                              .inner = inner,
                              .columns = columns,
                              .a_row = inner,
                              .a_inner = 1,
                              .b_inner = columns,
                              .b_column = 1};
    double *scratch = reference_scratch(dev, scratch_count(&p), err);
    if (!scratch) return ORR_ENOMEM;
    multiply(&p, reference_data(x), reference_data(weight), reference_data(&call->in[2]), reference_data(&call->out[0]),
             scratch);
    return ORR_OK;
}
