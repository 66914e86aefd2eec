/* What a backend promises beside numbers: its description, its memory, its optional functions, its errors. */
#include "base/memory.h"
#include "conform/check.h"
#include "conform/layout.h"
#include "conform/models.h"
#include "conform/pair.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* More devices of one backend are a number that was never set. */
enum { DEVICES_MOST = 1024 };

/* A failure must have a code; its text, where there is one, must end. */
static bool is_sound(const struct orr_error *own, orr_status status)
{
    return status > ORR_OK && status <= ORR_EBUG && memchr(own->text, '\0', sizeof(own->text)) != NULL;
}

static bool is_power_of_two(uint64_t n) { return n && !(n & (n - 1)); }

void orr_check_describe_device(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    const struct orr_backend_ops *ops = s->device->ops;
    const uint32_t count = ops->device_count(), again = ops->device_count();
    (void)check;
    if (count != again || !count || count > DEVICES_MOST) {
        if (orr_check_begin(s, r, 0))
            orr_check_fail(r, 0, "device_count says %u, then %u: the same number both times, from 1 to %d", count,
                           again, DEVICES_MOST);
        return;
    }
    for (uint32_t i = 0; i < count; ++i) {
        struct orr_device_info info = {.size = sizeof(info)};
        struct orr_error own = {.code = ORR_OK};
        if (!orr_check_begin(s, r, i)) continue;
        if (ops->device_info(i, &info, &own) != ORR_OK)
            orr_check_fail(r, i, "device %u of %u does not describe itself: %s", i, count, own.text);
        else if (!info.name[0] || !memchr(info.name, 0, sizeof(info.name)))
            orr_check_fail(r, i, "device %u has no name, or one without an end", i);
        else if (!is_power_of_two(info.align))
            orr_check_fail(r, i, "device %u: align is %u, which is no power of two", i, info.align);
        else if (!(info.dtypes & (1u << ORR_F32)) || !(info.dtypes & (1u << ORR_I32)))
            orr_check_fail(r, i, "device %u does not say that it has f32 and i32", i);
        else if (info.max_alloc && info.memory_bytes && info.max_alloc > info.memory_bytes)
            orr_check_fail(r, i, "device %u: its largest buffer (%" PRIu64 ") is larger than its memory (%" PRIu64 ")",
                           i, info.max_alloc, info.memory_bytes);
    }
    /* An older engine's struct is shorter: nothing may be written beyond its size. */
    if (orr_check_begin(s, r, count)) {
        union {
            struct orr_device_info info;
            unsigned char byte[sizeof(struct orr_device_info)];
        } u;
        struct orr_error own = {.code = ORR_OK};
        const uint32_t size = offsetof(struct orr_device_info, memory_bytes);
        memset(&u, 0xCB, sizeof(u));
        u.info.size = size;
        const orr_status status = ops->device_info(0, &u.info, &own);
        for (size_t at = size; at < sizeof(u) && !r->failed; ++at)
            if (status == ORR_OK && u.byte[at] != 0xCB)
                orr_check_fail(r, count, "device_info wrote byte %zu of a struct whose size is %u", at, size);
    }
    if (orr_check_begin(s, r, count + 1)) {
        struct orr_device_info info = {.size = sizeof(info)};
        struct orr_error own = {.code = ORR_OK};
        const orr_status status = ops->device_info(count, &info, &own);
        if (!is_sound(&own, status))
            orr_check_fail(r, count + 1, "device_info of device %u, which does not exist, returns %d", count,
                           (int)status);
    }
}

/* Every primitive is supported in f32, without buffers, twice alike. */
void orr_check_supports(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    size_t n_ops;
    const struct orr_op_info *op = orr_op_list(&n_ops);
    (void)check;
    for (size_t i = 0; i < n_ops; ++i) {
        struct orr_trial t = {.op = &op[i]};
        struct orr_error err = {.code = ORR_OK};
        struct orr_call call;
        if (!orr_check_begin(s, r, (uint32_t)i)) continue;
        if (orr_case_get(op[i].id, 0, &t.c, &err) != ORR_OK) {
            orr_check_fail(r, (uint32_t)i, "%s", err.text);
            continue;
        }
        for (uint32_t k = 0; k < t.c.n_in; ++k)
            t.in[k].shape = t.c.in[k].shape;
        for (uint32_t k = 0; k < t.c.n_out; ++k)
            t.out[k].shape = t.c.out[k];
        orr_layout_call(&t, ORR_F32, &call);
        for (uint32_t k = 0; k < t.c.n_in; ++k)
            call.in[k].dtype = t.c.in[k].shape.dtype ? t.c.in[k].shape.dtype : ORR_F32;
        for (uint32_t k = 0; k < t.c.n_out; ++k)
            call.out[k].dtype = t.c.out[k].dtype ? t.c.out[k].dtype : ORR_F32;
        const bool first = s->device->ops->supports(s->device->handle, &call);
        const bool second = s->device->ops->supports(s->device->handle, &call);
        if (first != second) orr_check_fail(r, (uint32_t)i, "supports(%s) says %d, then %d", op[i].name, first, second);
    }
    struct orr_call unknown = {.size = sizeof(unknown), .op = ORR_OP_COUNT_ + 1000, .n_out = 1};
    if (orr_check_begin(s, r, (uint32_t)n_ops) && s->device->ops->supports(s->device->handle, &unknown))
        orr_check_fail(r, (uint32_t)n_ops, "supports() takes operation %u, which does not exist", unknown.op);
}

/* Bytes in and out at offsets, of no bytes too, one buffer among others. */
void orr_check_transfers(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    enum { BYTES = 100001, TRIES = 8, UNREAD = 0xCB };
    static const size_t at[TRIES] = {0, 1, 3, 64, 4096, 99999, 100001, 50000};
    static const size_t n[TRIES] = {100001, 1, 7, 128, 4097, 2, 0, 0};
    const struct orr_backend_ops *ops = s->device->ops;
    struct orr_device *dev = s->device->handle;
    struct orr_buffer *buffer = NULL;
    struct orr_error err = {.code = ORR_OK};
    unsigned char *want = orr_memory_array(1, BYTES), *got = orr_memory_array(1, BYTES);
    (void)check;
    if (!want || !got || orr_device_alloc(s->device, BYTES, &buffer, &err) != ORR_OK)
        orr_check_fail(r, 0, "%s", err.text[0] ? err.text : "out of memory");
    /* So that each case alone finds the whole buffer known. */
    orr_status status = buffer && want && got ? ops->write(dev, buffer, 0, want, BYTES, &err) : ORR_ENOMEM;
    if (buffer && status != ORR_OK) orr_check_fail(r, 0, "%d bytes at 0: %s", (int)BYTES, err.text);
    for (uint32_t i = 0; i < TRIES && status == ORR_OK; ++i) {
        if (!orr_check_begin(s, r, i)) continue;
        for (size_t k = 0; k < n[i]; ++k)
            want[at[i] + k] = (unsigned char)(k * 31 + i + 1);
        status = ops->write(dev, buffer, at[i], want + at[i], n[i], &err);
        if (status == ORR_OK) status = ops->read(dev, buffer, 0, got, BYTES, &err);
        if (status == ORR_OK && memcmp(want, got, BYTES) != 0)
            orr_check_fail(r, i, "after a write of %zu bytes at %zu the buffer holds other bytes", n[i], at[i]);
        memset(got, UNREAD, BYTES);
        if (status == ORR_OK) status = ops->read(dev, buffer, at[i], got, n[i], &err);
        if (status == ORR_OK && memcmp(want + at[i], got, n[i]) != 0)
            orr_check_fail(r, i, "a read of %zu bytes at %zu gives other bytes", n[i], at[i]);
        for (size_t k = n[i]; k < BYTES; ++k) {
            if (got[k] == UNREAD) continue;
            orr_check_fail(r, i, "a read of %zu bytes at %zu writes byte %zu of the destination", n[i], at[i], k);
            break;
        }
        if (status != ORR_OK) orr_check_fail(r, i, "%zu bytes at %zu: %s", n[i], at[i], err.text);
    }
    orr_device_free(s->device, buffer, BYTES);
    orr_memory_free(want);
    orr_memory_free(got);
}

/* More than the device allows is refused, with a code, and the device goes on working. */
void orr_check_allocation(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    const uint64_t limit = s->device->info.max_alloc;
    const size_t sizes[3] = {SIZE_MAX / 2, SIZE_MAX - 64, limit ? (size_t)limit + 1 : 0};
    (void)check;
    for (uint32_t i = 0; i < 3; ++i) {
        struct orr_buffer *buffer = NULL;
        struct orr_error own = {.code = ORR_OK};
        if (!sizes[i] || !orr_check_begin(s, r, i)) continue;
        const orr_status status = s->device->ops->alloc(s->device->handle, sizes[i], &buffer, &own);
        if (status == ORR_OK)
            orr_check_fail(r, i, "alloc of %zu bytes, more than the device has, returns success", sizes[i]);
        else if (!is_sound(&own, status))
            orr_check_fail(r, i, "alloc of %zu bytes fails with status %d, which is none, or with endless text",
                           sizes[i], (int)status);
        if (status == ORR_OK && buffer) s->device->ops->free(s->device->handle, buffer);
    }
    if (orr_check_begin(s, r, 3)) {
        struct orr_buffer *none = NULL;
        struct orr_error err = {.code = ORR_OK};
        if (orr_device_alloc(s->device, 0, &none, &err) != ORR_OK)
            orr_check_fail(r, 3, "a buffer of no bytes is refused: %s", err.text);
        orr_device_free(s->device, none, 0);
    }
}

void orr_check_free_order(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    enum { N = 12 };
    static const uint8_t order[4][N] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
                                        {11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
                                        {5, 0, 11, 3, 8, 1, 10, 2, 7, 4, 9, 6},
                                        {0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11}};
    (void)check;
    for (uint32_t i = 0; i < 4; ++i) {
        struct orr_buffer *buffer[N] = {NULL};
        struct orr_error err = {.code = ORR_OK};
        unsigned char sent[64], got[64];
        if (!orr_check_begin(s, r, i)) continue;
        orr_status status = ORR_OK;
        for (uint32_t k = 0; k < N && status == ORR_OK; ++k) {
            memset(sent, (int)k + 1, sizeof(sent));
            status = orr_device_alloc(s->device, 64 + 1000 * k, &buffer[k], &err);
            if (status == ORR_OK)
                status = s->device->ops->write(s->device->handle, buffer[k], 0, sent, sizeof(sent), &err);
        }
        /* What is left keeps its contents while the others go. */
        for (uint32_t k = 0; k < N && status == ORR_OK; ++k) {
            memset(sent, order[i][k] + 1, sizeof(sent));
            status = s->device->ops->read(s->device->handle, buffer[order[i][k]], 0, got, sizeof(got), &err);
            if (status == ORR_OK && memcmp(sent, got, sizeof(got)) != 0)
                orr_check_fail(r, i, "buffer %u lost its contents while others were freed", order[i][k]);
            orr_device_free(s->device, buffer[order[i][k]], 64 + 1000 * (size_t)order[i][k]);
            buffer[order[i][k]] = NULL;
        }
        for (uint32_t k = 0; k < N; ++k)
            orr_device_free(s->device, buffer[k], 64 + 1000 * (size_t)k);
        if (status != ORR_OK) orr_check_fail(r, i, "%s", err.text);
    }
}

/* A failure: what was tried ("open of device 3") has returned status. */
static void judge_refusal(struct orr_check_result *r, uint32_t number, const char *what, orr_status status,
                          const struct orr_error *own)
{
    if (status == ORR_OK)
        orr_check_fail(r, number, "%s returns success", what);
    else if (!is_sound(own, status))
        orr_check_fail(r, number, "%s fails with status %d, which is none, or with endless text", what, (int)status);
    else if (!own->text[0])
        snprintf(r->note, sizeof(r->note), "failures come without a text: say what was wrong by host->fail");
}

/* A program of two calls, the second of which no device can run: prepare, execute or finish says so. */
static orr_status run_program(struct orr_session *s, const struct orr_call *known, const struct orr_call *unknown,
                              struct orr_error *own)
{
    const struct orr_backend_ops *ops = s->device->ops;
    const struct orr_call *calls[2] = {known, unknown};
    void *program = NULL;
    orr_status status = ops->prepare(s->device->handle, calls, 2, &program, own);
    if (status != ORR_OK) return status;
    status = ops->execute(s->device->handle, program, own);
    if (status == ORR_OK) status = ops->finish(s->device->handle, own);
    ops->discard(s->device->handle, program);
    return status;
}

/* Operations that do not exist: 0, the first gap between the numbers of ops.def, and the one behind the last. */
enum { UNKNOWN_OPS = 3 };

static void list_unknown(uint32_t op[UNKNOWN_OPS])
{
    op[0] = 0;
    op[1] = 1;
    while (orr_op_by_id(op[1]))
        ++op[1];
    op[2] = ORR_OP_COUNT_;
}

static orr_status run_call(struct orr_session *s, const struct orr_call *call, struct orr_error *own)
{
    const orr_status status = s->device->ops->run(s->device->handle, call, own);
    return status == ORR_OK ? s->device->ops->finish(s->device->handle, own) : status;
}

/* By run, then in a program. */
static void refuse_unknown(struct orr_session *s, uint32_t first, struct orr_check_result *r)
{
    enum { N = 16 };
    const struct orr_backend_ops *ops = s->device->ops;
    struct orr_buffer *buffer = NULL;
    struct orr_error err = {.code = ORR_OK};
    uint32_t op[UNKNOWN_OPS];
    list_unknown(op);
    if (orr_device_alloc(s->device, N * sizeof(float), &buffer, &err) != ORR_OK) {
        orr_check_fail(r, first, "%s", err.text);
        return;
    }
    struct orr_call known = {.size = sizeof(known), .op = ORR_OP_FILL, .n_out = 1};
    known.out[0] = orr_layout_line(buffer, N, 0);
    for (uint32_t i = 0; i < 2 * UNKNOWN_OPS; ++i) {
        struct orr_error own = {.code = ORR_OK}, later = {.code = ORR_OK};
        struct orr_call unknown = known;
        char what[80];
        const bool prepared = i >= UNKNOWN_OPS;
        unknown.op = op[i % UNKNOWN_OPS];
        if ((prepared && !ORR_HAS(ops, prepare)) || !orr_check_begin(s, r, first + i)) continue;
        snprintf(what, sizeof(what), "%s operation %u, which does not exist,", prepared ? "a program with" : "run of",
                 unknown.op);
        const orr_status status = prepared ? run_program(s, &known, &unknown, &own) : run_call(s, &unknown, &own);
        judge_refusal(r, first + i, what, status, &own);
        if (ops->finish(s->device->handle, &later) != ORR_OK)
            orr_check_fail(r, first + i, "finish after %s fails: %s", what, later.text);
    }
    orr_device_free(s->device, buffer, N * sizeof(float));
}

/* What cannot be done is refused, with a code, and the device goes on working. */
void orr_check_errors(struct orr_session *s, const struct orr_check *check, struct orr_check_result *r)
{
    const struct orr_backend_ops *ops = s->device->ops;
    const uint32_t count = ops->device_count();
    (void)check;
    for (uint32_t i = 0; i < 2; ++i) {
        struct orr_error own = {.code = ORR_OK};
        struct orr_device *none = NULL;
        char what[80];
        if (!orr_check_begin(s, r, i)) continue;
        union orr_value no_values[1] = {{.i = 0}};
        snprintf(what, sizeof(what), "open of device %u of %u", count + i * 1000, count);
        judge_refusal(r, i, what, ops->open(count + i * 1000, no_values, &none, &own), &own);
    }
    if (orr_check_begin(s, r, 2)) {
        struct orr_error own = {.code = ORR_OK};
        if (ops->finish(s->device->handle, &own) != ORR_OK)
            orr_check_fail(r, 2, "finish after a failure: %s", own.text);
    }
    refuse_unknown(s, 3, r);
}
