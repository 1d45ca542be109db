/* engine/waiting.c - telling why a step waits. */
#include "base/duration.h"
#include "engine/internal.h"

#include <string.h>

static const int64_t tell_every_us = 5 * US_PER_SECOND; /* while the reason changes */

void waiting_tell_since(struct waiting *waiting, const struct frame *frame, int64_t since_us,
                        const struct timer *deadline, const char *condition, enum answer answer,
                        const char *reason)
{
    int64_t now_us = loop_now_us(frame->run->setup.loop);
    bool news = strcmp(reason, text_string(&waiting->told)) != 0;
    if (!news || (waiting->told.length > 0 && now_us - waiting->told_us < tell_every_us)) {
        return;
    }
    char since[DURATION_TEXT_BYTES];
    char left[DURATION_TEXT_BYTES];
    int64_t waited_us = now_us - since_us;
    bool stands = deadline == &frame->deadline && frame->left_us >= 0; /* in a pause */
    bool over = !stands && !timer_is_active(deadline);
    bool asks =
        frame->step->kind == STEP_WAIT_UNTIL && frame->step->as.wait.on_timeout == TIMEOUT_ASKS;
    int64_t left_us = over ? 0 : stands ? frame->left_us : deadline->due_us - now_us;
    cJSON *data = cJSON_CreateObject();
    if (condition != NULL) {
        cJSON_AddStringToObject(data, "condition", condition);
    }
    cJSON_AddStringToObject(data, "answer",
                            answer == ANSWER_UNKNOWN ? "unknown"
                            : answer == ANSWER_YES   ? "yes"
                                                     : "no");
    const char *then = over || asks ? "a person is asked" : "the step fails";
    cJSON_AddStringToObject(data, "reason", reason);
    cJSON_AddStringToObject(data, "then", then);
    event_add_ms(data, "waited_ms", waited_us);
    event_add_ms(data, "left_ms", left_us);
    run_emit(frame->run, EVENT_WAITING, frame->step, data, "%s%s (for %s now; %s%s%s%s%s)",
             answer == ANSWER_UNKNOWN ? "unknown: " : "", reason, duration_format(waited_us, since),
             over ? "its time is over" : "at most ", over ? "" : duration_format(left_us, left),
             stands ? " after the pause" : "", over ? ", and " : " more, then ", then);
    waiting->told_us = now_us;
    text_reset(&waiting->told);
    text_append_string(&waiting->told, reason);
}

void waiting_tell(struct waiting *waiting, const struct frame *frame, const char *condition,
                  enum answer answer, const char *reason)
{
    waiting_tell_since(waiting, frame, frame->started_us, &frame->deadline, condition, answer,
                       reason);
}
