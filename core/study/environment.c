/* The environment of a run, as JSON. */
#include "study/environment.h"

#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"
#include "study/counters_json.h"
#include "study/json_text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum { BYTES_MAX = 1 << 26 };

/* Takes both; NULL, so that what they are for fails as a whole, where either could not be had. */
static json_t *append(json_t *list, json_t *item)
{
    if (list && json_array_append_new(list, item) == 0) return list;
    if (!list) json_decref(item);
    json_decref(list);
    return NULL;
}

/* The processor's name as Linux gives it; elsewhere the machine's kind must do. */
static json_t *processor(const struct utsname *system)
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[512];
    json_t *name = NULL;
    while (file && !name && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        line[strcspn(line, "\n")] = '\0';
        name = orr_json_text(colon + 1 + strspn(colon + 1, " \t"));
    }
    if (file) fclose(file);
    return name ? name : json_string(system->machine);
}

static json_t *host(uint32_t threads)
{
    struct utsname system;
    if (uname(&system) != 0) memset(&system, 0, sizeof system);
    return json_pack("{s:o,s:s,s:s,s:s,s:i,s:i}", "processor", processor(&system), "machine", system.machine, "system",
                     system.sysname, "kernel", system.release, "processors", (int)sysconf(_SC_NPROCESSORS_ONLN),
                     "threads", (int)threads);
}

static json_t *plugin(const struct orr_loader *loader, const struct orr_plugin *p)
{
    const char *path = orr_loader_path(loader, p);
    return json_pack("{s:s,s:s,s:s,s:o}", "kind", orr_plugin_kind_name((enum orr_plugin_kind)p->kind), "name", p->name,
                     "version", p->version, "path", orr_json_text(path ? path : ""));
}

static json_t *plugins(const struct orr_run_job *job, const struct orr_run *run)
{
    json_t *list = json_array();
    list = append(list, plugin(job->loader, job->device->plugin));
    const struct orr_recipe *recipe = run->point[0].recipe;
    if (!recipe->recording) list = append(list, plugin(job->loader, recipe->simulator.plugin));
    for (size_t i = 0; i < recipe->n_probes; ++i) {
        bool known = false;
        for (size_t j = 0; j < i; ++j)
            known = known || recipe->probes[j].plugin == recipe->probes[i].plugin;
        if (!known) list = append(list, plugin(job->loader, recipe->probes[i].plugin));
    }
    return list;
}

/* The file that trajectories were read from, and what made them as far as it says so; null for a simulator. */
static json_t *data(const struct orr_run *run)
{
    const struct orr_recording *file = run->point[0].recipe->recording;
    if (!file) return json_null();
    if (!file->simulator) return json_pack("{s:o,s:s}", "file", orr_json_text(file->path), "checksum", file->checksum);
    return json_pack("{s:o,s:s,s:s,s:s,s:o,s:I}", "file", orr_json_text(file->path), "checksum", file->checksum,
                     "simulator", file->simulator, "version", file->version, "parameters",
                     json_loads(file->parameters, 0, NULL), "seed", (json_int_t)file->seed);
}

static json_t *device(const struct orr_open_device *d)
{
    /* A driver may name itself in any encoding. */
    return json_pack("{s:s,s:i,s:o,s:o,s:o,s:I}", "backend", d->plugin->name, "index", (int)d->index, "name",
                     orr_json_text(d->info.name), "vendor", orr_json_text(d->info.vendor), "driver",
                     orr_json_text(d->info.driver), "memory_bytes", (json_int_t)d->info.memory_bytes);
}

/* Since the device was opened: of this session, probes included. A sweep has none: its points have records of their
 * own. */
static json_t *work(const struct orr_run_job *job)
{
    struct orr_counters counters;
    if (!job->device) return json_null();
    const bool counted = orr_device_counters(job->device, &counters);
    return orr_counters_json(&counters, counted);
}

static json_t *points(const struct orr_run *run)
{
    json_t *list = json_array();
    for (size_t i = 0; i < run->n_points; ++i)
        if (run->point[i].done && run->point[i].seconds >= 0)
            list = append(list, json_pack("{s:s,s:f}", "point", run->point[i].name, "seconds", run->point[i].seconds));
    return list;
}

static json_t *command_line(const struct orr_run_job *job)
{
    json_t *list = json_array();
    for (size_t i = 0; i < job->n_command_line; ++i)
        list = append(list, orr_json_text(job->command_line[i]));
    return list;
}

static json_t *now(void)
{
    const time_t seconds = time(NULL);
    struct tm parts;
    char text[32] = "";
    if (gmtime_r(&seconds, &parts)) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_string(text);
}

static json_t *text_or_null(const char *text) { return text ? orr_json_text(text) : json_null(); }

/* As it begins: what is known only at its end is null, or empty. */
static json_t *session(const struct orr_run_job *job, const struct orr_run *run)
{
    return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "orrery", ORR_VERSION, "written", now(),
                     "command", command_line(job), "size", text_or_null(job->size), "full_tokens",
                     job->full_tokens > 0 ? json_real(job->full_tokens) : json_null(), "weights",
                     text_or_null(run->n_points == 1 ? run->point[0].recipe->weights.file : NULL), "host",
                     host(job->threads), "device", device(job->device), "work", json_null(), "plugins",
                     plugins(job, run), "data", data(run), "points", json_array(), "seconds", json_null());
}

/* Now that it ends. */
static bool complete(json_t *session, const struct orr_run_job *job, const struct orr_run *run, double seconds)
{
    return json_object_set_new(session, "written", now()) == 0 &&
           json_object_set_new(session, "work", work(job)) == 0 &&
           json_object_set_new(session, "points", points(run)) == 0 &&
           json_object_set_new(session, "seconds", json_real(seconds)) == 0;
}

/* Earlier sessions of the run that the directory holds; an empty list in a new one. */
static orr_status read_sessions(const char *path, bool resume, json_t **out, struct orr_error *err)
{
    char *text;
    size_t length;
    json_t *json = NULL;
    *out = NULL;
    if (!resume || access(path, F_OK) != 0) {
        *out = json_array();
        return *out ? ORR_OK : orr_memory_out(err, "env.json", 0);
    }
    ORR_TRY(orr_file_read(path, BYTES_MAX, &text, &length, err));
    const orr_status status = orr_json_parse(text, length, path, &json, err);
    orr_memory_free(text);
    if (status != ORR_OK && status != ORR_EFORMAT) return status;
    *out = json_incref(json_object_get(json, "sessions"));
    json_decref(json);
    if (json_is_array(*out)) return ORR_OK;
    json_decref(*out);
    *out = NULL;
    return orr_fail(err, ORR_EFORMAT, "%s: not the environment of a run (%s): move it away to go on without it", path,
                    status == ORR_OK ? "it has no list of sessions" : "no JSON");
}

/* Takes sessions. */
static orr_status write_sessions(const char *path, json_t *sessions, struct orr_error *err)
{
    json_t *json = json_pack("{s:s,s:o}", "format", "orrery-environment-1", "sessions", sessions);
    char *text = NULL;
    orr_status status =
        json ? orr_json_print(json, JSON_INDENT(2), "env.json", &text, err) : orr_memory_out(err, "env.json", 0);
    json_decref(json);
    if (status == ORR_OK) status = orr_file_write_atomic(path, text, strlen(text), err);
    free(text);
    return status;
}

/* seconds negative: it begins. */
static orr_status write_environment(const struct orr_run_job *job, const struct orr_run *run, double seconds,
                                    struct orr_error *err)
{
    const bool begins = seconds < 0;
    char *path = orr_memory_print("%s/env.json", job->directory);
    if (!path) return orr_memory_out(err, "a path", strlen(job->directory) + 16);
    json_t *sessions;
    orr_status status = read_sessions(path, job->resume || !begins, &sessions, err);
    if (status == ORR_OK) {
        json_t *last = begins ? session(job, run) : NULL;
        const bool written = begins
                                 ? last && json_array_append_new(sessions, last) == 0
                                 : complete(json_array_get(sessions, json_array_size(sessions) - 1), job, run, seconds);
        if (written) {
            status = write_sessions(path, sessions, err);
        } else {
            json_decref(sessions);
            status = orr_memory_out(err, "env.json", 0);
        }
    }
    orr_memory_free(path);
    return status;
}

orr_status orr_environment_begin(const struct orr_run_job *job, const struct orr_run *run, struct orr_error *err)
{
    return write_environment(job, run, -1, err);
}

orr_status orr_environment_end(const struct orr_run_job *job, const struct orr_run *run, double seconds,
                               struct orr_error *err)
{
    return write_environment(job, run, seconds, err);
}
