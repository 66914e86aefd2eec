/* The three questions of a sweep over contexts, by the rules of its analysis: slopes of what training added and a
 * crossing of scores, with intervals by Student's t over seeds. */
#include "study/report_answers.h"

#include "base/memory.h"
#include "study/findings.h"
#include "study/markdown.h"
#include "study/report_curves.h"
#include "study/report_scale.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char context_key[] = "data.context", seed_key[] = "train.seed";

struct answering {
    const struct orr_reporting *r;
    struct orr_answers *out;
    int digits;
    bool early; /* seeds that may have been looked at before confirm nothing */
};

/* ---- putting them together ---- */

static orr_status begin(const struct answering *a, enum orr_verdict verdict, struct orr_answer **out, const char *fmt,
                        ...) ORR_PRINTF(4, 5);

static orr_status begin(const struct answering *a, enum orr_verdict verdict, struct orr_answer **out, const char *fmt,
                        ...)
{
    struct orr_answers *all = a->out;
    void *items = all->item;
    va_list args;
    const orr_status grown = orr_memory_grow(&items, &all->capacity, all->count + 1, sizeof *all->item, a->r->err);
    all->item = items;
    ORR_TRY(grown);
    struct orr_answer *answer = &all->item[all->count++];
    *answer = (struct orr_answer){.verdict = verdict == ORR_SUPPORTED && a->early ? ORR_CONSISTENT : verdict};
    va_start(args, fmt);
    vsnprintf(answer->head, sizeof answer->head, fmt, args);
    va_end(args);
    *out = answer;
    return ORR_OK;
}

/* "rollout_error" in words. */
static void plain(const char *quantity, char *text, size_t size)
{
    snprintf(text, size, "%s", quantity);
    for (char *c = text; (c = strchr(c, '_'));)
        *c = ' ';
}

/* ---- trends ---- */

static double mean_at(const struct orr_curves *c, size_t place)
{
    double sum = 0;
    size_t n = 0;
    for (size_t s = 0; s < c->n_seeds; ++s) {
        const double value = c->value[s * c->n_places + place];
        if (isnan(value)) continue;
        sum += value;
        ++n;
    }
    return n ? sum / (double)n : (double)NAN;
}

struct trend {
    const char *name, *how; /* "rollout error"; " through training" */
    const char *what, *end; /* begin and end the numbers behind it */
};

static orr_status add_trend(const struct answering *a, const struct orr_curves *c, const struct trend *t)
{
    struct orr_mean slope;
    struct orr_answer *answer;
    char estimate[160], few[112] = "";
    ORR_TRY(orr_curves_slope(c, &slope, a->r->err));
    const int sign = orr_report_sign(&slope);
    if (sign)
        ORR_TRY(begin(a, ORR_SUPPORTED, &answer, "The %s %s with the context%s", t->name, sign > 0 ? "rises" : "falls",
                      t->how));
    else
        ORR_TRY(
            begin(a, ORR_OPEN, &answer, "Whether the %s falls or rises with the context%s is open", t->name, t->how));
    if (slope.n == 0) {
        snprintf(answer->text, sizeof answer->text, "no seed has a number at each of the %zu contexts", c->n_places);
        return ORR_OK;
    }
    orr_report_estimate(a->digits, &slope, estimate, sizeof estimate);
    if (slope.n < c->n_seeds)
        snprintf(few, sizeof few, "; %zu of %zu seeds lack a finite number at a context and do not count",
                 c->n_seeds - slope.n, c->n_seeds);
    snprintf(answer->text, sizeof answer->text,
             "%s %.*g at context %g and %.*g at context %g; slope against the logarithm of the context %s%s%s", t->what,
             a->digits, mean_at(c, 0), c->place[0], a->digits, mean_at(c, c->n_places - 1), c->place[c->n_places - 1],
             estimate, few, t->end);
    return ORR_OK;
}

/* ---- crossings ---- */

static struct orr_crossing crossing_of(const struct answering *a, const struct orr_curves *c)
{
    return orr_crossing_of(c->place, c->n_places, c->value, c->n_seeds, a->r->recipe->analysis.identified_share);
}

/* What of a crossing is there before training: by the same rule. "" where no untrained network has the numbers. */
static void print_control(const struct answering *a, const struct orr_curves *untrained, char *text, size_t size)
{
    const struct orr_crossing x = crossing_of(a, untrained);
    if (x.n_seeds == 0)
        *text = '\0';
    else if (!x.identified)
        snprintf(text, size, "; untrained networks: not identified (one crossing in %zu of %zu seeds)", x.n_one,
                 x.n_seeds);
    else if (isnan(x.low))
        snprintf(text, size, "; untrained networks cross at %.*g (one seed: no interval)", a->digits, x.place);
    else
        snprintf(text, size, "; untrained networks cross at %.*g (%.*g to %.*g)", a->digits, x.place, a->digits, x.low,
                 a->digits, x.high);
}

static orr_status add_crossing(const struct answering *a, const struct orr_curves *c,
                               const struct orr_curves *untrained, const struct orr_recipe_contrast *contrast)
{
    const struct orr_crossing x = crossing_of(a, c);
    char control[160];
    print_control(a, untrained, control, sizeof control);
    const bool above = mean_at(c, c->n_places - 1) > 0;
    const char *first = contrast->first, *second = contrast->second;
    struct orr_answer *answer;
    if (!x.identified) {
        ORR_TRY(
            begin(a, ORR_OPEN, &answer, "Where the trained %s and %s scores cross is not identified", first, second));
        if (x.n_seeds == 0)
            snprintf(answer->text, sizeof answer->text, "no seed has a number at each of the %zu contexts",
                     c->n_places);
        else
            snprintf(answer->text, sizeof answer->text,
                     "of %zu seed%s %zu ha%s one crossing between contexts %g and %g, %zu none, %zu several%s; sound "
                     "reading",
                     x.n_seeds, x.n_seeds == 1 ? "" : "s", x.n_one, x.n_one == 1 ? "s" : "ve", c->place[0],
                     c->place[c->n_places - 1], x.n_none, x.n_more, control);
        return ORR_OK;
    }
    ORR_TRY(begin(a, x.n_seeds > 1 ? ORR_SUPPORTED : ORR_OPEN, &answer,
                  "The trained %s and %s scores cross at context %.*g", first, second, a->digits, x.place));
    if (isnan(x.low))
        snprintf(answer->text, sizeof answer->text,
                 "one seed: no interval; above it %s is the greater one%s; sound reading", above ? first : second,
                 control);
    else
        snprintf(
            answer->text, sizeof answer->text,
            "95\u00a0%% interval %.*g to %.*g, one crossing in %zu of %zu seeds; above it %s is the greater one%s; "
            "sound reading",
            a->digits, x.low, a->digits, x.high, x.n_one, x.n_seeds, above ? first : second, control);
    return ORR_OK;
}

/* ---- each question ---- */

static bool is_other_question(const struct orr_gathered *g)
{
    for (size_t i = 0; i < g->n_keys; ++i)
        if (strcmp(g->key[i], context_key) != 0 && strcmp(g->key[i], seed_key) != 0) return true;
    return false;
}

static orr_status add_untold(const struct answering *a, const char *what)
{
    struct orr_answer *answer;
    ORR_TRY(begin(a, ORR_OPEN, &answer, "%s cannot be told", what));
    snprintf(answer->text, sizeof answer->text, "the finished points have one context only");
    return ORR_OK;
}

/* The slope of a network itself, since what training added may be little of it. */
static orr_status print_slope(const struct answering *a, const struct orr_wanted *w, char *text, size_t size)
{
    struct orr_curves c;
    struct orr_mean slope = {.n = 0};
    ORR_TRY(orr_curves_of(a->r->gathered, context_key, w, &c, a->r->err));
    const orr_status status = c.n_places ? orr_curves_slope(&c, &slope, a->r->err) : ORR_OK;
    if (slope.n)
        snprintf(text, size, "%.*g", a->digits, slope.mean);
    else
        snprintf(text, size, "not known");
    orr_curves_fini(&c);
    return status;
}

static orr_status add_score(const struct answering *a, const struct orr_reading *reading, const char *score)
{
    const struct orr_wanted w = {score, "trained", "untrained", reading->probe, reading->split};
    struct orr_curves c;
    char name[80], what[160], trained[32], untrained[32], end[160];
    const struct trend t = {name, " through training", "trained minus untrained is", end};
    ORR_TRY(print_slope(a, &(struct orr_wanted){score, "trained", NULL, w.probe, w.split}, trained, sizeof trained));
    ORR_TRY(
        print_slope(a, &(struct orr_wanted){score, "untrained", NULL, w.probe, w.split}, untrained, sizeof untrained));
    snprintf(end, sizeof end, "; slopes of the scores themselves: trained %s, untrained %s; sound reading", trained,
             untrained);
    ORR_TRY(orr_curves_of(a->r->gathered, context_key, &w, &c, a->r->err));
    snprintf(name, sizeof name, "%.64s score", score);
    snprintf(what, sizeof what, "Whether the %s falls or rises with the context through training", name);
    const orr_status status = c.n_places ? add_trend(a, &c, &t) : add_untold(a, what);
    orr_curves_fini(&c);
    return status;
}

static orr_status add_contrast(const struct answering *a, const struct orr_reading *reading,
                               const struct orr_recipe_contrast *contrast)
{
    const struct orr_wanted w = {contrast->name, "trained", NULL, reading->probe, reading->split};
    const struct orr_wanted control = {contrast->name, "untrained", NULL, reading->probe, reading->split};
    struct orr_curves c, untrained;
    char what[192];
    ORR_TRY(orr_curves_of(a->r->gathered, context_key, &w, &c, a->r->err));
    const orr_status read = orr_curves_of(a->r->gathered, context_key, &control, &untrained, a->r->err);
    if (read != ORR_OK) {
        orr_curves_fini(&c);
        return read;
    }
    snprintf(what, sizeof what, "Where the trained %.64s and %.64s scores cross", contrast->first, contrast->second);
    const orr_status status = c.n_places ? add_crossing(a, &c, &untrained, contrast) : add_untold(a, what);
    orr_curves_fini(&c);
    orr_curves_fini(&untrained);
    return status;
}

static bool is_claimed_at(const struct orr_reporting *r, const char *quantity, double context)
{
    for (size_t i = 0; i < r->gathered->n_points; ++i) {
        const struct orr_recipe *here = r->gathered->point[i].recipe;
        if (fabs((double)here->data.context - context) > 0) continue;
        for (size_t k = 0; k < r->recipe->n_expectations; ++k)
            if (strcmp(r->recipe->expectations[k].quantity, quantity) == 0 &&
                orr_recipe_expects(here, &r->recipe->expectations[k]))
                return true;
    }
    return false;
}

/* Numbers other than scores and their parts, of which the recipe claims values at both ends of the contexts: once each.
 */
static orr_status add_claimed(const struct answering *a, size_t k)
{
    const struct orr_recipe *recipe = a->r->recipe;
    const struct orr_recipe_expectation *e = &recipe->expectations[k];
    const struct orr_wanted w = {e->quantity, e->network, NULL, e->probe, e->split};
    struct orr_curves c;
    char name[80];
    const struct trend t = {name, "", "it is", recipe->analysis.sha256 ? "; the analysis does not ask it" : ""};
    if (orr_reading_is_score(recipe, e->quantity) || orr_scores_target(e->quantity)) return ORR_OK;
    for (size_t j = 0; j < k; ++j)
        if (strcmp(recipe->expectations[j].quantity, e->quantity) == 0) return ORR_OK;
    ORR_TRY(orr_curves_of(a->r->gathered, context_key, &w, &c, a->r->err));
    plain(e->quantity, name, sizeof name);
    const bool asked = c.n_places && is_claimed_at(a->r, e->quantity, c.place[0]) &&
                       is_claimed_at(a->r, e->quantity, c.place[c.n_places - 1]);
    const orr_status status = asked ? add_trend(a, &c, &t) : ORR_OK;
    orr_curves_fini(&c);
    return status;
}

static orr_status add_published(const struct answering *a)
{
    size_t count[ORR_VERDICTS];
    const size_t all = orr_report_claims_count(a->r, count);
    const size_t good = count[ORR_SUPPORTED] + count[ORR_CONSISTENT];
    const double share = orr_report_share(a->r->gathered);
    struct orr_answer *answer;
    char small[64] = "";
    if (all == 0) return ORR_OK;
    if (share < 1) snprintf(small, sizeof small, ", at %.3g\u00a0%% of the full job's training", 100 * share);
    if (count[ORR_OPEN] == all) {
        ORR_TRY(begin(a, ORR_OPEN, &answer, "None of %zu published or expected values can be judged%s", all, small));
        snprintf(answer->text, sizeof answer->text, "that takes the interval of several seeds");
        return ORR_OK;
    }
    ORR_TRY(begin(a, count[ORR_CONTRADICTED] ? ORR_CONTRADICTED : ORR_CONSISTENT, &answer,
                  "Of %zu published or expected values these runs contradict %zu%s", all, count[ORR_CONTRADICTED],
                  small));
    snprintf(
        answer->text, sizeof answer->text,
        "consistent, by the 95\u00a0%% prediction interval of one more seed or by their range: %zu; open: %zu; each is "
        "read as it was published",
        good, count[ORR_OPEN]);
    return ORR_OK;
}

/* ---- all ---- */

static size_t count_seeds(const struct orr_gathered *g)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_points; ++i) {
        size_t j = 0;
        while (j < i && !(g->point[j].state == ORR_POINT_FINISHED && g->point[j].seed == g->point[i].seed))
            ++j;
        n += g->point[i].state == ORR_POINT_FINISHED && j == i;
    }
    return n;
}

static void describe(const struct orr_reporting *r, struct orr_answers *out)
{
    const struct orr_gathered *g = r->gathered;
    const size_t seeds = count_seeds(g), early = orr_report_early(r);
    char judged[160] = "", warning[160] = "";
    if (r->recipe->analysis.sha256)
        snprintf(judged, sizeof judged, " Judged by %.100s, fixed beforehand.", r->recipe->analysis.file);
    if (early)
        snprintf(warning, sizeof warning,
                 " Seeds below %" PRId64
                 " (%zu points) may have been looked at before: they show, and confirm nothing.",
                 r->recipe->analysis.first_seed, early);
    snprintf(out->basis, sizeof out->basis, "%zu of %zu points finished, %zu seed%s%s.%s%s", g->n_finished, g->n_points,
             seeds, seeds == 1 ? "" : "s", seeds == 1 ? ": no number has an interval" : "", judged, warning);
}

static orr_status add_sound(const struct answering *a, const struct orr_reading *reading)
{
    const struct orr_recipe *recipe = a->r->recipe;
    for (size_t k = 0; k < recipe->n_scores; ++k)
        ORR_TRY(add_score(a, reading, recipe->scores[k].name));
    for (size_t k = 0; k < recipe->n_contrasts; ++k)
        ORR_TRY(add_contrast(a, reading, &recipe->contrasts[k]));
    return ORR_OK;
}

static orr_status add_all(const struct answering *a)
{
    struct orr_reading reading[ORR_READINGS_MAX];
    const size_t n = orr_readings_of(a->r, reading);
    for (size_t k = 0; k < n && !is_other_question(a->r->gathered); ++k)
        if (reading[k].kind == ORR_READING_SOUND) ORR_TRY(add_sound(a, &reading[k]));
    for (size_t k = 0; k < a->r->recipe->n_expectations; ++k)
        ORR_TRY(add_claimed(a, k));
    return add_published(a);
}

orr_status orr_answers_of(const struct orr_reporting *r, struct orr_answers *out)
{
    const struct answering a = {.r = r, .out = out, .digits = (int)r->recipe->digits, .early = orr_report_early(r) > 0};
    *out = (struct orr_answers){.item = NULL};
    describe(r, out);
    const orr_status status = add_all(&a);
    if (status != ORR_OK) orr_answers_fini(out);
    return status;
}

void orr_answers_fini(struct orr_answers *answers)
{
    orr_memory_free(answers->item);
    *answers = (struct orr_answers){.item = NULL};
}

/* ---- where they stand ---- */

static orr_status print_one(const struct orr_reporting *r, const struct orr_answer *answer)
{
    ORR_TRY(orr_text_add(r->text, r->err, "- "));
    ORR_TRY(orr_markdown_add(r->text, answer->head, r->err));
    ORR_TRY(orr_text_add(r->text, r->err, " (%s): ", orr_verdict_names[answer->verdict]));
    ORR_TRY(orr_markdown_add(r->text, answer->text, r->err));
    return orr_text_add(r->text, r->err, ".\n");
}

orr_status orr_answers_print(const struct orr_reporting *r)
{
    struct orr_answers answers;
    ORR_TRY(orr_answers_of(r, &answers));
    orr_status status =
        answers.count ? orr_text_add(r->text, r->err, "\n## Is it real?\n\n%s\n\n", answers.basis) : ORR_OK;
    for (size_t i = 0; i < answers.count && status == ORR_OK; ++i)
        status = print_one(r, &answers.item[i]);
    orr_answers_fini(&answers);
    return status;
}

orr_status orr_answers_show(const struct orr_reporting *r, struct orr_html *page)
{
    struct orr_answers answers;
    ORR_TRY(orr_answers_of(r, &answers));
    orr_html_element(page, "h2", NULL, "Is it real?");
    orr_html_element(page, "p", NULL, "%s%s", answers.basis,
                     answers.count ? "" : " The recipe claims nothing: what was found is shown below.");
    if (answers.count) orr_html_open(page, "ul", "claims");
    for (size_t i = 0; i < answers.count; ++i) {
        orr_report_claim_begin(page, answers.item[i].verdict);
        orr_html_element(page, "strong", NULL, "%s", answers.item[i].head);
        orr_html_text(page, ": %s.", answers.item[i].text);
        orr_html_close(page, "li");
    }
    if (answers.count) orr_html_close(page, "ul");
    orr_answers_fini(&answers);
    return page->status;
}
