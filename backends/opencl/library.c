/* Opening libOpenCL and libclblast, and looking up what library.h lists. */
#include "library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct opencl_library cl;
struct opencl_clblast clblast;
const struct orr_host *opencl_host;

struct symbol {
    const char *name;
    size_t at; /* of the pointer, in the struct that is filled in */
};

static const struct symbol loader_symbols[] = {
#define ENTRY(name) {#name, offsetof(struct opencl_library, name)},
#include "entries.def"
#undef ENTRY
};
static const struct symbol clblast_symbols[] = {
    {"CLBlastSgemmWithTempBuffer", offsetof(struct opencl_clblast, CLBlastSgemmWithTempBuffer)},
    {"CLBlastSGemmTempBufferSize", offsetof(struct opencl_clblast, CLBlastSGemmTempBufferSize)},
    {"CLBlastClearCache", offsetof(struct opencl_clblast, CLBlastClearCache)},
};
enum { CLBLAST_SYMBOLS = sizeof clblast_symbols / sizeof clblast_symbols[0] };
enum { LOADER_SYMBOLS = sizeof loader_symbols / sizeof loader_symbols[0] };

/* One library of the two: what was tried and what came of it. */
struct state {
    const char *file;
    const struct symbol *symbols;
    size_t count;
    void *into;
    const char *missing; /* NULL when all is there */
    const char *install;
    char reason[200]; /* what the dynamic linker said */
};

static struct state loader_state = {
    .file = "libOpenCL.so.1",
    .symbols = loader_symbols,
    .count = LOADER_SYMBOLS,
    .into = &cl,
    .install = "no OpenCL loader: apt install ocl-icd-libopencl1 (Debian), dnf install ocl-icd "
               "(Fedora), pacman -S ocl-icd (Arch)",
};
static struct state clblast_state = {
    .file = "libclblast.so.1",
    .symbols = clblast_symbols,
    .count = CLBLAST_SYMBOLS,
    .into = &clblast,
    .install = "no CLBlast, which computes the matrix products: apt install libclblast1 (Debian), dnf "
               "install clblast (Fedora), pacman -S clblast (Arch)",
};
static pthread_once_t loader_once = PTHREAD_ONCE_INIT, clblast_once = PTHREAD_ONCE_INIT;

/* Nothing is ever closed: drivers crash in their destructors. A tool that stands in for the loader by being preloaded,
 * as Oclgrind does, comes first. */
static void load(struct state *state)
{
    void *library = dlopen(state->file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) {
        const char *reason = dlerror();
        snprintf(state->reason, sizeof state->reason, "%s", reason ? reason : "no reason given");
        state->missing = state->file;
        return;
    }
    const bool preloaded = dlsym(RTLD_DEFAULT, state->symbols[0].name) != NULL;
    for (size_t i = 0; i < state->count; ++i) {
        void *found = preloaded ? dlsym(RTLD_DEFAULT, state->symbols[i].name) : NULL;
        if (!found) found = dlsym(library, state->symbols[i].name);
        if (!found) {
            state->missing = state->symbols[i].name;
            return;
        }
        memcpy((char *)state->into + state->symbols[i].at, &found, sizeof found);
    }
}

static void load_loader(void) { load(&loader_state); }

static void load_clblast(void) { load(&clblast_state); }

static orr_status report(const struct state *state, struct orr_error *err)
{
    if (!state->missing) return ORR_OK;
    if (state->missing == state->file)
        return OPENCL_FAIL(err, ORR_EUNSUPPORTED, "%s (%s)", state->install, state->reason);
    return OPENCL_FAIL(err, ORR_EUNSUPPORTED, "%s has no function %s: a newer version is needed", state->file,
                       state->missing);
}

orr_status opencl_library_load(struct orr_error *err)
{
    pthread_once(&loader_once, load_loader);
    return report(&loader_state, err);
}

orr_status opencl_clblast_load(struct orr_error *err)
{
    OPENCL_TRY(opencl_library_load(err));
    pthread_once(&clblast_once, load_clblast);
    return report(&clblast_state, err);
}
