/* Graph text in which words stand for sizes, so that one text serves every batch and every length of window. */
#ifndef ORR_MODEL_GRAPH_TEXT_H
#define ORR_MODEL_GRAPH_TEXT_H

#include "model/model.h"

/* The model's text with numbers for `batch`, `time`, `context`, `n_input`, `n_output`, `n_embd`, `n_head` and
 * `vocab_size`, and for products of these and of numbers ("batch*time"); names in quotes and comments are left alone,
 * and lines stay where they are. *out is the caller's (orr_memory_free). EFORMAT names the line. */
ORR_CHECKED orr_status orr_graph_text_expand(const struct orr_model *m, int64_t batch, int64_t time, char **out,
                                             struct orr_error *err);

/* The line, from 1, on which value %v is made; 0 where it is not. */
int orr_graph_text_line(const char *text, orr_handle v);

#endif
