/* The corpus as a test in every build: gives a target each file, whole and cut at every byte.
 *
 * In: a directory. Out: exit status 0 and how many inputs were tried; a target ends the program when it finds a fault.
 */
#include "base/memory.h"
#include "fuzz.h"
#include "io/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cuts of long files are tried in steps, so that a replay stays within seconds under valgrind. */
enum { CUTS_MAX = 256, FILE_BYTES_MAX = 1 << 24 };

static size_t replay(const char *path)
{
    struct orr_error err = {.code = ORR_OK};
    char *data = NULL;
    size_t n = 0, inputs = 0;
    if (orr_file_read(path, FILE_BYTES_MAX, &data, &n, &err) != ORR_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    for (size_t cut = 0; cut < n; cut += n / CUTS_MAX + 1, ++inputs) {
        /* Of its own size, so that a sanitizer sees a step beyond the end. */
        char *part = orr_memory_array(cut, 1);
        fuzz_expect(part != NULL, "memory for a part of the input");
        memcpy(part, data, cut);
        LLVMFuzzerTestOneInput((const uint8_t *)part, cut);
        orr_memory_free(part);
    }
    LLVMFuzzerTestOneInput((const uint8_t *)data, n);
    orr_memory_free(data);
    return inputs + 1;
}

int main(int count, char **argument)
{
    char path[4096];
    size_t files = 0, inputs = 0;
    DIR *directory = count == 2 ? opendir(argument[1]) : NULL;
    if (!directory) {
        fprintf(stderr, "usage: %s CORPUS-DIRECTORY\n", argument[0]);
        return 2;
    }
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", argument[1], entry->d_name);
        printf("%s\n", entry->d_name);
        (void)fflush(stdout);
        inputs += replay(path);
        ++files;
    }
    closedir(directory);
    printf("%zu inputs from %zu files\n", inputs, files);
    return files ? 0 : 1;
}
