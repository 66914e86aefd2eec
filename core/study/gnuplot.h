/* Running gnuplot, where it is installed. */
#ifndef ORR_STUDY_GNUPLOT_H
#define ORR_STUDY_GNUPLOT_H

#include "study/text.h"

/* Append to svg what gnuplot prints for a script of a directory, in which it is started, without a shell and without
 * anyone's settings. *missing: there is no gnuplot. It fails, prints no SVG, or takes longer than 30 seconds: *why says
 * so (size bytes), and svg is as it was; "" where all went well. ENOMEM; EIO: no process could be made. */
ORR_CHECKED orr_status orr_gnuplot(const char *directory, const char *script, struct orr_text *svg, bool *missing,
                                   char *why, size_t size, struct orr_error *err);

#endif
