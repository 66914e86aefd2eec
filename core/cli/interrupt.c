/* Signal handling of the program. Only what POSIX allows in a handler is done there. */
#include "cli/interrupt.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop;
static volatile sig_atomic_t patient; /* set before any handler is */

/* What reads our output, such as tee, ends by the same signal: writing to it must not end us before we are saved. */
static void outlive_readers(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

static void handle(int number)
{
    static const char text[] = "\nstopping after this step and saving; once more to quit at once\n";
    static const char patient_text[] = "\nstopping after this step and saving\n";
    /* The loss of one terminal is told by the shell and by the kernel. */
    if (stop && (patient || number == SIGHUP)) return;
    if (stop) _exit(130);
    stop = 1;
    const int before = errno; /* of the call that was interrupted */
    outlive_readers();
    const ssize_t written = patient ? write(STDERR_FILENO, patient_text, sizeof patient_text - 1)
                                    : write(STDERR_FILENO, text, sizeof text - 1);
    (void)written; /* there is no one left to tell */
    errno = before;
}

const volatile sig_atomic_t *orr_interrupt_watch(bool child)
{
    struct sigaction action, before;
    patient = child;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    /* Neither can fail for these signals. */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* The terminal went away; under nohup that is ignored, and stays so. */
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, NULL);
    return &stop;
}
