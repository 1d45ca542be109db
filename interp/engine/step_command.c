/* engine/step_command.c - set_meta_level and remote_command. */
#include "base/duration.h"
#include "engine/internal.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

/* ---- set_meta_level */
struct set_level {
    struct setting_task task;
    struct settings_lock lock;
    struct timer end;
};

static void level_set(void *ctx, const struct error *err)
{
    struct frame *frame = ctx;
    struct set_level *state = frame->state;
    settings_unlock(&state->lock);
    if (err == NULL) {
        run_emit(frame->run, EVENT_OUTCOME, frame->step, NULL, "the meta level is %s",
                 state->task.wanted);
    }
    frame_finish(frame, err);
}

static void level_ask(void *ctx);

static void level_locked(void *ctx)
{
    struct frame *frame = ctx;
    struct set_level *state = frame->state;
    if (frame_waits(frame, level_ask)) {
        settings_unlock(&state->lock); /* the keeper has to see what ends the pause */
        return;
    }
    state->task = (struct setting_task){
        .run = frame->run,
        .step = frame->step,
        .is_level = true,
        .name = "meta level",
        .done = level_set,
        .ctx = frame,
    };
    snprintf(state->task.wanted, sizeof state->task.wanted, "%s",
             meta_level_name(frame->step->as.level));
    setting_start(&state->task);
}

static void level_start(struct frame *frame)
{
    level_ask(frame);
}

static void level_ask(void *ctx)
{
    struct frame *frame = ctx;
    struct set_level *state = frame->state;
    if (frame->cancelled) {
        frame_finish(frame, NULL);
    } else {
        settings_lock(frame->run, &state->lock, NULL, level_locked, frame);
    }
}

static void level_cancel(struct frame *frame)
{
    struct set_level *state = frame->state;
    if (state->task.operation != NULL) {
        operation_cancel(state->task.operation);
        return;
    }
    settings_unlock(&state->lock);
    timer_start(frame->run->setup.loop, &state->end, 0, frame_end, frame);
}

static void level_clear(struct frame *frame)
{
    struct set_level *state = frame->state;
    timer_cancel(&state->end);
    settings_unlock(&state->lock);
}

const struct step_ops ops_set_meta_level = {
    .state_bytes = sizeof(struct set_level),
    .start = level_start,
    .cancel = level_cancel,
    .clear = level_clear,
};

/* ---- remote_command */
struct command {
    struct gatherer *gatherer; /* of the guard, when one is asked */
    struct timer end;
    size_t next; /* server */
    size_t count;
    bool gathering;
    bool told; /* that it waits for servers in work */
};

static bool is_kill(const struct step *step)
{
    return strcmp(step->as.remote_command.name, "replica.kill_partition") == 0;
}

/* ADDRESS_NONE stands for the leader. */
static struct address command_address(const struct frame *frame)
{
    const struct command *command = frame->state;
    const struct inventory *inventory = frame->run->setup.inventory;
    switch (frame->step->as.remote_command.to) {
    case TO_METAS:
        return inventory->servers[ROLE_META][command->next].address;
    case TO_REPLICAS:
        return inventory->servers[ROLE_REPLICA][command->next].address;
    case TO_SERVER:
        return frame->step->as.remote_command.address;
    case TO_LEADER:
        break;
    }
    return (struct address){0};
}

static void command_next(void *ctx);

static bool one_of(const char *text, const char *const *known)
{
    for (; *known != NULL; known++) {
        if (strcmp(text, *known) == 0) {
            return true;
        }
    }
    return false;
}

/* Did it work? By what the workflow expects, else by the texts that releases are known to answer
 * (reference behaviour 15.4). An unknown text is never taken for success of a change. */
static bool judge(struct frame *frame, const char *reply, struct error *err)
{
    static const char *const fine[] = {"OK", "set ok", "clear ok", "ERR_OK", "Flush done.", NULL};
    const struct step *step = frame->step;
    const char *name = step->as.remote_command.name;
    enum setting_kind kind;
    if (step->as.remote_command.expect != LUA_NONE) {
        struct text reason = {0};
        bool yes = false;
        bool ok = lang_expect_text(frame->run->setup.lang, step->as.remote_command.expect, reply,
                                   &yes, &reason, err);
        if (ok && !yes) {
            error_set(err, ERROR_STEP, "%s answered '%.300s', which is not what was expected%s%s",
                      name, reply, reason.length > 0 ? ": " : "", text_string(&reason));
        }
        text_clear(&reason);
        return ok && yes;
    }
    if (setting_kind_of(name, &kind)) {
        struct setting_reply answer = {0};
        if (!release_read_setting_reply(name, reply, &answer, err)) {
            return false;
        }
        bool worked = answer.kind == REPLY_OK || answer.kind == REPLY_VALUE;
        if (!worked) {
            error_set(err, ERROR_STEP, "%s was refused: %.300s", name, reply);
        }
        text_clear(&answer.value);
        return worked;
    }
    if (strncmp(reply, "unknown command", 15) == 0 || strncmp(reply, "ERR: ", 5) == 0) {
        error_set(err, ERROR_STEP, "%s was refused: %.300s", name, reply);
        return false;
    }
    if (step->as.remote_command.only_reads || one_of(reply, fine)) {
        return true;
    }
    cJSON *json = cJSON_Parse(reply);
    const cJSON *field = cJSON_GetObjectItemCaseSensitive(json, "error");
    bool json_ok = cJSON_IsString(field) && strcmp(field->valuestring, "ok") == 0;
    cJSON_Delete(json);
    if (!json_ok) {
        error_set(
            err, ERROR_STEP,
            "%s was answered with a text that nobody knows: '%.300s'; when it is right, say so "
            "with expect = function(reply) ... end",
            name, reply);
    }
    return json_ok;
}

static void command_answered(void *ctx, const char *value, const struct error *err)
{
    struct frame *frame = ctx;
    struct command *command = frame->state;
    const struct step *step = frame->step;
    struct error failure;
    frame->operation = NULL;
    if (!step->as.remote_command.only_reads) {
        run_mark_change(frame->run);
    }
    if (err != NULL) {
        frame->in_doubt = !step->as.remote_command.only_reads && error_leaves_doubt(err);
        frame_finish(frame, err);
        return;
    }
    run_emit(frame->run, EVENT_OUTCOME, step, NULL, "%s answered: %.1000s",
             step->as.remote_command.name, value);
    if (!judge(frame, value, &failure)) {
        frame_finish(frame, &failure);
        return;
    }
    command->next++;
    command_next(frame);
}

static void command_send(struct frame *frame)
{
    const struct step *step = frame->step;
    struct address to = command_address(frame);
    char text[ADDRESS_TEXT_BYTES];
    if (!step->as.remote_command.only_reads &&
        !run_emit(frame->run, EVENT_INTENTION, step,
                  event_data_texts("arguments", step->as.remote_command.arguments,
                                   step->as.remote_command.argument_count),
                  "send %s to %s", step->as.remote_command.name,
                  address_is_set(to) ? address_format(to, text) : "the primary meta server")) {
        frame_finish(frame, &frame->run->failure);
        return;
    }
    frame->operation = cluster_remote_command(
        frame->run->setup.cluster, to, step->as.remote_command.name,
        step->as.remote_command.arguments, step->as.remote_command.argument_count,
        CLUSTER_CALL_TIMEOUT_US, command_answered, frame);
}

/* Closing a replica takes it away: the same rule as for any other loss. */
static void command_guarded(void *ctx, const struct evidence *evidence)
{
    struct frame *frame = ctx;
    struct command *command = frame->state;
    const struct inventory *inventory = frame->run->setup.inventory;
    const struct server *server = inventory_find(inventory, command_address(frame));
    const char **arguments = frame->step->as.remote_command.arguments;
    struct gpid gpid = {(int32_t)strtol(arguments[0], NULL, 10),
                        (int32_t)strtol(arguments[1], NULL, 10)};
    struct text reason = {0};
    command->gathering = false;
    if (frame_waits(frame, command_next)) {
        return;
    }
    bool waits;
    enum answer answer = work_guard(frame, evidence, server, &gpid, false, &waits, &reason);
    if (waits) {
        timer_start(frame->run->setup.loop, &command->end, US_PER_SECOND, command_next, frame);
        work_wait(frame, &command->told, &reason);
        text_clear(&reason);
        return;
    }
    bool overridden = answer == ANSWER_NO && override_guard(frame, &reason);
    if (!overridden) {
        run_emit(frame->run, EVENT_GUARD, frame->step, NULL, "%s: %s",
                 answer == ANSWER_YES ? "passed" : "refused", text_string(&reason));
    }
    if (answer == ANSWER_YES || overridden) {
        work_take(frame, server);
        command_send(frame);
    } else {
        struct error err;
        error_set(&err, ERROR_REFUSED, "the guard does not let %d.%d be closed on %s: %s",
                  gpid.app_id, gpid.partition, server->name, text_string(&reason));
        frame_finish(frame, &err);
    }
    text_clear(&reason);
}

static void command_next(void *ctx)
{
    struct frame *frame = ctx;
    struct command *command = frame->state;
    struct run *run = frame->run;
    if (frame->cancelled || command->next == command->count) {
        frame_finish(frame, NULL);
        return;
    }
    if (frame_waits(frame, command_next)) {
        return;
    }
    const struct server *server =
        is_kill(frame->step) ? inventory_find(run->setup.inventory, command_address(frame)) : NULL;
    if (is_kill(frame->step) && (server == NULL || server->role != ROLE_REPLICA)) {
        struct error err;
        error_set(&err, ERROR_REFUSED,
                  "replica.kill_partition goes to a replica server of this cluster");
        frame_finish(frame, &err);
    } else if (is_kill(frame->step)) {
        command->gathering = true;
        guard_add_needs(server, run->setup.inventory, gatherer_needs(command->gatherer));
        gatherer_start(command->gatherer, command_guarded, frame);
    } else {
        command_send(frame);
    }
}

static void command_start(struct frame *frame)
{
    struct command *command = frame->state;
    const struct inventory *inventory = frame->run->setup.inventory;
    enum command_to to = frame->step->as.remote_command.to;
    command->gatherer = gatherer_new(&frame->run->gatherers);
    command->count = to == TO_METAS      ? (size_t)inventory->count[ROLE_META]
                     : to == TO_REPLICAS ? (size_t)inventory->count[ROLE_REPLICA]
                                         : 1;
    timer_start(frame->run->setup.loop, &command->end, 0, command_next, frame);
}

static void command_cancel(struct frame *frame)
{
    struct command *command = frame->state;
    if (command->gathering) {
        gatherer_cancel(command->gatherer);
        timer_start(frame->run->setup.loop, &command->end, 0, frame_end, frame);
    } else if (frame->operation != NULL) {
        operation_cancel(frame->operation);
    } else {
        timer_start(frame->run->setup.loop, &command->end, 0, command_next, frame);
    }
}

static void command_clear(struct frame *frame)
{
    struct command *command = frame->state;
    timer_cancel(&command->end);
    gatherer_free(command->gatherer);
}

const struct step_ops ops_remote_command = {
    .state_bytes = sizeof(struct command),
    .start = command_start,
    .cancel = command_cancel,
    .clear = command_clear,
};
