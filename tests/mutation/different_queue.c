/* Variants whose work waits: a queue for each device, emptied by what must see the results, or by a thread.
 *
 * Entries are calls and buffers to be freed, done in order. Devices share nothing but the list of queues.
 */
#include "different.h"

#include <pthread.h>
#include <string.h>

enum { LENGTH = 256, DEVICES = 16 };

struct entry {
    struct orr_call call;
    struct orr_buffer *gone; /* not NULL: to be freed, and there is no call */
};

struct queue {
    struct orr_device *dev;
    struct entry entry[LENGTH];
    size_t first, count;
    orr_status status; /* of the first that failed */
    struct orr_error err;
    bool ends;
    pthread_t worker;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

static struct queue queues[DEVICES + 1]; /* the last is never used: what is not found */
static pthread_mutex_t queues_lock = PTHREAD_MUTEX_INITIALIZER;
static orr_status (*open_plain)(uint32_t index, const union orr_value *param, struct orr_device **out,
                                struct orr_error *err);
static void (*close_plain)(struct orr_device *dev);

static bool has_worker(void) { return different_chosen == DIFFERENT_worker_thread; }

/* The queue of a device; of NULL one that is free. */
static struct queue *find(const struct orr_device *dev)
{
    size_t k = 0;
    pthread_mutex_lock(&queues_lock);
    while (k < DEVICES && queues[k].dev != dev)
        ++k;
    pthread_mutex_unlock(&queues_lock);
    return &queues[k];
}

static void set_device(struct queue *q, struct orr_device *dev)
{
    pthread_mutex_lock(&queues_lock);
    q->dev = dev;
    pthread_mutex_unlock(&queues_lock);
}

/* Do the first entry and remove it; the lock is held, but not while it runs. */
static void do_first(struct queue *q)
{
    const struct entry *e = &q->entry[q->first];
    struct orr_error err = {.code = ORR_OK};
    orr_status status = ORR_OK;
    pthread_mutex_unlock(&q->lock);
    if (e->gone)
        different_real.free(q->dev, e->gone);
    else
        status = different_run(q->dev, &e->call, &err);
    different_acted(1);
    pthread_mutex_lock(&q->lock);
    if (q->status == ORR_OK && status != ORR_OK) {
        q->status = status;
        q->err = err;
    }
    q->first = (q->first + 1) % LENGTH;
    --q->count;
    pthread_cond_broadcast(&q->changed);
}

static void *work(void *queue)
{
    struct queue *q = queue;
    pthread_mutex_lock(&q->lock);
    while (!q->ends || q->count) {
        if (q->count)
            do_first(q);
        else
            pthread_cond_wait(&q->changed, &q->lock);
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

/* At most `left` entries remain; the lock is held. */
static void shorten(struct queue *q, size_t left)
{
    while (q->count > left) {
        if (has_worker())
            pthread_cond_wait(&q->changed, &q->lock);
        else
            do_first(q);
    }
}

static void push(struct queue *q, const struct entry *e)
{
    pthread_mutex_lock(&q->lock);
    shorten(q, LENGTH - 1);
    q->entry[(q->first + q->count++) % LENGTH] = *e;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

/* Everything is done; the first failure since the last time is told. */
static orr_status finish(struct orr_device *dev, struct orr_error *err)
{
    struct queue *q = find(dev);
    pthread_mutex_lock(&q->lock);
    shorten(q, 0);
    const orr_status status = q->status;
    if (status != ORR_OK && err) *err = q->err;
    q->status = ORR_OK;
    pthread_mutex_unlock(&q->lock);
    return status;
}

/* --- the table -------------------------------------------------------------------------------------- */

static orr_status open_queue(uint32_t index, const union orr_value *param, struct orr_device **out,
                             struct orr_error *err)
{
    struct queue *q = find(NULL);
    if (q == &queues[DEVICES])
        return REFERENCE_FAIL(err, ORR_ENOMEM, "at most %d devices are open at once", (int)DEVICES);
    const orr_status status = open_plain(index, param, out, err);
    if (status != ORR_OK) return status;
    memset(q, 0, sizeof *q);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, NULL);
    set_device(q, *out);
    if (!has_worker() || pthread_create(&q->worker, NULL, work, q) == 0) return ORR_OK;
    set_device(q, NULL);
    close_plain(*out);
    return REFERENCE_FAIL(err, ORR_ENOMEM, "no thread for a device");
}

static void close_queue(struct orr_device *dev)
{
    struct queue *q = find(dev);
    pthread_mutex_lock(&q->lock);
    q->ends = true;
    shorten(q, 0);
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    if (has_worker()) pthread_join(q->worker, NULL);
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->changed);
    set_device(q, NULL);
    close_plain(dev);
}

static orr_status run_later(struct orr_device *dev, const struct orr_call *call, struct orr_error *err)
{
    struct entry e = {.call = *call};
    if (!different_real.supports(dev, call)) return different_real.run(dev, call, err);
    push(find(dev), &e);
    return ORR_OK;
}

static orr_status write_after(struct orr_device *dev, struct orr_buffer *buf, size_t at, const void *src, size_t n,
                              struct orr_error *err)
{
    const orr_status status = finish(dev, err);
    return status == ORR_OK ? different_real.write(dev, buf, at, src, n, err) : status;
}

static orr_status read_after(struct orr_device *dev, struct orr_buffer *buf, size_t at, void *dst, size_t n,
                             struct orr_error *err)
{
    const orr_status status = finish(dev, err);
    return status == ORR_OK ? different_real.read(dev, buf, at, dst, n, err) : status;
}

static void free_after(struct orr_device *dev, struct orr_buffer *buf)
{
    struct queue *q = find(dev);
    if (!buf) return;
    if (different_chosen == DIFFERENT_late_free) {
        const struct entry e = {.gone = buf};
        push(q, &e);
        return;
    }
    pthread_mutex_lock(&q->lock);
    shorten(q, 0);
    pthread_mutex_unlock(&q->lock);
    different_real.free(dev, buf);
}

void different_set_queue(struct orr_backend_ops *ops)
{
    if (different_chosen != DIFFERENT_deferred && different_chosen != DIFFERENT_late_free && !has_worker()) return;
    open_plain = ops->open;
    close_plain = ops->close;
    ops->open = open_queue;
    ops->close = close_queue;
    ops->run = run_later;
    ops->write = write_after;
    ops->read = read_after;
    ops->free = free_after;
    ops->finish = finish;
}
