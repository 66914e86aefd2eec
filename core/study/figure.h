/* A figure: curves or bars of numbers, written as data and a gnuplot script, and drawn as SVG where gnuplot is. */
#ifndef ORR_STUDY_FIGURE_H
#define ORR_STUDY_FIGURE_H

#include "study/text.h"

enum orr_curve_kind {
    ORR_CURVE_MEAN,    /* thick, with markers, and bars from low to high where these are numbers */
    ORR_CURVE_LINE,    /* thick, of many points: no markers */
    ORR_CURVE_SEED,    /* thin, with whiskers from low to high: one of those that a mean is of */
    ORR_CURVE_CONTROL, /* grey, with markers */
    ORR_CURVE_FIT,     /* thin and dotted */
    ORR_CURVE_BARS,    /* a bar for every x, with low and high */
    ORR_CURVE_POINTS,  /* open markers without lines: what was published */
};

struct orr_figure_curve {
    enum orr_curve_kind kind;
    size_t colour, dash;        /* any number: palettes begin again */
    double shift;               /* of its drawing to the right, in parts of the figure's spacing; data stay */
    char title[96];             /* "": it is not in the key */
    double *x, *y, *low, *high; /* (n); NaN: a gap, or no interval */
    size_t n;
};

/* Zero it, then set what is not the default. Texts are escaped where they are written. */
struct orr_figure {
    char name[80]; /* of its files: letters, digits, hyphens */
    char title[160], x_label[96], y_label[96];
    char note[240]; /* a sentence for its caption; "": none */
    bool log_x, log_y;
    bool has_least; /* the axis of y does not go below `least`, whatever lies there */
    double least;
    double spacing;              /* between places of x, on a log axis of their logarithms; 0: nothing is shifted */
    struct orr_text tics;        /* gnuplot's list of tics at x; empty: where it likes */
    size_t letters, longest_tic; /* of the texts of all tics, of the longest */
    struct orr_figure_curve *curve;
    size_t n_curves, capacity;
};

/* In pixels: readable at the width of a phone. The height grows with the key. */
enum { ORR_FIGURE_WIDTH = 460 };
int orr_figure_height(const struct orr_figure *figure);
/* Is something of it below `least`, and not shown? */
bool orr_figure_is_cut(const struct orr_figure *figure);
/* Of a curve of n numbers this is drawn: 1 every one, 2 every second; more would not be told apart. Its data are all.
 */
size_t orr_figure_every(size_t n);

/* A curve of n points, all NaN, to be filled; *out is valid until the next one is added. ENOMEM. */
ORR_CHECKED orr_status orr_figure_add(struct orr_figure *figure, enum orr_curve_kind kind, size_t n,
                                      struct orr_figure_curve **out, struct orr_error *err);
/* A tic at x with a text. ENOMEM. */
ORR_CHECKED orr_status orr_figure_tic(struct orr_figure *figure, double x, const char *text, struct orr_error *err);
/* Name its files by up to three words, "" for those that are not needed; other characters become hyphens. */
void orr_figure_name(struct orr_figure *figure, const char *word, const char *word2, const char *word3);
void orr_figure_fini(struct orr_figure *figure);

/* Are all its numbers above 0, and span a decade? Then a log axis is for them. */
bool orr_figure_spans_decade(const struct orr_figure *figure);
/* How many points of all curves can be drawn: numbers, on a log axis above 0. */
size_t orr_figure_count(const struct orr_figure *figure);

/* Write NAME.dat and NAME.gp into a directory, and what gnuplot makes of them into NAME.svg and svg. *why (size
 * bytes): why there is no SVG, which is no failure; "" where there is one. EIO, ENOMEM. */
ORR_CHECKED orr_status orr_figure_write(const struct orr_figure *figure, const char *directory, struct orr_text *svg,
                                        bool *missing, char *why, size_t size, struct orr_error *err);

/* Used by figure*.c only: append a word in gnuplot's quotes; the ranges of both axes, and tics; from where on y is
 * shown, 0 where that is not known; whether it is of bars. */
ORR_CHECKED orr_status orr_figure_quote(struct orr_text *text, const char *word, struct orr_error *err);
ORR_CHECKED orr_status orr_figure_print_ranges(const struct orr_figure *figure, struct orr_text *text,
                                               struct orr_error *err);
double orr_figure_bottom(const struct orr_figure *figure);
bool orr_figure_has_bars(const struct orr_figure *figure);

#endif
