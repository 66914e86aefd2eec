/* gnuplot as a process: its output and its complaints through two pipes, its time limited by an alarm. */
#include "study/gnuplot.h"

#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 30, NOT_FOUND = 127 };

struct process {
    pid_t pid;
    int output[2], complaint[2]; /* ends of pipes: to read, to write; -1: closed */
};

/* Between fork and exec: only what a signal handler may call. */
static void become(const struct process *p, const char *directory, char *const *argument)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGALRM, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    alarm(SECONDS);
    const int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (input >= 0 && chdir(directory) == 0 && dup2(input, STDIN_FILENO) >= 0 &&
        dup2(p->output[1], STDOUT_FILENO) >= 0 && dup2(p->complaint[1], STDERR_FILENO) >= 0)
        execvp(argument[0], argument);
    _exit(NOT_FOUND);
}

static void close_end(int *end)
{
    if (*end >= 0) close(*end);
    *end = -1;
}

static void close_all(struct process *p)
{
    for (int i = 0; i < 2; ++i) {
        close_end(&p->output[i]);
        close_end(&p->complaint[i]);
    }
}

static orr_status start(struct process *p, const char *directory, char *const *argument, struct orr_error *err)
{
    *p = (struct process){.pid = -1, .output = {-1, -1}, .complaint = {-1, -1}};
    if (pipe(p->output) == 0 && pipe(p->complaint) == 0) {
        for (int i = 0; i < 2; ++i) {
            fcntl(p->output[i], F_SETFD, FD_CLOEXEC);
            fcntl(p->complaint[i], F_SETFD, FD_CLOEXEC);
        }
        p->pid = fork();
    }
    if (p->pid == 0) become(p, directory, argument);
    const int why = errno;
    if (p->pid < 0) {
        close_all(p);
        return orr_fail(err, ORR_EIO, "a process for gnuplot could not be started: %s: raise its limits (ulimit -u -n)",
                        strerror(why));
    }
    close_end(&p->output[1]);
    close_end(&p->complaint[1]);
    return ORR_OK;
}

/* Both pipes until their ends. What does not fit into `why` is read and dropped. */
static orr_status drain(struct process *p, struct orr_text *svg, char *why, size_t size, struct orr_error *err)
{
    char bytes[8192];
    size_t told = 0;
    while (p->output[0] >= 0 || p->complaint[0] >= 0) {
        struct pollfd end[2] = {{.fd = p->output[0], .events = POLLIN}, {.fd = p->complaint[0], .events = POLLIN}};
        const int ready = poll(end, 2, (SECONDS + 5) * 1000);
        /* Nothing for so long: whoever still has the pipes is not what was started. */
        if (ready == 0 || (ready < 0 && errno != EINTR)) break;
        if (ready < 0) continue;
        for (int i = 0; i < 2; ++i) {
            if (!end[i].revents) continue;
            const ssize_t n = read(end[i].fd, bytes, sizeof bytes);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) close_end(i ? &p->complaint[0] : &p->output[0]);
            if (n > 0 && i == 0) ORR_TRY(orr_text_add(svg, err, "%.*s", (int)n, bytes));
            if (n > 0 && i == 1) told += (size_t)snprintf(why + told, size - told, "%.*s", (int)n, bytes);
            if (told >= size) told = size - 1;
        }
    }
    return ORR_OK;
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return status;
}

orr_status orr_gnuplot(const char *directory, const char *script, struct orr_text *svg, bool *missing, char *why,
                       size_t size, struct orr_error *err)
{
    char program[] = "gnuplot", plain[] = "--default-settings", *file = orr_memory_text(script);
    char *const argument[] = {program, plain, file, NULL};
    const size_t before = svg->length;
    struct process p;
    *missing = false;
    why[0] = '\0';
    if (!file) return orr_memory_out(err, "a path", strlen(script) + 1);
    orr_status status = start(&p, directory, argument, err);
    orr_memory_free(file);
    if (status != ORR_OK) return status;
    status = drain(&p, svg, why, size, err);
    close_all(&p);
    const int end = wait_for(p.pid);
    *missing = WIFEXITED(end) && WEXITSTATUS(end) == NOT_FOUND;
    if (WIFSIGNALED(end) && WTERMSIG(end) == SIGALRM)
        snprintf(why, size, "gnuplot took longer than %d seconds", SECONDS);
    else if (end != 0 && !*why)
        snprintf(why, size, "gnuplot ended with status %d", end);
    else if (end == 0 && svg->data && strstr(svg->data + before, "</svg>"))
        why[0] = '\0';
    else if (!*why)
        snprintf(why, size, "gnuplot printed no SVG");
    orr_text_flatten(why, strlen(why));
    if (*why && svg->data) svg->data[svg->length = before] = '\0';
    return status;
}
