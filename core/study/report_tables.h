/* The tables of a report: numbers of groups of points, or of every point. */
#ifndef ORR_STUDY_REPORT_TABLES_H
#define ORR_STUDY_REPORT_TABLES_H

#include "study/gathered.h"
#include "study/statistics.h"
#include "study/tables.h"

/* How to read numbers in tables. */
extern const char orr_report_legend[];

struct orr_reporting {
    const struct orr_gathered *gathered;
    const struct orr_recipe *recipe; /* of the first finished point: labels, scores and claims are the same in all */
    bool every_point;                /* one line a point; otherwise one a group */
    double *value;                   /* (points), scratch */
    struct orr_text *text;
    struct orr_error *err;
};

/* Which number of a point. network2 not NULL: the difference network - network2, point by point. */
struct orr_wanted {
    const char *quantity, *network, *network2, *probe, *split;
};

/* A number of a point, and its standard error over the trajectories of that point, as the probe gave it (of scores by
 * bootstrap); NaN where it has none. */
double orr_report_value(const struct orr_gathered_point *point, const struct orr_wanted *wanted);
double orr_report_error(const struct orr_gathered_point *point, const struct orr_wanted *wanted);

/* Is point i the first finished one of its group, or, with every_point, finished? Then it begins a line. */
bool orr_report_begins(const struct orr_reporting *r, size_t i);
/* What stands at the beginning of that line. */
const char *orr_report_name(const struct orr_reporting *r, size_t i);
/* A number of that line: over its group, or of the point alone. */
struct orr_mean orr_report_mean(const struct orr_reporting *r, size_t i, const struct orr_wanted *wanted);
/* The fewest digits, at least `least` and beyond that at most 6, with which different numbers look different. */
int orr_report_digits(int least, const double *number, size_t n);
/* "0.45 +- 0.12" */
void orr_report_number(int digits, const struct orr_mean *mean, char *text, size_t size);
/* "0.45 (95 % interval 0.33 to 0.57, 10 seeds)", "0.45 (one seed: no interval)" */
void orr_report_estimate(int least, const struct orr_mean *mean, char *text, size_t size);
/* Close a table: print it under a heading and a text, unless it has no rows; frees it. Returns status, or what failed.
 */
ORR_CHECKED orr_status orr_report_table(const struct orr_reporting *r, struct orr_table *table, const char *heading,
                                        const char *text, orr_status status);

/* Losses, then scores and other numbers of every probe. */
ORR_CHECKED orr_status orr_report_tables(const struct orr_reporting *r);

#endif
