/* origin.json: on which device, and by which versions of its plugins, a point is trained. */
#ifndef ORR_STUDY_ORIGIN_H
#define ORR_STUDY_ORIGIN_H

#include "run/device.h"
#include "study/recipe.h"

/* Write the origin of a point into its directory; where the point was begun (it has a checkpoint or a summary), compare
 * with the one that is there. EINVAL: another device or version, named; EFORMAT: not such a file; EIO. */
ORR_CHECKED orr_status orr_origin_claim(const char *directory, const struct orr_recipe *recipe,
                                        const struct orr_open_device *device, struct orr_error *err);

#endif
