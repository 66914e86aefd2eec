/* The report as text that can be pasted into an issue. */
#include "conform/conform.h"
#include "orrery/backend.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *kind_name(uint32_t kind) { return kind == 0 ? "cpu" : kind == 1 ? "gpu" : "other"; }

static void print_device(const struct orr_check_device *d, FILE *to)
{
    static const char *const dtypes[] = {"", "f32", "i32", "f64", "f16", "bf16"};
    fprintf(to, "backend    %s %s (%s)\n", d->plugin, d->version, d->path);
    fprintf(to, "device     %u of %u: %s, %s, %s\n", d->index, d->count, d->name, d->vendor, kind_name(d->kind));
    fprintf(to, "driver     %s\n", d->driver);
    fprintf(to, "memory     ");
    if (d->memory_bytes) fprintf(to, "%.2f GiB", (double)d->memory_bytes / 1073741824.0);
    if (!d->memory_bytes) fprintf(to, "unknown");
    if (d->max_alloc) fprintf(to, ", largest buffer %.2f GiB", (double)d->max_alloc / 1073741824.0);
    fprintf(to, ", alignment %u bytes\n", d->align);
    fprintf(to, "types     ");
    for (uint32_t k = 1; k < sizeof(dtypes) / sizeof(dtypes[0]); ++k)
        if (d->dtypes >> k & 1u) fprintf(to, " %s", dtypes[k]);
    fprintf(to, "\noffers     %s%s%s; denormals %s\n", d->prepares ? "prepare" : "no prepare",
            d->measures ? ", elapsed" : "", d->plans_scratch ? ", plans scratch itself" : "",
            d->flushes_denormals ? "flushed" : "kept");
}

static void print_fraction(const struct orr_check_result *r, FILE *to)
{
    if (r->worst < 0.0)
        fprintf(to, "    -          ");
    else if (isinf(r->worst))
        fprintf(to, "  beyond       ");
    else
        fprintf(to, "  %-7.3g", r->worst);
    if (r->worst >= 0.0 && !isinf(r->worst)) {
        if (r->worst_case >= 0 && r->worst > 0.0) fprintf(to, "%4lld  ", (long long)r->worst_case);
        if (r->worst_case < 0 || r->worst <= 0.0) fprintf(to, "   -  ");
    }
}

static void print_family(const struct orr_conform_report *report, enum orr_check_family family, FILE *to)
{
    static const char *const titles[] = {"operation", "graphs", "interface"};
    bool first = true;
    for (size_t i = 0; i < report->count; ++i) {
        const struct orr_check_result *r = &report->result[i];
        if (r->family != family) continue;
        if (first) fprintf(to, "\n%-24s %-10s %5s  of allowed  case  seconds\n", titles[family], "", "cases");
        first = false;
        fprintf(to, "%-24s %-10s %5u", r->name, orr_check_state_name(r), r->cases);
        print_fraction(r, to);
        fprintf(to, "%7.2f", r->seconds);
        if (r->failed > 1) fprintf(to, "  %u cases wrong", r->failed);
        if (r->note[0]) fprintf(to, "  %s", r->note);
        fprintf(to, "\n");
    }
}

static void print_failures(const struct orr_conform_report *report, FILE *to)
{
    char command[1400];
    for (size_t i = 0; i < report->count; ++i) {
        const struct orr_check_result *r = &report->result[i];
        if (!r->failed) continue;
        orr_conform_command(report->asked, r, command, sizeof(command));
        fprintf(to, "\n%s %s", orr_check_state_name(r), r->name);
        if (r->failed_case >= 0) fprintf(to, ", case %lld", (long long)r->failed_case);
        fprintf(to, "\n  %s\n  repeat: %s\n", r->failure, command);
    }
}

void orr_conform_print(const struct orr_conform_report *report, FILE *to)
{
    const struct orr_conform *asked = report->asked;
    fprintf(to, "orrery validate %s: seed %llu, level %s, plugin interface %d.%d\n", asked->backend,
            (unsigned long long)asked->seed, asked->level == ORR_CONFORM_FULL ? "full" : "quick", ORR_ABI_MAJOR,
            ORR_ABI_MINOR);
    if (!report->opened) return;
    print_device(&report->device, to);
    print_family(report, ORR_CHECK_OPERATION, to);
    print_family(report, ORR_CHECK_GRAPH, to);
    print_family(report, ORR_CHECK_INTERFACE, to);
    print_failures(report, to);
    size_t lowered = 0;
    uint64_t wide = 0;
    double noise = 0.0;
    for (size_t i = 0; i < report->count; ++i) {
        lowered += report->result[i].state == ORR_CHECK_LOWERED;
        wide += report->result[i].wide;
        noise = fmax(noise, report->result[i].noise);
    }
    if (report->device.dtypes >> ORR_F64 & 1u)
        fprintf(to, wide ? "\nf64: %" PRIu64 " cases of operations ran in it too\n" : "\nf64: not tested\n", wide);
    if (noise > 0.0) fprintf(to, "rounding was allowed to move a result by up to %.2g of its norm\n", noise);
    const size_t bad = report->n_wrong + report->n_crashed;
    fprintf(to,
            "\n%zu passed (%zu of them lowered), %zu wrong or missing, %zu crashed or hung, %zu not tested; %.1f s\n",
            report->n_tested - bad, lowered, report->n_wrong, report->n_crashed, report->count - report->n_tested,
            report->seconds);
}
