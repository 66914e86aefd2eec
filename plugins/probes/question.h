/* What a linear probe asks of a study: which columns, from which sites, on which rows.
 *
 * In: lists of names and globs, a study. Out: checked matrices, numbers finite, rows as many as every other of the
 * split.
 */
#ifndef ORR_PROBES_QUESTION_H
#define ORR_PROBES_QUESTION_H

#include "orrery/plugin.h"
#include "orrery/probe.h"

struct linear_question {
    /* Given. */
    const struct orr_host *host;
    const struct orr_study *study;
    const char *targets, *sites; /* lists; empty: all */
    uint64_t windows;            /* the first ones of each split; 0: all */
    enum orr_positions positions;
    double largest; /* size of a number */
    /* Found. */
    bool *site_chosen;   /* (n_sites) */
    const char **target; /* (n_targets) */
    uint32_t n_targets;
    uint64_t rows[2]; /* 0 before a column of the split was asked for */
};

/* Choose targets and sites: at least one of each. fini is safe after a failed init. */
orr_status linear_question_init(struct linear_question *q, struct orr_error *err) ORR_CHECKED;
void linear_question_fini(struct linear_question *q);

/* One column, (rows, 1), borrowed from the study. */
orr_status linear_question_column(struct linear_question *q, const char *name, int split, struct orr_matrix *out,
                                  struct orr_error *err) ORR_CHECKED;
/* All targets, (n_targets, rows): the caller's to free, NULL on failure. */
orr_status linear_question_targets(struct linear_question *q, int split, double **out,
                                   struct orr_error *err) ORR_CHECKED;
/* Activations of both splits, (rows, features), borrowed. After the columns of both. */
orr_status linear_question_features(const struct linear_question *q, const char *site, struct orr_matrix features[2],
                                    struct orr_error *err) ORR_CHECKED;

/* ORR_ENOMEM: for rows of a split. */
orr_status linear_no_room(const struct linear_question *q, int split, struct orr_error *err);
/* A fit that goes through every row says nothing of them. */
void linear_warn_few_rows(const struct orr_host *host, const char *site, uint64_t rows, uint32_t features);

/* 0 or 1, the index of `value` among two words; -1 with an error otherwise. */
int linear_one_of(const struct orr_host *host, const char *key, const char *value, const char *first,
                  const char *second, struct orr_error *err);
/* NULL when out of memory. */
char *linear_copy(const struct orr_host *host, const char *text);

#endif
