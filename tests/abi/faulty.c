/* A probe plugin with one fault, chosen by -DFAULT: what the loader must refuse, each with its own sentence.
 *
 * In: FAULT, one of the numbers below, and NAME, the name it gives itself. FAULT_NONE is a sound plugin. */
#include "orrery/probe.h"

#include <stdlib.h>

#define FAULT_NONE             0
#define FAULT_MAGIC            1
#define FAULT_SIZE             2
#define FAULT_MAJOR            3
#define FAULT_MINOR            4
#define FAULT_BUILD            5
#define FAULT_KIND             6
#define FAULT_UNKNOWN_KIND     7
#define FAULT_VERSION          8
#define FAULT_SUMMARY          9
#define FAULT_SOURCE           10
#define FAULT_LICENSE          11
#define FAULT_NO_PARAMS        12
#define FAULT_TABLE            13
#define FAULT_NO_OPS           14
#define FAULT_OPS_SIZE         15
#define FAULT_OPS_NULL         16
#define FAULT_DECLINES         17
#define FAULT_NO_SYMBOL        18
#define FAULT_UNRESOLVED       19
#define FAULT_SANITIZER_SYMBOL 20

/* Code that ran leaves a mark, so that a test can tell "refused" from "refused after it had run". */
__attribute__((constructor)) static void leave_mark(void) { setenv("ORRERY_TEST_CONSTRUCTED", NAME, 1); }

static orr_status create(const union orr_value *param, struct orr_probe **out, struct orr_error *err)
{
    (void)param;
    (void)err;
    *out = NULL;
    return ORR_OK;
}

static void destroy(struct orr_probe *probe) { (void)probe; }

#if FAULT != FAULT_OPS_NULL
static orr_status measure(struct orr_probe *probe, const struct orr_study *study, struct orr_error *err)
{
    (void)probe;
    (void)study;
    (void)err;
    return ORR_OK;
}
#endif

static const struct orr_probe_ops ops = {
#if FAULT == FAULT_OPS_SIZE
    .size = sizeof(uint32_t),
#else
    .size = sizeof ops,
#endif
    .create = create,
    .destroy = destroy,
#if FAULT != FAULT_OPS_NULL
    .measure = measure,
#endif
};

static const struct orr_param params[] = {
    {"cut", ORR_PARAM_REAL, "1e-6", 0.0, 1.0, "1", "Singular values below this share of the largest are dropped."},
#if FAULT == FAULT_TABLE
    {"cut", ORR_PARAM_REAL, "1e-6", 0.0, 1.0, "1", "The same key again."},
#endif
    {.type = ORR_PARAM_END}};

#if FAULT == FAULT_UNRESOLVED
int orr_test_defined_nowhere(void);
#endif
#if FAULT == FAULT_SANITIZER_SYMBOL
void __asan_init(void);
void __tsan_init(void);
#endif

static const struct orr_plugin plugin = {
    .magic = FAULT == FAULT_MAGIC ? 0xDEADBEEFu : ORR_ABI_MAGIC,
    .size = FAULT == FAULT_SIZE ? 16 : sizeof plugin,
    .abi_major = FAULT == FAULT_MAJOR ? ORR_ABI_MAJOR + 1 : ORR_ABI_MAJOR,
    .abi_minor = FAULT == FAULT_MINOR ? ORR_ABI_MINOR + 1 : ORR_ABI_MINOR,
    .kind = FAULT == FAULT_KIND           ? ORR_SIMULATOR
            : FAULT == FAULT_UNKNOWN_KIND ? 9
                                          : ORR_PROBE,
    .build = FAULT == FAULT_BUILD ? ORR_BUILD_FLAGS ^ ORR_BUILD_TSAN : ORR_BUILD_FLAGS,
    .name = NAME,
    .version = FAULT == FAULT_VERSION ? NULL : "1.0",
    .summary = FAULT == FAULT_SUMMARY ? NULL : "A probe for tests of the loader.",
    .source = FAULT == FAULT_SOURCE ? NULL : "tests/abi/faulty.c",
    .license = FAULT == FAULT_LICENSE ? NULL : "MIT",
    .params = FAULT == FAULT_NO_PARAMS ? NULL : params,
    .ops = FAULT == FAULT_NO_OPS ? NULL : &ops,
};

#if FAULT == FAULT_NO_SYMBOL
ORR_EXPORT const struct orr_plugin *orr_plugin_misspelt(const struct orr_host *host);
#define orr_plugin_query orr_plugin_misspelt
#endif

const struct orr_plugin *orr_plugin_query(const struct orr_host *host)
{
#if FAULT == FAULT_UNRESOLVED
    if (orr_test_defined_nowhere()) return NULL;
#endif
#if FAULT == FAULT_SANITIZER_SYMBOL
    __asan_init();
    __tsan_init();
#endif
    return FAULT == FAULT_DECLINES || !host ? NULL : &plugin;
}
