/* The parameters of a model: names, shapes, initial values, and one block that holds them all.
 *
 * Every parameter is a view of one block, the decayed part first; gradients and moments have blocks of the same
 * layout. Linear weights are (in, out) in the block and [out, in] in files, as PyTorch writes them.
 */
#ifndef ORR_MODEL_PARAMETERS_H
#define ORR_MODEL_PARAMETERS_H

#include "graph/graph.h"

enum { ORR_PARAMETER_NAME_SIZE = 96 };

struct orr_parameter {
    char name[ORR_PARAMETER_NAME_SIZE]; /* nanoGPT's: "transformer.h.0.attn.c_attn.weight" */
    uint32_t rank;                      /* 1 or 2 */
    int64_t dim[2];                     /* as in the block */
    bool transposed;                    /* files hold dim[1] x dim[0] */
    bool decayed;                       /* weight decay applies */
    double mean, deviation;             /* of the initial values; deviation 0: all equal to mean */
    int64_t first;                      /* element of the block where it begins */
};

struct orr_parameters {
    struct orr_parameter *item;
    size_t count, capacity;
    int64_t elements;         /* of the whole block, padding included */
    int64_t decayed_elements; /* of its decayed part, which comes first */
};

/* Free the list; *p is zeroed and may be used again. */
void orr_parameters_fini(struct orr_parameters *p);
/* Append one; layout is not known before orr_parameters_arrange. */
ORR_CHECKED orr_status orr_parameters_add(struct orr_parameters *p, const char *name, uint32_t rank, int64_t rows,
                                          int64_t columns, bool transposed, double mean, double deviation,
                                          struct orr_error *err);
/* Lay the block out: parameters whose name matches one of the n_patterns shell patterns (fnmatch) are decayed; with
 * none, none is. A pattern that matches no parameter is an error that lists the names. */
ORR_CHECKED orr_status orr_parameters_arrange(struct orr_parameters *p, const char *const *patterns, size_t n_patterns,
                                              struct orr_error *err);
/* How many numbers the model has, or only those that weight decay applies to: the block without its padding. */
int64_t orr_parameters_numbers(const struct orr_parameters *p, bool only_decayed);
/* NULL when there is none of this name. */
const struct orr_parameter *orr_parameters_find(const struct orr_parameters *p, const char *name);

/* Initial values from Philox: block (elements floats, padding 0). Parameter number i draws from stream 1000 + i of
 * seed, so that the values are the same bits on every device. */
void orr_parameters_initialise(const struct orr_parameters *p, uint64_t seed, float *block);

/* Views of a block value (elements) for every parameter, in order; views: caller's array of count. */
void orr_parameters_views(struct orr_graph *g, const struct orr_parameters *p, orr_handle block, orr_handle *views);

/* One parameter between its place in the block and file order ([out, in] for linear weights). */
void orr_parameter_to_file(const struct orr_parameter *p, const float *block, float *file);
void orr_parameter_from_file(const struct orr_parameter *p, const float *file, float *block);

#endif
