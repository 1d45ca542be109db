/* engine/hold_survey.c - what servers have, before any of it is changed.
 *
 * A hold of servers' own settings first asks all of them: who does not answer, and what could not
 * be put back, is found while nothing is changed yet. Reference behaviour 7.2, 14 (7): up to 2.5 a
 * rate that is unlimited cannot be made so again without a restart. */
#include "engine/internal.h"

#include "base/duration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t ask_timeout_us = CLUSTER_CALL_TIMEOUT_US;

/* One item's questions, one after the other. */
struct probe {
    struct hold_survey *survey;
    struct hold_item *item;
    struct server_facts facts;
    struct operation *operation;
    struct timer timer;
    bool told; /* that it does not answer */
    bool failed;
    struct error failure;
};

static void probe_begin(void *ctx);

static void probe_end(struct probe *probe, const struct error *err)
{
    struct hold_survey *survey = probe->survey;
    char shown[HOLD_SHOWN_BYTES];
    if (err != NULL) {
        probe->failed = true;
        probe->failure = *err;
        error_wrap(&probe->failure, "%s", hold_shown(probe->item, shown));
    }
    if (--survey->running > 0) {
        return;
    }
    const struct error *first = NULL;
    for (size_t i = 0; first == NULL && i < survey->count; i++) {
        first = survey->probes[i].failed ? &survey->probes[i].failure : NULL;
    }
    survey->over(survey->frame, first);
}

/* It may be starting just now. */
static void probe_failed(struct probe *probe, const struct error *err)
{
    struct hold_survey *survey = probe->survey;
    struct run *run = survey->frame->run;
    if (survey->stopped || !error_may_pass(err) ||
        loop_now_us(run->setup.loop) >= survey->give_up_us) {
        probe_end(probe, err);
        return;
    }
    if (!probe->told) {
        char left[DURATION_TEXT_BYTES];
        run_emit(run, EVENT_NOTE, survey->frame->step, NULL,
                 "%s does not answer, and nothing is held before it does: asked again for %s, then "
                 "the step fails (%s)",
                 probe->item->server->name,
                 duration_format(survey->give_up_us - loop_now_us(run->setup.loop), left),
                 err->text);
        probe->told = true;
    }
    timer_start(run->setup.loop, &probe->timer, US_PER_SECOND, probe_begin, probe);
}

static void configuration_read(void *ctx, const char *value, const struct error *err)
{
    struct probe *probe = ctx;
    struct hold_item *item = probe->item;
    probe->operation = NULL;
    if (err == NULL && strlen(value) < sizeof item->configured) {
        snprintf(item->configured, sizeof item->configured, "%s", value);
        item->known_configured = true;
    } /* else nobody knows, which is said where it would matter */
    probe_end(probe, NULL);
}

static bool can_be_held(const struct probe *probe, const char *now, struct error *err)
{
    const struct hold_item *item = probe->item;
    const char *info = text_string(&probe->facts.info);
    bool is_first = hold_in_force(probe->survey->frame->run, item) == NULL;
    if (!setting_can_be_given(item->name, item->value, info)) {
        error_set(err, ERROR_REFUSED, "its release cannot be given %s; nothing was set",
                  item->value);
        return false;
    }
    if (is_first && !setting_can_be_given(item->name, now, info)) {
        error_set(err, ERROR_REFUSED,
                  "it is %s, which its release cannot be given again without a restart: the hold "
                  "could not be put back, and nothing was set",
                  now);
        return false;
    }
    return true;
}

static void value_read(void *ctx, const char *value, const struct error *err)
{
    struct probe *probe = ctx;
    struct hold_item *item = probe->item;
    struct run *run = probe->survey->frame->run;
    struct error own;
    const char *flag = setting_flag_of(item->name);
    probe->operation = NULL;
    if (err != NULL) {
        probe_failed(probe, err);
    } else if (!can_be_held(probe, value, &own)) {
        probe_end(probe, &own);
    } else if (flag == NULL || item->known_configured) {
        probe_end(probe, NULL);
    } else {
        probe->operation = cluster_read_config(run->reader, item->server->address, flag,
                                               ask_timeout_us, configuration_read, probe);
    }
}

static void process_read(void *ctx, const struct error *err)
{
    struct probe *probe = ctx;
    struct hold_item *item = probe->item;
    probe->operation = NULL;
    if (err != NULL) {
        probe_failed(probe, err);
        return;
    }
    memcpy(item->surveyed, probe->facts.command_start, sizeof item->surveyed);
    probe->operation =
        cluster_read_setting(probe->survey->frame->run->reader, item->server->address, item->name,
                             ask_timeout_us, value_read, probe);
}

static void probe_begin(void *ctx)
{
    struct probe *probe = ctx;
    struct run *run = probe->survey->frame->run;
    if (probe->survey->stopped) {
        probe_end(probe, &probe->survey->frame->why);
        return;
    }
    probe->operation = cluster_read_server(run->reader, probe->item->server->address, FACT_COMMANDS,
                                           &probe->facts, ask_timeout_us, process_read, probe);
}

void hold_survey_start(struct hold_survey *survey, struct frame *frame, struct hold_item *items,
                       size_t count, void (*over)(struct frame *frame, const struct error *err))
{
    struct loop *loop = frame->run->setup.loop;
    *survey = (struct hold_survey){
        .frame = frame,
        .give_up_us = loop_now_us(loop) + LEADERLESS_US,
        .over = over,
    };
    survey->probes = memory_allocate((count + 1) * sizeof *survey->probes);
    for (size_t i = 0; i < count; i++) {
        if (items[i].server != NULL) {
            struct probe *probe = &survey->probes[survey->count++];
            probe->survey = survey;
            probe->item = &items[i];
            timer_start(loop, &probe->timer, 0, probe_begin, probe);
        }
    }
    ASSERT(survey->count > 0);
    survey->running = survey->count;
}

void hold_survey_cancel(struct hold_survey *survey)
{
    survey->stopped = true;
    for (size_t i = 0; i < survey->count; i++) {
        struct probe *probe = &survey->probes[i];
        if (probe->operation != NULL) {
            operation_cancel(probe->operation);
        } else if (timer_is_active(&probe->timer)) {
            timer_start(probe->survey->frame->run->setup.loop, &probe->timer, 0, probe_begin,
                        probe);
        }
    }
}

void hold_survey_clear(struct hold_survey *survey)
{
    for (size_t i = 0; i < survey->count; i++) {
        timer_cancel(&survey->probes[i].timer);
        server_facts_clear(&survey->probes[i].facts);
    }
    free(survey->probes);
    survey->probes = NULL;
    survey->count = 0;
}
