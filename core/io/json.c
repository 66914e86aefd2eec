/* JSON by jansson, twice.
 *
 * In: a text. Out: its value; and the other way. Where jansson finds no memory it may call a token invalid, or drop a
 * character of a long one and say nothing: a sound file must not be taken for a damaged one, nor for another. So both
 * readings must agree.
 */
#include "io/json.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

orr_status orr_json_parse(const char *text, size_t length, const char *what, json_t **out, struct orr_error *err)
{
    const size_t room = 64 * length + 4096;
    json_error_t problem;
    *out = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
    json_t *again = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
    const bool agree = *out && again && json_equal(*out, again);
    const bool invalid = !*out && !again;
    json_decref(again);
    if (agree) return ORR_OK;
    json_decref(*out);
    *out = NULL;
    void *at_hand = orr_memory_aligned(room, 64);
    orr_memory_free(at_hand);
    if (!invalid || !at_hand || !problem.text[0]) return orr_memory_out(err, what, room);
    return orr_fail(err, ORR_EFORMAT, "%s is not valid JSON: %s (byte %d)", what, problem.text, problem.position);
}

/* Where its buffer cannot grow jansson leaves a piece out and says nothing. */
orr_status orr_json_print(const json_t *json, size_t flags, const char *what, char **out, struct orr_error *err)
{
    json_t *back = NULL;
    *out = json_dumps(json, flags);
    const orr_status status = *out ? orr_json_parse(*out, strlen(*out), what, &back, err) : ORR_ENOMEM;
    const bool same = status == ORR_OK && json_equal(json, back);
    json_decref(back);
    if (same) return ORR_OK;
    free(*out);
    *out = NULL;
    return orr_memory_out(err, what, 0);
}
