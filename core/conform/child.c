/* The child loads the backend and the reference and runs checks; the parent reads what it says from a pipe.
 *
 * A message is a head and, for some kinds, a struct of known size. Each is a sign of life: a case that begins gives the
 * backend the whole time limit again, so that a check of many cases may take long. Silence beyond the limit, or an end
 * without the last message, is the finding.
 */
#include "conform/child.h"

#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum message_kind { MESSAGE_REFUSED, MESSAGE_OPENED, MESSAGE_CHECK, MESSAGE_CASE, MESSAGE_RESULT, MESSAGE_DONE };

struct message {
    uint32_t kind, check, number, bytes;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- the child --------------------------------------------------------------------------------- */

struct mouth {
    int fd;
    uint32_t check;
};

static void say(const struct mouth *m, enum message_kind kind, uint32_t number, const void *data, size_t bytes)
{
    const struct message head = {kind, m->check, number, (uint32_t)bytes};
    const void *part[2] = {&head, data};
    const size_t size[2] = {sizeof(head), bytes};
    for (int i = 0; i < 2; ++i)
        for (size_t at = 0; at < size[i];) {
            const ssize_t n = write(m->fd, (const char *)part[i] + at, size[i] - at);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) _exit(0); /* nobody listens any more */
            at += (size_t)n;
        }
}

static void begin_case(void *context, uint32_t number) { say(context, MESSAGE_CASE, number, NULL, 0); }

/* What a backend says is shown on terminals and written into files: one line of UTF-8. */
static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
    orr_text_flatten(to, strlen(to));
}

static void describe_device(const struct orr_session *s, struct orr_check_device *d)
{
    const struct orr_open_device *device = s->device;
    *d = (struct orr_check_device){.memory_bytes = device->info.memory_bytes,
                                   .max_alloc = device->info.max_alloc,
                                   .index = device->index,
                                   .count = device->ops->device_count(),
                                   .kind = device->info.kind,
                                   .align = device->info.align,
                                   .dtypes = device->info.dtypes,
                                   .plans_scratch = device->info.plans_scratch,
                                   .flushes_denormals = device->info.flushes_denormals,
                                   .prepares = ORR_HAS(device->ops, prepare),
                                   .measures = ORR_HAS(device->ops, elapsed)};
    copy_text(d->plugin, sizeof(d->plugin), device->plugin->name);
    copy_text(d->version, sizeof(d->version), device->plugin->version);
    copy_text(d->path, sizeof(d->path), orr_loader_path(s->loader, device->plugin));
    copy_text(d->name, sizeof(d->name), device->info.name);
    copy_text(d->vendor, sizeof(d->vendor), device->info.vendor);
    copy_text(d->driver, sizeof(d->driver), device->info.driver);
}

static orr_status open_session(struct orr_session *s, struct orr_error *err)
{
    ORR_TRY(orr_loader_create(&s->loader, err));
    ORR_TRY(orr_device_open(s->loader, "reference", &s->truth, err));
    return orr_device_open(s->loader, s->asked->backend, &s->device, err);
}

static void run_checks(struct orr_session *s, struct mouth *m, const struct orr_check *check, size_t count,
                       size_t first)
{
    for (size_t i = first; i < count; ++i) {
        struct orr_check_result result = {
            .family = check[i].family, .worst = -1.0, .worst_case = -1, .failed_case = -1};
        copy_text(result.name, sizeof(result.name), check[i].name);
        m->check = (uint32_t)i;
        say(m, MESSAGE_CHECK, 0, NULL, 0);
        const double start = now();
        check[i].run(s, &check[i], &result);
        result.seconds = now() - start;
        orr_text_flatten(result.failure, strlen(result.failure));
        orr_text_flatten(result.note, strlen(result.note));
        say(m, MESSAGE_RESULT, 0, &result, sizeof(result));
        if (s->asked->fail_fast && result.failed) break;
    }
}

/* What the backend prints goes to stderr, so that the report stays clean; a crash leaves no core file. */
static void child_main(const struct orr_conform *asked, const struct orr_check *check, size_t count, size_t first,
                       int fd)
{
    const struct rlimit no_core = {0, 0};
    struct mouth m = {.fd = fd};
    struct orr_session s = {.asked = asked, .begin_case = begin_case, .context = &m};
    struct orr_error err = {.code = ORR_OK};
    struct orr_check_device device;
    dup2(STDERR_FILENO, STDOUT_FILENO);
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGPIPE, SIG_IGN);
    if (open_session(&s, &err) != ORR_OK) {
        orr_text_flatten(err.text, strlen(err.text));
        say(&m, MESSAGE_REFUSED, 0, &err, sizeof(err));
        _exit(0);
    }
    describe_device(&s, &device);
    say(&m, MESSAGE_OPENED, 0, &device, sizeof(device));
    run_checks(&s, &m, check, count, first);
    m.check = (uint32_t)count;
    orr_device_close(s.device);
    orr_device_close(s.truth);
    orr_loader_destroy(s.loader);
    say(&m, MESSAGE_DONE, 0, NULL, 0);
    _exit(0);
}

/* --- the parent -------------------------------------------------------------------------------- */

struct ear {
    int fd;
    double deadline;
    bool late;
};

/* False at the end of the pipe, at the deadline (late is then set), or when what comes is no message. */
static bool hear(struct ear *e, void *data, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        struct pollfd p = {.fd = e->fd, .events = POLLIN};
        const double left = e->deadline - now();
        const double milliseconds = fmin(ceil(left * 1000.0), (double)INT_MAX);
        const int ready = left > 0.0 ? poll(&p, 1, (int)milliseconds) : 0;
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0 && now() < e->deadline) continue;
        if (ready <= 0) {
            e->late = true;
            return false;
        }
        const ssize_t n = read(e->fd, (char *)data + at, bytes - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += (size_t)n;
    }
    return true;
}

enum phase { PHASE_OPENING, PHASE_CHECKING, PHASE_CLOSING /* or before the next check */ };

struct hearing {
    const struct orr_conform *asked;
    struct orr_conform_report *report;
    size_t count, current; /* count: no check has begun */
    uint32_t case_number;
    enum phase phase;
    bool refused, done, has_case;
    struct orr_error reason;
};

static bool take_payload(struct hearing *h, struct ear *e, const struct message *m)
{
    struct orr_check_result *result = m->check < h->count ? &h->report->result[m->check] : NULL;
    switch (m->kind) {
    case MESSAGE_REFUSED:
        h->refused = true;
        return m->bytes == sizeof(h->reason) && hear(e, &h->reason, sizeof(h->reason));
    case MESSAGE_OPENED:
        h->report->opened = true;
        return m->bytes == sizeof(h->report->device) && hear(e, &h->report->device, sizeof(h->report->device));
    case MESSAGE_CHECK:
        h->current = m->check;
        h->phase = PHASE_CHECKING;
        h->has_case = false;
        return result != NULL;
    case MESSAGE_CASE:
        h->case_number = m->number;
        h->has_case = true;
        return true;
    case MESSAGE_RESULT:
        if (!result || m->bytes != sizeof(*result) || !hear(e, result, sizeof(*result))) return false;
        if (h->asked->watch) h->asked->watch(h->asked->watch_context, result);
        h->current = m->check + 1;
        h->phase = PHASE_CLOSING;
        h->has_case = false;
        return true;
    case MESSAGE_DONE:
        h->done = true;
        return true;
    default:
        return false;
    }
}

static void listen(struct hearing *h, struct ear *e)
{
    struct message m;
    for (;;) {
        if (!hear(e, &m, sizeof(m)) || !take_payload(h, e, &m)) return;
        e->deadline = now() + h->asked->time_limit;
        if (h->done || h->refused) return;
    }
}

static void describe_end(int status, bool late, double limit, char *text, size_t size)
{
    if (late)
        snprintf(text, size, "no sign of life for %g seconds", limit);
    else if (WIFSIGNALED(status))
        snprintf(text, size, "it was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(text, size, "it ended the process with status %d", WEXITSTATUS(status));
}

static void record_crash(struct hearing *h, const struct orr_check *check, bool late, const char *how)
{
    struct orr_check_result *r = &h->report->result[h->current];
    *r = (struct orr_check_result){.family = check->family,
                                   .state = late ? ORR_CHECK_HUNG : ORR_CHECK_CRASHED,
                                   .cases = 1,
                                   .failed = 1,
                                   .worst = -1.0,
                                   .worst_case = -1,
                                   .failed_case = h->has_case ? (int64_t)h->case_number : -1};
    copy_text(r->name, sizeof(r->name), check->name);
    copy_text(r->failure, sizeof(r->failure), how);
    if (h->has_case && check->family == ORR_CHECK_OPERATION) {
        struct orr_case c;
        char shapes[300];
        struct orr_error err;
        if (orr_case_get(check->op, h->case_number, &c, &err) == ORR_OK) {
            orr_case_describe(&c, shapes, sizeof(shapes));
            snprintf(r->failure, sizeof(r->failure), "%s: %s", shapes, how);
        }
    }
    if (h->asked->watch) h->asked->watch(h->asked->watch_context, r);
}

/* After the last check of this child: an entry of its own, in the place beyond those of the checks. */
static void record_closing(struct hearing *h, bool late, const char *how)
{
    const struct orr_check closing = {.name = ORR_CHECK_CLOSING, .family = ORR_CHECK_INTERFACE};
    h->current = h->count;
    h->report->count = h->count + 1;
    record_crash(h, &closing, late, how);
}

static orr_status judge_end(struct hearing *h, const struct orr_check *check, int status, bool late, size_t *next,
                            struct orr_error *err)
{
    char how[200], text[sizeof(how) + sizeof(h->reason.text)];
    describe_end(status, late, h->asked->time_limit, how, sizeof(how));
    *next = h->count;
    if (h->done) return ORR_OK;
    if (!h->report->opened && h->refused) return orr_fail(err, ORR_EUNSUPPORTED, "%s", h->reason.text);
    if (!h->report->opened)
        return orr_fail(err, ORR_EDEVICE, "%s: %s while it was loaded and opened", h->asked->backend, how);
    if (h->phase == PHASE_CLOSING) {
        record_closing(h, late, how);
        return ORR_OK;
    }
    /* What an earlier child opened is gone for those to come too. */
    if (h->refused)
        snprintf(text, sizeof(text), "after a crash the device could not be opened again: %s", h->reason.text);
    else
        snprintf(text, sizeof(text), "%s%s", how, h->phase == PHASE_OPENING ? " while it was opened again" : "");
    record_crash(h, &check[h->current], late, text);
    *next = h->asked->fail_fast || h->refused ? h->count : h->current + 1;
    return ORR_OK;
}

orr_status orr_child_run(const struct orr_conform *asked, const struct orr_check *check, size_t count, size_t first,
                         struct orr_conform_report *report, size_t *next, struct orr_error *err)
{
    int ends[2], status = 0;
    if (pipe(ends) != 0) return orr_fail(err, ORR_EIO, "a pipe could not be made: %s", strerror(errno));
    const pid_t child = fork();
    if (child < 0) {
        close(ends[0]);
        close(ends[1]);
        return orr_fail(err, ORR_EIO, "a process could not be started: %s", strerror(errno));
    }
    if (child == 0) {
        close(ends[0]);
        child_main(asked, check, count, first, ends[1]);
    }
    close(ends[1]);
    struct ear e = {.fd = ends[0], .deadline = now() + asked->time_limit};
    struct hearing h = {.asked = asked, .report = report, .count = count, .current = first};
    listen(&h, &e);
    if (!h.done && !h.refused) kill(child, SIGKILL);
    close(ends[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return judge_end(&h, check, status, e.late, next, err);
}
