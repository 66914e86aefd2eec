/* A locale whose decimal point is a comma, built by localedef from a source of our own. See comma_locale.h. */
#include "comma_locale.h"

#include <ftw.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* All categories as in POSIX but one. localedef -c goes on over what this leaves out. */
static const char source[] = "LC_CTYPE\ncopy \"POSIX\"\nEND LC_CTYPE\n"
                             "LC_COLLATE\ncopy \"POSIX\"\nEND LC_COLLATE\n"
                             "LC_MONETARY\ncopy \"POSIX\"\nEND LC_MONETARY\n"
                             "LC_TIME\ncopy \"POSIX\"\nEND LC_TIME\n"
                             "LC_MESSAGES\ncopy \"POSIX\"\nEND LC_MESSAGES\n"
                             "LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \".\"\ngrouping 3;3\nEND LC_NUMERIC\n";

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

static void make(const char *directory)
{
    char path[300], command[800];
    snprintf(path, sizeof path, "%s/source", directory);
    FILE *file = fopen(path, "w");
    if (!file) return;
    fputs(source, file);
    fclose(file);
    snprintf(command, sizeof command, "localedef -c -i '%s' '%s/xx_XX' >/dev/null 2>&1", path, directory);
    (void)!system(command); /* its status is that of warnings; whether it worked shows below */
}

bool comma_locale_set(void)
{
    const char *base = getenv("TMPDIR");
    char directory[256];
    snprintf(directory, sizeof directory, "%s/orrery-locale-XXXXXX", base && *base == '/' ? base : "/tmp");
    if (!mkdtemp(directory)) return false;
    make(directory);
    setenv("LOCPATH", directory, 1);
    const bool set = setlocale(LC_ALL, "xx_XX") && strcmp(localeconv()->decimal_point, ",") == 0;
    unsetenv("LOCPATH");
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (!set) printf("# SKIPPED: no locale with a decimal comma can be made (localedef)\n");
    return set;
}
