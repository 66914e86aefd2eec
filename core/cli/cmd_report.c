/* orrery report: what the finished points of one or several runs came to, without a device. */
#include "base/memory.h"
#include "cli/run_report.h"
#include "cli/verbs.h"
#include "io/file.h"
#include "study/directory.h"
#include "study/report_html.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct orr_option options[] = {
    {"--out", "DIR", "where to write it; default: the run's directory; of several runs/<name of the recipe>-report"},
    {"--vary", "KEY", "a key in which the runs may differ, such as data.context: they are set side by side"},
    {NULL, NULL, NULL},
};

struct reporting {
    const struct orr_command *command;
    struct orr_gathered *gathered;
    struct orr_report_sources sources;
    char *directory; /* to write into */
    struct orr_text text;
};

static orr_status gather(struct reporting *r, struct orr_error *err)
{
    const struct orr_arguments *a = r->command->arguments;
    const char **key = orr_memory_array(a->n_options, sizeof *key);
    struct orr_gather_options asked = {.directory = a->word, .n_directories = a->n_words, .vary = key};
    if (!key) return orr_memory_out(err, "keys", a->n_options * sizeof *key);
    for (size_t i = 0; i < a->n_options; ++i)
        if (strcmp(a->option[i]->name, "--vary") == 0) key[asked.n_vary++] = a->value[i];
    orr_status status = orr_gathered_read(&asked, &r->gathered, err);
    orr_memory_free(key);
    if (status == ORR_OK) status = orr_report_sources_read(a->word, a->n_words, &r->sources, err);
    return status;
}

static orr_status check_finished(const struct reporting *r, struct orr_error *err)
{
    const struct orr_gathered *g = r->gathered;
    if (g->n_finished) return ORR_OK;
    return orr_fail(err, ORR_EINVAL, "none of the %zu points in %s%s is finished: go on with orrery run --resume",
                    g->n_points, r->command->arguments->word[0], g->n_directories > 1 ? " and the others" : "");
}

/* A directory of another run is not written into. */
static orr_status choose_directory(struct reporting *r, struct orr_error *err)
{
    const char *out = orr_arguments_value(r->command->arguments, "--out");
    const char *name = r->gathered->point[0].recipe->name;
    if (out && !*out) return orr_fail(err, ORR_EINVAL, "--out is empty: name a directory");
    if (!out && r->gathered->n_directories == 1) {
        r->directory = orr_memory_text(r->command->arguments->word[0]);
        return r->directory ? ORR_OK : orr_memory_out(err, "a path", 0);
    }
    if (!out && (strchr(name, '/') || name[0] == '.'))
        return orr_fail(err, ORR_EINVAL, "the recipe's name, \"%s\", is no name for a directory: give --out DIR", name);
    r->directory = out ? orr_memory_text(out) : orr_memory_print("runs/%s-report", name);
    char *recipe = r->directory ? orr_memory_print("%s/recipe.yaml", r->directory) : NULL;
    if (!recipe) return orr_memory_out(err, "a path", 0);
    const bool taken = access(recipe, F_OK) == 0;
    orr_memory_free(recipe);
    if (!taken) return ORR_OK;
    return orr_fail(err, ORR_EINVAL, "%s holds a run: choose another directory with --out", r->directory);
}

/* While a run goes on, what lies in its directory is its own to write. */
static orr_status write_report(struct reporting *r, bool *written, struct orr_error *err)
{
    struct orr_file_lock *lock;
    orr_status status = orr_directory_open(r->directory, &lock, err);
    *written = status == ORR_OK;
    if (status == ORR_EINVAL && r->gathered->n_directories == 1) return orr_report_print(r->gathered, &r->text, err);
    if (status == ORR_OK) status = orr_report_write(r->gathered, &r->sources, r->directory, &r->text, err);
    if (status == ORR_OK) status = orr_report_html_write(r->gathered, &r->sources, r->directory, err);
    orr_file_unlock(lock);
    return status;
}

static orr_status report(struct reporting *r, struct orr_error *err)
{
    bool written;
    if (r->command->arguments->n_words == 0) return orr_fail(err, ORR_EINVAL, "the directory of a run is missing");
    ORR_TRY(gather(r, err));
    ORR_TRY(check_finished(r, err));
    ORR_TRY(choose_directory(r, err));
    ORR_TRY(write_report(r, &written, err));
    printf("%s\n", r->text.data);
    orr_print_products(r->gathered);
    if (written)
        printf("Written to: %s\n", r->directory);
    else
        printf("Not written: a run goes on in %s\n", r->directory);
    return ORR_OK;
}

static orr_status run(const struct orr_command *command, struct orr_error *err)
{
    struct reporting r = {.command = command};
    const orr_status status = report(&r, err);
    orr_text_fini(&r.text);
    orr_report_sources_fini(&r.sources);
    orr_gathered_destroy(r.gathered);
    orr_memory_free(r.directory);
    return status;
}

const struct orr_verb orr_verb_report = {
    .name = "report",
    .words = "DIR...",
    .summary = "Report what finished points of runs came to, without computing",
    .more =
        "DIR is the directory of a run, of a sweep, or of one point. Several are reported together, as one sweep, if\n"
        "their recipes differ in swept keys, seeds and --vary alone. Points that are not finished are named. Writes\n"
        "report.md, report.html with figures/, and of a sweep findings.csv and summary.json. Both begin with what is\n"
        "answered, with intervals over seeds; report.html, and report.md of several DIR, end with the command and\n"
        "hashes of each.\n",
    .options = options,
    .run = run,
};
