/* Variants whose buffers are not the reference's: aligned, small, dirty, used again. */
#include "different.h"

#include <pthread.h>
#include <string.h>

enum { LARGE_ALIGN = 4096, SMALL_BYTES = 2 << 20, KEPT = 64 };

/* Buffers that were freed and wait to be handed out again. */
static struct {
    struct orr_device *dev;
    struct orr_buffer *buffer;
} kept[KEPT];
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*close_plain)(struct orr_device *dev);

static orr_status alloc_aligned(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err)
{
    orr_status status = different_real.alloc(dev, bytes, out, err);
    if (status != ORR_OK) return status;
    unsigned char *data = reference_host->alloc(bytes ? bytes : 1, LARGE_ALIGN);
    if (!data) {
        different_real.free(dev, *out);
        return REFERENCE_FAIL(err, ORR_ENOMEM, "out of memory: %zu bytes for a buffer", bytes);
    }
    reference_host->dealloc((*out)->data);
    (*out)->data = data;
    return ORR_OK;
}

static orr_status alloc_small(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err)
{
    if (bytes <= SMALL_BYTES) return different_real.alloc(dev, bytes, out, err);
    different_acted(1);
    return REFERENCE_FAIL(err, ORR_ENOMEM, "a buffer holds at most 2 MiB, not %zu bytes", bytes);
}

static orr_status alloc_silent(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err)
{
    if (bytes <= (size_t)1 << 40) return different_real.alloc(dev, bytes, out, err);
    different_acted(1);
    return ORR_ENOMEM;
}

static orr_status alloc_dirty(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err)
{
    const orr_status status = different_real.alloc(dev, bytes, out, err);
    if (status != ORR_OK) return status;
    memset((*out)->data, 0xFF, bytes);
    different_acted(1);
    return ORR_OK;
}

static orr_status alloc_kept(struct orr_device *dev, size_t bytes, struct orr_buffer **out, struct orr_error *err)
{
    struct orr_buffer *found = NULL;
    pthread_mutex_lock(&kept_lock);
    for (size_t k = 0; k < KEPT && !found; ++k) {
        if (!kept[k].buffer || kept[k].dev != dev || kept[k].buffer->bytes != bytes) continue;
        found = kept[k].buffer;
        kept[k].buffer = NULL;
    }
    pthread_mutex_unlock(&kept_lock);
    if (!found) return different_real.alloc(dev, bytes, out, err);
    different_acted(1);
    *out = found;
    return ORR_OK;
}

static void free_kept(struct orr_device *dev, struct orr_buffer *buf)
{
    pthread_mutex_lock(&kept_lock);
    for (size_t k = 0; k < KEPT && buf; ++k) {
        if (kept[k].buffer) continue;
        kept[k].buffer = buf;
        kept[k].dev = dev;
        buf = NULL;
    }
    pthread_mutex_unlock(&kept_lock);
    if (buf) different_real.free(dev, buf);
}

static void close_kept(struct orr_device *dev)
{
    pthread_mutex_lock(&kept_lock);
    for (size_t k = 0; k < KEPT; ++k) {
        if (!kept[k].buffer || kept[k].dev != dev) continue;
        different_real.free(dev, kept[k].buffer);
        kept[k].buffer = NULL;
    }
    pthread_mutex_unlock(&kept_lock);
    close_plain(dev);
}

void different_set_buffers(struct orr_backend_ops *ops)
{
    if (different_chosen == DIFFERENT_large_alignment) ops->alloc = alloc_aligned;
    if (different_chosen == DIFFERENT_small_buffers) ops->alloc = alloc_small;
    if (different_chosen == DIFFERENT_silent) ops->alloc = alloc_silent;
    if (different_chosen == DIFFERENT_dirty_buffers) ops->alloc = alloc_dirty;
    if (different_chosen != DIFFERENT_recycled_buffers) return;
    close_plain = ops->close;
    ops->alloc = alloc_kept;
    ops->free = free_kept;
    ops->close = close_kept;
}
