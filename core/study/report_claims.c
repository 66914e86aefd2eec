/* Sentences about claims. A published value of one seed is held against the 95 % prediction interval of one more seed,
 * a range against the 95 % interval of the mean; what an analysis asks, against the interval of the mean. */
#include "study/report_claims.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const orr_verdict_names[ORR_VERDICTS] = {"supported", "consistent", "contradicted", "open"};

struct sentence {
    const struct orr_reporting *r;
    struct orr_html *page;
    int digits;
};

void orr_report_claim_begin(struct orr_html *page, enum orr_verdict verdict)
{
    static const char *const kinds[ORR_VERDICTS] = {"yes", "may", "no", "open"};
    orr_html_open(page, "li", kinds[verdict]);
    orr_html_element(page, "b", "verdict", "%s", orr_verdict_names[verdict]);
    orr_html_text(page, " ");
}

static void add_estimate(const struct sentence *s, const struct orr_mean *m, int digits)
{
    char text[160];
    orr_report_estimate(digits, m, text, sizeof text);
    orr_html_text(s->page, "%s", text);
}

/* ---- published values ---- */

static enum orr_verdict judge(const struct orr_recipe_expectation *e, const struct orr_mean *m)
{
    const bool range = e->low < e->high;
    const double half = range ? m->half_width : m->one_more;
    const double low = m->mean - half, high = m->mean + half;
    if (m->n == 0 || !isfinite(half)) return ORR_OPEN;
    if (range && low >= e->low && high <= e->high) return ORR_SUPPORTED;
    if (low > e->high || high < e->low) return ORR_CONTRADICTED;
    return range ? ORR_OPEN : ORR_CONSISTENT;
}

static const char *says(enum orr_verdict verdict)
{
    static const char *const words[] = {"supports it", "is consistent with it", "does not support it",
                                        "leaves it open"};
    return words[verdict];
}

int orr_report_claim_digits(const struct orr_reporting *r, const struct orr_recipe_expectation *e,
                            const struct orr_mean *m)
{
    const double half = e->low < e->high ? m->half_width : m->one_more;
    const double number[] = {e->low, e->high, m->mean, m->mean - half, m->mean + half};
    return m->n ? orr_report_digits((int)r->recipe->digits, number, 5) : (int)r->recipe->digits;
}

/* How the prediction interval stands to what was published. */
static void add_why(const struct sentence *s, const struct orr_recipe_expectation *e, const struct orr_mean *m,
                    int digits)
{
    if (e->low >= e->high && isfinite(m->one_more))
        orr_html_text(s->page, " (one more seed would lie within %.*g to %.*g)", digits, m->mean - m->one_more, digits,
                      m->mean + m->one_more);
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
        const int digits = orr_report_claim_digits(s->r, e, &m);
        add_estimate(s, &m, digits);
        add_why(s, e, &m, digits);
        w.network2 = "untrained";
        const struct orr_mean gained = orr_report_mean(s->r, i, &w);
        if (gained.n && strcmp(e->network, "trained") == 0) {
            orr_html_text(s->page, "; training added ");
            add_estimate(s, &gained, s->digits);
        }
        orr_html_text(s->page, ".");
    }
}

static void add_claim(const struct sentence *s, const struct orr_recipe_expectation *e, size_t i)
{
    const struct orr_wanted w = {.quantity = e->quantity, .network = e->network, .probe = e->probe, .split = e->split};
    const struct orr_mean m = orr_report_mean(s->r, i, &w);
    const enum orr_verdict verdict = judge(e, &m);
    const bool score = orr_reading_is_score(s->r->recipe, e->quantity);
    const int digits = orr_report_claim_digits(s->r, e, &m);
    orr_report_claim_begin(s->page, verdict);
    orr_html_element(s->page, "strong", NULL, "%s, %s", e->claim, orr_report_name(s->r, i));
    if (e->low < e->high)
        orr_html_text(s->page, ": %.*g to %.*g", digits, e->low, digits, e->high);
    else
        orr_html_text(s->page, ": %.*g", digits, e->low);
    orr_html_text(s->page, " (%s); here ", e->source);
    add_estimate(s, &m, digits);
    orr_html_text(s->page, "%s%s", score ? ": the faithful reading " : ": ", score ? says(verdict) : "this run ");
    if (!score) orr_html_text(s->page, "%s", says(verdict));
    add_why(s, e, &m, digits);
    orr_html_text(s->page, ".");
    if (score) add_sound(s, e, i);
    orr_html_close(s->page, "li");
}

static bool is_about(const struct orr_reporting *r, const struct orr_recipe_expectation *e, size_t i)
{
    return orr_report_begins(r, i) && orr_recipe_expects(r->gathered->point[i].recipe, e);
}

size_t orr_report_claims_count(const struct orr_reporting *r, size_t count[ORR_VERDICTS])
{
    size_t all = 0;
    for (size_t k = 0; k < ORR_VERDICTS; ++k)
        count[k] = 0;
    for (size_t k = 0; k < r->recipe->n_expectations; ++k)
        for (size_t i = 0; i < r->gathered->n_points; ++i) {
            const struct orr_recipe_expectation *e = &r->recipe->expectations[k];
            const struct orr_wanted w = {e->quantity, e->network, NULL, e->probe, e->split};
            if (!is_about(r, e, i)) continue;
            const struct orr_mean m = orr_report_mean(r, i, &w);
            ++count[judge(e, &m)];
            ++all;
        }
    return all;
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

/* ---- what training adds ---- */

int orr_report_sign(const struct orr_mean *m)
{
    if (m->n == 0 || !isfinite(m->half_width)) return 0;
    return m->mean - m->half_width > 0 ? 1 : m->mean + m->half_width < 0 ? -1 : 0;
}

static void add_gained(const struct sentence *s, const struct orr_reading *reading, const char *quantity)
{
    for (size_t i = 0; i < s->r->gathered->n_points; ++i) {
        const struct orr_wanted w = {quantity, "trained", "untrained", reading->probe, reading->split};
        if (!orr_report_begins(s->r, i)) continue;
        const struct orr_mean m = orr_report_mean(s->r, i, &w);
        if (m.n == 0) continue;
        const int sign = orr_report_sign(&m);
        orr_report_claim_begin(s->page, !sign ? ORR_OPEN : orr_report_early(s->r) ? ORR_CONSISTENT : ORR_SUPPORTED);
        orr_html_element(s->page, "strong", NULL, "%s %s %s, %s", sign ? "Training" : "Whether training",
                         sign > 0   ? "raises"
                         : sign < 0 ? "lowers"
                                    : "raises or lowers",
                         quantity, orr_report_name(s->r, i));
        orr_html_text(s->page, ": trained minus untrained ");
        add_estimate(s, &m, s->digits);
        orr_html_text(s->page, " (sound reading).");
        orr_html_close(s->page, "li");
    }
}

static void add_analysed(const struct sentence *s, const struct orr_reading *reading)
{
    orr_html_element(s->page, "h3", NULL, "What training adds at each point (sound reading, probe %s)", reading->probe);
    orr_html_open(s->page, "ul", "claims");
    for (size_t k = 0; k < s->r->recipe->n_scores; ++k)
        add_gained(s, reading, s->r->recipe->scores[k].name);
    orr_html_close(s->page, "ul");
}

orr_status orr_report_claims(const struct orr_reporting *r, struct orr_html *page)
{
    const struct sentence s = {.r = r, .page = page, .digits = (int)r->recipe->digits};
    struct orr_reading reading[ORR_READINGS_MAX];
    const size_t n = orr_readings_of(r, reading);
    for (size_t k = 0; k < n; ++k)
        if (reading[k].kind == ORR_READING_SOUND) add_analysed(&s, &reading[k]);
    add_published(&s);
    if (r->recipe->n_expectations == 0) orr_html_element(page, "p", NULL, "The recipe claims nothing.");
    return page->status;
}
