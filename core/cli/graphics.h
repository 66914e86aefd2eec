/* Graphics cards as the kernel offers them, known without asking any driver. */
#ifndef ORR_CLI_GRAPHICS_H
#define ORR_CLI_GRAPHICS_H

#include <stdbool.h>

/* Patterns (glob) of the device files that a driver computes through; NULL ends them. */
extern const char *const orr_graphics_nodes[];

/* Is there any such file? */
bool orr_graphics_offered(void);

#endif
