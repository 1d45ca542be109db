/* engine/past_take.c - the records of a journal, one after the other, become what was done. */
#include "engine/past_private.h"

#include <string.h>

/* ---- one record */
struct taking {
    struct past *past;
    const cJSON *record;
    const cJSON *data;
    const char *step; /* or NULL */
    const char *server;
    size_t line;
    struct error *err;
};

const char *past_text(const cJSON *json, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, name);
    return cJSON_IsString(member) ? member->valuestring : NULL;
}

static bool misses(const struct taking *taking, const char *what)
{
    error_set(taking->err, ERROR_INVALID_FILE,
              "line %zu of the journal, '%s', misses %s: it cannot be gone by", taking->line,
              past_text(taking->record, "event"), what);
    return false;
}

static bool take_nothing(struct taking *taking)
{
    (void)taking;
    return true;
}

static bool take_header(struct taking *taking)
{
    taking->past->header = taking->data;
    return taking->data != NULL || misses(taking, "its data");
}

static bool take_baseline(struct taking *taking)
{
    taking->past->baseline = taking->data;
    return taking->data != NULL || misses(taking, "its values");
}

static bool take_leader(struct taking *taking)
{
    taking->past->leader = taking->data;
    return true;
}

static bool take_resumed(struct taking *taking)
{
    taking->past->outcome = NULL; /* it goes on */
    taking->past->resumes++;
    return true;
}

static struct past_step *step_taken(struct taking *taking)
{
    return taking->step == NULL ? NULL : past_step_of(taking->past, taking->step);
}

static uint64_t sequence_of(const struct taking *taking)
{
    return (uint64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(taking->record, "seq"));
}

/* Started again after an end, and not by a resume: what its children did is of another attempt. */
static bool take_started(struct taking *taking)
{
    struct past_step *step = step_taken(taking);
    if (step == NULL) {
        return misses(taking, "its step");
    }
    uint64_t sequence = sequence_of(taking);
    bool ended = step->state != PAST_BEGUN && step->ended_in == taking->past->resumes;
    if (step->began == 0 || ended) {
        step->began = sequence;
    }
    step->started = sequence;
    if (step->state != PAST_BEGUN) {
        step->state = PAST_BEGUN;
        step->intended = false;
        step->outcome_known = false;
        step->intention = NULL;
        step->child = NULL;
    } /* else a resume began it anew: what it was about to do is as open as before */
    return true;
}

static bool take_end(struct taking *taking, enum past_state state)
{
    struct past_step *step = step_taken(taking);
    if (step == NULL) {
        return misses(taking, "its step");
    }
    step->state = state;
    step->ended_in = taking->past->resumes;
    return true;
}

/* The turn of a server is over when its rolling's body is done. */
static bool take_done(struct taking *taking)
{
    if (!take_end(taking, PAST_DONE)) {
        return false;
    }
    struct past_server *server =
        taking->server == NULL ? NULL : past_server_of(taking->past, taking->server);
    if (server != NULL && step_taken(taking)->picked) {
        server->in_work = false;
    }
    return true;
}

static bool take_failed(struct taking *taking)
{
    if (!take_end(taking, PAST_FAILED)) {
        return false;
    }
    step_taken(taking)->why = past_text(taking->record, "text");
    return true;
}

static bool take_passed_over(struct taking *taking)
{
    return taking->step == NULL || take_end(taking, PAST_PASSED_OVER);
}

static bool take_answered(struct taking *taking)
{
    struct past_step *step = step_taken(taking);
    if (step != NULL) {
        step->answer = past_text(taking->data, "answer");
    }
    return true;
}

static bool take_picked(struct taking *taking)
{
    struct past_step *step = step_taken(taking);
    if (step == NULL) {
        return misses(taking, "its step");
    }
    step->picked = true;
    step->started = sequence_of(taking);
    return true;
}

static struct past_server *server_taken(struct taking *taking)
{
    struct past *past = taking->past;
    struct past_server *server = past_server_of(past, taking->server);
    if (server == NULL) {
        past->servers = past_grow(past->servers, sizeof *past->servers, &past->server_count,
                                  &past->server_capacity);
        server = &past->servers[past->server_count - 1];
        server->name = taking->server;
        server->start_time_before = "";
    }
    return server;
}

/* rejoin_node brings back what drain_node has taken away, or was about to. */
static bool take_drain(struct taking *taking)
{
    const cJSON *partitions = cJSON_GetObjectItemCaseSensitive(taking->data, "partitions");
    if (taking->server == NULL || !cJSON_IsArray(partitions)) {
        return misses(taking, "the server or its partitions");
    }
    struct past_server *server = server_taken(taking);
    server->drained = past_grow(server->drained, sizeof(const cJSON *), &server->drained_count,
                                &server->drained_capacity);
    server->drained[server->drained_count - 1] = partitions;
    return true;
}

/* A deploy says which action it is about to do, and when the server was started before. */
static bool take_deploy(struct taking *taking, const char *action)
{
    const char *start = past_text(taking->data, "start_time_before");
    if (taking->server == NULL || start == NULL) {
        return misses(taking, "the server or its start time");
    }
    struct past_server *server = server_taken(taking);
    server->action = action;
    server->start_time_before = start;
    server->in_work = true;
    return true;
}

static bool take_hold(struct taking *taking, const char *value)
{
    const struct past_hold hold = {
        .step = taking->step,
        .name = past_text(taking->data, "name"),
        .server = past_text(taking->data, "server"),
        .before = past_text(taking->data, "before"),
        .value = value,
        .process = past_text(taking->data, "process"),
        .configured = past_text(taking->data, "configured"),
    };
    if (hold.step == NULL || hold.name == NULL || hold.before == NULL || value == NULL) {
        return misses(taking, "the value held or the one before");
    }
    past_hold_begins(taking->past, &hold);
    return true;
}

static bool take_intention(struct taking *taking)
{
    taking->past->changed_anything = true;
    struct past_step *step = step_taken(taking);
    if (step == NULL) {
        return true; /* what a change of the lead lost is put back at the end */
    }
    step->intended = true;
    step->outcome_known = false;
    step->intention = taking->data;
    const char *action = past_text(taking->data, "action");
    if (action != NULL) {
        return take_deploy(taking, action);
    }
    const char *kind = past_text(taking->record, "kind");
    if (kind != NULL && strcmp(kind, "drain_node") == 0) {
        return take_drain(taking);
    }
    if (past_text(taking->data, "before") != NULL) {
        return take_hold(taking, past_text(taking->data, "to"));
    }
    return true;
}

static bool take_outcome(struct taking *taking)
{
    struct past_step *step = step_taken(taking);
    if (step != NULL) {
        step->outcome_known = true;
    }
    return true;
}

static bool take_program(struct taking *taking)
{
    struct past_step *step = step_taken(taking);
    if (step == NULL) {
        return misses(taking, "its step");
    }
    step->child = taking->data;
    return true;
}

static bool take_held(struct taking *taking)
{
    return take_hold(taking, past_text(taking->data, "value"));
}

/* A new process of the server has what is held there. */
static bool take_told_again(struct taking *taking)
{
    const char *name = past_text(taking->data, "name");
    const char *server = past_text(taking->data, "server");
    const char *process = past_text(taking->data, "process");
    for (size_t i = 0; process != NULL && i < taking->past->hold_count; i++) {
        struct past_hold *hold = &taking->past->holds[i];
        if (past_same_text(hold->name, name) && past_same_text(hold->server, server)) {
            hold->process = process;
        }
    }
    return true;
}

static bool take_put_back(struct taking *taking)
{
    const char *name = past_text(taking->data, "name");
    if (taking->step != NULL && name != NULL) {
        past_hold_ends(taking->past, taking->step, name, past_text(taking->data, "server"));
    }
    return true;
}

/* Another hold of the same value puts it back from now on, to what it was before this one. */
static bool take_handed_on(struct taking *taking)
{
    struct past *past = taking->past;
    struct past_hold heir = {
        .step = past_text(taking->data, "to"),
        .name = past_text(taking->data, "name"),
        .server = past_text(taking->data, "server"),
        .before = past_text(taking->data, "before"),
        .value = past_text(taking->data, "value"),
        .process = past_text(taking->data, "process"),
        .configured = past_text(taking->data, "configured"),
    };
    if (taking->step == NULL || heir.step == NULL || heir.name == NULL || heir.before == NULL ||
        heir.value == NULL) {
        return misses(taking, "the hold it is handed on to, or the value before");
    }
    past_hold_begins(past, &heir);
    past_hold_of(past, heir.step, heir.name, heir.server)->before = heir.before;
    past_hold_ends(past, taking->step, heir.name, heir.server);
    return true;
}

/* What somebody else set is left alone: it is not ours to put back any more. */
static bool take_not_put_back(struct taking *taking)
{
    return past_text(taking->data, "found") == NULL || take_put_back(taking);
}

static bool take_finished(struct taking *taking)
{
    taking->past->outcome = past_text(taking->data, "outcome");
    return taking->past->outcome != NULL || misses(taking, "the outcome");
}

static const struct {
    const char *event;
    bool (*take)(struct taking *taking);
} takers[] = {
    {"journal", take_header},
    {"resumed", take_resumed},
    {"baseline", take_baseline},
    {"leader_changed", take_leader},
    {"step_started", take_started},
    {"step_done", take_done},
    {"step_failed", take_failed},
    {"passed_over", take_passed_over},
    {"answered", take_answered},
    {"picked", take_picked},
    {"intention", take_intention},
    {"outcome", take_outcome},
    {"output", take_outcome},
    {"program", take_program},
    {"held", take_held},
    {"told_again", take_told_again},
    {"put_back", take_put_back},
    {"not_put_back", take_not_put_back},
    {"handed_on", take_handed_on},
    {"run_finished", take_finished},
};

static void keep_record(struct past *past, cJSON *record)
{
    past->records = past_grow(past->records, sizeof *past->records, &past->record_count,
                              &past->record_capacity);
    past->records[past->record_count - 1] = record;
}

bool past_take(void *ctx, const cJSON *record, size_t line, struct error *err)
{
    struct past *past = ctx;
    const char *event = past_text(record, "event");
    bool (*take)(struct taking * taking) = take_nothing;
    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
        if (strcmp(takers[i].event, event) == 0) {
            take = takers[i].take;
        }
    }
    if (take == take_nothing) {
        return true;
    }
    cJSON *copy = cJSON_Duplicate(record, true);
    struct taking taking = {
        .past = past,
        .record = copy,
        .data = cJSON_GetObjectItemCaseSensitive(copy, "data"),
        .step = past_text(copy, "step"),
        .server = past_text(copy, "server"),
        .line = line,
        .err = err,
    };
    bool ok = take(&taking);
    /* Ids are looked up by the first text seen, so even a failed record is kept: the past is freed
     * whole. */
    keep_record(past, copy);
    past->last_time = past_text(copy, "time");
    return ok;
}
