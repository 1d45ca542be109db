/* engine/follow.c - what is ended from outside does not leave a server half-way through its
 * restart. */
#include "base/duration.h"
#include "engine/internal.h"

static const int64_t follow_for_us = 10 * 60 * US_PER_SECOND;

static bool is_due(const struct frame *frame, const struct server *server)
{
    if (server == NULL || !frame_is_stopped(frame)) {
        return false;
    }
    const struct server_history *history = run_history(frame->run, server);
    return history->in_work && history->restart_asked;
}

bool follow_is_due(const struct frame *frame)
{
    return is_due(frame, frame->step->server);
}

bool follow_after(const struct frame *frame, const struct step *child, const struct error *err)
{
    return frame->cancelled && (err == NULL || err->code == ERROR_CANCELLED) &&
           is_due(frame, child->server);
}

void follow_finish(struct frame *frame)
{
    frame_finish(frame, NULL);
}

static void look(void *ctx);

static void looked(void *ctx, const struct evidence *evidence)
{
    struct follower *follower = ctx;
    struct run *run = follower->frame->run;
    struct condition_context context = run_condition_context(run);
    struct text reason = {0};
    struct error err;
    char text[DURATION_TEXT_BYTES];
    enum answer answer = ANSWER_UNKNOWN;
    condition_evaluate(&follower->alive, &context, evidence, &answer, &reason, &err);
    if (answer == ANSWER_YES) { /* of which process? */
        text_append_string(&reason, "; ");
        condition_evaluate(&follower->restarted, &context, evidence, &answer, &reason, &err);
    }
    int64_t left_us = follower->until_us - loop_now_us(run->setup.loop);
    bool over = answer == ANSWER_YES || left_us <= 0;
    run_emit(run, EVENT_WAITING, follower->frame->step, NULL,
             "%s (its deploy has begun; at most %s more, then the run ends all the same)",
             text_string(&reason), duration_format(left_us, text));
    text_clear(&reason);
    if (over) {
        run_history(run, follower->server)->in_work = false; /* followed: not again */
        follower->over(follower->frame);
    } else {
        timer_start(run->setup.loop, &follower->timer, US_PER_SECOND, look, follower);
    }
}

static void look(void *ctx)
{
    struct follower *follower = ctx;
    condition_add_needs(&follower->alive, follower->frame->run->setup.inventory,
                        gatherer_needs(follower->gatherer));
    condition_add_needs(&follower->restarted, follower->frame->run->setup.inventory,
                        gatherer_needs(follower->gatherer));
    gatherer_start(follower->gatherer, looked, follower);
}

void follow_start(struct follower *follower, struct frame *frame, const struct server *server,
                  void (*over)(struct frame *frame))
{
    ASSERT(follower->frame == NULL);
    *follower = (struct follower){
        .frame = frame,
        .gatherer = gatherer_new(&frame->run->gatherers),
        .server = server,
        .over = over,
        .alive = {.kind = COND_IS_ALIVE, .name = "is_alive", .server = server},
        .restarted = {.kind = COND_HAS_RESTARTED, .name = "has_restarted", .server = server},
        .until_us = loop_now_us(frame->run->setup.loop) + follow_for_us,
    };
    look(follower);
}

void follow_clear(struct follower *follower)
{
    timer_cancel(&follower->timer);
    gatherer_free(follower->gatherer);
}
