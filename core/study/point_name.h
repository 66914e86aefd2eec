/* What a point is called: by the keys in which points of a sweep differ, and its values of them. */
#ifndef ORR_STUDY_POINT_NAME_H
#define ORR_STUDY_POINT_NAME_H

#include "base/error.h"

/* Room for the name of a point. */
enum { ORR_POINT_NAME = 200 };

struct orr_point_keys {
    const char *const *key; /* dotted paths */
    const char *const *value;
    size_t n;
};

/* "context=2,seed=0": keys without their section where that is clear; "" without keys. `without` is left out; NULL:
 * none. The name is fit for a directory. EINVAL: it is longer than size. Any thread. */
ORR_CHECKED orr_status orr_point_name(const struct orr_point_keys *keys, const char *without, char *name, size_t size,
                                      struct orr_error *err);

#endif
