/* Ctrl-C: the first asks the work to save itself and stop, the second ends the program at once. So does SIGTERM. The
 * loss of the terminal asks, however often it is told. */
#ifndef ORR_CLI_INTERRUPT_H
#define ORR_CLI_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

/* Catch SIGINT, SIGTERM and SIGHUP (unless it is ignored) from here on; returns the flag that they set. A child is told
 * by its parent, and maybe once more by a supervisor that signals every process: it saves itself after any number. */
const volatile sig_atomic_t *orr_interrupt_watch(bool child);

#endif
