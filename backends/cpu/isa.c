/* Which instruction set the kernels are in. What was built is told by meson.build (CPU_HAVE_..), what runs by the
 * compiler's own detection, which also asks whether the operating system saves the wide registers.
 */
#include "isa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char variable[] = "ORRERY_CPU_ISA";

/* The tables are compiled once an instruction set: kernels/table.c. */
extern const struct cpu_kernels cpu_avx512_kernels, cpu_avx2_kernels, cpu_neon_kernels, cpu_baseline_kernels;

/* Those that processors of the family all have need no question. */
static inline bool always(void) { return true; }

#ifdef CPU_HAVE_AVX512
static bool has_avx512(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
}
#endif

#ifdef CPU_HAVE_AVX2
static bool has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

static const struct set {
    const struct cpu_kernels *kernels;
    bool (*usable)(void);
} built[] = {
#ifdef CPU_HAVE_AVX512
    {&cpu_avx512_kernels, has_avx512},
#endif
#ifdef CPU_HAVE_AVX2
    {&cpu_avx2_kernels, has_avx2},
#endif
#ifdef CPU_HAVE_NEON
    {&cpu_neon_kernels, always},
#endif
#ifdef CPU_HAVE_BASELINE
    {&cpu_baseline_kernels, always},
#endif
};

const struct cpu_kernels *cpu_usable_kernels(size_t k)
{
    for (size_t i = 0; i < sizeof built / sizeof built[0]; ++i)
        if (built[i].usable() && k-- == 0) return built[i].kernels;
    return NULL;
}

/* "avx2, baseline": what ORRERY_CPU_ISA may be here. */
static void list_usable(char *text, size_t room)
{
    const struct cpu_kernels *set;
    size_t at = 0;
    text[0] = 0;
    for (size_t k = 0; (set = cpu_usable_kernels(k)) && at < room; ++k)
        at += (size_t)snprintf(text + at, room - at, "%s%s", k ? ", " : "", set->name);
}

const struct cpu_kernels *cpu_choose_kernels(struct orr_error *err)
{
    const char *wanted = secure_getenv(variable);
    if (!wanted || !wanted[0]) return cpu_usable_kernels(0);
    const struct cpu_kernels *set;
    for (size_t k = 0; (set = cpu_usable_kernels(k)); ++k)
        if (strcmp(set->name, wanted) == 0) return set;
    bool known = false;
    for (size_t i = 0; i < sizeof built / sizeof built[0]; ++i)
        known |= strcmp(built[i].kernels->name, wanted) == 0;
    char usable[64];
    list_usable(usable, sizeof usable);
    CPU_FAIL(err, known ? ORR_EUNSUPPORTED : ORR_EINVAL,
             "%s is \"%.32s\", which %s: expected %s, or nothing (the first)", variable, wanted,
             known ? "this processor does not have" : "is no instruction set of this build", usable);
    return NULL;
}
