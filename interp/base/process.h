/* base/process.h - child processes on the event loop.
 *
 * Floor: base; real clock only. A child runs in its own process group with standard input from
 * /dev/null, no descriptor of ours inherited, and default signals. Its end is seen by a pidfd.
 * Standard output and error are one file without a name, in TMPDIR or /tmp: a server that the child
 * starts and leaves behind may write there as long as it lives. What it writes after the child's
 * end is not seen, and its space is free again when the server ends or closes it. */
#ifndef PEGFLOW_BASE_PROCESS_H
#define PEGFLOW_BASE_PROCESS_H

#include "base/loop.h"
#include "base/text.h"

#include <sys/types.h>

/* Names a process beyond its end: its number alone may be another's by then. */
struct process_identity {
    pid_t pid;
    uint64_t start_ticks; /* since the boot, from /proc */
    char boot[40];        /* which boot: /proc/sys/kernel/random/boot_id */
};

struct process_spec {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH; never a shell */
    const char *const *env;  /* "NAME=value" added to ours, NULL-terminated, or NULL */
    const char *cwd;         /* NULL: ours */
    int64_t timeout_us;      /* then the group is ended as by process_cancel, ERROR_TIMEOUT */
    size_t output_limit;     /* the last so many bytes of stdout and stderr together are kept */
    /* Called from process_start once the child runs, or NULL. */
    void (*started)(void *ctx, const struct process_identity *identity);
    void *started_ctx;
};

/* A child that prints more is ended as by its timeout, ERROR_LIMIT; looked at once a second. */
enum { PROCESS_OUTPUT_BOUND_BYTES = 64 * 1024 * 1024 };

struct process_result {
    int exit_code;      /* -1 when a signal ended it */
    int term_signal;    /* 0 when it exited */
    struct text output; /* stdout and stderr as they came; the process owns it */
    /* A simulated program that its model has no row for: whoever ran it takes it to have worked. */
    bool assumed;
};

struct process;
/* `err` is NULL when the process ended by itself, whatever its exit code: look at `result`.
 * Otherwise ERROR_TIMEOUT, ERROR_CANCELLED or ERROR_LIMIT, and `result` holds the output so far.
 * Called exactly once: at the child's own end, whatever it leaves running, or, where it was ended,
 * when the whole group is gone. */
typedef void process_fn(void *ctx, const struct process_result *result, const struct error *err);

/* A program that is missing or not executable fails here, with its name. */
bool process_start(struct loop *loop, const struct process_spec *spec, process_fn *done, void *ctx,
                   struct process **out, struct error *err);
/* SIGTERM to the group, SIGKILL after 5 s. `done` follows with ERROR_CANCELLED. */
void process_cancel(struct process *process);
pid_t process_id(const struct process *process);

/* ---- a process that an earlier process of ours started, and that may be there still */
struct process_follower {
    struct loop *loop; /* NULL: follows none */
    int pidfd;
    struct watch watch;
    struct timer timer;
    timer_fn *over;
    void *ctx;
};
/* Fills in what belongs to `identity->pid` now. False: there is no such process. */
bool process_identify(struct process_identity *identity);
bool process_is_alive(const struct process_identity *identity);
/* Calls `over` once, in a later turn: when it has ended, at once when it is not there. Its exit
 * code is not ours to know. Under the virtual clock nothing is executed: at once. */
void process_follow(struct process_follower *follower, struct loop *loop,
                    const struct process_identity *identity, timer_fn *over, void *ctx);
void process_unfollow(struct process_follower *follower); /* no callback follows; fine when idle */
void process_free(struct process *process); /* after `done`; before it, kills the group at once */

#endif
