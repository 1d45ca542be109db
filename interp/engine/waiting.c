/* engine/waiting.c - telling why a step waits. */
#include "base/duration.h"
#include "engine/internal.h"

#include <string.h>

static const int64_t tell_every_us = 5 * US_PER_SECOND; /* while the reason changes */

void waiting_tell_since(struct waiting *waiting, const struct frame *frame, int64_t since_us,
                        int64_t timeout_us, const char *condition, enum answer answer,
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
    int64_t left_us = timeout_us - waited_us;
    cJSON *data = cJSON_CreateObject();
    if (condition != NULL) {
        cJSON_AddStringToObject(data, "condition", condition);
    }
    cJSON_AddStringToObject(data, "answer",
                            answer == ANSWER_UNKNOWN ? "unknown"
                            : answer == ANSWER_YES   ? "yes"
                                                     : "no");
    event_add_ms(data, "waited_ms", waited_us);
    event_add_ms(data, "left_ms", left_us);
    run_emit(frame->run, EVENT_WAITING, frame->step, data,
             "%s%s (for %s now; at most %s more, then the step fails)",
             answer == ANSWER_UNKNOWN ? "unknown: " : "", reason, duration_format(waited_us, since),
             duration_format(left_us, left));
    waiting->told_us = now_us;
    text_reset(&waiting->told);
    text_append_string(&waiting->told, reason);
}

void waiting_tell(struct waiting *waiting, const struct frame *frame, const char *condition,
                  enum answer answer, const char *reason)
{
    waiting_tell_since(waiting, frame, frame->started_us, frame->step->timeout_us, condition,
                       answer, reason);
}
