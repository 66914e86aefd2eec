/* Starting, following and ending the process of a point. */
#include "cli/point_process.h"

#include "base/memory.h"
#include "train/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- starting ---- */

/* This program's file; where it was replaced meanwhile, what of it still runs. */
static void find_program(char *path, size_t size)
{
    static const char self[] = "/proc/self/exe";
    const ssize_t n = readlink(self, path, size - 1);
    path[n > 0 ? n : 0] = '\0';
    if (n <= 0 || access(path, X_OK) != 0) snprintf(path, size, "%s", self);
}

static void handle_by_default(int number)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    sigaction(number, &action, NULL);
}

/* Between fork and exec: only what a signal handler may call. A signal that came meanwhile ends the process once
 * signals are let through. Ctrl-C reaches the parent alone, since the child is not of the terminal's process group. */
static void become(const char *program, char *const *argument, pid_t parent, int input, int log, const sigset_t *mask)
{
    static const char text[] = "orrery run: the program could not be started\n";
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    setpgid(0, 0);
    handle_by_default(SIGINT);
    handle_by_default(SIGTERM);
    sigprocmask(SIG_SETMASK, mask, NULL);
    if (dup2(input, STDIN_FILENO) >= 0 && dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0)
        execv(program, argument);
    const ssize_t written = write(log, text, sizeof text - 1);
    (void)written;
    _exit(127);
}

static pid_t fork_point(char *const *argument, int input, int log)
{
    char program[4096];
    sigset_t stops, before;
    const pid_t parent = getpid();
    find_program(program, sizeof program);
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    sigprocmask(SIG_BLOCK, &stops, &before);
    const pid_t pid = fork();
    if (pid == 0) become(program, argument, parent, input, log, &before);
    const int why = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = why;
    return pid;
}

static orr_status start(struct orr_point_process *p, char *const *argument, struct orr_error *err)
{
    struct stat there = {.st_size = 0};
    const int log = open(p->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (log < 0 || fstat(log, &there) != 0) {
        if (log >= 0) close(log);
        return orr_fail(err, ORR_EIO, "%s cannot be written: %s: check permissions and free space", p->log,
                        strerror(errno));
    }
    p->began = p->read = there.st_size;
    const int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const pid_t pid = input < 0 ? -1 : fork_point(argument, input, log);
    const int why = errno;
    if (input >= 0) close(input);
    close(log);
    if (pid < 0) return orr_fail(err, ORR_EIO, "a process could not be started: %s: give fewer --jobs", strerror(why));
    p->pid = pid;
    return ORR_OK;
}

static orr_status find_first(struct orr_point_process *p, const char *directory, struct orr_error *err)
{
    uint64_t *steps;
    size_t count;
    ORR_TRY(orr_checkpoint_list(directory, &steps, &count, err));
    p->first = p->steps = count ? steps[count - 1] : 0;
    orr_memory_free(steps);
    return ORR_OK;
}

orr_status orr_point_process_start(struct orr_point_process *p, const char *directory, const char *const *word,
                                   size_t n, struct orr_error *err)
{
    char **argument = orr_memory_array(n + 1, sizeof *argument);
    p->log = orr_memory_print("%s/log.txt", directory);
    orr_status status = argument && p->log ? find_first(p, directory, err) : orr_memory_out(err, "a command line", n);
    for (size_t i = 0; status == ORR_OK && i < n; ++i) {
        argument[i] = orr_memory_text(word[i]);
        if (!argument[i]) status = orr_memory_out(err, "a command line", strlen(word[i]) + 1);
    }
    if (status == ORR_OK) status = start(p, argument, err);
    for (size_t i = 0; argument && i < n; ++i)
        orr_memory_free(argument[i]);
    orr_memory_free(argument);
    if (status != ORR_OK) orr_point_process_end(p);
    return status;
}

/* ---- following ---- */

/* {"event":"step", ..., "step":40, ...}. Where the newest checkpoint is damaged, a session begins before it. */
static void take_line(struct orr_point_process *p, const char *line, size_t n)
{
    json_t *json = n && line[0] == '{' ? json_loadb(line, n, 0, NULL) : NULL;
    const char *event = json_string_value(json_object_get(json, "event"));
    if (event && strcmp(event, "step") == 0) p->steps = (uint64_t)json_integer_value(json_object_get(json, "step"));
    if (p->steps < p->first) p->first = p->steps;
    json_decref(json);
}

void orr_point_process_follow(struct orr_point_process *p)
{
    char text[16384];
    const int log = open(p->log, O_RDONLY | O_CLOEXEC);
    for (ssize_t n; log >= 0 && (n = pread(log, text, sizeof text, p->read)) > 0;) {
        const char *line = text, *const beyond = text + n;
        for (const char *end; (end = memchr(line, '\n', (size_t)(beyond - line))); line = end + 1)
            take_line(p, line, (size_t)(end - line));
        /* What fills the space without an end is no line of ours. */
        if (line == text && n < (ssize_t)sizeof text) break;
        p->read += line == text ? n : line - text;
    }
    if (log >= 0) close(log);
}

/* ---- the end ---- */

bool orr_point_process_ended(struct orr_point_process *p, int *status)
{
    if (waitpid(p->pid, status, WNOHANG) != p->pid) return false;
    p->pid = 0;
    return true;
}

/* The last line that begins with `start`, without it; false where there is none. */
static bool last_line(const char *text, const char *start, char *line, size_t size)
{
    const char *found = NULL;
    for (const char *at = text; (at = strstr(at, start)); ++at)
        if (at == text || at[-1] == '\n') found = at + strlen(start);
    if (found) snprintf(line, size, "%.*s", (int)strcspn(found, "\n"), found);
    return found;
}

/* The end of what this session logged. */
static void read_end(const struct orr_point_process *p, char *text, size_t size)
{
    struct stat there;
    const int log = open(p->log, O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;
    if (log >= 0 && fstat(log, &there) == 0) {
        const off_t last = there.st_size - (off_t)(size - 1);
        n = pread(log, text, size - 1, last > p->began ? last : p->began);
    }
    if (log >= 0) close(log);
    text[n > 0 ? n : 0] = '\0';
}

void orr_point_process_explain(const struct orr_point_process *p, int status, char *text, size_t size)
{
    char end[16384];
    if (WIFSIGNALED(status)) {
        snprintf(text, size, "its process was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
        return;
    }
    read_end(p, end, sizeof end);
    if (!last_line(end, "orrery run: ", text, size))
        snprintf(text, size, "its process ended with exit code %d", WEXITSTATUS(status));
}

void orr_point_process_end(struct orr_point_process *p)
{
    if (p->pid > 0) {
        kill(p->pid, SIGKILL);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    orr_memory_free(p->log);
    *p = (struct orr_point_process){.pid = 0};
}
