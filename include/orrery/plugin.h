/* orrery/plugin.h - what the engine and a plugin know of one another.
 *
 * Stand-alone: needs only C11 headers. A plugin includes this and one of orrery/backend.h,
 * orrery/simulator.h, orrery/probe.h, links nothing of ours, and exports one function,
 * orr_plugin_query.
 *
 * Layout rule, within one abi_major: structs that begin with `size` only ever grow at the end, and the
 * size tells the other side which fields are present (ORR_HAS); structs without it are frozen. Of a
 * struct that is filled in by the callee, the caller sets `size` and the callee writes no further.
 */
#ifndef ORRERY_PLUGIN_H
#define ORRERY_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORR_ABI_MAGIC 0x4F525259u /* "ORRY" */
#define ORR_ABI_MAJOR 1
#define ORR_ABI_MINOR 0

/* True when *p is large enough to hold `field` and the field is set. */
#define ORR_HAS(p, field) ((p)->size >= offsetof(__typeof__(*(p)), field) + sizeof((p)->field) && (p)->field)

#define ORR_EXPORT       __attribute__((visibility("default")))
#define ORR_CHECKED      __attribute__((warn_unused_result))
#define ORR_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Never renumbered. 0 is success; everything else is a failure the caller must handle. */
typedef enum orr_status {
    ORR_OK = 0,
    ORR_EINVAL = 1,       /* an argument is out of its documented range */
    ORR_ESHAPE = 2,       /* tensor shapes do not fit one another */
    ORR_EDTYPE = 3,       /* element type not allowed here */
    ORR_ENOMEM = 4,       /* host or device memory exhausted */
    ORR_EIO = 5,          /* the operating system refused a read or write */
    ORR_EFORMAT = 6,      /* a file is malformed */
    ORR_EUNSUPPORTED = 7, /* this device or plugin cannot do it */
    ORR_EDEVICE = 8,      /* the device or its driver failed */
    ORR_EABI = 9,         /* plugin and engine were built for different interfaces */
    ORR_EPERM = 10,       /* refused: unsafe path or permissions */
    ORR_ENUMERIC = 11,    /* a result is not finite, or a solver did not converge */
    ORR_ECANCELLED = 12,  /* the user asked to stop */
    ORR_EBUG = 13         /* an invariant broke: please report */
} orr_status;

/* Owned by the caller, usually on its stack; nothing to free, nothing shared between threads. */
struct orr_error {
    orr_status code;
    char text[508]; /* one line, no trailing newline: what was wrong, and what was expected */
};

enum orr_log_level { ORR_LOG_ERROR, ORR_LOG_WARN, ORR_LOG_INFO, ORR_LOG_DEBUG, ORR_LOG_TRACE };

/* Services the engine lends a plugin. Valid until the process ends; callable from any thread. */
struct orr_host {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    void *(*alloc)(size_t bytes, size_t align); /* NULL when out of memory; align: power of two */
    void (*dealloc)(void *p);                   /* p from alloc, or NULL */
    void (*log)(enum orr_log_level level, const char *plugin, const char *fmt, ...) ORR_PRINTF(3, 4);
    orr_status (*fail)(struct orr_error *err, orr_status code, const char *fmt, ...) ORR_PRINTF(3, 4);
    /* Philox4x32-10 (Salmon et al. 2011): a pure function of key and counter. */
    void (*philox)(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);
};

/* One user-settable parameter. The engine parses, range-checks, documents and records it. */
enum orr_param_type { ORR_PARAM_END = 0, ORR_PARAM_BOOL, ORR_PARAM_INT, ORR_PARAM_REAL, ORR_PARAM_STRING };
struct orr_param {
    const char *key; /* lower_snake_case */
    enum orr_param_type type;
    const char *fallback; /* default, as the user would write it */
    double min, max;      /* inclusive; ignored for BOOL and STRING */
    const char *unit;     /* "1" when dimensionless */
    const char *doc;      /* one sentence */
};
union orr_value {
    bool b;
    int64_t i;
    double r;
    const char *s;
}; /* in the order of the table */

/* A named column of numbers, so that reports and probes need no side table. */
struct orr_field {
    const char *name, *unit, *doc;
};

/* Borrowed for the call. Dense, row-major, rows x cols. */
struct orr_matrix {
    const double *data;
    uint64_t rows, cols;
};

enum orr_plugin_kind { ORR_BACKEND = 1, ORR_SIMULATOR = 2, ORR_PROBE = 3 };
enum orr_build_flags { ORR_BUILD_ASAN = 1u << 0, ORR_BUILD_TSAN = 1u << 1, ORR_BUILD_MSAN = 1u << 2 };
#if defined(__has_feature)
#define ORR_SANITIZER_(x) __has_feature(x)
#else
#define ORR_SANITIZER_(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || ORR_SANITIZER_(address_sanitizer)
#define ORR_BUILD_FLAGS ORR_BUILD_ASAN
#elif defined(__SANITIZE_THREAD__) || ORR_SANITIZER_(thread_sanitizer)
#define ORR_BUILD_FLAGS ORR_BUILD_TSAN
#elif ORR_SANITIZER_(memory_sanitizer)
#define ORR_BUILD_FLAGS ORR_BUILD_MSAN
#else
#define ORR_BUILD_FLAGS 0
#endif

/* Static data inside the plugin; the engine never frees or writes it. */
struct orr_plugin {
    uint32_t magic, size;
    uint16_t abi_major;
    uint16_t abi_minor; /* lowest engine minor this plugin can run with */
    uint32_t kind;      /* enum orr_plugin_kind */
    uint32_t build;     /* ORR_BUILD_FLAGS */
    const char *name;   /* [a-z0-9_]+, unique within its kind */
    const char *version, *summary, *source, *license;
    const struct orr_param *params; /* ends with ORR_PARAM_END; never NULL */
    const void *ops;                /* struct orr_{backend,simulator,probe}_ops, by kind */
};

/* The fields of a struct orr_plugin that say what it was compiled for: {ORR_PLUGIN_HEAD(ORR_PROBE), .name = ...}. */
#define ORR_PLUGIN_HEAD(kind_)                                                                                         \
    .magic = ORR_ABI_MAGIC, .size = sizeof(struct orr_plugin), .abi_major = ORR_ABI_MAJOR, .abi_minor = ORR_ABI_MINOR, \
    .kind = (kind_), .build = ORR_BUILD_FLAGS

/* The one exported symbol. Must be cheap, must not touch devices, may be called more than once. */
#ifdef __cplusplus
extern "C"
#endif
    ORR_EXPORT const struct orr_plugin *
    orr_plugin_query(const struct orr_host *host);
typedef const struct orr_plugin *(*orr_plugin_query_fn)(const struct orr_host *host);
#define ORR_PLUGIN_SYMBOL "orr_plugin_query"

#endif
