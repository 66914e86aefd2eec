/* Threads, woken by one counter and joined by another: C11 atomics where a wait is short, a condition variable where it
 * is not.
 *
 * A wait looks at its counter for some microseconds before it sleeps, since a step has several barriers and waking a
 * thread costs more than most of them last. */
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    GLANCES = 1000, /* at a counter, before sleeping; some ten nanoseconds each */
    THREADS_MOST = 1024,
};

struct member {
    struct cpu_pool *pool;
    pthread_t thread;
    uint32_t number;
};

struct cpu_pool {
    void (*work)(void *context, uint32_t thread);
    void *context;
    uint32_t threads;
    bool closing;
    struct member *member; /* all but the first, which is the caller */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Each on a line of its own, or waiting threads would slow those that still work. */
    _Alignas(CPU_ALIGN) atomic_uint tasks;    /* given out so far */
    _Alignas(CPU_ALIGN) atomic_uint arrived;  /* at the barrier that is next */
    _Alignas(CPU_ALIGN) atomic_uint barriers; /* passed so far */
};

/* --- how many ------------------------------------------------------------------------------------------------------
 */

/* OMP_NUM_THREADS, or 0 where it is not set, empty or no number; of a list the first. */
static uint32_t threads_of_environment(void)
{
    const char *text = secure_getenv("OMP_NUM_THREADS");
    char *end = NULL;
    if (!text || !text[0]) return 0;
    const long n = strtol(text, &end, 10);
    if (end == text || (*end != '\0' && *end != ',') || n < 1 || n > THREADS_MOST) {
        cpu_host->log(ORR_LOG_WARN, "cpu", "OMP_NUM_THREADS is '%.40s', which is no number from 1 to %d: not used",
                      text, THREADS_MOST);
        return 0;
    }
    return (uint32_t)n;
}

uint32_t cpu_pool_wanted(int64_t threads)
{
    cpu_set_t usable;
    if (threads <= 0) threads = threads_of_environment();
    if (threads <= 0 && sched_getaffinity(0, sizeof usable, &usable) == 0) threads = CPU_COUNT(&usable);
    return threads < 1 ? 1 : threads > THREADS_MOST ? THREADS_MOST : (uint32_t)threads;
}

/* --- waiting -------------------------------------------------------------------------------------------------------
 */

static void glance(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Wait until the counter is no longer `old`. */
static void wait_for(struct cpu_pool *pool, atomic_uint *counter, unsigned old)
{
    for (int i = 0; i < GLANCES; ++i) {
        if (atomic_load_explicit(counter, memory_order_acquire) != old) return;
        glance();
    }
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load_explicit(counter, memory_order_acquire) == old)
        pthread_cond_wait(&pool->changed, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

/* Under the mutex, so that nobody falls asleep between looking and being woken. */
static void advance(struct cpu_pool *pool, atomic_uint *counter)
{
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add_explicit(counter, 1, memory_order_release);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
}

void cpu_pool_meet(struct cpu_pool *pool)
{
    if (pool->threads == 1) return;
    const unsigned passed = atomic_load_explicit(&pool->barriers, memory_order_acquire);
    if (atomic_fetch_add_explicit(&pool->arrived, 1, memory_order_acq_rel) + 1 < pool->threads) {
        wait_for(pool, &pool->barriers, passed);
        return;
    }
    atomic_store_explicit(&pool->arrived, 0, memory_order_relaxed);
    advance(pool, &pool->barriers);
}

/* --- working -------------------------------------------------------------------------------------------------------
 */

static void *serve(void *argument)
{
    const struct member *self = argument;
    struct cpu_pool *pool = self->pool;
    for (unsigned done = 0;; ++done) {
        wait_for(pool, &pool->tasks, done);
        if (pool->closing) return NULL;
        pool->work(pool->context, self->number);
        cpu_pool_meet(pool);
    }
}

void cpu_pool_run(struct cpu_pool *pool, void (*work)(void *context, uint32_t thread), void *context)
{
    pool->work = work;
    pool->context = context;
    if (pool->threads > 1) advance(pool, &pool->tasks);
    work(context, 0);
    cpu_pool_meet(pool);
}

uint32_t cpu_pool_threads(const struct cpu_pool *pool) { return pool->threads; }

/* --- opening and closing -------------------------------------------------------------------------------------------
 */

/* End the threads of members 1 .. started. */
static void stop(struct cpu_pool *pool, uint32_t started)
{
    pool->closing = true;
    advance(pool, &pool->tasks);
    for (uint32_t i = 1; i <= started; ++i)
        pthread_join(pool->member[i].thread, NULL);
}

static orr_status start(struct cpu_pool *pool, struct orr_error *err)
{
    sigset_t all, before;
    int code = 0;
    uint32_t started = 0;
    /* Signals are for the threads of the program. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (code == 0 && started + 1 < pool->threads) {
        struct member *member = &pool->member[started + 1];
        *member = (struct member){.pool = pool, .number = started + 1};
        code = pthread_create(&member->thread, NULL, serve, member);
        started += code == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code == 0) return ORR_OK;
    stop(pool, started);
    return CPU_FAIL(err, ORR_EDEVICE,
                    "thread %u of %u cannot be made (%s): give a smaller number as parameter 'threads'", started + 2,
                    pool->threads, strerror(code));
}

orr_status cpu_pool_open(uint32_t threads, struct cpu_pool **out, struct orr_error *err)
{
    struct cpu_pool *pool = cpu_host->alloc(sizeof *pool, CPU_ALIGN);
    struct member *member = cpu_host->alloc(threads * sizeof *member, CPU_ALIGN);
    if (!pool || !member) {
        cpu_host->dealloc(pool);
        cpu_host->dealloc(member);
        return CPU_FAIL(err, ORR_ENOMEM, "out of memory: %u threads", threads);
    }
    *pool = (struct cpu_pool){.threads = threads, .member = member};
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->changed, NULL);
    const orr_status status = start(pool, err);
    if (status == ORR_OK) {
        *out = pool;
        return ORR_OK;
    }
    pool->threads = 1;
    cpu_pool_close(pool);
    return status;
}

void cpu_pool_close(struct cpu_pool *pool)
{
    if (!pool) return;
    if (pool->threads > 1) stop(pool, pool->threads - 1);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->mutex);
    cpu_host->dealloc(pool->member);
    cpu_host->dealloc(pool);
}
