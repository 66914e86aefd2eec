/* From a recipe file and what the user set to a list of points: one recipe each, over a grid of values.
 *
 * Laid over one another in this order: the file, one of its sizes, --set, --seeds. A key that is given several values
 * is an axis; the points are the product of all axes, the last one running fastest.
 */
#ifndef ORR_STUDY_SWEEP_H
#define ORR_STUDY_SWEEP_H

#include "study/point_name.h"
#include "study/recipe.h"

/* The key that --seeds sets: points that differ in nothing else are repeats of one experiment. */
extern const char orr_seed_key[];

struct orr_sweep_options {
    const char *size;       /* NULL: none */
    const char *const *set; /* "key=value[,value...]" */
    size_t n_set;
    const char *seeds; /* "0,1,2" or "100..109", or NULL */
};

struct orr_sweep_axis {
    char *key;    /* dotted path */
    char **value; /* as YAML */
    size_t n_values, capacity;
};

/* Belongs to one thread at a time. */
struct orr_sweep {
    struct orr_config *base; /* size and settings applied; no sizes, no sweep */
    struct orr_sweep_axis *axis;
    size_t n_axes, capacity;
    size_t n_points; /* at least 1 */
};

/* Read the file and apply the options. EINVAL: an unknown size (names those there are), a setting that is no key=value,
 * seeds that are no whole numbers. On success the caller destroys *out. */
ORR_CHECKED orr_status orr_sweep_create(const char *path, const struct orr_sweep_options *options,
                                        struct orr_sweep **out, struct orr_error *err);
void orr_sweep_destroy(struct orr_sweep *sweep); /* NULL is fine */

/* The recipe of point i, checked but not bound. */
ORR_CHECKED orr_status orr_sweep_point(const struct orr_sweep *sweep, size_t i, struct orr_recipe **out,
                                       struct orr_error *err);
/* "context=2,seed=0", the name of point i: keys without their section where that is clear; "" without axes. */
ORR_CHECKED orr_status orr_sweep_name(const struct orr_sweep *sweep, size_t i, char *name, size_t size,
                                      struct orr_error *err);
/* The value that point i has on an axis. */
const char *orr_sweep_value(const struct orr_sweep *sweep, size_t i, size_t axis);

/* Base and axes as one YAML text: what the whole run is. Files that the base names are named from the root. *text is
 * the caller's (orr_memory_free). */
ORR_CHECKED orr_status orr_sweep_write(const struct orr_sweep *sweep, char **text, struct orr_error *err);

#endif
