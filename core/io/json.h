/* JSON from a file, where memory may be short. */
#ifndef ORR_IO_JSON_H
#define ORR_IO_JSON_H

#include "base/error.h"

#include <jansson.h>

/* Parse a text (objects with a key twice are refused); *out is the caller's (json_decref). what: "the header", for
 * messages. EFORMAT; ENOMEM, never EFORMAT and never another value, where memory is short. */
ORR_CHECKED orr_status orr_json_parse(const char *text, size_t length, const char *what, json_t **out,
                                      struct orr_error *err);

/* json as a text by jansson's flags, which reads back to the same value; *out is the caller's (free). ENOMEM. */
ORR_CHECKED orr_status orr_json_print(const json_t *json, size_t flags, const char *what, char **out,
                                      struct orr_error *err);

#endif
