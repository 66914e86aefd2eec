/* Numbers of a sweep as curves over one key, and what the analysis asks of them. */
#include "study/report_curves.h"

#include "base/memory.h"
#include "base/number.h"
#include "study/report_readings.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char context_key[] = "data.context", seed_key[] = "train.seed";

/* ---- points of a sweep ---- */

/* NaN where the recipe has no such number. */
static double number_at(const struct orr_gathered_point *point, const char *key)
{
    const struct orr_config_node *node =
        point->recipe ? orr_config_find(orr_config_root(point->recipe->config), key) : NULL;
    double value;
    return node && node->text && orr_number_real(node->text, &value) ? value : (double)NAN;
}

static bool is_finished(const struct orr_gathered_point *point) { return point->state == ORR_POINT_FINISHED; }

/* ---- curves ---- */

void orr_curves_fini(struct orr_curves *curves)
{
    orr_memory_free(curves->place);
    orr_memory_free(curves->seed);
    orr_memory_free(curves->value);
    *curves = (struct orr_curves){.place = NULL};
}

static bool has_other_keys(const struct orr_gathered *g, const char *key)
{
    for (size_t i = 0; i < g->n_keys; ++i)
        if (strcmp(g->key[i], key) != 0 && strcmp(g->key[i], seed_key) != 0) return true;
    return false;
}

/* The index of x among the n first of ascending place, which gets it where it is missing. */
static void insert_place(struct orr_curves *c, double x)
{
    size_t i = c->n_places;
    for (size_t k = 0; k < c->n_places; ++k)
        if (!(c->place[k] < x) && !(c->place[k] > x)) return;
    for (; i > 0 && c->place[i - 1] > x; --i)
        c->place[i] = c->place[i - 1];
    c->place[i] = x;
    ++c->n_places;
}

static void insert_seed(struct orr_curves *c, int64_t seed)
{
    for (size_t k = 0; k < c->n_seeds; ++k)
        if (c->seed[k] == seed) return;
    c->seed[c->n_seeds++] = seed;
}

static void fill_curves(const struct orr_gathered *g, const char *key, const struct orr_wanted *w, struct orr_curves *c)
{
    for (size_t i = 0; i < c->n_seeds * c->n_places; ++i)
        c->value[i] = (double)NAN;
    for (size_t i = 0; i < g->n_points; ++i) {
        const double x = number_at(&g->point[i], key);
        size_t s = 0, k = 0;
        if (!is_finished(&g->point[i]) || isnan(x)) continue;
        while (c->seed[s] != g->point[i].seed)
            ++s;
        while (c->place[k] < x)
            ++k;
        c->value[s * c->n_places + k] = orr_report_value(&g->point[i], w);
    }
}

orr_status orr_curves_of(const struct orr_gathered *g, const char *key, const struct orr_wanted *wanted,
                         struct orr_curves *out, struct orr_error *err)
{
    *out = (struct orr_curves){.place = NULL};
    if (has_other_keys(g, key)) return ORR_OK;
    out->place = orr_memory_array(g->n_points, sizeof *out->place);
    out->seed = orr_memory_array(g->n_points, sizeof *out->seed);
    for (size_t i = 0; out->place && out->seed && i < g->n_points; ++i) {
        const double x = number_at(&g->point[i], key);
        if (!is_finished(&g->point[i]) || isnan(x)) continue;
        insert_place(out, x);
        insert_seed(out, g->point[i].seed);
    }
    out->value = orr_memory_array(out->n_seeds * out->n_places, sizeof *out->value);
    if (!out->place || !out->seed || !out->value) {
        orr_curves_fini(out);
        return orr_memory_out(err, "curves", g->n_points * sizeof *out->place);
    }
    if (out->n_places < 2)
        orr_curves_fini(out);
    else
        fill_curves(g, key, wanted, out);
    return ORR_OK;
}

/* ---- trends and crossings ---- */

orr_status orr_curves_slope(const struct orr_curves *c, struct orr_mean *out, struct orr_error *err)
{
    double *slope = orr_memory_array(c->n_seeds, sizeof *slope);
    if (!slope) return orr_memory_out(err, "slopes", c->n_seeds * sizeof *slope);
    for (size_t s = 0; s < c->n_seeds; ++s)
        slope[s] = orr_slope_of(c->place, c->value + s * c->n_places, c->n_places);
    *out = orr_mean_of(slope, c->n_seeds);
    orr_memory_free(slope);
    return ORR_OK;
}

static void add_crossing(const struct orr_reporting *r, struct orr_table *table, const struct orr_curves *c,
                         orr_status *status)
{
    const struct orr_crossing x =
        orr_crossing_of(c->place, c->n_places, c->value, c->n_seeds, r->recipe->analysis.identified_share);
    const int digits = (int)r->recipe->digits;
    if (x.n_seeds == 0)
        orr_table_add(table, status, r->err, "-");
    else if (!x.identified)
        orr_table_add(table, status, r->err, "not identified: of %zu seeds %zu have one, %zu none, %zu several",
                      x.n_seeds, x.n_one, x.n_none, x.n_more);
    else if (isnan(x.low))
        orr_table_add(table, status, r->err, "%.*g, one seed: no interval", digits, x.place);
    else
        orr_table_add(table, status, r->err, "%.*g (%.*g to %.*g), in %zu of %zu seeds", digits, x.place, digits, x.low,
                      digits, x.high, x.n_one, x.n_seeds);
}

static orr_status add_trend(const struct orr_reporting *r, struct orr_table *table, const struct orr_wanted *w,
                            bool crosses, orr_status *status)
{
    struct orr_curves c;
    struct orr_mean slope;
    char text[96];
    ORR_TRY(orr_curves_of(r->gathered, context_key, w, &c, r->err));
    if (c.n_places == 0) return ORR_OK;
    orr_status found = orr_curves_slope(&c, &slope, r->err);
    if (found == ORR_OK && slope.n > 0) {
        orr_report_number((int)r->recipe->digits, &slope, text, sizeof text);
        orr_table_add(table, status, r->err, "%s", w->probe);
        orr_table_add(table, status, r->err, "%s", w->quantity);
        orr_table_add(table, status, r->err, "%s", w->network);
        orr_table_add(table, status, r->err, "%s", text);
        orr_table_add(table, status, r->err, "%zu", slope.n);
        if (crosses)
            add_crossing(r, table, &c, status);
        else
            orr_table_add(table, status, r->err, "%s", "");
    }
    orr_curves_fini(&c);
    return found == ORR_OK ? *status : found;
}

/* Of every probe what has it; in-sample scores have no trend that the analysis asks for. */
static orr_status print_trends(const struct orr_reporting *r)
{
    static const char *const heading[] = {"probe", "quantity", "network", "slope", "seeds", "crosses 0 at context"};
    static const char *const network[] = {"trained", "untrained", orr_difference_name, "raw_inputs_squared"};
    struct orr_table table = {.n_columns = 6, .left = {[1] = true, [2] = true, [5] = true}};
    const struct orr_recipe *recipe = r->recipe;
    orr_status status = ORR_OK;
    for (size_t i = 0; i < 6; ++i)
        orr_table_add(&table, &status, r->err, "%s", heading[i]);
    for (size_t p = 0; p < recipe->n_probes; ++p)
        for (size_t q = 0; q < recipe->n_scores + recipe->n_contrasts; ++q)
            for (size_t k = 0; k < sizeof network / sizeof *network; ++k) {
                const bool contrast = q >= recipe->n_scores;
                const struct orr_wanted w = {.quantity = contrast ? recipe->contrasts[q - recipe->n_scores].name
                                                                  : recipe->scores[q].name,
                                             .network = network[k],
                                             .probe = recipe->probes[p].label,
                                             .split = "held_out"};
                if (status == ORR_OK) status = add_trend(r, &table, &w, contrast, &status);
            }
    return orr_report_table(
        r, &table, "Over contexts",
        "Slope of the held-out number against the natural logarithm of the context, fitted for each "
        "seed: the mean with its\n95 % interval (Student's t over seeds). A crossing is where a contrast "
        "changes its sign once, interpolated in the logarithm.",
        status);
}

/* ---- power laws ---- */

orr_status orr_fit_points(const struct orr_gathered *g, const struct orr_recipe_fit *fit,
                          struct orr_power_law *of_logarithms, struct orr_power_law *of_values, struct orr_error *err)
{
    const struct orr_wanted w = {
        .quantity = fit->quantity, .network = fit->network, .probe = fit->probe, .split = fit->split};
    double *number = orr_memory_array(g->n_points, 3 * sizeof *number);
    if (!number) return orr_memory_out(err, "a fit", g->n_points * 3 * sizeof *number);
    double *v = number, *d = number + g->n_points, *y = number + 2 * g->n_points;
    size_t n = 0;
    for (size_t i = 0; i < g->n_points; ++i) {
        if (!is_finished(&g->point[i])) continue;
        const double value = orr_report_value(&g->point[i], &w);
        v[n] = number_at(&g->point[i], fit->over[0]) * fit->times[0];
        d[n] = number_at(&g->point[i], fit->over[1]) * fit->times[1];
        y[n++] = fit->complement ? 1 - value : value;
    }
    *of_logarithms = orr_power_law_of_logarithms(v, d, y, n);
    *of_values = orr_power_law_of_values(v, d, y, n);
    orr_memory_free(number);
    return ORR_OK;
}

static void add_estimate(const struct orr_reporting *r, struct orr_table *table, double value, double error,
                         orr_status *status)
{
    if (isnan(value))
        orr_table_add(table, status, r->err, "-");
    else if (isnan(error))
        orr_table_add(table, status, r->err, "%.*g", (int)r->recipe->digits, value);
    else
        orr_table_add(table, status, r->err, "%.*g (%.2g)", (int)r->recipe->digits, value, error);
}

static void add_law(const struct orr_reporting *r, struct orr_table *table, const struct orr_recipe_fit *fit,
                    const char *space, const struct orr_power_law *law, orr_status *status)
{
    orr_table_add(table, status, r->err, "%s", fit->name);
    orr_table_add(table, status, r->err, "%s", space);
    add_estimate(r, table, law->a, law->a_error, status);
    add_estimate(r, table, law->alpha, law->alpha_error, status);
    add_estimate(r, table, law->beta, law->beta_error, status);
    add_estimate(r, table, law->r2, (double)NAN, status);
    orr_table_add(table, status, r->err, "%zu", law->n);
}

static orr_status print_fits(const struct orr_reporting *r)
{
    static const char *const heading[] = {"", "fitted", "A", "alpha", "beta", "R2 of the fit", "points"};
    struct orr_table table = {.n_columns = 7, .left = {[1] = true}};
    orr_status status = ORR_OK;
    char text[2000] = "Standard errors in brackets. Of values the largest decide, of logarithms all points alike.";
    size_t used = strlen(text);
    for (size_t i = 0; i < 7; ++i)
        orr_table_add(&table, &status, r->err, "%s", heading[i]);
    for (size_t k = 0; k < r->recipe->n_fits && status == ORR_OK; ++k) {
        const struct orr_recipe_fit *fit = &r->recipe->fits[k];
        struct orr_power_law logarithms, values;
        status = orr_fit_points(r->gathered, fit, &logarithms, &values, r->err);
        if (status != ORR_OK) break;
        if (used < sizeof text)
            used += (size_t)snprintf(
                text + used, sizeof text - used,
                "\n%.64s: %s%.64s of %.64s, %s = A v^alpha d^beta, v: %.64s times %g, d: %.64s times %g.", fit->name,
                fit->complement ? "1 - " : "", fit->quantity, fit->probe ? fit->probe : "any probe", fit->split,
                fit->over[0], fit->times[0], fit->over[1], fit->times[1]);
        add_law(r, &table, fit, "logarithms", &logarithms, &status);
        add_law(r, &table, fit, values.converged ? "values" : "values, not converged", &values, &status);
        if (!fit->has_published) continue;
        const double *p = fit->published, none = (double)NAN;
        const struct orr_power_law published = {p[0], p[1], p[2], none, none, none, none, 0, true};
        add_law(r, &table, fit, "published", &published, &status);
    }
    return orr_report_table(r, &table, "Power laws", r->recipe->n_fits ? text : "", status);
}

/* ---- the whole ---- */

static orr_status print_analysis(const struct orr_reporting *r)
{
    const struct orr_recipe *recipe = r->recipe;
    const size_t early = orr_report_early(r);
    if (!recipe->analysis.sha256) return ORR_OK;
    ORR_TRY(orr_text_add(r->text, r->err, "\n## Analysis\n\nFixed beforehand in %s, SHA-256 %s.\n",
                         recipe->analysis.file, recipe->analysis.sha256));
    if (early == 0) return ORR_OK;
    return orr_text_add(r->text, r->err,
                        "%zu points have seeds below %" PRId64
                        ", which may have been looked at before it was fixed: they "
                        "show, and confirm nothing.\n",
                        early, recipe->analysis.first_seed);
}

orr_status orr_report_curves(const struct orr_reporting *r)
{
    ORR_TRY(print_analysis(r));
    ORR_TRY(print_trends(r));
    return r->recipe->n_fits ? print_fits(r) : ORR_OK;
}
