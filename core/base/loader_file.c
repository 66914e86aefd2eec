/* One shared object: place, ELF image, dlopen, query, checks. Order matters: constructors run inside dlopen, and a
 * sanitizer runtime that does not fit ends the process there. */
#include "base/loader_file.h"

#include "base/elf.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static orr_status read_sanitizers(const char *path, uint32_t *sanitizers, struct orr_error *err)
{
    struct stat status;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return orr_fail(err, ORR_EIO, "cannot be opened: %s", strerror(errno));
    if (fstat(fd, &status) != 0 || status.st_size <= 0) {
        close(fd);
        return orr_fail(err, ORR_EFORMAT, "is empty");
    }
    const size_t n = (size_t)status.st_size;
    void *image = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
    const int reason = errno;
    close(fd);
    if (image == MAP_FAILED) return orr_fail(err, ORR_EIO, "cannot be mapped: %s", strerror(reason));
    const orr_status checked = orr_elf_check(image, n, sanitizers, err);
    munmap(image, n);
    return checked;
}

/* Of all sanitizers only this one leaves no mark at compile time; its runtime in the process is the mark. */
static bool host_has_ubsan(void) { return dlsym(RTLD_DEFAULT, "__ubsan_handle_add_overflow") != NULL; }

static orr_status check_sanitizers(uint32_t needed, struct orr_error *err)
{
    static const struct {
        uint32_t flag;
        const char *name, *option;
    } table[] = {{ORR_BUILD_ASAN, "AddressSanitizer", "address"},
                 {ORR_BUILD_TSAN, "ThreadSanitizer", "thread"},
                 {ORR_BUILD_MSAN, "MemorySanitizer", "memory"},
                 {ORR_ELF_UBSAN, "UndefinedBehaviorSanitizer", "undefined"}};
    const uint32_t present = (uint32_t)ORR_BUILD_FLAGS | (host_has_ubsan() ? (uint32_t)ORR_ELF_UBSAN : 0u);
    for (size_t i = 0; i < sizeof table / sizeof *table; ++i)
        if (needed & ~present & table[i].flag)
            return orr_fail(err, ORR_EABI,
                            "needs the runtime of %s, which this program lacks, and was not loaded: rebuild it "
                            "without -fsanitize=%s",
                            table[i].name, table[i].option);
    return ORR_OK;
}

orr_status orr_loader_check_file_name(const struct orr_plugin *plugin, const char *file_name, struct orr_error *err)
{
    char expected[256];
    if (strncmp(file_name, "orrery-", strlen("orrery-")) != 0) return ORR_OK;
    snprintf(expected, sizeof expected, "orrery-%s-%s.so", orr_plugin_kind_name((enum orr_plugin_kind)plugin->kind),
             plugin->name);
    if (strcmp(file_name, expected) == 0) return ORR_OK;
    return orr_fail(err, ORR_EINVAL, "holds the %s \"%.60s\": the file must be called %s",
                    orr_plugin_kind_name((enum orr_plugin_kind)plugin->kind), plugin->name, expected);
}

/* dlerror repeats the path, which our message begins with already. */
static orr_status dl_failed(const char *path, const char *what, struct orr_error *err)
{
    const char *text = dlerror();
    if (!text) text = "no reason given";
    const size_t n = strlen(path);
    if (strncmp(text, path, n) == 0 && strncmp(text + n, ": ", 2) == 0) text += n + 2;
    return orr_fail(err, ORR_EABI, "%s: %s", what, text);
}

orr_status orr_loader_open_file(const char *path, const char *file_name, uint32_t kind, const char *name,
                                const struct orr_plugin **out, struct orr_error *err)
{
    uint32_t sanitizers;
    ORR_TRY(orr_plugin_check_place(path, err));
    ORR_TRY(read_sanitizers(path, &sanitizers, err));
    ORR_TRY(check_sanitizers(sanitizers, err));
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) return dl_failed(path, "cannot be loaded", err);
    orr_plugin_query_fn query = NULL;
    void *symbol = dlsym(library, ORR_PLUGIN_SYMBOL);
    if (!symbol) return dl_failed(path, "exports no " ORR_PLUGIN_SYMBOL, err);
    memcpy(&query, &symbol, sizeof query); /* ISO C has no cast from object to function pointer */
    const struct orr_plugin *plugin = query(orr_loader_host());
    if (!plugin) return orr_fail(err, ORR_EABI, "declined: its " ORR_PLUGIN_SYMBOL " returned NULL");
    ORR_TRY(orr_plugin_check(plugin, kind, name, err));
    ORR_TRY(orr_loader_check_file_name(plugin, file_name, err));
    *out = plugin;
    return ORR_OK;
}
