/* A study made of matrices in memory, and a host table, so that a probe is tested alone.
 *
 * In: sites, columns, trajectories and a forward function that the test provides. Out: the findings and matrices that
 * the probe under test hands over. Probes are loaded from the directory in ORRERY_TEST_PROBES.
 */
#ifndef ORRERY_TESTS_FAKE_STUDY_H
#define ORRERY_TESTS_FAKE_STUDY_H

#include "orrery/plugin.h"
#include "orrery/probe.h"

enum { FAKE_SITES = 16, FAKE_COLUMNS = 32, FAKE_FINDINGS = 2048, FAKE_SAVED = 4, FAKE_NAME = 64 };

struct fake_finding {
    char quantity[FAKE_NAME], site[FAKE_NAME], target[FAKE_NAME], unit[FAKE_NAME];
    enum orr_split split;
    double value, uncertainty;
    int64_t n;
    uint32_t n_replicates;
    double first_replicate; /* NaN: none */
};

struct fake_saved {
    char name[FAKE_NAME];
    double *data; /* owned by the study */
    uint64_t rows, cols;
};

/* Input (n, steps, n_observed) -> prediction of the same shape, as orr_study.forward. */
typedef orr_status (*fake_forward)(void *user, const double *input, uint32_t n, uint32_t steps, double *prediction,
                                   struct orr_error *err);

/* Arrays given to it are borrowed and must outlive it. */
struct fake_study {
    struct orr_study study; /* what the probe sees */
    uint32_t window;        /* positions in a window: rows w*window .. w*window + window - 1 are one window */
    uint64_t rows[2];       /* of all positions, by split */

    const char *site_name[FAKE_SITES];
    uint64_t site_width[FAKE_SITES];
    const double *site_data[FAKE_SITES][2];
    struct orr_field column[FAKE_COLUMNS];
    const double *column_data[FAKE_COLUMNS][2];

    const double *trajectory[2]; /* (n_trajectories, n_steps, n_observed) */
    uint32_t n_trajectories[2];
    fake_forward model;
    void *model_user;
    uint32_t n_forward_calls, longest_input;

    struct fake_finding finding[FAKE_FINDINGS];
    uint32_t n_findings;
    struct fake_saved saved[FAKE_SAVED];
    uint32_t n_saved;
    void *borrowed[FAKE_SITES * 8 + FAKE_COLUMNS * 8]; /* extracted last positions */
    uint32_t n_borrowed;
};

/* An empty study: no sites, no columns, no model. `window` positions a window; rows are of all positions. */
void fake_study_init(struct fake_study *fake, uint32_t window, uint64_t train_rows, uint64_t held_out_rows);
void fake_study_fini(struct fake_study *fake);
void fake_study_add_site(struct fake_study *fake, const char *name, uint64_t width, const double *train,
                         const double *held_out);
void fake_study_add_column(struct fake_study *fake, const char *name, const double *train, const double *held_out);
/* A model over whole trajectories: `context` steps at most go into it. */
void fake_study_set_model(struct fake_study *fake, uint32_t context, uint32_t n_observed, uint32_t n_steps,
                          fake_forward model, void *user);

/* The one finding that fits, or NULL when there is none. */
const struct fake_finding *fake_study_finding(const struct fake_study *fake, const char *quantity, const char *site,
                                              const char *target, enum orr_split split);

/* n standard normals (to be freed), a pure function of stream; NULL when out of memory. */
enum { FAKE_SEED = 20260206 };
double *fake_normals(uint64_t n, uint32_t stream);

/* A host whose allocations are counted and can be made to fail. */
const struct orr_host *fake_host(void);
void fake_host_reset(void);
void fake_host_fail_allocation(int64_t nth); /* counted from 0 since the last reset; negative: none */
void fake_host_draw_largest(void);           /* philox gives the largest words until the next reset */
int64_t fake_host_live(void);                /* allocations not given back */
int fake_host_warnings(void);                /* log messages of level warn since the last reset */

/* The plugin of orrery-probe-<name>.so in ORRERY_TEST_PROBES; NULL, with a line on stderr, when it cannot be loaded. */
const struct orr_plugin *fake_probe_load(const char *name);

/* create, measure, destroy, with the given parameters. */
orr_status fake_probe_run(const struct orr_plugin *plugin, const union orr_value *param, const struct orr_study *study,
                          struct orr_error *err);

/* Run it; the test fails unless it ends well, or ends with this status and `part` in its message. Either way it must
 * have given back all memory of the host. */
void fake_probe_succeeds(const struct orr_plugin *plugin, const union orr_value *param, const struct orr_study *study);
void fake_probe_fails(const struct orr_plugin *plugin, const union orr_value *param, const struct orr_study *study,
                      orr_status expected, const char *part);

#endif
