/* Numbers of gathered points as curves of a figure, over the key that a sweep varies. */
#ifndef ORR_STUDY_FIGURE_AXIS_H
#define ORR_STUDY_FIGURE_AXIS_H

#include "study/figure.h"
#include "study/report_tables.h"

/* Points of one line differ in the key of the axis and in their seeds only; points of one group in their seeds. */
struct orr_axis {
    const struct orr_gathered *gathered;
    const char *key;               /* NULL: no key of numbers has several values; then every line is one place */
    double *place;                 /* (n_places) ascending; not of a line without key */
    double *x;                     /* (points) NaN: not finished, or no number */
    size_t *line;                  /* (points) */
    char (*label)[ORR_POINT_NAME]; /* (n_lines) "bins=64"; "" where there is one line */
    int64_t *seed;                 /* (n_seeds) of finished points, ascending */
    double *scratch;               /* (points) */
    size_t n_places, n_lines, n_seeds;
};

/* key NULL: the last of the sweep that has several values, all numbers. ENOMEM. Released by orr_axis_fini. */
ORR_CHECKED orr_status orr_axis_of(const struct orr_gathered *gathered, const char *key, struct orr_axis *out,
                                   struct orr_error *err);
void orr_axis_fini(struct orr_axis *axis);

/* Over the finished points of a line at a place; place n_places: at any. */
struct orr_mean orr_axis_mean(const struct orr_axis *axis, const struct orr_wanted *wanted, size_t line, size_t place);

enum { ORR_AXIS_LINES = 14 }; /* colours and dashes for more would not be told apart */

struct orr_axis_style {
    enum orr_curve_kind kind;
    size_t colour, dash; /* of several lines colours tell lines apart, and dashes what has another colour here */
    const char *title;
    bool seeds;           /* every seed as a thin line too */
    bool complement;      /* 1 minus the number */
    double times;         /* x by that; 0: 1 */
    double shift, spread; /* of the mean, of its seeds about it: in parts of the figure's spacing */
};

/* The curves of a number, one a line, with intervals over seeds, of each seed with its standard error; nothing where no
 * point has it. Of more than ORR_AXIS_LINES lines the first. ENOMEM. */
ORR_CHECKED orr_status orr_axis_add(const struct orr_axis *axis, struct orr_figure *figure,
                                    const struct orr_wanted *wanted, const struct orr_axis_style *style,
                                    struct orr_error *err);
/* The axis of x: its label, logarithmic where it spans a factor of 5 or more, tics at its places, spacing. ENOMEM. */
ORR_CHECKED orr_status orr_axis_set(const struct orr_axis *axis, struct orr_figure *figure, double times,
                                    struct orr_error *err);

#endif
