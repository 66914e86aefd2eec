/* The fake study and host of fake_study.h: plain arrays, looked up by name. */
#include "fake_study.h"

#include "orrery/random.h"

#include <cmocka.h>
#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    int64_t allocations, fail_at, live;
    int warnings;
    bool largest_words;
} host_state = {.fail_at = -1};

static void *host_alloc(size_t bytes, size_t align)
{
    void *p = NULL;
    if (host_state.allocations++ == host_state.fail_at) return NULL;
    if (posix_memalign(&p, align < sizeof(void *) ? sizeof(void *) : align, bytes) != 0) return NULL;
    /* Poison: whoever reads what it did not write finds NaN, or a very large count. */
    memset(p, 0xFF, bytes);
    ++host_state.live;
    return p;
}

static void host_dealloc(void *p)
{
    if (p) --host_state.live;
    free(p);
}

ORR_PRINTF(3, 4)
static void host_log(enum orr_log_level level, const char *plugin, const char *fmt, ...)
{
    (void)plugin;
    (void)fmt;
    if (level == ORR_LOG_WARN) ++host_state.warnings;
}

ORR_PRINTF(3, 4)
static orr_status host_fail(struct orr_error *err, orr_status code, const char *fmt, ...)
{
    va_list args;
    if (!err) return code;
    err->code = code;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    return code;
}

static void host_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
    orr_random_philox(key, counter, out);
    if (host_state.largest_words) memset(out, 0xFF, 4 * sizeof *out);
}

static const struct orr_host host_table = {
    .size = sizeof host_table,
    .abi_major = ORR_ABI_MAJOR,
    .abi_minor = ORR_ABI_MINOR,
    .alloc = host_alloc,
    .dealloc = host_dealloc,
    .log = host_log,
    .fail = host_fail,
    .philox = host_philox,
};

const struct orr_host *fake_host(void) { return &host_table; }

void fake_host_reset(void)
{
    host_state.allocations = 0;
    host_state.fail_at = -1;
    host_state.live = 0;
    host_state.warnings = 0;
    host_state.largest_words = false;
}

void fake_host_fail_allocation(int64_t nth) { host_state.fail_at = nth; }

void fake_host_draw_largest(void) { host_state.largest_words = true; }

int64_t fake_host_live(void) { return host_state.live; }

int fake_host_warnings(void) { return host_state.warnings; }

const struct orr_plugin *fake_probe_load(const char *name)
{
    char path[4096];
    const char *directory = getenv("ORRERY_TEST_PROBES");
    snprintf(path, sizeof path, "%s/orrery-probe-%s.so", directory ? directory : ".", name);
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!module) {
        fprintf(stderr, "%s (set ORRERY_TEST_PROBES to the directory of the built probes)\n", dlerror());
        return NULL;
    }
    orr_plugin_query_fn query = NULL;
    void *symbol = dlsym(module, ORR_PLUGIN_SYMBOL);
    memcpy(&query, &symbol, sizeof query);
    if (!query) fprintf(stderr, "%s: no %s\n", path, ORR_PLUGIN_SYMBOL);
    return query ? query(fake_host()) : NULL;
}

orr_status fake_probe_run(const struct orr_plugin *plugin, const union orr_value *param, const struct orr_study *study,
                          struct orr_error *err)
{
    const struct orr_probe_ops *ops = plugin->ops;
    struct orr_probe *probe = NULL;
    orr_status status = ops->create(param, &probe, err);
    if (status != ORR_OK) return status;
    status = ops->measure(probe, study, err);
    ops->destroy(probe);
    return status;
}

void fake_probe_succeeds(const struct orr_plugin *plugin, const union orr_value *param, const struct orr_study *study)
{
    struct orr_error err = {.code = ORR_OK};
    const orr_status status = fake_probe_run(plugin, param, study, &err);
    if (status != ORR_OK) fail_msg("status %d: %s", status, err.text);
    assert_int_equal(fake_host_live(), 0);
}

void fake_probe_fails(const struct orr_plugin *plugin, const union orr_value *param, const struct orr_study *study,
                      orr_status expected, const char *part)
{
    struct orr_error err = {.code = ORR_OK};
    const orr_status status = fake_probe_run(plugin, param, study, &err);
    if (status != expected || !strstr(err.text, part))
        fail_msg("status %d \"%s\", expected %d and \"%s\"", status, err.text, expected, part);
    assert_int_equal(fake_host_live(), 0);
}

double *fake_normals(uint64_t n, uint32_t stream)
{
    double *value = malloc((n ? n : 1) * sizeof *value);
    for (uint64_t i = 0; i < n && value; ++i) {
        uint32_t word[4];
        orr_random_block(FAKE_SEED, stream, 0, (uint32_t)(i / 4), word);
        value[i] = (double)orr_random_normal(word[i % 4]);
    }
    return value;
}

/* The engine's state is the fake itself. */
static struct fake_study *fake_of(struct orr_study_state *state) { return (struct fake_study *)(void *)state; }

static orr_status hand_out(struct fake_study *fake, const double *data, uint64_t width, enum orr_split split,
                           enum orr_positions positions, struct orr_matrix *out, struct orr_error *err)
{
    const uint64_t rows = fake->rows[split], window = fake->window;
    *out = (struct orr_matrix){data, rows, width};
    if (positions == ORR_ALL_POSITIONS) return ORR_OK;
    if (fake->n_borrowed == sizeof fake->borrowed / sizeof *fake->borrowed)
        return host_fail(err, ORR_EBUG, "fake study: too many matrices borrowed");
    double *last = malloc((rows / window * width + 1) * sizeof *last);
    if (!last) return host_fail(err, ORR_ENOMEM, "fake study: out of memory");
    for (uint64_t w = 0; w < rows / window; ++w)
        memcpy(last + w * width, data + ((w + 1) * window - 1) * width, width * sizeof *last);
    fake->borrowed[fake->n_borrowed++] = last;
    *out = (struct orr_matrix){last, rows / window, width};
    return ORR_OK;
}

static orr_status get_activations(struct orr_study_state *state, const char *site, enum orr_split split,
                                  enum orr_positions positions, struct orr_matrix *out, struct orr_error *err)
{
    struct fake_study *fake = fake_of(state);
    for (uint32_t i = 0; i < fake->study.n_sites; ++i)
        if (strcmp(fake->site_name[i], site) == 0)
            return hand_out(fake, fake->site_data[i][split], fake->site_width[i], split, positions, out, err);
    return host_fail(err, ORR_EINVAL, "fake study: no site %s", site);
}

static orr_status get_column(struct orr_study_state *state, const char *name, enum orr_split split,
                             enum orr_positions positions, struct orr_matrix *out, struct orr_error *err)
{
    struct fake_study *fake = fake_of(state);
    for (uint32_t i = 0; i < fake->study.n_columns; ++i)
        if (strcmp(fake->column[i].name, name) == 0)
            return hand_out(fake, fake->column_data[i][split], 1, split, positions, out, err);
    return host_fail(err, ORR_EINVAL, "fake study: no column %s", name);
}

static orr_status run_forward(struct orr_study_state *state, const double *input, uint32_t n, uint32_t steps,
                              const struct orr_patch *patches, uint32_t n_patches, double *prediction,
                              struct orr_error *err)
{
    struct fake_study *fake = fake_of(state);
    (void)patches;
    if (n_patches) return host_fail(err, ORR_EUNSUPPORTED, "fake study: no patches");
    if (steps > fake->study.context)
        return host_fail(err, ORR_EINVAL, "fake study: %u steps into a context of %u", steps, fake->study.context);
    ++fake->n_forward_calls;
    if (steps > fake->longest_input) fake->longest_input = steps;
    return fake->model(fake->model_user, input, n, steps, prediction, err);
}

static orr_status get_trajectories(struct orr_study_state *state, enum orr_split split, uint64_t first, uint32_t count,
                                   struct orr_matrix *observed, struct orr_error *err)
{
    struct fake_study *fake = fake_of(state);
    const struct orr_study *study = &fake->study;
    if (first >= fake->n_trajectories[split]) return host_fail(err, ORR_EINVAL, "fake study: no trajectory there");
    const uint64_t left = fake->n_trajectories[split] - first, n = count < left ? count : left;
    *observed = (struct orr_matrix){fake->trajectory[split] + first * study->n_steps * study->n_observed,
                                    n * study->n_steps, study->n_observed};
    return ORR_OK;
}

static orr_status take_finding(struct orr_study_state *state, const struct orr_finding *finding, struct orr_error *err)
{
    struct fake_study *fake = fake_of(state);
    if (fake->n_findings == FAKE_FINDINGS) return host_fail(err, ORR_EBUG, "fake study: too many findings");
    struct fake_finding *to = &fake->finding[fake->n_findings++];
    *to = (struct fake_finding){
        .split = finding->split, .value = finding->value, .uncertainty = finding->uncertainty, .n = finding->n};
    to->first_replicate = (double)NAN;
    if (ORR_HAS(finding, n_replicates) && finding->replicates) {
        to->n_replicates = finding->n_replicates;
        to->first_replicate = finding->replicates[0];
    }
    snprintf(to->quantity, FAKE_NAME, "%s", finding->quantity);
    snprintf(to->site, FAKE_NAME, "%s", finding->site);
    snprintf(to->target, FAKE_NAME, "%s", finding->target);
    snprintf(to->unit, FAKE_NAME, "%s", finding->unit);
    return ORR_OK;
}

static orr_status take_matrix(struct orr_study_state *state, const char *name, struct orr_matrix matrix,
                              struct orr_error *err)
{
    struct fake_study *fake = fake_of(state);
    if (fake->n_saved == FAKE_SAVED) return host_fail(err, ORR_EBUG, "fake study: too many matrices saved");
    struct fake_saved *to = &fake->saved[fake->n_saved];
    *to = (struct fake_saved){.rows = matrix.rows, .cols = matrix.cols};
    to->data = malloc(matrix.rows * matrix.cols * sizeof *to->data + 1);
    if (!to->data) return host_fail(err, ORR_ENOMEM, "fake study: out of memory");
    memcpy(to->data, matrix.data, matrix.rows * matrix.cols * sizeof *to->data);
    snprintf(to->name, FAKE_NAME, "%s", name);
    ++fake->n_saved;
    return ORR_OK;
}

void fake_study_init(struct fake_study *fake, uint32_t window, uint64_t train_rows, uint64_t held_out_rows)
{
    *fake = (struct fake_study){.window = window, .rows = {train_rows, held_out_rows}};
    fake->study = (struct orr_study){
        .size = sizeof fake->study,
        .state = (struct orr_study_state *)(void *)fake,
        .sites = fake->site_name,
        .columns = fake->column,
        .context = window,
        .activations = get_activations,
        .column = get_column,
        .emit = take_finding,
        .save = take_matrix,
    };
}

void fake_study_fini(struct fake_study *fake)
{
    for (uint32_t i = 0; i < fake->n_borrowed; ++i)
        free(fake->borrowed[i]);
    for (uint32_t i = 0; i < fake->n_saved; ++i)
        free(fake->saved[i].data);
}

void fake_study_add_site(struct fake_study *fake, const char *name, uint64_t width, const double *train,
                         const double *held_out)
{
    const uint32_t i = fake->study.n_sites++;
    fake->site_name[i] = name;
    fake->site_width[i] = width;
    fake->site_data[i][ORR_TRAIN] = train;
    fake->site_data[i][ORR_HELD_OUT] = held_out;
}

void fake_study_add_column(struct fake_study *fake, const char *name, const double *train, const double *held_out)
{
    const uint32_t i = fake->study.n_columns++;
    fake->column[i] = (struct orr_field){name, "m", "a column of the fake study"};
    fake->column_data[i][ORR_TRAIN] = train;
    fake->column_data[i][ORR_HELD_OUT] = held_out;
}

void fake_study_set_model(struct fake_study *fake, uint32_t context, uint32_t n_observed, uint32_t n_steps,
                          fake_forward model, void *user)
{
    fake->study.context = context;
    fake->study.n_observed = n_observed;
    fake->study.n_steps = n_steps;
    fake->study.forward = run_forward;
    fake->study.trajectories = get_trajectories;
    fake->model = model;
    fake->model_user = user;
}

const struct fake_finding *fake_study_finding(const struct fake_study *fake, const char *quantity, const char *site,
                                              const char *target, enum orr_split split)
{
    for (uint32_t i = 0; i < fake->n_findings; ++i) {
        const struct fake_finding *f = &fake->finding[i];
        if (f->split == split && strcmp(f->quantity, quantity) == 0 && strcmp(f->site, site) == 0 &&
            strcmp(f->target, target) == 0)
            return f;
    }
    return NULL;
}
