/* engine/soak.c - the cluster is watched after the canary of a rolling.
 *
 * What a new version breaks, it often breaks after a while: so for some time every partition must
 * stay healthy, every server alive, and the servers that were worked on must not restart. One no
 * ends it. Unknown does not, but it is no yes either: at the end all must have been seen. */
#include "engine/internal.h"

#include "base/duration.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

struct watched {
    const struct server *server;
    char start_time[32]; /* as first seen; "" not yet */
};

static void look(void *ctx);

static void end(struct soak *soak, const struct error *err)
{
    soak->over(soak->frame, err);
}

/* Yes: all have been seen, and run since. */
static enum answer restarts(struct soak *soak, const struct evidence *evidence, struct text *reason)
{
    const struct inventory *inventory = soak->frame->run->setup.inventory;
    enum answer answer = ANSWER_YES;
    for (size_t i = 0; i < soak->count; i++) {
        struct watched *watched = &soak->watched[i];
        const struct server_evidence *seen =
            &evidence->servers[inventory_slot(inventory, watched->server)];
        if (!seen->answered) {
            text_printf(reason, "; the start time of %s could not be read: %s",
                        watched->server->name, seen->error.text);
            answer = ANSWER_UNKNOWN;
        } else if (watched->start_time[0] == '\0') {
            snprintf(watched->start_time, sizeof watched->start_time, "%s", seen->facts.start_time);
        } else if (strcmp(watched->start_time, seen->facts.start_time) != 0) {
            text_printf(reason, "; %s has restarted (it had started at %s, now at %s)",
                        watched->server->name, watched->start_time, seen->facts.start_time);
            return ANSWER_NO;
        }
    }
    return answer;
}

static void tell(struct soak *soak, const struct text *reason, int64_t left_us)
{
    char text[DURATION_TEXT_BYTES];
    if (strcmp(text_string(reason), text_string(&soak->told)) == 0) {
        return;
    }
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "reason", text_string(reason));
    cJSON_AddStringToObject(data, "then", "the next server is begun");
    event_add_ms(data, "left_ms", left_us > 0 ? left_us : 0);
    run_emit(soak->frame->run, EVENT_WAITING, soak->frame->step, data,
             "watching the cluster after the canary, %s more: %s",
             duration_format(left_us > 0 ? left_us : 0, text), text_string(reason));
    text_reset(&soak->told);
    text_append_string(&soak->told, text_string(reason));
}

static void looked(void *ctx, const struct evidence *evidence)
{
    struct soak *soak = ctx;
    struct run *run = soak->frame->run;
    struct condition_context context = run_condition_context(run);
    struct text reason = {0};
    struct error err;
    enum answer healthy = ANSWER_UNKNOWN;
    condition_evaluate(&soak->healthy, &context, evidence, &healthy, &reason, &err);
    enum answer running = restarts(soak, evidence, &reason);
    int64_t left_us = soak->until_us - loop_now_us(run->setup.loop);
    bool all_well = healthy == ANSWER_YES && running == ANSWER_YES;
    if (healthy == ANSWER_NO || running == ANSWER_NO || (!all_well && left_us < -LEADERLESS_US)) {
        error_set(&err, ERROR_STEP, "while the cluster was watched after the canary: %s",
                  text_string(&reason));
        text_clear(&reason);
        end(soak, &err);
        return;
    }
    run_check_servers(run, evidence);
    if (soak->frame->cancelled) {
        /* The frame has let go of this already, or is about to. */
    } else if (all_well && left_us <= 0) {
        end(soak, NULL);
    } else {
        tell(soak, &reason, left_us);
        int64_t next_us = left_us > 0 && left_us < US_PER_SECOND ? left_us : US_PER_SECOND;
        timer_start(run->setup.loop, &soak->timer, next_us, look, soak);
    }
    text_clear(&reason);
}

static void look(void *ctx)
{
    struct soak *soak = ctx;
    const struct inventory *inventory = soak->frame->run->setup.inventory;
    struct needs *needs = gatherer_needs(soak->gatherer);
    condition_add_needs(&soak->healthy, inventory, needs);
    for (size_t i = 0; i < soak->count; i++) {
        needs->parts[inventory_slot(inventory, soak->watched[i].server)] |= FACT_START_TIME;
    }
    gatherer_start(soak->gatherer, looked, soak);
}

void soak_start(struct soak *soak, struct frame *frame, const struct server *const *servers,
                size_t count, int64_t time_us,
                void (*over)(struct frame *frame, const struct error *err))
{
    *soak = (struct soak){
        .frame = frame,
        .gatherer = gatherer_new(&frame->run->gatherers),
        .healthy = {.kind = COND_CLUSTER_IS_HEALTHY, .name = "cluster_is_healthy()"},
        .watched = memory_allocate((count + 1) * sizeof *soak->watched),
        .count = count,
        .until_us = loop_now_us(frame->run->setup.loop) + time_us,
        .over = over,
    };
    for (size_t i = 0; i < count; i++) {
        soak->watched[i].server = servers[i];
    }
    look(soak);
}

void soak_cancel(struct soak *soak)
{
    if (soak->frame != NULL) {
        timer_cancel(&soak->timer);
        gatherer_cancel(soak->gatherer);
    }
}

void soak_clear(struct soak *soak)
{
    timer_cancel(&soak->timer);
    gatherer_free(soak->gatherer);
    free(soak->watched);
    text_clear(&soak->told);
    *soak = (struct soak){0};
}
