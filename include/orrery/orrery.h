/* orrery/orrery.h - for programs that embed the engine: open a device, build or read a graph, run it.
 *
 *     struct orr_error err;
 *     struct orr_loader *loader;
 *     struct orr_open_device *device;
 *     struct orr_graph *graph;
 *     struct orr_exec *exec;
 *     if (orr_loader_create(&loader, &err) || orr_device_open(loader, "reference", &device, &err) ||
 *         orr_graph_parse(text, "model.graph", &graph, &err) || orr_exec_create(graph, device, NULL, &exec, &err))
 *         puts(err.text);
 *
 * Link with `pkg-config --libs orrery`. Functions return a status and fill the caller's error, whose text says what was
 * wrong and what to do. An object is used by one thread at a time; different objects may be used at once.
 */
#ifndef ORRERY_ORRERY_H
#define ORRERY_ORRERY_H

#include "backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0": the version of the library that is running. Any thread; static text. */
ORR_EXPORT const char *orr_version(void);

/* --- devices --------------------------------------------------------------------------------- */

struct orr_loader;      /* finds and keeps plugins */
struct orr_open_device; /* a device of a backend plugin */

/* Make a loader that searches ORRERY_PLUGIN_PATH (read here; a relative entry is skipped with a warning) and the
 * install directories. The caller destroys *out. ENOMEM. */
ORR_EXPORT ORR_CHECKED orr_status orr_loader_create(struct orr_loader **out, struct orr_error *err);
/* Free the loader's own memory; loaded plugins stay loaded. NULL is allowed. */
ORR_EXPORT void orr_loader_destroy(struct orr_loader *loader);

/* Open "backend" or "backend:which": which is a number, PLATFORM.DEVICE as the driver text begins, "cpu", "gpu", or
 * part of the device's name, vendor or driver; none: the backend's first. backend is a name or a path with a '/'. The
 * caller closes *out, before the loader is destroyed. Errors name what was tried and found. */
ORR_EXPORT ORR_CHECKED orr_status orr_device_open(struct orr_loader *loader, const char *which,
                                                  struct orr_open_device **out, struct orr_error *err);
/* Close after every executor on it is destroyed. NULL is allowed. */
ORR_EXPORT void orr_device_close(struct orr_open_device *device);

/* --- graphs ---------------------------------------------------------------------------------- */

struct orr_graph;

typedef int32_t orr_handle; /* a value of a graph */
enum { ORR_NONE = -1 };

struct orr_shape {
    uint32_t dtype; /* enum orr_dtype */
    uint32_t rank;
    int64_t dim[ORR_RANK_MAX];
    uint32_t batch; /* see struct orr_tensor; 0: not batched */
};

/* An empty graph whose real values are of type real (ORR_F32 or ORR_F64). The caller destroys *out. */
ORR_EXPORT ORR_CHECKED orr_status orr_graph_create(uint32_t real, struct orr_graph **out, struct orr_error *err);
ORR_EXPORT void orr_graph_destroy(struct orr_graph *g); /* NULL is allowed */

/* Builders latch the first error in the graph and return ORR_NONE from then on: ask once, at the end. */
ORR_EXPORT ORR_CHECKED orr_status orr_graph_status(const struct orr_graph *g, struct orr_error *err);

/* A kept storage filled from outside (data, parameters, state). name may be NULL; it is copied. */
ORR_EXPORT orr_handle orr_graph_input(struct orr_graph *g, const char *name, uint32_t dtype, uint32_t rank,
                                      const int64_t *dim);
/* Another shape for the range of v that begins `first` elements in. dtype is v's. Differentiable. A view of an input
 * sees what was written there before the view was made. */
ORR_EXPORT orr_handle orr_graph_view(struct orr_graph *g, orr_handle v, int64_t first, uint32_t rank,
                                     const int64_t *dim);
/* The same elements, and no gradient through it. */
ORR_EXPORT orr_handle orr_graph_stop_gradient(struct orr_graph *g, orr_handle v);

/* Append one operation. wanted: shapes of the outputs, or NULL where the rule derives them from the inputs. alias: bit
 * k puts out[k] exactly where in[k] is (an update of carried state), which ops.def must allow. attr and out may be
 * NULL. Returns the first output. */
ORR_EXPORT orr_handle orr_graph_apply(struct orr_graph *g, uint32_t op, const orr_handle *in, uint32_t n_in,
                                      const struct orr_attr *attr, const struct orr_shape *wanted, uint32_t alias,
                                      orr_handle *out);

/* Append the gradients of loss (one element) with respect to the n values in wrt; grad[i] is ORR_NONE where loss does
 * not depend on wrt[i]. Gradients have the shape of their values. */
ORR_EXPORT void orr_graph_gradient(struct orr_graph *g, orr_handle loss, const orr_handle *wrt, size_t n,
                                   orr_handle *grad);

/* Make v, produced by a node into scratch of its own, live in the memory of place (kept, of as many elements). Where v
 * cannot be moved a copy is appended. Returns the value that lives there. */
ORR_EXPORT orr_handle orr_graph_place(struct orr_graph *g, orr_handle v, orr_handle place);
/* Keep v readable from outside after a run. */
ORR_EXPORT void orr_graph_keep(struct orr_graph *g, orr_handle v);
/* Give v a name (copied); the latest bearer of a name is the one orr_graph_find returns. */
ORR_EXPORT void orr_graph_name(struct orr_graph *g, orr_handle v, const char *name);
/* ORR_NONE when no value bears the name. */
ORR_EXPORT orr_handle orr_graph_find(const struct orr_graph *g, const char *name);
/* Say that dim 0 of v is `groups` independent groups of rows. */
ORR_EXPORT void orr_graph_set_batch(struct orr_graph *g, orr_handle v, uint32_t groups);
/* Begin a program named name: what follows runs separately from what went before. */
ORR_EXPORT void orr_graph_cut(struct orr_graph *g, const char *name);

/* Check every promise made here: order, shapes by the rules, ranges, batches, aliases, and that nothing reads a value
 * whose memory was overwritten since. EBUG (or the builder's error) names the first node that breaks one. */
ORR_EXPORT ORR_CHECKED orr_status orr_graph_verify(const struct orr_graph *g, struct orr_error *err);
/* Text that orr_graph_parse reads back to an equal graph; *text is the caller's (orr_text_free). */
ORR_EXPORT ORR_CHECKED orr_status orr_graph_print(const struct orr_graph *g, char **text, struct orr_error *err);
/* The graph in Graphviz's DOT language; *text is the caller's (orr_text_free). */
ORR_EXPORT ORR_CHECKED orr_status orr_graph_print_dot(const struct orr_graph *g, char **text, struct orr_error *err);
/* Read and verify graph text, trusted or not; name is for messages, "name:line: ...". The caller destroys *out. */
ORR_EXPORT ORR_CHECKED orr_status orr_graph_parse(const char *text, const char *name, struct orr_graph **out,
                                                  struct orr_error *err);
ORR_EXPORT void orr_text_free(char *text); /* text from here, or NULL */

/* --- running --------------------------------------------------------------------------------- */

struct orr_exec;

struct orr_exec_options {
    bool keep_all; /* every value in memory of its own, readable after a run: for finding faults */
};

/* Lower g for the device, plan its memory, allocate and zero it. g may be destroyed afterwards; device must outlive
 * *out, which the caller destroys. options may be NULL. Errors: operations that the device lacks (all of them named),
 * memory beyond the device's. */
ORR_EXPORT ORR_CHECKED orr_status orr_exec_create(const struct orr_graph *g, struct orr_open_device *device,
                                                  const struct orr_exec_options *options, struct orr_exec **out,
                                                  struct orr_error *err);
ORR_EXPORT void orr_exec_destroy(struct orr_exec *exec); /* NULL is allowed */

/* Copy the whole of a kept value from or to host memory of exactly `bytes`. Handles are those of the graph as built. */
ORR_EXPORT ORR_CHECKED orr_status orr_exec_write(struct orr_exec *exec, orr_handle v, const void *data, size_t bytes,
                                                 struct orr_error *err);
ORR_EXPORT ORR_CHECKED orr_status orr_exec_read(struct orr_exec *exec, orr_handle v, void *data, size_t bytes,
                                                struct orr_error *err);
/* The same for real values, with conversion from and to double; count elements. */
ORR_EXPORT ORR_CHECKED orr_status orr_exec_write_real(struct orr_exec *exec, orr_handle v, const double *data,
                                                      size_t count, struct orr_error *err);
ORR_EXPORT ORR_CHECKED orr_status orr_exec_read_real(struct orr_exec *exec, orr_handle v, double *data, size_t count,
                                                     struct orr_error *err);

/* Run every program in order, allocating nothing. May return before the device is done; reads wait. */
ORR_EXPORT ORR_CHECKED orr_status orr_exec_run(struct orr_exec *exec, struct orr_error *err);
/* Wait until all queued work is done. */
ORR_EXPORT ORR_CHECKED orr_status orr_exec_finish(struct orr_exec *exec, struct orr_error *err);

#ifdef __cplusplus
}
#endif

#endif
