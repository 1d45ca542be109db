/* engine/follow.c - what is ended from outside does not leave a server half-way through its
 * restart. */
#include "base/duration.h"
#include "engine/internal.h"

static const int64_t follow_for_us = 10 * 60 * US_PER_SECOND;

static bool is_due(const struct server_history *history)
{
    return history->in_work && history->restart_asked;
}

/* The server that the step is about; a step about none stands for those its branch works on. */
static const struct server *due(const struct frame *frame, const struct step *step)
{
    struct run *run = frame->run;
    if (!frame_is_stopped(frame)) {
        return NULL;
    }
    if (step->server != NULL) {
        return is_due(run_history(run, step->server)) ? step->server : NULL;
    }
    const struct inventory *inventory = run->setup.inventory;
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (int32_t i = 0; i < inventory->count[role]; i++) {
            const struct server *server = &inventory->servers[role][i];
            if (is_due(run_history(run, server)) && work_is_own(frame, server)) {
                return server;
            }
        }
    }
    return NULL;
}

const struct server *follow_due(const struct frame *frame)
{
    return due(frame, frame->step);
}

const struct server *follow_due_after(const struct frame *frame, const struct step *child,
                                      const struct error *err)
{
    bool stopped = frame->cancelled && (err == NULL || err->code == ERROR_CANCELLED);
    return stopped ? due(frame, child) : NULL;
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
    int64_t since_us = run->stood_us > follower->began_us ? run->stood_us : follower->began_us;
    int64_t left_us = since_us + follow_for_us - loop_now_us(run->setup.loop);
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
        .began_us = loop_now_us(frame->run->setup.loop),
    };
    look(follower);
}

void follow_clear(struct follower *follower)
{
    timer_cancel(&follower->timer);
    gatherer_free(follower->gatherer);
}
