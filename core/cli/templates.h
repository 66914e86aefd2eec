/* The files in core/cli/templates, line by line, NULL last: what `orrery new` copies. Written by templates/embed.py. */
#ifndef ORR_CLI_TEMPLATES_H
#define ORR_CLI_TEMPLATES_H

#include <stddef.h>

extern const char *const orr_template_backend[];
extern const char *const orr_template_simulator[];
extern const char *const orr_template_probe[];
extern const char *const orr_template_makefile[];

#endif
