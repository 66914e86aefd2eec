/* Sentences about claims. A published value of one seed is held against the 95 % prediction interval of one more seed,
 * a range against the 95 % interval of the mean; what an analysis asks, against the interval of the mean. */
#include "study/report_claims.h"

#include "base/memory.h"
#include "study/report_curves.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A wide interval holds much: that a number lies in it is consistent with it, and no more. */
enum verdict { SUPPORTED, CONSISTENT, CONTRADICTED, OPEN };
static const char *const marks[] = {"supported", "consistent", "contradicted", "open"};
static const char *const kinds[] = {"yes", "yes", "no", "open"};

struct sentence {
    const struct orr_reporting *r;
    struct orr_html *page;
    int digits;
};

static void begin(const struct sentence *s, enum verdict verdict)
{
    orr_html_open(s->page, "li", kinds[verdict]);
    orr_html_element(s->page, "b", "verdict", "%s", marks[verdict]);
    orr_html_text(s->page, " ");
}

static void add_estimate(const struct sentence *s, const struct orr_mean *m)
{
    orr_html_text(s->page, "%.*g", s->digits, m->mean);
    if (isnan(m->half_width))
        orr_html_text(s->page, " (one seed: no interval)");
    else
        orr_html_text(s->page, " (95\u00a0%% interval %.*g to %.*g, %zu seeds)", s->digits, m->mean - m->half_width,
                      s->digits, m->mean + m->half_width, m->n);
}

/* ---- published values ---- */

static enum verdict judge(const struct orr_recipe_expectation *e, const struct orr_mean *m)
{
    const bool range = e->low < e->high;
    const double half = range ? m->half_width : m->one_more;
    const double low = m->mean - half, high = m->mean + half;
    if (m->n == 0 || isnan(half)) return OPEN;
    if (range && low >= e->low && high <= e->high) return SUPPORTED;
    if (low > e->high || high < e->low) return CONTRADICTED;
    return range ? OPEN : CONSISTENT;
}

static const char *says(enum verdict verdict)
{
    static const char *const words[] = {"supports it", "is consistent with it", "does not support it",
                                        "leaves it open"};
    return words[verdict];
}

/* How the prediction interval stands to what was published. */
static void add_why(const struct sentence *s, const struct orr_recipe_expectation *e, const struct orr_mean *m)
{
    if (m->n == 0)
        orr_html_text(s->page, " (not measured)");
    else if (e->low >= e->high && !isnan(m->one_more))
        orr_html_text(s->page, " (one more seed would lie within %.*g to %.*g)", s->digits, m->mean - m->one_more,
                      s->digits, m->mean + m->one_more);
}

/* The sound readings of a score that was claimed of another one. */
static void add_sound(const struct sentence *s, const struct orr_recipe_expectation *e, size_t i)
{
    struct orr_reading reading[ORR_READINGS_MAX];
    const size_t n = orr_readings_of(s->r, reading);
    for (size_t k = 0; k < n; ++k) {
        struct orr_wanted w = {e->quantity, e->network, NULL, reading[k].probe, reading[k].split};
        if (reading[k].kind != ORR_READING_SOUND) continue;
        const struct orr_mean m = orr_report_mean(s->r, i, &w);
        if (m.n == 0) continue;
        orr_html_text(s->page, " The sound reading %s: ", says(judge(e, &m)));
        add_estimate(s, &m);
        add_why(s, e, &m);
        w.network2 = "untrained";
        const struct orr_mean gained = orr_report_mean(s->r, i, &w);
        if (gained.n == 0 || strcmp(e->network, "trained") != 0) continue;
        orr_html_text(s->page, "; training added ");
        add_estimate(s, &gained);
        orr_html_text(s->page, ".");
    }
}

static void add_claim(const struct sentence *s, const struct orr_recipe_expectation *e, size_t i)
{
    const struct orr_wanted w = {.quantity = e->quantity, .network = e->network, .probe = e->probe, .split = e->split};
    const struct orr_mean m = orr_report_mean(s->r, i, &w);
    const enum verdict verdict = judge(e, &m);
    const bool score = orr_reading_is_score(s->r->recipe, e->quantity);
    begin(s, verdict);
    orr_html_element(s->page, "strong", NULL, "%s, %s", e->claim, orr_report_name(s->r, i));
    if (e->low < e->high)
        orr_html_text(s->page, ": %.*g to %.*g", s->digits, e->low, s->digits, e->high);
    else
        orr_html_text(s->page, ": %.*g", s->digits, e->low);
    orr_html_text(s->page, " (%s); here ", e->source);
    if (m.n) add_estimate(s, &m);
    orr_html_text(s->page, "%s%s", score ? ": the faithful reading " : ": ", score ? says(verdict) : "this run ");
    if (!score) orr_html_text(s->page, "%s", says(verdict));
    add_why(s, e, &m);
    orr_html_text(s->page, ".");
    if (score) add_sound(s, e, i);
    orr_html_close(s->page, "li");
}

static bool is_about(const struct orr_reporting *r, const struct orr_recipe_expectation *e, size_t i)
{
    return orr_report_begins(r, i) && orr_recipe_expects(r->gathered->point[i].recipe, e);
}

size_t orr_report_claims_elsewhere(const struct orr_reporting *r)
{
    size_t elsewhere = 0;
    for (size_t k = 0; k < r->recipe->n_expectations; ++k) {
        size_t i = 0;
        while (i < r->gathered->n_points && !is_about(r, &r->recipe->expectations[k], i))
            ++i;
        elsewhere += i == r->gathered->n_points;
    }
    return elsewhere;
}

static void add_published(const struct sentence *s)
{
    const struct orr_recipe *recipe = s->r->recipe;
    if (orr_report_claims_elsewhere(s->r) == recipe->n_expectations) return;
    orr_html_element(s->page, "h3", NULL, "Published and expected values");
    orr_html_open(s->page, "ul", "claims");
    for (size_t k = 0; k < recipe->n_expectations; ++k)
        for (size_t i = 0; i < s->r->gathered->n_points; ++i)
            if (is_about(s->r, &recipe->expectations[k], i)) add_claim(s, &recipe->expectations[k], i);
    orr_html_close(s->page, "ul");
}

/* ---- what the analysis lets one say ---- */

static const char context_key[] = "data.context";

static orr_status mean_slope(const struct orr_curves *c, struct orr_mean *out, struct orr_error *err)
{
    double *slope = orr_memory_array(c->n_seeds, sizeof *slope);
    if (!slope) return orr_memory_out(err, "slopes", c->n_seeds * sizeof *slope);
    for (size_t i = 0; i < c->n_seeds; ++i)
        slope[i] = orr_slope_of(c->place, c->value + i * c->n_places, c->n_places);
    *out = orr_mean_of(slope, c->n_seeds);
    orr_memory_free(slope);
    return ORR_OK;
}

/* The sign that the interval of a mean leaves no doubt of; 0: none. */
static int sign_of(const struct orr_mean *m)
{
    if (m->n == 0 || isnan(m->half_width)) return 0;
    return m->mean - m->half_width > 0 ? 1 : m->mean + m->half_width < 0 ? -1 : 0;
}

static void add_trend(const struct sentence *s, const char *quantity, const struct orr_mean *slope)
{
    const int sign = sign_of(slope);
    begin(s, sign ? SUPPORTED : OPEN);
    orr_html_element(s->page, "strong", NULL, "%s%s %s with the context through training", sign ? "" : "Whether ",
                     quantity,
                     sign > 0   ? "rises"
                     : sign < 0 ? "falls"
                                : "falls or rises");
    orr_html_text(s->page, ": slope of trained minus untrained against the logarithm of the context ");
    add_estimate(s, slope);
    orr_html_text(s->page, " (sound reading).");
    orr_html_close(s->page, "li");
}

static void add_gained(const struct sentence *s, const struct orr_reading *reading, const char *quantity)
{
    for (size_t i = 0; i < s->r->gathered->n_points; ++i) {
        const struct orr_wanted w = {quantity, "trained", "untrained", reading->probe, reading->split};
        if (!orr_report_begins(s->r, i)) continue;
        const struct orr_mean m = orr_report_mean(s->r, i, &w);
        if (m.n == 0) continue;
        const int sign = sign_of(&m);
        begin(s, sign ? SUPPORTED : OPEN);
        orr_html_element(s->page, "strong", NULL, "%s %s %s, %s", sign ? "Training" : "Whether training",
                         sign > 0   ? "raises"
                         : sign < 0 ? "lowers"
                                    : "raises or lowers",
                         quantity, orr_report_name(s->r, i));
        orr_html_text(s->page, ": trained minus untrained ");
        add_estimate(s, &m);
        orr_html_text(s->page, " (sound reading).");
        orr_html_close(s->page, "li");
    }
}

static void add_crossing(const struct sentence *s, const char *quantity, const struct orr_curves *c)
{
    const struct orr_crossing x =
        orr_crossing_of(c->place, c->n_places, c->value, c->n_seeds, s->r->recipe->analysis.identified_share);
    if (x.n_seeds == 0) return;
    begin(s, x.identified && x.n_seeds > 1 ? SUPPORTED : OPEN);
    if (x.identified) {
        orr_html_element(s->page, "strong", NULL, "%s crosses 0 at context %.*g", quantity, s->digits, x.place);
        if (isnan(x.low))
            orr_html_text(s->page, " (one seed: no interval)");
        else
            orr_html_text(s->page, " (95\u00a0%% interval %.*g to %.*g, in %zu of %zu seeds)", s->digits, x.low,
                          s->digits, x.high, x.n_one, x.n_seeds);
    } else {
        orr_html_element(s->page, "strong", NULL, "Where %s crosses 0 is not identified", quantity);
        orr_html_text(s->page, ": of %zu seeds %zu have one crossing, %zu none, %zu several", x.n_seeds, x.n_one,
                      x.n_none, x.n_more);
    }
    orr_html_text(s->page, " (sound reading, trained).");
    orr_html_close(s->page, "li");
}

static orr_status add_over_contexts(const struct sentence *s, const struct orr_reading *reading, const char *quantity,
                                    bool contrast)
{
    struct orr_wanted w = {
        .quantity = quantity, .network = "trained", .probe = reading->probe, .split = reading->split};
    struct orr_curves c;
    struct orr_mean slope = {.n = 0};
    if (!contrast) w.network2 = "untrained";
    ORR_TRY(orr_curves_of(s->r->gathered, context_key, &w, &c, s->r->err));
    if (c.n_places == 0) return ORR_OK;
    const orr_status status = contrast ? ORR_OK : mean_slope(&c, &slope, s->r->err);
    if (contrast) add_crossing(s, quantity, &c);
    if (slope.n) add_trend(s, quantity, &slope);
    orr_curves_fini(&c);
    return status;
}

static orr_status add_analysed(const struct sentence *s, const struct orr_reading *reading)
{
    const struct orr_recipe *recipe = s->r->recipe;
    orr_status status = ORR_OK;
    orr_html_element(s->page, "h3", NULL, "What the analysis lets one say (probe %s)", reading->probe);
    orr_html_open(s->page, "ul", "claims");
    for (size_t k = 0; k < recipe->n_scores && status == ORR_OK; ++k)
        status = add_over_contexts(s, reading, recipe->scores[k].name, false);
    for (size_t k = 0; k < recipe->n_contrasts && status == ORR_OK; ++k)
        status = add_over_contexts(s, reading, recipe->contrasts[k].name, true);
    for (size_t k = 0; k < recipe->n_scores; ++k)
        add_gained(s, reading, recipe->scores[k].name);
    orr_html_close(s->page, "ul");
    return status;
}

orr_status orr_report_claims(const struct orr_reporting *r, struct orr_html *page)
{
    const struct sentence s = {.r = r, .page = page, .digits = (int)r->recipe->digits};
    struct orr_reading reading[ORR_READINGS_MAX];
    const size_t n = orr_readings_of(r, reading);
    orr_status status = ORR_OK;
    for (size_t k = 0; k < n && status == ORR_OK; ++k)
        if (reading[k].kind == ORR_READING_SOUND) status = add_analysed(&s, &reading[k]);
    add_published(&s);
    if (r->recipe->n_expectations == 0) orr_html_element(page, "p", NULL, "The recipe claims nothing.");
    return status == ORR_OK ? page->status : status;
}
