/* An analysis that is fixed in a file of its own, before the runs that it judges.
 *
 * A recipe names it (`analysis: FILE`); its probes, scores and contrasts become part of the recipe, whatever size or
 * setting was chosen, and the file's SHA-256 part of every run's record.
 */
#ifndef ORR_STUDY_ANALYSIS_H
#define ORR_STUDY_ANALYSIS_H

#include "base/config.h"

/* Where `analysis` of a recipe is the name of a file (relative ones begin at the directory of the recipe): append the
 * file's probes, put its scores and contrasts over the recipe's own, and leave {file, sha256, statistics...} in place
 * of the name. A recipe without the key, or one that was merged before, stays as it is. EINVAL, with the place: a file
 * that cannot be read, or has other keys than probes, scores, contrasts and statistics. */
ORR_CHECKED orr_status orr_analysis_merge(struct orr_config *recipe, struct orr_error *err);

#endif
