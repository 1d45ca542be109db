/* report/standing_ask.c - what a folded run answers: what acts, what is held, in which state it is.
 */
#include "report/standing.h"

#include "base/duration.h"
#include "base/text.h"
#include "lang/lang.h"

#include <string.h>

/* ---- steps under way */
static bool is_group(enum step_kind kind)
{
    return kind == STEP_STEPS || kind == STEP_PARALLEL || kind == STEP_WHEN ||
           kind == STEP_ROLLING || kind == STEP_HOLD || kind == STEP_TRY;
}

/* A nudge's id, or that of an adapter's step, goes on where its parent's ends. */
static bool is_below(const char *id, const char *parent)
{
    size_t length = strlen(parent);
    return strncmp(id, parent, length) == 0 && id[length] == '/';
}

static bool has_child(const struct standing *standing, const struct standing_step *step)
{
    for (size_t i = 0; i < standing->step_count; i++) {
        if (is_below(standing->steps[i].id, step->id)) {
            return true;
        }
    }
    return false;
}

size_t standing_acting(const struct standing *standing, const struct standing_step **out,
                       size_t limit)
{
    size_t count = 0;
    for (size_t i = 0; i < standing->step_count; i++) {
        const struct standing_step *step = &standing->steps[i];
        bool waits = step->reason != NULL || step->question != NULL;
        bool acts = is_group(step->kind) ? waits : !has_child(standing, step);
        if (acts && count < limit) {
            out[count++] = step;
        }
    }
    if (count == 0 && standing->step_count > 0 && limit > 0) {
        out[count++] = &standing->steps[standing->step_count - 1];
    }
    return count;
}

const struct standing_step *standing_wait_of(const struct standing *standing,
                                             const struct standing_step *step)
{
    if (step->reason != NULL) {
        return step;
    }
    for (size_t i = standing->step_count; i > 0; i--) {
        const struct standing_step *around = &standing->steps[i - 1];
        if (around->kind == STEP_WAIT_UNTIL && around->reason != NULL &&
            is_below(step->id, around->id)) {
            return around;
        }
    }
    return NULL;
}

bool standing_limit_stands(const struct standing *standing, const struct standing_step *wait)
{
    return standing->paused_why != NULL && wait->is_limit && wait->until_us >= 0;
}

int64_t standing_left_us(const struct standing *standing, const struct standing_step *wait,
                         int64_t now_us)
{
    if (wait->until_us < 0) {
        return -1;
    }
    if (standing_limit_stands(standing, wait)) {
        now_us = wait->told_us > standing->paused_us ? wait->told_us : standing->paused_us;
    }
    return wait->until_us > now_us ? wait->until_us - now_us : 0;
}

const char *standing_short_id(const char *id, const char *server)
{
    const char *found = server == NULL ? NULL : strstr(id, server);
    if (found == NULL) {
        return id;
    }
    found += strlen(server);
    return *found == '/' ? found + 1 : id;
}

/* ---- holds */
static bool same_server(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

size_t standing_holds(const struct standing *standing, struct standing_hold *out, size_t limit)
{
    size_t count = 0;
    for (size_t i = 0; i < past_hold_count(standing->past); i++) {
        const struct past_hold *hold = past_hold_at(standing->past, i);
        size_t known = 0;
        while (known < count && (strcmp(out[known].name, hold->name) != 0 ||
                                 !same_server(out[known].server, hold->server))) {
            known++;
        }
        if (known == count && count < limit) {
            out[count++] = (struct standing_hold){
                .name = hold->name, .server = hold->server, .before = hold->before};
        }
        if (known < count) {
            out[known].value = hold->value;
            out[known].step = hold->step;
        }
    }
    return count;
}

size_t standing_count(const struct standing *standing, enum role role, enum turn turn)
{
    size_t count = 0;
    for (size_t i = 0; i < standing->server_count; i++) {
        const struct standing_server *server = &standing->servers[i];
        count += server->role == role && server->turn == turn;
    }
    return count;
}

/* ---- state */
bool standing_needs_somebody(const struct standing *standing)
{
    return past_hold_count(standing->past) > 0;
}

enum standing_state standing_state(const struct standing *standing, bool alive)
{
    if (standing->outcome != NULL) {
        return STANDING_ENDED;
    }
    if (!alive) {
        return STANDING_DEAD;
    }
    if (standing->stopping) {
        return STANDING_STOPS;
    }
    for (size_t i = 0; i < standing->step_count; i++) {
        if (standing->steps[i].question != NULL) {
            return STANDING_ASKS;
        }
    }
    return standing->paused_why != NULL ? STANDING_PAUSED : STANDING_GOES_ON;
}

const char *standing_state_name(const struct standing *standing, bool alive)
{
    switch (standing_state(standing, alive)) {
    case STANDING_GOES_ON:
        return "running";
    case STANDING_PAUSED:
        return "PAUSED";
    case STANDING_ASKS:
        return "QUESTION";
    case STANDING_STOPS:
        return "stopping";
    case STANDING_DEAD:
        return "KILLED";
    case STANDING_ENDED:
        return standing->outcome;
    }
    return "?";
}

void standing_advise(const struct standing *standing, bool alive, struct text *out)
{
    bool holds = past_hold_count(standing->past) > 0;
    switch (standing_state(standing, alive)) {
    case STANDING_DEAD:
        if (standing->command[0] != '\0') {
            text_printf(out, "do it again: pegflow %s", standing->command);
        } else {
            text_printf(out,
                        "pegflow resume %s goes on with it, pegflow revert %s puts back what "
                        "it holds",
                        standing->run, standing->run);
        }
        break;
    case STANDING_ENDED:
        if (holds) {
            text_printf(out, "pegflow revert %s puts back what it left", standing->run);
        } else if (strcmp(standing->outcome, "stopped") == 0) {
            text_printf(out, "pegflow resume %s goes on with it", standing->run);
        }
        break;
    case STANDING_GOES_ON:
    case STANDING_PAUSED:
    case STANDING_ASKS:
    case STANDING_STOPS:
        break;
    }
}

/* ---- JSON */
static void add_text(cJSON *to, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        cJSON_AddStringToObject(to, name, text);
    }
}

static void add_moment(cJSON *to, const char *name, const struct standing *standing, int64_t at_us)
{
    char buffer[WALL_TEXT_BYTES];
    int64_t wall_us = standing->last_wall_us + at_us - standing->last_us;
    cJSON_AddStringToObject(to, name, wall_format_utc(wall_us, buffer));
}

static cJSON *servers_json(const struct standing *standing)
{
    static const char *const turns[TURN_COUNT] = {"to do", "in work", "done", "failed"};
    cJSON *json = cJSON_CreateObject();
    for (int role = 0; role < ROLE_COUNT; role++) {
        cJSON *list = cJSON_AddArrayToObject(json, role_name((enum role)role));
        for (size_t i = 0; i < standing->server_count; i++) {
            const struct standing_server *server = &standing->servers[i];
            if (server->role == (enum role)role) {
                cJSON *entry = cJSON_CreateObject();
                cJSON_AddStringToObject(entry, "name", server->name);
                cJSON_AddStringToObject(entry, "state", turns[server->turn]);
                cJSON_AddItemToArray(list, entry);
            }
        }
    }
    return json;
}

static cJSON *step_json(const struct standing *standing, const struct standing_step *step)
{
    const struct standing_step *wait = standing_wait_of(standing, step);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "step", step->id);
    cJSON_AddStringToObject(json, "kind", step_kind_name(step->kind));
    add_text(json, "server", step->server);
    add_text(json, "file", step->file);
    cJSON_AddNumberToObject(json, "line", step->line);
    add_moment(json, "since", standing, step->began_us);
    if (wait != NULL) {
        cJSON *waits = cJSON_AddObjectToObject(json, "waits");
        add_text(waits, "condition", wait->condition);
        add_text(waits, "seen", wait->reason);
        cJSON_AddBoolToObject(waits, "unknown", wait->unknown);
        add_moment(waits, "since", standing, wait->waits_since_us);
        if (standing_limit_stands(standing, wait)) {
            event_add_ms(waits, "left_ms", standing_left_us(standing, wait, 0));
        } else if (wait->until_us >= 0) {
            add_moment(waits, "until", standing, wait->until_us);
        }
        add_text(waits, "then", wait->then);
    }
    if (step->question != NULL) {
        cJSON *asks = cJSON_AddObjectToObject(json, "asks");
        add_text(asks, "question", step->question);
        add_text(asks, "answers", step->answers);
        add_moment(asks, "since", standing, step->asked_us);
    }
    return json;
}

static void add_holds(cJSON *json, const struct standing *standing)
{
    cJSON *list = cJSON_AddArrayToObject(json, "holds");
    for (size_t i = 0; i < past_hold_count(standing->past); i++) {
        const struct past_hold *hold = past_hold_at(standing->past, i);
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddStringToObject(entry, "name", hold->name);
        add_text(entry, "server", hold->server);
        cJSON_AddStringToObject(entry, "before", hold->before);
        cJSON_AddStringToObject(entry, "value", hold->value);
        cJSON_AddStringToObject(entry, "step", hold->step);
        cJSON_AddItemToArray(list, entry);
    }
}

cJSON *standing_to_json(const struct standing *standing, bool alive, int64_t now_us)
{
    enum { ACTING_LIMIT = 256 };
    static const char *const states[] = {"running",  "paused", "question",
                                         "stopping", "ended",  "killed"};
    const struct standing_step *acting[ACTING_LIMIT];
    char buffer[WALL_TEXT_BYTES];
    struct text advice = {0};
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "run", standing->run);
    cJSON_AddStringToObject(json, "cluster", standing->cluster);
    cJSON_AddStringToObject(json, "workflow", standing->workflow);
    add_text(json, "name", standing->name);
    add_text(json, "command", standing->command);
    add_text(json, "user", standing->user);
    add_text(json, "host", standing->host);
    add_text(json, "reason", standing->reason);
    cJSON_AddNumberToObject(json, "pid", (double)standing->pid);
    cJSON_AddStringToObject(json, "state", states[standing_state(standing, alive)]);
    cJSON_AddStringToObject(json, "began", wall_format_utc(standing->began_wall_us, buffer));
    cJSON_AddStringToObject(json, "last", wall_format_utc(standing->last_wall_us, buffer));
    event_add_ms(json, "took_ms", now_us);
    cJSON_AddItemToObject(json, "servers", servers_json(standing));
    cJSON *steps = cJSON_AddArrayToObject(json, "steps");
    size_t count = standing_acting(standing, acting, ACTING_LIMIT);
    for (size_t i = 0; i < count; i++) {
        cJSON_AddItemToArray(steps, step_json(standing, acting[i]));
    }
    add_holds(json, standing);
    add_text(json, "paused", standing->paused_why);
    add_text(json, "failure", standing->failure);
    if (standing->outcome != NULL) {
        cJSON_AddStringToObject(json, "outcome", standing->outcome);
        cJSON_AddNumberToObject(json, "exit_code", standing->exit_code);
        add_text(json, "ending", standing->ending);
    }
    standing_advise(standing, alive, &advice);
    add_text(json, "next", text_string(&advice));
    text_clear(&advice);
    return json;
}
