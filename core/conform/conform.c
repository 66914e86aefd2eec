/* From what was asked to a report: which checks, child after child, and what it all comes to. */
#include "conform/conform.h"

#include "base/memory.h"
#include "conform/child.h"

#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const struct orr_check graph_file = {"graph/file", ORR_CHECK_GRAPH, 0, orr_check_graph_file};

/* Every glob that was asked for chooses something, so that a slip of the pen leaves nothing out. */
static orr_status verify_globs(const struct orr_conform *asked, const struct orr_check *check, size_t count,
                               struct orr_error *err)
{
    for (const char *at = asked->checks; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        char glob[128];
        struct orr_conform one = {.checks = glob};
        bool found = false;
        const int n = (int)strcspn(at, ",");
        snprintf(glob, sizeof(glob), "%.*s", n, at);
        for (size_t i = 0; i < count && !found; ++i)
            found = orr_check_is_chosen(&one, check[i].name);
        if (found) continue;
        return orr_fail(err, ORR_EINVAL,
                        "no check is called \"%s\": operations are called as in ops.def, the others graph/... and "
                        "interface/...",
                        glob);
    }
    return ORR_OK;
}

/* Where no chosen operation has the case that was asked for, nothing could be tested. How many cases a graph or a part
 * of the interface has is known when it has run. */
static orr_status verify_case(const struct orr_conform *asked, const struct orr_check *check, size_t count,
                              struct orr_error *err)
{
    uint32_t most = 0;
    for (size_t i = 0; i < count; ++i) {
        const uint32_t n = check[i].family == ORR_CHECK_OPERATION ? orr_case_count(check[i].op) : UINT32_MAX;
        most = n > most ? n : most;
    }
    if (asked->only_case < (int64_t)most) return ORR_OK;
    return orr_fail(err, ORR_EINVAL, "--case %lld: the cases of %s are 0 to %u", (long long)asked->only_case,
                    count == 1 ? check[0].name : "the chosen operations", most - 1);
}

/* A file that cannot be read is the caller's mistake, not the backend's. */
static orr_status verify_graph(const struct orr_conform *asked, struct orr_error *err)
{
    struct orr_graph *g = NULL;
    struct orr_error own = {.code = ORR_OK};
    const orr_status status = orr_graph_load(asked->graph, &g, &own);
    orr_graph_destroy(g);
    return status == ORR_OK ? ORR_OK : orr_fail(err, ORR_EINVAL, "--graph: %s", own.text);
}

/* Keep the chosen checks of the list, in order. */
static orr_status choose(const struct orr_conform *asked, struct orr_check *check, size_t *count, struct orr_error *err)
{
    size_t n = 0;
    if (asked->graph && asked->checks)
        return orr_fail(err, ORR_EINVAL,
                        "--op \"%s\" and --graph: a graph is one check of its own; leave one of them out",
                        asked->checks);
    if (asked->graph) {
        check[0] = graph_file;
        *count = 1;
        return verify_graph(asked, err);
    }
    ORR_TRY(verify_globs(asked, check, *count, err));
    for (size_t i = 0; i < *count; ++i) {
        if (!orr_check_is_chosen(asked, check[i].name)) continue;
        check[n++] = check[i];
    }
    *count = n;
    return verify_case(asked, check, n, err);
}

static orr_status run_all(const struct orr_conform *asked, const struct orr_check *check, size_t count,
                          struct orr_conform_report *out, struct orr_error *err)
{
    size_t next = 0;
    while (next < count)
        ORR_TRY(orr_child_run(asked, check, count, next, out, &next, err));
    return ORR_OK;
}

static void add_up(const struct orr_check *check, struct orr_conform_report *out)
{
    for (size_t i = 0; i < out->count; ++i) {
        struct orr_check_result *r = &out->result[i];
        if (!r->name[0]) { /* never reached */
            memcpy(r->name, check[i].name, sizeof(r->name));
            r->family = check[i].family;
            r->worst = -1.0;
            r->worst_case = r->failed_case = -1;
        }
        out->n_tested += r->state != ORR_CHECK_NOT_TESTED;
        out->n_wrong += r->state == ORR_CHECK_WRONG || r->state == ORR_CHECK_MISSING;
        out->n_crashed += r->state == ORR_CHECK_CRASHED || r->state == ORR_CHECK_HUNG;
    }
}

static orr_status verdict(const struct orr_conform_report *r, struct orr_error *err)
{
    if (r->n_crashed)
        return orr_fail(err, ORR_EDEVICE, "%zu of %zu checks ended in a crash or a hang, %zu more are wrong",
                        r->n_crashed, r->n_tested, r->n_wrong);
    if (r->n_wrong) return orr_fail(err, ORR_ENUMERIC, "%zu of %zu checks are wrong", r->n_wrong, r->n_tested);
    if (!r->n_tested && r->asked->only_case >= 0)
        return orr_fail(err, ORR_EUNSUPPORTED, "nothing was tested: no chosen check has a case %lld on this device",
                        (long long)r->asked->only_case);
    if (!r->n_tested) return orr_fail(err, ORR_EUNSUPPORTED, "nothing was tested");
    return ORR_OK;
}

orr_status orr_conform_run(const struct orr_conform *asked, struct orr_conform_report *out, struct orr_error *err)
{
    struct orr_check *check = NULL;
    size_t count = 0;
    const double start = now();
    *out = (struct orr_conform_report){.asked = asked};
    orr_status status = orr_check_list(&check, &count, err);
    if (status == ORR_OK) status = choose(asked, check, &count, err);
    if (status == ORR_OK) {
        out->result = orr_memory_array(count + 1, sizeof(*out->result)); /* one for what falls while it is closed */
        status = out->result ? ORR_OK : orr_memory_out(err, "a report", (count + 1) * sizeof(*out->result));
    }
    if (status == ORR_OK) {
        out->count = count;
        status = run_all(asked, check, count, out, err);
        add_up(check, out);
    }
    if (status == ORR_OK) status = verdict(out, err);
    if (status != ORR_OK) snprintf(out->reason, sizeof(out->reason), "%s", err->text);
    out->seconds = now() - start;
    orr_memory_free(check);
    return status;
}

void orr_conform_report_fini(struct orr_conform_report *report)
{
    orr_memory_free(report->result);
    report->result = NULL;
    report->count = 0;
}

const char *orr_check_state_name(const struct orr_check_result *result)
{
    switch (result->state) {
    case ORR_CHECK_PASSED:
        return result->family == ORR_CHECK_OPERATION ? "native" : "passed";
    case ORR_CHECK_LOWERED:
        return "lowered";
    case ORR_CHECK_MISSING:
        return "missing";
    case ORR_CHECK_WRONG:
        return "WRONG";
    case ORR_CHECK_CRASHED:
        return "CRASHED";
    case ORR_CHECK_HUNG:
        return "HUNG";
    default:
        return "not tested";
    }
}

void orr_conform_command(const struct orr_conform *asked, const struct orr_check_result *result, char *text,
                         size_t size)
{
    size_t at = (size_t)snprintf(text, size, "orrery validate '%s'", asked->backend);
    if (asked->graph && at < size) at += (size_t)snprintf(text + at, size - at, " --graph '%s'", asked->graph);
    const char *op = strcmp(result->name, ORR_CHECK_CLOSING) == 0 ? asked->checks : result->name;
    if (!asked->graph && op && at < size) at += (size_t)snprintf(text + at, size - at, " --op '%s'", op);
    if (!asked->graph && result->failed_case >= 0 && at < size)
        at += (size_t)snprintf(text + at, size - at, " --case %lld", (long long)result->failed_case);
    if (at < size) at += (size_t)snprintf(text + at, size - at, " --seed %llu", (unsigned long long)asked->seed);
    if (!asked->graph && at < size)
        snprintf(text + at, size - at, " --level %s", asked->level == ORR_CONFORM_FULL ? "full" : "quick");
}
