/* Counters of a device as JSON. */
#include "study/counters_json.h"

#include "study/json_text.h"

static json_t *products(const struct orr_counters *c)
{
    json_t *list = json_array();
    for (uint32_t k = 0; k < c->n_providers; ++k)
        json_array_append_new(list, json_pack("{s:o,s:I,s:I}", "by", orr_json_text(c->provider[k].name), "products",
                                              (json_int_t)c->provider[k].products, "multiply_adds",
                                              (json_int_t)c->provider[k].multiply_adds));
    return list;
}

json_t *orr_counters_json(const struct orr_counters *c, bool counted)
{
    return json_pack("{s:o,s:o,s:o,s:I,s:I}", "launches", counted ? json_integer((json_int_t)c->launches) : json_null(),
                     "library_calls", counted ? json_integer((json_int_t)c->library_calls) : json_null(), "products",
                     counted ? products(c) : json_null(), "bytes_written", (json_int_t)c->bytes_written, "bytes_read",
                     (json_int_t)c->bytes_read);
}
