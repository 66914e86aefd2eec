/* SiLU and GELU (by erf: Hendrycks and Gimpel 2016), with gradients: the incoming gradient times the slope. */
#include "each.h"
#include "math.h"

CPU_EACH1(SILU, vec_silu(x));
CPU_EACH1(GELU, vec_gelu(x));
CPU_EACH2(SILU_GRAD, vec_silu_slope(b) * a);
CPU_EACH2(GELU_GRAD, vec_gelu_slope(b) * a);
