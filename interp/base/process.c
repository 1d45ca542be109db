#include "base/process.h"

#include "base/duration.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const int64_t term_patience_us = 5 * US_PER_SECOND; /* from SIGTERM to SIGKILL */
static const int64_t linger_us = US_PER_SECOND;            /* for a pipe that outlives its child */
static const int64_t group_poll_us = 50 * US_PER_MS; /* no descriptor tells the end of a group */
enum { KILLED_WAIT_MS = 1000 };

/* What ends it before its time; the first one counts. */
enum ending { ENDING_BY_ITSELF, ENDING_TERMINATED, ENDING_KILLED };

struct process {
    struct loop *loop;
    pid_t pid;
    int pidfd;
    int output_fd;
    struct watch pidfd_watch;
    struct watch output_watch;
    struct timer timer;        /* the timeout; then the patience with SIGTERM and SIGKILL */
    struct timer linger_timer; /* runs from the child's end */
    struct timer group_timer;
    bool reaped;
    bool lingered;
    bool over; /* `done` was called */
    enum ending ending;
    struct error ending_error; /* valid unless ENDING_BY_ITSELF */
    int64_t timeout_us;
    size_t output_limit;
    char *name;
    struct process_result result;
    process_fn *done;
    void *ctx;
};

/* ---- the group */

/* Is this entry of /proc a process of the group that still runs? */
static bool runs_in_group(int proc_fd, const char *pid, pid_t group)
{
    char path[64];
    char line[512];
    char state;
    int its_group;
    if (snprintf(path, sizeof path, "%s/stat", pid) >= (int)sizeof path) {
        return false;
    }
    int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t length = read(fd, line, sizeof line - 1);
    close(fd);
    line[length > 0 ? length : 0] = '\0';
    const char *behind_name = strrchr(line, ')');
    return behind_name != NULL && sscanf(behind_name, ") %c %*d %d", &state, &its_group) == 2 &&
           its_group == group && state != 'Z' && state != 'X';
}

/* kill() also counts the dead whose new parent is slow to wait for them, or never does, as the
 * first process of many containers. */
static bool group_is_running(pid_t group)
{
    if (kill(-group, 0) != 0) {
        return false;
    }
    DIR *proc = opendir("/proc");
    if (proc == NULL) {
        return true;
    }
    bool running = false;
    const struct dirent *entry;
    while (!running && (entry = readdir(proc)) != NULL) {
        running = isdigit((unsigned char)entry->d_name[0]) &&
                  runs_in_group(dirfd(proc), entry->d_name, group);
    }
    closedir(proc);
    return running;
}

/* ---- the end */

static void keep_last_output(struct process *process, size_t slack)
{
    struct text *output = &process->result.output;
    if (output->length > process->output_limit + slack) {
        text_drop_front(output, output->length - process->output_limit);
    }
}

static void stop_watching(struct process *process)
{
    timer_cancel(&process->timer);
    timer_cancel(&process->linger_timer);
    timer_cancel(&process->group_timer);
    watch_stop(&process->pidfd_watch);
    watch_stop(&process->output_watch);
    if (process->pidfd >= 0) {
        close(process->pidfd);
        process->pidfd = -1;
    }
    if (process->output_fd >= 0) {
        close(process->output_fd);
        process->output_fd = -1;
    }
}

static void poll_group(void *ctx);

/* Nothing of `process` may be touched afterwards when it was done: the callback may free it. */
static void finish_when_over(struct process *process)
{
    bool pipe_over = process->output_fd < 0 || process->lingered;
    if (!process->reaped || !pipe_over) {
        return;
    }
    /* What was ended must be gone whole. What ended by itself may leave a server behind. */
    if (process->ending != ENDING_BY_ITSELF && timer_is_active(&process->timer) &&
        group_is_running(process->pid)) {
        timer_start(process->loop, &process->group_timer, group_poll_us, poll_group, process);
        return;
    }
    stop_watching(process);
    keep_last_output(process, 0);
    process->over = true;
    process->done(process->ctx, &process->result,
                  process->ending == ENDING_BY_ITSELF ? NULL : &process->ending_error);
}

static void poll_group(void *ctx)
{
    finish_when_over(ctx);
}

static void stop_lingering(void *ctx)
{
    struct process *process = ctx;
    process->lingered = true;
    finish_when_over(process);
}

static void give_up_on_group(void *ctx)
{
    finish_when_over(ctx);
}

static void kill_group(void *ctx)
{
    struct process *process = ctx;
    process->ending = ENDING_KILLED;
    kill(-process->pid, SIGKILL);
    timer_start(process->loop, &process->timer, linger_us, give_up_on_group, process);
    finish_when_over(process);
}

static void terminate_group(struct process *process)
{
    process->ending = ENDING_TERMINATED;
    kill(-process->pid, SIGTERM);
    timer_start(process->loop, &process->timer, term_patience_us, kill_group, process);
}

static void time_out(void *ctx)
{
    struct process *process = ctx;
    char text[DURATION_TEXT_BYTES];
    error_set(&process->ending_error, ERROR_TIMEOUT, "'%s' did not end within %s", process->name,
              duration_format(process->timeout_us, text));
    terminate_group(process);
}

void process_cancel(struct process *process)
{
    if (process->ending == ENDING_BY_ITSELF && !process->over) {
        error_set(&process->ending_error, ERROR_CANCELLED, "'%s' was stopped", process->name);
        terminate_group(process);
    }
}

static void reap(void *ctx, unsigned ready)
{
    (void)ready;
    struct process *process = ctx;
    int status;
    pid_t pid = waitpid(process->pid, &status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR)) {
        return;
    }
    process->reaped = true;
    process->result.exit_code = pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    process->result.term_signal = pid > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    watch_stop(&process->pidfd_watch);
    if (process->ending == ENDING_BY_ITSELF) {
        timer_cancel(&process->timer); /* in time, whatever its pipe does */
    }
    timer_start(process->loop, &process->linger_timer, linger_us, stop_lingering, process);
    finish_when_over(process);
}

static void read_output(void *ctx, unsigned ready)
{
    (void)ready;
    struct process *process = ctx;
    struct text *output = &process->result.output;
    enum { CHUNK_BYTES = 64 * 1024 };
    char *end = text_reserve(output, CHUNK_BYTES);
    ssize_t got = read(process->output_fd, end, CHUNK_BYTES);
    if (got > 0) {
        output->length += (size_t)got;
        output->bytes[output->length] = '\0';
        keep_last_output(process, CHUNK_BYTES);
        return;
    }
    output->bytes[output->length] = '\0';
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    watch_stop(&process->output_watch);
    close(process->output_fd);
    process->output_fd = -1;
    finish_when_over(process);
}

/* ---- the start */

static size_t name_length(const char *variable)
{
    const char *equals = strchr(variable, '=');
    return equals == NULL ? strlen(variable) : (size_t)(equals - variable);
}

static bool is_overridden(const char *variable, const char *const *added)
{
    size_t length = name_length(variable);
    for (size_t i = 0; added != NULL && added[i] != NULL; i++) {
        if (name_length(added[i]) == length && strncmp(added[i], variable, length) == 0) {
            return true;
        }
    }
    return false;
}

/* Ours, with `added` instead of what has the same name. Free the array, not its strings. */
static const char **build_environment(const char *const *added)
{
    size_t count = 0;
    for (size_t i = 0; environ[i] != NULL; i++) {
        count++;
    }
    for (size_t i = 0; added != NULL && added[i] != NULL; i++) {
        count++;
    }
    const char **environment = memory_allocate((count + 1) * sizeof *environment);
    size_t used = 0;
    for (size_t i = 0; environ[i] != NULL; i++) {
        if (!is_overridden(environ[i], added)) {
            environment[used++] = environ[i];
        }
    }
    for (size_t i = 0; added != NULL && added[i] != NULL; i++) {
        environment[used++] = added[i];
    }
    return environment;
}

static bool check_cwd(const char *cwd, struct error *err)
{
    int fd = open(cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        error_set_errno(err, errno, "working directory '%s'", cwd);
        return false;
    }
    close(fd);
    return true;
}

static void add_file_actions(posix_spawn_file_actions_t *actions, int output_fd, const char *cwd)
{
    posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(actions, output_fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(actions, output_fd, STDERR_FILENO);
    /* Libraries open descriptors without O_CLOEXEC. */
    posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    if (cwd != NULL) {
        posix_spawn_file_actions_addchdir_np(actions, cwd);
    }
}

/* posix_spawn comes back when exec has succeeded or failed, so its errno is exec's. */
static bool spawn(const struct process_spec *spec, int output_fd, pid_t *pid, struct error *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all;
    sigset_t none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    add_file_actions(&actions, output_fd, spec->cwd);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETPGROUP);
    const char **environment = build_environment(spec->env);
    int failure =
        posix_spawnp(pid, spec->argv[0], &actions, &attributes,
                     (char *const *)(uintptr_t)spec->argv, (char *const *)(uintptr_t)environment);
    free(environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) {
        error_set_errno(err, failure, "start '%s'", spec->argv[0]);
        return false;
    }
    return true;
}

static struct process *process_new(struct loop *loop, const struct process_spec *spec, pid_t pid,
                                   int pidfd, int output_fd)
{
    struct process *process = memory_allocate(sizeof *process);
    process->loop = loop;
    process->pid = pid;
    process->pidfd = pidfd;
    process->output_fd = output_fd;
    process->timeout_us = spec->timeout_us;
    process->output_limit = spec->output_limit;
    process->name = memory_copy_string(spec->argv[0]);
    process->result.exit_code = -1;
    return process;
}

bool process_start(struct loop *loop, const struct process_spec *spec, process_fn *done, void *ctx,
                   struct process **out, struct error *err)
{
    int pipe_fds[2] = {-1, -1};
    int pidfd = -1;
    pid_t pid = -1;
    bool ok = false;

    ASSERT(!loop_is_virtual(loop) && spec->argv[0] != NULL);
    if (spec->cwd != NULL && !check_cwd(spec->cwd, err)) {
        goto done;
    }
    if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
        error_set_errno(err, errno, "start '%s': pipe", spec->argv[0]);
        goto done;
    }
    fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
    if (!spawn(spec, pipe_fds[1], &pid, err)) {
        goto done;
    }
    pidfd = pidfd_open(pid, 0);
    if (pidfd < 0) {
        error_set_errno(err, errno, "start '%s': pidfd_open", spec->argv[0]);
        kill(-pid, SIGKILL);
        waitpid(pid, NULL, 0);
        goto done;
    }
    struct process *process = process_new(loop, spec, pid, pidfd, pipe_fds[0]);
    process->done = done;
    process->ctx = ctx;
    watch_start(loop, &process->pidfd_watch, pidfd, WATCH_READ, reap, process);
    watch_start(loop, &process->output_watch, pipe_fds[0], WATCH_READ, read_output, process);
    timer_start(loop, &process->timer, spec->timeout_us, time_out, process);
    pipe_fds[0] = -1; /* the process's now */
    *out = process;
    ok = true;
done:
    if (pipe_fds[0] >= 0) {
        close(pipe_fds[0]);
    }
    if (pipe_fds[1] >= 0) {
        close(pipe_fds[1]);
    }
    return ok;
}

pid_t process_id(const struct process *process)
{
    return process->pid;
}

void process_free(struct process *process)
{
    if (process == NULL) {
        return;
    }
    if (!process->over) {
        kill(-process->pid, SIGKILL);
    }
    if (!process->reaped) {
        struct pollfd end = {.fd = process->pidfd, .events = POLLIN};
        poll(&end, 1, KILLED_WAIT_MS); /* at once, unless it hangs in the kernel */
        waitpid(process->pid, NULL, WNOHANG);
    }
    stop_watching(process);
    text_clear(&process->result.output);
    free(process->name);
    free(process);
}
