/* Signal handling of the program. Only what POSIX allows in a handler is done there. */
#include "cli/interrupt.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void handle(int number)
{
    (void)number;
    static const char text[] = "\nstopping after this step and saving; once more to quit at once\n";
    if (stop) _exit(130);
    stop = 1;
    const int before = errno; /* of the call that was interrupted */
    const ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written; /* there is no one left to tell */
    errno = before;
}

const volatile sig_atomic_t *orr_interrupt_watch(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    /* Neither can fail for these signals. */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &stop;
}
