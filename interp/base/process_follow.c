/* base/process_follow.c - processes that an earlier process of ours started: who they are, and when
 * they end. */
#include "base/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

/* The first bytes of a file of /proc; "" where it is not there. */
static void read_proc(const char *path, char *into, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, into, size - 1);
    into[got < 0 ? 0 : got] = '\0';
    if (fd >= 0) {
        close(fd);
    }
}

bool process_identify(struct process_identity *identity)
{
    char path[64];
    char stat[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)identity->pid);
    read_proc(path, stat, sizeof stat);
    read_proc("/proc/sys/kernel/random/boot_id", identity->boot, sizeof identity->boot);
    identity->boot[strcspn(identity->boot, "\n")] = '\0';
    identity->start_ticks = 0;
    /* The name in parentheses may hold anything; the state follows it, the start is 19 fields on.
     */
    char *field = strrchr(stat, ')');
    for (int skipped = 0; field != NULL && skipped < 20; skipped++) {
        field = strchr(field + 1, ' ');
    }
    bool is_zombie = strstr(stat, ") Z ") != NULL;
    if (field != NULL) {
        identity->start_ticks = strtoull(field, NULL, 10);
    }
    return field != NULL && !is_zombie;
}

bool process_is_alive(const struct process_identity *identity)
{
    struct process_identity now = {.pid = identity->pid};
    return identity->pid > 0 && process_identify(&now) &&
           now.start_ticks == identity->start_ticks && strcmp(now.boot, identity->boot) == 0;
}

static void follower_over(void *ctx)
{
    struct process_follower *follower = ctx;
    timer_fn *over = follower->over;
    void *over_ctx = follower->ctx;
    process_unfollow(follower);
    over(over_ctx);
}

static void follower_ready(void *ctx, unsigned ready)
{
    (void)ready;
    follower_over(ctx);
}

void process_follow(struct process_follower *follower, struct loop *loop,
                    const struct process_identity *identity, timer_fn *over, void *ctx)
{
    *follower = (struct process_follower){.loop = loop, .pidfd = -1, .over = over, .ctx = ctx};
    /* Opened first and compared afterwards: so the descriptor is that process's. */
    if (!loop_is_virtual(loop) && identity->pid > 0) {
        follower->pidfd = pidfd_open(identity->pid, 0);
    }
    if (follower->pidfd >= 0 && process_is_alive(identity)) {
        watch_start(loop, &follower->watch, follower->pidfd, WATCH_READ, follower_ready, follower);
    } else {
        timer_start(loop, &follower->timer, 0, follower_over, follower);
    }
}

void process_unfollow(struct process_follower *follower)
{
    if (follower->loop != NULL) {
        watch_stop(&follower->watch);
        timer_cancel(&follower->timer);
        if (follower->pidfd >= 0) {
            close(follower->pidfd);
        }
        *follower = (struct process_follower){0};
    }
}
