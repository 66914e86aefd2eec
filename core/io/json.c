/* JSON by jansson, twice.
 *
 * In: a text. Out: its value. Where jansson finds no memory it may call a token invalid, or drop a character of a long
 * one and say nothing: a sound file must not be taken for a damaged one, nor for another. So both readings must agree.
 */
#include "io/json.h"

#include "base/memory.h"

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
