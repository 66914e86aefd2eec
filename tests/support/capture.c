/* What a test writes to stderr, caught. See capture.h. */
#include "capture.h"

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static FILE *file;
static int saved;

void capture_begin(void)
{
    file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    saved = dup(STDERR_FILENO);
    /* Appending, so that lines of several threads or processes do not lie on one another. */
    fcntl(fileno(file), F_SETFL, O_APPEND);
    dup2(fileno(file), STDERR_FILENO);
}

const char *capture_end(void)
{
    static char text[1 << 20];
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}
