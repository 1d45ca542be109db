#include "report/standing.h"

#include "base/duration.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- life */
struct standing *standing_new(void)
{
    struct standing *standing = memory_allocate(sizeof *standing);
    standing->past = past_new();
    standing->run = standing->cluster = standing->workflow = "";
    standing->user = standing->host = standing->reason = standing->command = "";
    return standing;
}

static void replace(char **owned, const char *text)
{
    char *copy = text == NULL ? NULL : memory_copy_string(text);
    free(*owned);
    *owned = copy;
}

static void stop_waiting(struct standing_step *step)
{
    replace(&step->condition, NULL);
    replace(&step->reason, NULL);
    replace(&step->then, NULL);
}

static void answered(struct standing_step *step)
{
    replace(&step->question, NULL);
    replace(&step->answers, NULL);
}

static void step_clear(struct standing_step *step)
{
    stop_waiting(step);
    answered(step);
    free(step->id);
    free(step->server);
    free(step->file);
}

static void clear_steps(struct standing *standing)
{
    for (size_t i = 0; i < standing->step_count; i++) {
        step_clear(&standing->steps[i]);
    }
    standing->step_count = 0;
}

void standing_free(struct standing *standing)
{
    if (standing == NULL) {
        return;
    }
    clear_steps(standing);
    free(standing->steps);
    for (size_t i = 0; i < standing->server_count; i++) {
        free(standing->servers[i].turn_id);
    }
    free(standing->servers);
    for (int role = 0; role < ROLE_COUNT; role++) {
        free(standing->rolling[role]);
    }
    free(standing->name);
    free(standing->last_text);
    free(standing->paused_why);
    free(standing->paused_text);
    free(standing->failure);
    free(standing->outcome);
    free(standing->ending);
    past_free(standing->past);
    free(standing);
}

/* ---- the header */
static const char *header_text(const cJSON *header, const char *name)
{
    const char *text = member_text(header, name);
    return text == NULL ? "" : text;
}

static void add_servers(struct standing *standing, const cJSON *list, enum role role)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, list)
    {
        const char *name = member_text(entry, "name");
        if (name != NULL) {
            standing->servers = memory_resize(standing->servers, (standing->server_count + 1) *
                                                                     sizeof *standing->servers);
            standing->servers[standing->server_count++] =
                (struct standing_server){.name = name, .role = role};
        }
    }
}

static void take_header(struct standing *standing)
{
    const cJSON *header = past_header(standing->past);
    const cJSON *servers = cJSON_GetObjectItemCaseSensitive(header, "servers");
    if (header == NULL || standing->server_count > 0) {
        return;
    }
    standing->run = header_text(header, "run");
    standing->cluster = header_text(header, "cluster");
    standing->workflow = header_text(header, "workflow");
    standing->user = header_text(header, "user");
    standing->host = header_text(header, "host");
    standing->reason = header_text(header, "reason");
    standing->command = header_text(header, "command");
    standing->pid = member_integer(header, "pid", 0);
    for (int role = 0; role < ROLE_COUNT; role++) {
        const char *name = role_name((enum role)role);
        add_servers(standing, cJSON_GetObjectItemCaseSensitive(servers, name), (enum role)role);
    }
}

/* ---- steps */
static struct standing_step *find_step(struct standing *standing, const struct step *step)
{
    for (size_t i = standing->step_count; step != NULL && i > 0; i--) {
        if (strcmp(standing->steps[i - 1].id, step->id) == 0) {
            return &standing->steps[i - 1];
        }
    }
    return NULL;
}

static void step_ends(struct standing *standing, const struct step *step)
{
    struct standing_step *found = find_step(standing, step);
    if (found != NULL) {
        size_t behind = standing->step_count - (size_t)(found - standing->steps) - 1;
        step_clear(found);
        memmove(found, found + 1, behind * sizeof *found);
        standing->step_count--;
    }
}

static void step_begins(struct standing *standing, const struct event *event)
{
    const struct step *step = event->step;
    step_ends(standing, step); /* a resume starts it again without its having ended */
    if (standing->step_count == standing->step_capacity) {
        standing->step_capacity = standing->step_capacity == 0 ? 16 : 2 * standing->step_capacity;
        standing->steps =
            memory_resize(standing->steps, standing->step_capacity * sizeof *standing->steps);
    }
    standing->steps[standing->step_count++] = (struct standing_step){
        .id = memory_copy_string(step->id),
        .kind = step->kind,
        .server = event->server == NULL ? NULL : memory_copy_string(event->server->name),
        .file = memory_copy_string(step->where.file),
        .line = step->where.line,
        .began_us = event->at_us,
        .until_us = -1,
    };
}

/* A wait tells condition, what was seen and how much time is left; others only a sentence. */
static void step_waits(struct standing *standing, const struct event *event)
{
    struct standing_step *step = find_step(standing, event->step);
    if (step == NULL) {
        return;
    }
    const char *answer = member_text(event->data, "answer");
    const char *reason = member_text(event->data, "reason");
    int64_t waited_ms = member_integer(event->data, "waited_ms", -1);
    int64_t left_ms = member_integer(event->data, "left_ms", -1);
    bool waited = step->reason != NULL;
    replace(&step->condition, member_text(event->data, "condition"));
    replace(&step->reason, reason == NULL ? event->text : reason);
    replace(&step->then, member_text(event->data, "then"));
    step->unknown = answer != NULL && strcmp(answer, "unknown") == 0;
    if (waited_ms >= 0) {
        step->waits_since_us = event->at_us - waited_ms * US_PER_MS;
    } else if (!waited) {
        step->waits_since_us = event->at_us;
    }
    step->told_us = event->at_us;
    step->is_limit = true;
    step->until_us = left_ms < 0 ? -1 : event->at_us + left_ms * US_PER_MS;
}

/* A pause between two servers, a sleep, a pause before another try. */
static void step_pauses(struct standing *standing, const struct event *event)
{
    struct standing_step *step = find_step(standing, event->step);
    int64_t for_ms = member_integer(event->data, "pause_ms", -1);
    if (step != NULL && for_ms >= 0) {
        stop_waiting(step);
        replace(&step->reason, event->text);
        replace(&step->then, "it goes on");
        step->unknown = false;
        step->waits_since_us = event->at_us;
        step->told_us = event->at_us;
        step->is_limit = false;
        step->until_us = event->at_us + for_ms * US_PER_MS;
    }
}

static void step_asks(struct standing *standing, const struct event *event)
{
    struct standing_step *step = find_step(standing, event->step);
    const cJSON *answer;
    struct text answers = {0};
    if (step == NULL) {
        return;
    }
    const char *question = member_text(event->data, "question");
    cJSON_ArrayForEach(answer, cJSON_GetObjectItemCaseSensitive(event->data, "answers"))
    {
        if (cJSON_IsString(answer)) {
            text_printf(&answers, "%s%s", answers.length > 0 ? ", " : "", answer->valuestring);
        }
    }
    replace(&step->question, question == NULL ? event->text : question);
    replace(&step->answers, text_string(&answers));
    step->asked_us = event->at_us;
    text_clear(&answers);
}

/* ---- servers and their turns */
static struct standing_server *find_server(struct standing *standing, const struct event *event)
{
    for (size_t i = 0; event->server != NULL && i < standing->server_count; i++) {
        if (strcmp(standing->servers[i].name, event->server->name) == 0) {
            return &standing->servers[i];
        }
    }
    return NULL;
}

static void rolling_begins(struct standing *standing, enum role role, const char *id)
{
    replace(&standing->rolling[role], id);
    standing->rolling_of[role] = 0;
    for (size_t i = 0; i < standing->server_count; i++) {
        struct standing_server *server = &standing->servers[i];
        if (server->role == role) {
            server->turn = TURN_TO_DO;
            replace(&server->turn_id, NULL);
        }
    }
}

static void turn_begins(struct standing *standing, const struct event *event)
{
    struct standing_server *server = find_server(standing, event);
    if (server == NULL || event->step == NULL) {
        return;
    }
    const char *id = event->step->id;
    const char *slash = strrchr(id, '/');
    char *rolling = memory_copy_string(id);
    rolling[slash == NULL ? 0 : slash - id] = '\0';
    if (standing->rolling[server->role] == NULL ||
        strcmp(standing->rolling[server->role], rolling) != 0) {
        rolling_begins(standing, server->role, rolling);
    }
    free(rolling);
    standing->rolling_of[server->role] =
        member_integer(event->data, "of", standing->rolling_of[server->role]);
    server->turn = TURN_IN_WORK;
    server->began_us = event->at_us;
    replace(&server->turn_id, id);
    struct standing_step *around = NULL; /* the pause before this server is over */
    for (size_t i = 0; i < standing->step_count; i++) {
        if (strcmp(standing->steps[i].id, standing->rolling[server->role]) == 0) {
            around = &standing->steps[i];
        }
    }
    if (around != NULL) {
        stop_waiting(around);
    }
}

static void turn_ends(struct standing *standing, const struct event *event, enum turn turn)
{
    struct standing_server *server = find_server(standing, event);
    if (server != NULL && server->turn_id != NULL && event->step != NULL &&
        strcmp(server->turn_id, event->step->id) == 0) {
        server->turn = turn;
        server->ended_us = event->at_us;
    }
}

/* ---- the whole run */
static void step_failed(struct standing *standing, const struct event *event)
{
    turn_ends(standing, event, TURN_FAILED);
    step_ends(standing, event->step);
    if (standing->failure == NULL && event->step != NULL) {
        struct text text = {0};
        text_printf(&text, "%s%s%s", event->step->id, event->step->id[0] == '\0' ? "" : ": ",
                    event->text);
        standing->failure = text_take(&text);
    }
}

static void paused(struct standing *standing, const struct event *event)
{
    const char *why = member_text(event->data, "why");
    if (standing->paused_why == NULL) {
        standing->paused_us = event->at_us;
    }
    replace(&standing->paused_why, why == NULL ? event->text : why);
    replace(&standing->paused_text, event->text);
}

/* Limits stood still: since the pause began, or since one was told during it. */
static void continued(struct standing *standing, const struct event *event)
{
    bool was_paused = standing->paused_why != NULL;
    for (size_t i = 0; was_paused && i < standing->step_count; i++) {
        struct standing_step *step = &standing->steps[i];
        int64_t from_us = step->told_us > standing->paused_us ? step->told_us : standing->paused_us;
        step->until_us += step->until_us >= 0 && step->is_limit ? event->at_us - from_us : 0;
        step->told_us = event->at_us;
    }
    replace(&standing->paused_why, NULL);
    replace(&standing->paused_text, NULL);
}

static void finished(struct standing *standing, const struct event *event)
{
    const char *outcome = member_text(event->data, "outcome");
    clear_steps(standing);
    replace(&standing->outcome, outcome == NULL ? "ended" : outcome);
    replace(&standing->ending, event->text);
    replace(&standing->paused_why, NULL);
    replace(&standing->paused_text, NULL);
    standing->exit_code = (int)member_integer(event->data, "exit_code", 0);
    standing->stopping = false;
}

/* A process took the run up again: what was under way is started anew. */
static void resumed(struct standing *standing, const struct event *event)
{
    clear_steps(standing);
    replace(&standing->outcome, NULL);
    replace(&standing->ending, NULL);
    replace(&standing->failure, NULL);
    replace(&standing->paused_why, NULL);
    replace(&standing->paused_text, NULL);
    standing->stopping = false;
    standing->exit_code = 0;
    standing->pid = member_integer(event->data, "pid", standing->pid);
}

static void run_started(struct standing *standing, const struct event *event)
{
    replace(&standing->name, member_text(event->data, "name"));
}

static void step_started(struct standing *standing, const struct event *event)
{
    if (event->step != NULL) {
        step_begins(standing, event);
    }
}

static void step_done(struct standing *standing, const struct event *event)
{
    turn_ends(standing, event, TURN_DONE);
    step_ends(standing, event->step);
}

static void step_acted(struct standing *standing, const struct event *event)
{
    struct standing_step *step = find_step(standing, event->step);
    if (step != NULL) {
        stop_waiting(step);
    }
}

static void step_was_answered(struct standing *standing, const struct event *event)
{
    struct standing_step *step = find_step(standing, event->step);
    if (step != NULL) {
        answered(step);
    }
}

/* That it failed was foreseen, and is not what the run ends by. */
static void passed_over(struct standing *standing, const struct event *event)
{
    turn_ends(standing, event, TURN_FAILED);
    replace(&standing->failure, NULL);
}

static void tried_again(struct standing *standing, const struct event *event)
{
    replace(&standing->failure, NULL);
    step_pauses(standing, event);
}

static void stopping(struct standing *standing, const struct event *event)
{
    (void)event;
    standing->stopping = true;
}

/* By name, as they stand in the file: it may be of a program that knows more kinds of events. */
static const struct {
    const char *event;
    void (*take)(struct standing *standing, const struct event *event);
} takers[] = {
    {"run_started", run_started}, {"step_started", step_started},
    {"step_done", step_done},     {"step_failed", step_failed},
    {"waiting", step_waits},      {"note", step_pauses},
    {"picked", turn_begins},      {"outcome", step_acted},
    {"question", step_asks},      {"answered", step_was_answered},
    {"retry", tried_again},       {"passed_over", passed_over},
    {"rescued", passed_over},     {"paused", paused},
    {"continued", continued},     {"stopping", stopping},
    {"run_finished", finished},   {"resumed", resumed},
};

bool standing_take_record(void *ctx, const cJSON *record, size_t line, struct error *err)
{
    struct standing *standing = ctx;
    struct replayed replayed;
    if (!past_take(standing->past, record, line, err)) {
        return false;
    }
    if (!event_from_json(record, &replayed)) {
        int64_t wall_us = 0;
        const char *time = member_text(record, "time");
        take_header(standing);
        if (time != NULL && wall_parse_utc(time, &wall_us)) {
            standing->began_wall_us = standing->last_wall_us = wall_us;
        }
        return true;
    }
    const struct event *event = &replayed.event;
    standing->last_us = event->at_us;
    standing->last_wall_us = event->wall_us;
    replace(&standing->last_text, event->text);
    const char *name = member_text(record, "event");
    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
        if (strcmp(takers[i].event, name) == 0) {
            takers[i].take(standing, event);
        }
    }
    return true;
}

bool standing_take_event(struct standing *standing, const struct event *event, struct error *err)
{
    cJSON *record = event_to_json(event);
    bool ok = standing_take_record(standing, record, 0, err);
    cJSON_Delete(record);
    return ok;
}
