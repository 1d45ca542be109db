/* engine/step_parallel.c - steps done at the same time, and what a failure among them means.
 *
 * When one fails no other is begun, and those under way are ended as by a stop: held values are put
 * back, a started deploy is followed until its server is alive. The group ends with the first
 * failure once all of them have ended. */
#include "engine/internal.h"

#include <stdlib.h>

/* ---- also for rolling */
void branches_end(struct frame *frame, struct branches *branches, const struct step *child,
                  const struct error *err)
{
    branches->running--;
    if (err == NULL) {
        return;
    }
    if (branches->failed) {
        if (err->code == ERROR_NOT_RESTORED && branches->failure.code != err->code) {
            struct error before = branches->failure;
            error_set(&branches->failure, err->code, "%s; before that: %s", err->text, before.text);
        }
        return;
    }
    branches->failed = true;
    branches->failure = *err;
    if (!frame->cancelled && frame->child != NULL) {
        struct error why;
        error_set(&why, ERROR_CANCELLED, "ended since '%s' failed: %s", child->id, err->text);
        frame_cancel_children(frame, &why, true);
    }
}

void branches_finish(struct frame *frame, const struct branches *branches)
{
    ASSERT(branches->running == 0);
    frame_finish(frame, branches->failed ? &branches->failure : NULL);
}

/* ---- parallel */
struct parallel {
    struct branches branches;
    size_t next;
    struct timer timer;
    struct follower *followers; /* by branch */
    size_t following;
};

static void parallel_go(void *ctx)
{
    struct frame *frame = ctx;
    struct parallel *parallel = frame->state;
    const struct step_list *body = &frame->step->body;
    size_t most = (size_t)frame->step->as.parallel_max;
    while (!frame->cancelled && !parallel->branches.failed && parallel->next < body->count &&
           parallel->branches.running < most) {
        const struct step *branch = body->items[parallel->next++];
        if (!resume_passes_over(frame, branch)) {
            parallel->branches.running++;
            frame_start(frame->run, frame, branch);
        }
    }
    if (parallel->branches.running == 0 && parallel->following == 0) {
        branches_finish(frame, &parallel->branches);
    }
}

static void parallel_followed(struct frame *frame)
{
    struct parallel *parallel = frame->state;
    parallel->following--;
    parallel_go(frame);
}

/* A stop came when a deploy had just ended, and the step behind it had not begun. */
static void parallel_follow(struct frame *frame, const struct step *child,
                            const struct server *server)
{
    struct parallel *parallel = frame->state;
    size_t branch = 0;
    while (frame->step->body.items[branch] != child) {
        branch++;
    }
    parallel->following++;
    follow_start(&parallel->followers[branch], frame, server, parallel_followed);
}

static void parallel_child_done(struct frame *frame, const struct step *child,
                                const struct error *err)
{
    struct parallel *parallel = frame->state;
    branches_end(frame, &parallel->branches, child, err);
    const struct server *server = follow_due_after(frame, child, err);
    if (server != NULL) {
        parallel_follow(frame, child, server);
    }
    parallel_go(frame);
}

static void parallel_start(struct frame *frame)
{
    struct parallel *parallel = frame->state;
    parallel->followers =
        memory_allocate((frame->step->body.count + 1) * sizeof *parallel->followers);
    timer_start(frame->run->setup.loop, &parallel->timer, 0, parallel_go, frame);
}

static void parallel_cancel(struct frame *frame)
{
    frame_cancel_children(frame, &frame->why, false);
    /* No child: the timer of the start is on its way. */
}

static void parallel_clear(struct frame *frame)
{
    struct parallel *parallel = frame->state;
    timer_cancel(&parallel->timer);
    for (size_t i = 0; i < frame->step->body.count; i++) {
        follow_clear(&parallel->followers[i]);
    }
    free(parallel->followers);
}

const struct step_ops ops_parallel = {
    .state_bytes = sizeof(struct parallel),
    .start = parallel_start,
    .child_done = parallel_child_done,
    .cancel = parallel_cancel,
    .clear = parallel_clear,
    .concurrent = true,
};
