/* What probes found, and the numbers that sum up a point: lists, findings.csv, summary.json.
 *
 * A finding is one row of findings.csv. A measure is a named number of a point (a score, a loss, a rollout error), kept
 * in summary.json, from which reports are made, also for points that an earlier session finished.
 */
#ifndef ORR_STUDY_FINDINGS_H
#define ORR_STUDY_FINDINGS_H

#include "orrery/probe.h"
#include "study/recipe.h"
#include "study/text.h"

struct orr_finding_row {
    char network[ORR_LABEL_SIZE]; /* trained, untrained, none */
    char probe[ORR_LABEL_SIZE], quantity[ORR_LABEL_SIZE], site[ORR_LABEL_SIZE], target[ORR_LABEL_SIZE];
    char unit[ORR_LABEL_SIZE];
    enum orr_split split;
    double value, uncertainty; /* NaN: not estimated */
    int64_t n;
    int64_t step;       /* training steps behind the network; -1: there is no network */
    double *replicates; /* owned; NULL: none */
    size_t n_replicates;
};

struct orr_findings {
    struct orr_finding_row *row;
    size_t count, capacity;
    int64_t step; /* of rows that are added from now on */
};

/* probe "" and split "" where they mean nothing. */
struct orr_measure {
    char quantity[ORR_LABEL_SIZE], network[ORR_LABEL_SIZE], probe[ORR_LABEL_SIZE], split[16];
    double value;
};

struct orr_measures {
    struct orr_measure *item;
    size_t count, capacity;
};

/* What a loss is called: a squared error, or of tokens a cross-entropy; as training saw it (a mean over steps, noise on
 * the inputs), or of clean inputs of the probed windows. */
enum orr_loss_kind { ORR_SQUARED_ERROR, ORR_CROSS_ENTROPY, ORR_LOSS_KINDS };
struct orr_loss_name {
    const char *training, *clean;
};
extern const struct orr_loss_name orr_loss_names[ORR_LOSS_KINDS];
bool orr_loss_is_name(const char *quantity);

/* "train" or "held_out". */
const char *orr_split_name(enum orr_split split);

/* Append a copy of finding. EINVAL: a text that is missing, too long or not fit for a line of CSV. */
ORR_CHECKED orr_status orr_findings_add(struct orr_findings *findings, const char *network, const char *probe,
                                        const struct orr_finding *finding, struct orr_error *err);
/* Free the rows; the list is then empty. */
void orr_findings_fini(struct orr_findings *findings);

/* The first line of findings.csv. */
extern const char orr_findings_header[];
/* Append the rows as CSV; point is the first field of every row. */
ORR_CHECKED orr_status orr_findings_print(const struct orr_findings *findings, const char *point, struct orr_text *text,
                                          struct orr_error *err);

/* Append one; texts are copied, cut where they are too long. ENOMEM. */
ORR_CHECKED orr_status orr_measures_add(struct orr_measures *measures, const char *quantity, const char *network,
                                        const char *probe, const char *split, double value, struct orr_error *err);
/* Free the list; it is then empty. */
void orr_measures_fini(struct orr_measures *measures);
/* NaN where there is none. probe NULL: the first that matches. */
double orr_measures_find(const struct orr_measures *measures, const char *quantity, const char *network,
                         const char *probe, const char *split);

/* What a score gained by training is called in the place of a network. */
extern const char orr_difference_name[];
/* The target of a quantity "best_r2_<target>", which a claim may name: the R2 of the best site of that target alone, as
 * a score of one target has it. NULL: another quantity. */
const char *orr_scores_target(const char *quantity);
/* Append the recipe's scores, and every best_r2_<target> that its claims name, of every probe that has all their
 * targets in findings called r2 or r2_single; their contrasts; and of both the trained network minus the untrained one.
 * Rows without site and target; the network `none` gives one set of them a site, under the site's name. Uncertainties
 * are bootstrap standard errors where the findings have replicates. */
ORR_CHECKED orr_status orr_scores_add(struct orr_findings *findings, const struct orr_recipe *recipe,
                                      struct orr_error *err);

/* Of every score of the trained network its greatest value over the evaluated steps and the last, with the step that
 * had it, as "<score>_best": a choice among steps by the very number that is reported, as arXiv 2602.06923 reports its
 * figure 3. Nothing where no steps were evaluated. */
#define ORR_BEST_SUFFIX "_best"
ORR_CHECKED orr_status orr_scores_add_best(struct orr_findings *findings, const struct orr_findings *evaluated,
                                           const struct orr_recipe *recipe, struct orr_error *err);

/* Every finding that belongs to no site and no target, as it is. */
ORR_CHECKED orr_status orr_measures_from_findings(struct orr_measures *measures, const struct orr_findings *findings,
                                                  struct orr_error *err);

/* Write summary.json of a point: its measures, and those claims of the recipe that are about it. */
ORR_CHECKED orr_status orr_measures_write(const struct orr_measures *measures, const struct orr_recipe *recipe,
                                          const char *point, const char *hash, const char *path, struct orr_error *err);
/* Read the measures back. EFORMAT when it is not such a file; EINVAL when its hash is not the given one (NULL: any). */
ORR_CHECKED orr_status orr_measures_read(struct orr_measures *measures, const char *hash, const char *path,
                                         struct orr_error *err);

#endif
