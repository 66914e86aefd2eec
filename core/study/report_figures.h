/* The figures of a report: which there are, follows from the recipe and from what was found. */
#ifndef ORR_STUDY_REPORT_FIGURES_H
#define ORR_STUDY_REPORT_FIGURES_H

#include "study/figure_axis.h"
#include "study/html.h"
#include "study/report_readings.h"

struct orr_figures {
    const struct orr_reporting *r;
    struct orr_axis axis;
    char *directory;       /* of the figures' files */
    struct orr_html *page; /* gets every figure */
    struct orr_text names; /* of figures so far, a line each */
    size_t count, drawn;   /* figures so far; of them, with an SVG */
    size_t axis_seeds;     /* of finished points, different ones */
    bool missing;          /* there is no gnuplot */
    char why[256];         /* the first failure of gnuplot; "": none */
};

/* Write all figures below directory/figures and into page. A figure that gnuplot does not draw is no failure: it is
 * counted, and page says how to draw it. EIO, ENOMEM. */
ORR_CHECKED orr_status orr_report_figures(const struct orr_reporting *r, const char *directory, struct orr_html *page,
                                          struct orr_figures *out);

/* Used by report_*figures.c: put one that has any number into its files and the page, and release it. status: what
 * making it came to. */
ORR_CHECKED orr_status orr_figures_place(struct orr_figures *f, struct orr_figure *figure, orr_status status);
/* What was published of a number at places of the axis. */
ORR_CHECKED orr_status orr_figures_published(struct orr_figures *f, struct orr_figure *figure,
                                             const struct orr_wanted *w, const struct orr_axis_style *style);
/* Scores and contrasts. */
ORR_CHECKED orr_status orr_report_score_figures(struct orr_figures *f);
/* Curves over steps or along a horizon: losses, scores at evaluated steps, arrays of rollouts. */
ORR_CHECKED orr_status orr_report_step_figures(struct orr_figures *f);

#endif
