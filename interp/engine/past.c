#include "engine/past.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names to places in an array: open addressing, twice as many slots as names or more. */
struct name_index {
    size_t *slots; /* place + 1; 0: free */
    size_t slot_count;
};

struct past {
    cJSON **records; /* all that something points into */
    size_t record_count;
    size_t record_capacity;
    const cJSON *header;
    const cJSON *baseline;
    const cJSON *leader; /* data of the last change of the lead */
    const char *outcome;
    const char *last_time;
    bool changed_anything;
    unsigned resumes;
    struct past_step *steps;
    size_t step_count;
    size_t step_capacity;
    struct name_index step_index;
    struct past_hold *holds;
    size_t hold_count;
    size_t hold_capacity;
    struct past_server *servers;
    size_t server_count;
    size_t server_capacity;
};

struct past *past_new(void)
{
    return memory_allocate(sizeof(struct past));
}

void past_free(struct past *past)
{
    if (past == NULL) {
        return;
    }
    for (size_t i = 0; i < past->record_count; i++) {
        cJSON_Delete(past->records[i]);
    }
    free(past->records);
    free(past->steps);
    free(past->step_index.slots);
    free(past->holds);
    for (size_t i = 0; i < past->server_count; i++) {
        free(past->servers[i].drained);
    }
    free(past->servers);
    free(past);
}

/* Room for one more; the new one is zeroed. */
static void *grow(void *array, size_t size, size_t *count, size_t *capacity)
{
    if (*count == *capacity) {
        *capacity = *capacity == 0 ? 16 : *capacity * 2;
        array = memory_resize(array, *capacity * size);
    }
    memset((char *)array + *count * size, 0, size);
    ++*count;
    return array;
}

/* ---- steps by id */
static size_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    }
    return (size_t)hash;
}

/* The slot of the name, or the free one where it belongs. */
static size_t *slot_of(const struct past *past, const char *id)
{
    const struct name_index *index = &past->step_index;
    size_t slot = hash_of(id) & (index->slot_count - 1);
    while (index->slots[slot] != 0 && strcmp(past->steps[index->slots[slot] - 1].id, id) != 0) {
        slot = (slot + 1) & (index->slot_count - 1);
    }
    return &index->slots[slot];
}

const struct past_step *past_find(const struct past *past, const char *id)
{
    if (past == NULL || past->step_count == 0) {
        return NULL;
    }
    size_t place = *slot_of(past, id);
    return place == 0 ? NULL : &past->steps[place - 1];
}

bool past_claim(struct past *past, const struct past_step *step)
{
    struct past_step *own = &past->steps[step - past->steps];
    bool first = !own->claimed;
    own->claimed = true;
    return first;
}

static void make_room(struct past *past)
{
    struct name_index *index = &past->step_index;
    if (2 * (past->step_count + 1) <= index->slot_count) {
        return;
    }
    free(index->slots);
    index->slot_count = index->slot_count == 0 ? 64 : index->slot_count * 2;
    index->slots = memory_allocate(index->slot_count * sizeof *index->slots);
    for (size_t i = 0; i < past->step_count; i++) {
        *slot_of(past, past->steps[i].id) = i + 1;
    }
}

/* `id` belongs to a record that is kept. */
static struct past_step *step_of(struct past *past, const char *id)
{
    make_room(past);
    size_t *slot = slot_of(past, id);
    if (*slot == 0) {
        past->steps =
            grow(past->steps, sizeof *past->steps, &past->step_count, &past->step_capacity);
        past->steps[past->step_count - 1].id = id;
        *slot = past->step_count;
    }
    return &past->steps[*slot - 1];
}

/* ---- holds */
static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static struct past_hold *hold_of(const struct past *past, const char *step, const char *name,
                                 const char *server)
{
    for (size_t i = past->hold_count; i > 0; i--) {
        struct past_hold *hold = &past->holds[i - 1];
        if (strcmp(hold->step, step) == 0 && strcmp(hold->name, name) == 0 &&
            same_text(hold->server, server)) {
            return hold;
        }
    }
    return NULL;
}

const struct past_hold *past_find_hold(const struct past *past, const char *step, const char *name,
                                       const char *server)
{
    return past == NULL ? NULL : hold_of(past, step, name, server);
}

size_t past_hold_count(const struct past *past)
{
    return past->hold_count;
}

const struct past_hold *past_hold_at(const struct past *past, size_t index)
{
    ASSERT(index < past->hold_count);
    return &past->holds[index];
}

/* Taken again after an interruption it has its value before still, and is another process's now. */
static void hold_begins(struct past *past, const struct past_hold *hold)
{
    struct past_hold *known = hold_of(past, hold->step, hold->name, hold->server);
    if (known == NULL) {
        past->holds =
            grow(past->holds, sizeof *past->holds, &past->hold_count, &past->hold_capacity);
        past->holds[past->hold_count - 1] = *hold;
    } else if (hold->process != NULL) {
        known->process = hold->process;
    }
}

static void hold_ends(struct past *past, const char *step, const char *name, const char *server)
{
    struct past_hold *hold = hold_of(past, step, name, server);
    if (hold != NULL) {
        size_t behind = past->hold_count - (size_t)(hold - past->holds) - 1;
        memmove(hold, hold + 1, behind * sizeof *hold);
        past->hold_count--;
    }
}

/* ---- servers */
static struct past_server *server_of(const struct past *past, const char *name)
{
    for (size_t i = 0; i < past->server_count; i++) {
        if (strcmp(past->servers[i].name, name) == 0) {
            return &past->servers[i];
        }
    }
    return NULL;
}

const struct past_server *past_find_server(const struct past *past, const char *name)
{
    return past == NULL ? NULL : server_of(past, name);
}

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

static const char *text_of(const cJSON *json, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, name);
    return cJSON_IsString(member) ? member->valuestring : NULL;
}

static bool misses(const struct taking *taking, const char *what)
{
    error_set(taking->err, ERROR_INVALID_FILE,
              "line %zu of the journal, '%s', misses %s: it cannot be gone by", taking->line,
              text_of(taking->record, "event"), what);
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
    return taking->step == NULL ? NULL : step_of(taking->past, taking->step);
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
        taking->server == NULL ? NULL : server_of(taking->past, taking->server);
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
    step_taken(taking)->why = text_of(taking->record, "text");
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
        step->answer = text_of(taking->data, "answer");
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
    struct past_server *server = server_of(past, taking->server);
    if (server == NULL) {
        past->servers =
            grow(past->servers, sizeof *past->servers, &past->server_count, &past->server_capacity);
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
    server->drained = grow(server->drained, sizeof(const cJSON *), &server->drained_count,
                           &server->drained_capacity);
    server->drained[server->drained_count - 1] = partitions;
    return true;
}

/* A deploy says which action it is about to do, and when the server was started before. */
static bool take_deploy(struct taking *taking, const char *action)
{
    const char *start = text_of(taking->data, "start_time_before");
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
        .name = text_of(taking->data, "name"),
        .server = text_of(taking->data, "server"),
        .before = text_of(taking->data, "before"),
        .value = value,
        .process = text_of(taking->data, "process"),
        .configured = text_of(taking->data, "configured"),
    };
    if (hold.step == NULL || hold.name == NULL || hold.before == NULL || value == NULL) {
        return misses(taking, "the value held or the one before");
    }
    hold_begins(taking->past, &hold);
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
    const char *action = text_of(taking->data, "action");
    if (action != NULL) {
        return take_deploy(taking, action);
    }
    const char *kind = text_of(taking->record, "kind");
    if (kind != NULL && strcmp(kind, "drain_node") == 0) {
        return take_drain(taking);
    }
    if (text_of(taking->data, "before") != NULL) {
        return take_hold(taking, text_of(taking->data, "to"));
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
    return take_hold(taking, text_of(taking->data, "value"));
}

/* A new process of the server has what is held there. */
static bool take_told_again(struct taking *taking)
{
    const char *name = text_of(taking->data, "name");
    const char *server = text_of(taking->data, "server");
    const char *process = text_of(taking->data, "process");
    for (size_t i = 0; process != NULL && i < taking->past->hold_count; i++) {
        struct past_hold *hold = &taking->past->holds[i];
        if (same_text(hold->name, name) && same_text(hold->server, server)) {
            hold->process = process;
        }
    }
    return true;
}

static bool take_put_back(struct taking *taking)
{
    const char *name = text_of(taking->data, "name");
    if (taking->step != NULL && name != NULL) {
        hold_ends(taking->past, taking->step, name, text_of(taking->data, "server"));
    }
    return true;
}

/* Another hold of the same value puts it back from now on, to what it was before this one. */
static bool take_handed_on(struct taking *taking)
{
    struct past *past = taking->past;
    struct past_hold heir = {
        .step = text_of(taking->data, "to"),
        .name = text_of(taking->data, "name"),
        .server = text_of(taking->data, "server"),
        .before = text_of(taking->data, "before"),
        .value = text_of(taking->data, "value"),
        .process = text_of(taking->data, "process"),
        .configured = text_of(taking->data, "configured"),
    };
    if (taking->step == NULL || heir.step == NULL || heir.name == NULL || heir.before == NULL ||
        heir.value == NULL) {
        return misses(taking, "the hold it is handed on to, or the value before");
    }
    hold_begins(past, &heir);
    hold_of(past, heir.step, heir.name, heir.server)->before = heir.before;
    hold_ends(past, taking->step, heir.name, heir.server);
    return true;
}

/* What somebody else set is left alone: it is not ours to put back any more. */
static bool take_not_put_back(struct taking *taking)
{
    return text_of(taking->data, "found") == NULL || take_put_back(taking);
}

static bool take_finished(struct taking *taking)
{
    taking->past->outcome = text_of(taking->data, "outcome");
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
    past->records =
        grow(past->records, sizeof *past->records, &past->record_count, &past->record_capacity);
    past->records[past->record_count - 1] = record;
}

bool past_take(void *ctx, const cJSON *record, size_t line, struct error *err)
{
    struct past *past = ctx;
    const char *event = text_of(record, "event");
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
        .step = text_of(copy, "step"),
        .server = text_of(copy, "server"),
        .line = line,
        .err = err,
    };
    bool ok = take(&taking);
    /* Ids are looked up by the first text seen, so even a failed record is kept: the past is freed
     * whole. */
    keep_record(past, copy);
    past->last_time = text_of(copy, "time");
    return ok;
}

/* ---- the whole run */
const cJSON *past_header(const struct past *past)
{
    return past->header;
}

const char *past_outcome(const struct past *past)
{
    return past->outcome;
}

const cJSON *past_baseline(const struct past *past)
{
    return past == NULL ? NULL : past->baseline;
}

void past_leader(const struct past *past, struct address *leader, char start_time[32])
{
    struct address address;
    struct error ignored; /* the values are told to whoever leads then */
    const char *text = text_of(past->leader, "leader");
    const char *start = text_of(past->leader, "leader_start");
    if (text != NULL && start != NULL && address_parse(text, &address, &ignored)) {
        *leader = address;
        snprintf(start_time, 32, "%s", start);
    }
}

bool past_changed_anything(const struct past *past)
{
    return past->changed_anything;
}

const char *past_last_time(const struct past *past)
{
    return past->last_time == NULL ? "" : past->last_time;
}
