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
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const int64_t term_patience_us = 5 * US_PER_SECOND; /* from SIGTERM to SIGKILL */
static const int64_t gone_patience_us = US_PER_SECOND;     /* from SIGKILL to giving up */
static const int64_t group_poll_us = 50 * US_PER_MS; /* no descriptor tells the end of a group */
static const int64_t output_look_us = US_PER_SECOND; /* nor that a file has grown */
enum { KILLED_WAIT_MS = 1000, MIB = 1024 * 1024 };

/* What ends it before its time; the first one counts. */
enum ending { ENDING_BY_ITSELF, ENDING_TERMINATED, ENDING_KILLED };

struct process {
    struct loop *loop;
    pid_t pid;
    int pidfd;
    int output_fd;
    struct watch pidfd_watch;
    struct timer timer; /* the timeout; then the patience with SIGTERM and SIGKILL */
    struct timer group_timer;
    struct timer output_timer;
    bool reaped;
    bool over; /* `done` was called */
    enum ending ending;
    struct error ending_error; /* valid unless ENDING_BY_ITSELF */
    int64_t timeout_us;
    size_t output_limit;
    int64_t output_bound; /* bytes; a larger file ends the child */
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

/* ---- the output: a file, because a server that a script starts keeps it as its standard output,
 * and would die of SIGPIPE at its first line after the reading end of a pipe was closed */

/* Without a name, so nothing is left behind; in memory where the folder cannot hold such a file. */
static int output_open(void)
{
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || folder[0] == '\0') {
        folder = "/tmp";
    }
    int fd = open(folder, O_TMPFILE | O_EXCL | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        fd = memfd_create("output", MFD_CLOEXEC);
        if (fd >= 0) {
            fcntl(fd, F_SETFL, O_APPEND);
        }
    }
    return fd;
}

static int64_t output_bytes(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 ? status.st_size : 0;
}

/* The last bytes, at most `limit` of them: a server that stayed may print on meanwhile. */
static void read_output(int fd, size_t limit, struct text *out)
{
    int64_t bytes = output_bytes(fd);
    int64_t from = bytes > (int64_t)limit ? bytes - (int64_t)limit : 0;
    char *room = text_reserve(out, (size_t)(bytes - from));
    size_t wanted = (size_t)(bytes - from);
    size_t filled = 0;
    while (filled < wanted) {
        ssize_t got = pread(fd, room + filled, wanted - filled, from + (int64_t)filled);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break; /* somebody made it shorter */
        }
        filled += (size_t)got;
    }
    room[filled] = '\0';
    out->length += filled;
}

/* ---- the end */

static void stop_watching(struct process *process)
{
    timer_cancel(&process->timer);
    timer_cancel(&process->group_timer);
    timer_cancel(&process->output_timer);
    watch_stop(&process->pidfd_watch);
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
    if (!process->reaped) {
        return;
    }
    /* What was ended must be gone whole. What ended by itself may leave a server behind. */
    if (process->ending != ENDING_BY_ITSELF && timer_is_active(&process->timer) &&
        group_is_running(process->pid)) {
        timer_start(process->loop, &process->group_timer, group_poll_us, poll_group, process);
        return;
    }
    read_output(process->output_fd, process->output_limit, &process->result.output);
    stop_watching(process);
    process->over = true;
    process->done(process->ctx, &process->result,
                  process->ending == ENDING_BY_ITSELF ? NULL : &process->ending_error);
}

static void poll_group(void *ctx)
{
    finish_when_over(ctx);
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
    timer_start(process->loop, &process->timer, gone_patience_us, give_up_on_group, process);
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

/* Nothing of the process may be touched after kill_group. */
static void look_at_output(void *ctx)
{
    struct process *process = ctx;
    timer_start(process->loop, &process->output_timer, output_look_us, look_at_output, process);
    if (output_bytes(process->output_fd) <= process->output_bound) {
        return;
    }
    process->output_bound += PROCESS_OUTPUT_BOUND_BYTES;
    if (process->ending == ENDING_BY_ITSELF) {
        error_set(&process->ending_error, ERROR_LIMIT, "'%s' printed more than %d MiB",
                  process->name, PROCESS_OUTPUT_BOUND_BYTES / MIB);
        terminate_group(process);
    } else if (process->ending == ENDING_TERMINATED) {
        kill_group(process); /* it was told to end, and goes on printing */
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
    process->output_bound = PROCESS_OUTPUT_BOUND_BYTES;
    process->name = memory_copy_string(spec->argv[0]);
    process->result.exit_code = -1;
    return process;
}

bool process_start(struct loop *loop, const struct process_spec *spec, process_fn *done, void *ctx,
                   struct process **out, struct error *err)
{
    int output_fd = -1;
    int pidfd = -1;
    pid_t pid = -1;
    bool ok = false;

    ASSERT(!loop_is_virtual(loop) && spec->argv[0] != NULL);
    if (spec->cwd != NULL && !check_cwd(spec->cwd, err)) {
        goto done;
    }
    output_fd = output_open();
    if (output_fd < 0) {
        error_set_errno(err, errno, "start '%s': a file for its output", spec->argv[0]);
        goto done;
    }
    if (!spawn(spec, output_fd, &pid, err)) {
        goto done;
    }
    pidfd = pidfd_open(pid, 0);
    if (pidfd < 0) {
        error_set_errno(err, errno, "start '%s': pidfd_open", spec->argv[0]);
        kill(-pid, SIGKILL);
        waitpid(pid, NULL, 0);
        goto done;
    }
    struct process *process = process_new(loop, spec, pid, pidfd, output_fd);
    process->done = done;
    process->ctx = ctx;
    watch_start(loop, &process->pidfd_watch, pidfd, WATCH_READ, reap, process);
    timer_start(loop, &process->timer, spec->timeout_us, time_out, process);
    timer_start(loop, &process->output_timer, output_look_us, look_at_output, process);
    output_fd = -1; /* the process's now */
    *out = process;
    if (spec->started != NULL) {
        struct process_identity identity = {.pid = pid};
        process_identify(&identity); /* of a child of ours it is there until it is reaped */
        spec->started(spec->started_ctx, &identity);
    }
    ok = true;
done:
    if (output_fd >= 0) {
        close(output_fd);
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
