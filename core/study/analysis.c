/* Reading an analysis into the recipe that names it. */
#include "study/analysis.h"

#include "base/memory.h"
#include "base/sha256.h"
#include "io/file.h"

#include <stdio.h>
#include <string.h>

static const struct orr_config_node *at(const struct orr_config *config, const char *path)
{
    return orr_config_find(orr_config_root(config), path);
}

/* Relative to the directory of the file that names it. The caller's; NULL when out of memory. */
static char *beside(const struct orr_config_node *name)
{
    const char *slash = name->file && *name->text != '/' ? strrchr(name->file, '/') : NULL;
    return slash ? orr_memory_print("%.*s/%s", (int)(slash - name->file), name->file, name->text)
                 : orr_memory_text(name->text);
}

/* The value of one node as YAML for orr_config_set: a block of its own lines. */
static orr_status set_copy(struct orr_config *recipe, const char *path, const struct orr_config_node *value,
                           struct orr_error *err)
{
    char *text;
    ORR_TRY(orr_config_write(value, &text, err));
    const orr_status status = orr_config_set(recipe, path, text, value->file, err);
    orr_memory_free(text);
    return status;
}

static orr_status append_probes(struct orr_config *recipe, const struct orr_config_node *probes, struct orr_error *err)
{
    if (!probes) return ORR_OK;
    if (probes->kind != ORR_CONFIG_LIST)
        return orr_config_fail(probes, err, ORR_EINVAL, "a list of probes is expected here");
    for (size_t i = 0; i < probes->count; ++i) {
        const struct orr_config_node *own = at(recipe, "probes");
        char path[48];
        if (own && own->kind != ORR_CONFIG_LIST)
            return orr_config_fail(own, err, ORR_EINVAL, "a list of probes is expected here");
        if (!own) ORR_TRY(orr_config_set(recipe, "probes", "[]", probes->file, err));
        snprintf(path, sizeof path, "probes.%zu", own ? own->count : 0);
        ORR_TRY(set_copy(recipe, path, probes->children[i], err));
    }
    return ORR_OK;
}

/* All of a section at once: what the recipe says of the same name goes. */
static orr_status replace(struct orr_config *recipe, const char *section, const struct orr_config_node *value,
                          struct orr_error *err)
{
    return value ? set_copy(recipe, section, value, err) : ORR_OK;
}

static orr_status merge(struct orr_config *recipe, const struct orr_config_node *analysis, const char *name,
                        const char *digest, struct orr_error *err)
{
    static const char *const known[] = {"probes", "scores", "contrasts", "statistics"};
    const struct orr_config_node *statistics = orr_config_find(analysis, "statistics");
    ORR_TRY(orr_config_check_keys(analysis, known, sizeof known / sizeof *known, err));
    ORR_TRY(append_probes(recipe, orr_config_find(analysis, "probes"), err));
    ORR_TRY(replace(recipe, "scores", orr_config_find(analysis, "scores"), err));
    ORR_TRY(replace(recipe, "contrasts", orr_config_find(analysis, "contrasts"), err));
    ORR_TRY(orr_config_remove(recipe, "analysis"));
    if (statistics) ORR_TRY(replace(recipe, "analysis", statistics, err));
    ORR_TRY(orr_config_set(recipe, "analysis.file", name, "analysis", err));
    return orr_config_set(recipe, "analysis.sha256", digest, "analysis", err);
}

/* A file that cannot be read is wrong input. */
static orr_status read(const struct orr_config_node *name, char **text, size_t *n, char **path, struct orr_error *err)
{
    struct orr_error why = {.code = ORR_OK};
    *path = beside(name);
    if (!*path) return orr_memory_out(err, "a path", strlen(name->text));
    const orr_status status = orr_file_read(*path, ORR_CONFIG_BYTES, text, n, &why);
    if (status == ORR_OK) return ORR_OK;
    orr_memory_free(*path);
    return orr_config_fail(name, err, status == ORR_EIO ? ORR_EINVAL : status, "%s", why.text);
}

orr_status orr_analysis_merge(struct orr_config *recipe, struct orr_error *err)
{
    const struct orr_config_node *name = at(recipe, "analysis");
    if (!name || name->kind != ORR_CONFIG_SCALAR || !*name->text) return ORR_OK;
    char *text, *path, digest[ORR_SHA256_SIZE];
    size_t n;
    ORR_TRY(read(name, &text, &n, &path, err));
    char *kept = orr_memory_text(name->text);
    struct orr_config *analysis = NULL;
    orr_status status = kept ? ORR_OK : orr_memory_out(err, "a name", strlen(path));
    orr_sha256(text, n, digest);
    if (status == ORR_OK && strlen(text) < n)
        status = orr_config_fail(name, err, ORR_EINVAL, "%s holds a zero byte: it is no YAML", path);
    if (status == ORR_OK) status = orr_config_parse(text, path, &analysis, err);
    if (status == ORR_OK) status = merge(recipe, orr_config_root(analysis), kept, digest, err);
    orr_config_destroy(analysis);
    orr_memory_free(kept);
    orr_memory_free(path);
    orr_memory_free(text);
    return status;
}
