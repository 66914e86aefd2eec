/* Findings read back from findings.csv. */
#ifndef ORR_STUDY_FINDINGS_FILE_H
#define ORR_STUDY_FINDINGS_FILE_H

#include "study/findings.h"

/* Append the rows of a findings.csv, whatever the order of its columns; columns that are not known are skipped. EFORMAT
 * with the line; EIO; ENOMEM. */
ORR_CHECKED orr_status orr_findings_read(const char *path, struct orr_findings *findings, struct orr_error *err);

#endif
