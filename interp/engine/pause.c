/* engine/pause.c - nothing is begun until a person says so, or what disturbed is over.
 *
 * A foreign hand on what is held pauses the run: two hands on one cluster are one too many, and
 * only a person can tell which of them is right. In a pause waits go on looking without nudging, a
 * started deploy is followed, what is still ours is kept, and time limits stand still, so that a
 * pause of a night does not end the run. It never passes into going on by itself, but when every
 * value reads as held again. */
#include "engine/internal.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

bool run_is_paused(const struct run *run)
{
    return run->pause.active;
}

/* ---- values that somebody else changed */
struct foreign_value *foreign_find(const struct run *run, const struct hold_item *item)
{
    for (size_t i = 0; i < run->pause.foreign_count; i++) {
        struct foreign_value *foreign = &run->pause.foreign[i];
        if (foreign->is_level == item->is_level && foreign->server == item->server &&
            strcmp(foreign->name, item->name) == 0) {
            return foreign;
        }
    }
    return NULL;
}

static struct foreign_value *foreign_add(struct run *run, const struct hold_item *item)
{
    struct pause *pause = &run->pause;
    pause->foreign =
        memory_resize(pause->foreign, (pause->foreign_count + 1) * sizeof *pause->foreign);
    struct foreign_value *foreign = &pause->foreign[pause->foreign_count++];
    *foreign = (struct foreign_value){
        .is_level = item->is_level,
        .name = item->name,
        .server = item->server,
        .step = item->step,
    };
    return foreign;
}

static void foreign_forget(struct run *run, struct foreign_value *foreign)
{
    struct pause *pause = &run->pause;
    size_t index = (size_t)(foreign - pause->foreign);
    memmove(foreign, foreign + 1, (pause->foreign_count - index - 1) * sizeof *foreign);
    pause->foreign_count--;
}

/* ---- the pause */
/* How a person ends it, and what happens then. */
#define WAYS_OUT "this is decided: continue goes on as planned, stop ends the run and puts back"

void pause_begin(struct run *run, const struct step *step, cJSON *data, const char *reason,
                 const char *after)
{
    struct pause *pause = &run->pause;
    text_printf(&pause->why, "%s%s", pause->why.length > 0 ? "; " : "", reason);
    cJSON_AddStringToObject(data, "why", reason);
    if (run->setup.rehearsed) {
        struct error err;
        run_emit(run, EVENT_PAUSED, step, data, "%s; nobody can answer in a rehearsal: it ends",
                 reason);
        error_set(&err, ERROR_CANCELLED,
                  "a run would pause here, and in a rehearsal nobody can answer: %s", reason);
        run_fail(run, &err);
        return;
    }
    if (!pause->active) {
        pause->active = true;
        pause->since_us = loop_now_us(run->setup.loop);
        frame_stop_limits(run);
    }
    run_emit(run, EVENT_PAUSED, step, data, "%s; nothing is begun until %s", reason, after);
}

static void pause_end(struct run *run, const char *by, const char *text)
{
    struct pause *pause = &run->pause;
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "by", by);
    cJSON_AddStringToObject(data, "why_paused", text_string(&pause->why));
    event_add_ms(data, "paused_ms", loop_now_us(run->setup.loop) - pause->since_us);
    pause->active = false;
    pause->asked = false;
    pause->continuing = false;
    text_reset(&pause->why);
    run_emit(run, EVENT_CONTINUED, NULL, data, "%s", text);
    frame_go_on(run);
}

void pause_reason_is_over(struct run *run, const char *by, const char *what)
{
    struct pause *pause = &run->pause;
    struct text text = {0};
    if (!pause->active) {
        return;
    }
    bool goes_on =
        !pause->asked && pause->foreign_count == 0 && !pause->looks && !obstacle_is_in_the_way(run);
    text_printf(&text, "%s: the run %s", what,
                goes_on ? "goes on" : "stays paused, for there is another reason");
    if (goes_on) {
        pause_end(run, by, text_string(&text));
    } else {
        run_emit(run, EVENT_NOTE, NULL, NULL, "%s", text_string(&text));
    }
    text_clear(&text);
}

void foreign_seen(struct run *run, const struct hold_item *item, const char *value,
                  const char *where)
{
    struct foreign_value *foreign = foreign_find(run, item);
    if (foreign != NULL && strcmp(foreign->value, value) == 0) {
        return;
    }
    foreign = foreign == NULL ? foreign_add(run, item) : foreign;
    snprintf(foreign->value, sizeof foreign->value, "%s", value);
    if (run->ending || run->winding_up) {
        return; /* it is not put back; nothing else is left to be decided */
    }
    struct text reason = {0};
    text_printf(&reason, "%s is held at %s, but somebody else changed it to %s on %s", item->name,
                item->value, value, where);
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "name", item->name);
    cJSON_AddStringToObject(data, "held", item->value);
    cJSON_AddStringToObject(data, "found", value);
    cJSON_AddStringToObject(data, "server", where);
    pause_begin(run, item->step, data, text_string(&reason), WAYS_OUT "; or set it back");
    text_clear(&reason);
}

void foreign_is_over(struct run *run, struct foreign_value *foreign)
{
    char text[200];
    snprintf(text, sizeof text, "%s is as held again", foreign->name);
    foreign_forget(run, foreign);
    pause_reason_is_over(run, "value", text);
}

void foreign_is_taken_again(struct run *run, struct foreign_value *foreign)
{
    foreign_forget(run, foreign);
}

void pause_end_by_operator(struct run *run)
{
    for (size_t i = 0; i < run->pause.foreign_count; i++) {
        if (run->pause.foreign[i].server != NULL) {
            return; /* its keeper takes it again */
        }
    }
    run->pause.foreign_count = 0;
    run->pause.asked = false;
    run->pause.continuing = false;
    pause_reason_is_over(run, "operator", "the operator has decided");
}

void run_pause(struct run *run, const char *reason)
{
    if (!run->ending && !run->winding_up && !run->finished) {
        run->pause.asked = true;
        pause_begin(run, NULL, cJSON_CreateObject(), reason, WAYS_OUT);
    }
}

void run_continue(struct run *run)
{
    struct pause *pause = &run->pause;
    if (!pause->active || pause->continuing) {
        return;
    }
    if (pause->foreign_count == 0) {
        pause_end_by_operator(run);
        return;
    }
    /* The keeper takes them again, and ends the pause when all are. */
    pause->continuing = true;
    run_emit(run, EVENT_NOTE, NULL, NULL,
             "the operator says that the run goes on: held values are set again first");
}

void pause_drop(struct run *run)
{
    run->pause.active = false;
    run->pause.continuing = false;
    obstacles_end(run);
}

void pause_clear(struct run *run)
{
    text_clear(&run->pause.why);
    free(run->pause.foreign);
}
