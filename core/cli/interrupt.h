/* Ctrl-C: the first asks the work to save itself and stop, the second ends the program at once. */
#ifndef ORR_CLI_INTERRUPT_H
#define ORR_CLI_INTERRUPT_H

#include <signal.h>

/* Catch SIGINT and SIGTERM from here on; returns the flag that they set. */
const volatile sig_atomic_t *orr_interrupt_watch(void);

#endif
