/* What a device did, as JSON: for the record of a run and for measurements. */
#ifndef ORR_STUDY_COUNTERS_JSON_H
#define ORR_STUDY_COUNTERS_JSON_H

#include "run/device.h"

#include <jansson.h>

/* {launches, library_calls, products: [{by, products, multiply_adds}], bytes_written, bytes_read}; the first three are
 * null where the backend does not count. The caller's; NULL when out of memory. */
json_t *orr_counters_json(const struct orr_counters *counters, bool counted);

#endif
