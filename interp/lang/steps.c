/* What each kind of step needs beyond its rows. */
#include "lang/private.h"

#include "base/secret.h"
#include "base/duration.h"
#include "pegasus/release.h"

#include <string.h>
#include <strings.h>

/* Commands that change nothing, whatever their arguments. A '*' at the end stands for more. */
static const char *const reading_commands[] = {
    "help",
    "server-info",
    "server-stat",
    "flush-log",
    "perf-counters*",
    "config-dump",
    "task-code",
    "engine",
    "system.queue",
    "replica.query-*",
    "meta.lb.get_balance_operation_count",
};
/* ... and those that only ask when they get no argument, besides the settings we know. */
static const char *const asking_commands[] = {
    "fd.allow_list",
};

static bool name_fits(const char *row, const char *name)
{
    size_t length = strlen(row);
    if (row[length - 1] == '*') {
        return strncmp(row, name, length - 1) == 0;
    }
    return strcmp(row, name) == 0;
}

bool command_only_reads(const char *name, size_t argument_count)
{
    enum setting_kind kind;
    for (size_t i = 0; i < sizeof reading_commands / sizeof reading_commands[0]; i++) {
        if (name_fits(reading_commands[i], name)) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof asking_commands / sizeof asking_commands[0]; i++) {
        if (name_fits(asking_commands[i], name)) {
            return argument_count == 0;
        }
    }
    return setting_kind_of(name, &kind) && argument_count == 0;
}

static bool is_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 9 && text[digits] == '\0';
}

static void finish_remote_command(struct call *call, struct draft *draft)
{
    struct step *step = &draft->step;
    const char *name = step->as.remote_command.name;
    const char **arguments = step->as.remote_command.arguments;
    size_t count = step->as.remote_command.argument_count;
    step->as.remote_command.to = draft->to.kind;
    step->as.remote_command.address = draft->to.address;
    step->server = draft->to.server;
    if (call->tainted) {
        return;
    }
    step->as.remote_command.only_reads = command_only_reads(name, count);
    if (strcmp(name, "replica.kill_partition") != 0) {
        return;
    }
    if (count != 2 || !is_number(arguments[0]) || !is_number(arguments[1])) {
        call_complain(call, "replica.kill_partition wants exactly two numbers, the app id and the "
                            "partition: fewer would close more than one partition");
    }
    if (draft->to.server == NULL) {
        call_complain(call, "replica.kill_partition takes a replica away: 'to' must be a node");
    }
}

/* The adapter of the cluster file says what to do; without a cluster file the step stays empty. */
static void finish_deploy(lua_State *L, struct call *call, struct draft *draft)
{
    struct lang *lang = call->lang;
    const struct cluster_draft *cluster = lang->cluster;
    const char *action = deploy_words[draft->step.as.deploy];
    char what[160];
    if (cluster == NULL || call->tainted) {
        return;
    }
    if (cluster->deploy == LUA_NONE) {
        call_complain(call, "%s has no deploy adapter", cluster->file.file);
        return;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, cluster->deploy);
    lua_getfield(L, -1, action);
    lua_remove(L, -2);
    if (lua_type(L, -1) != LUA_TFUNCTION) {
        lua_pop(L, 1);
        call_complain(call, "the deploy adapter of %s has no '%s'", cluster->file.file, action);
        return;
    }
    object_push_server(L, draft->step.server);
    lua_pushstring(L, cluster->file.target_version); /* nil when none is given */
    if (!lang_call(L, 2, 1)) {
        call->tainted = true;
        return;
    }
    snprintf(what, sizeof what, "what '%s' of %s returns", action, cluster->file.file);
    value_read_steps(L, call, lua_gettop(L), what, &draft->step.body);
    lua_pop(L, 1);
}

static void finish_exec(struct call *call, struct draft *draft)
{
    const char **argv = draft->step.as.exec.argv;
    if (!call->tainted && (argv == NULL || argv[0][0] == '\0')) {
        call_complain(call, "the program is missing");
    }
}

/* A secret may be any part of it: where one begins it, only its value can tell. */
static bool is_url(const char *url)
{
    char name[SECRET_NAME_BYTES];
    bool in_json;
    bool begins_secret = secret_read_mark(url, name, &in_json) > 0;
    const char *rest = begins_secret                      ? url
                       : strncmp(url, "http://", 7) == 0  ? url + 7
                       : strncmp(url, "https://", 8) == 0 ? url + 8
                                                          : "";
    bool is_there = rest[0] != '\0' && rest[0] != '/';
    while (*rest != '\0') {
        size_t mark = secret_read_mark(rest, name, &in_json);
        if (mark == 0 && ((unsigned char)*rest <= ' ' || *rest == 0x7f)) {
            return false;
        }
        rest += mark == 0 ? 1 : mark;
    }
    return is_there;
}

static void check_url(struct call *call, const char *field, const char *url)
{
    if (url != NULL && !is_url(url)) {
        call_complain(call,
                      "'%s' must begin with http:// or https:// and have no blanks, not '%.100s'",
                      field, url);
    }
}

static bool is_content_type(const char *header)
{
    static const char name[] = "Content-Type:";
    return strncasecmp(header, name, sizeof name - 1) == 0;
}

/* The body, and the header that says what it is unless the script gave that header. */
static void send_json(struct call *call, struct step *step, const char *json)
{
    const char **given = step->as.http.headers;
    size_t count = 0;
    step->as.http.body = json;
    for (; given != NULL && given[count] != NULL; count++) {
        if (is_content_type(given[count])) {
            return;
        }
    }
    const char **headers = arena_allocate(&call->lang->arena, (count + 2) * sizeof *headers);
    for (size_t i = 0; i < count; i++) {
        headers[i] = given[i];
    }
    headers[count] = "Content-Type: application/json";
    step->as.http.headers = headers;
}

/* What a GET takes of the request's headers. */
static const char **without_content_type(struct call *call, const char **headers)
{
    size_t count = 0;
    size_t kept = 0;
    while (headers != NULL && headers[count] != NULL) {
        count++;
    }
    const char **out = arena_allocate(&call->lang->arena, (count + 1) * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        if (!is_content_type(headers[i])) {
            out[kept++] = headers[i];
        }
    }
    return kept > 0 ? out : NULL;
}

static void finish_poll(struct call *call, struct step *step)
{
    struct http_poll *poll = &step->as.http.poll;
    check_url(call, "poll.url", poll->url);
    if (poll->url != NULL && poll->next_url != LUA_NONE) {
        call_complain(call, "'poll.url' and 'poll.next_url' are both given");
    }
    if (!call->tainted && poll->every_us >= poll->timeout_us) {
        call_complain(call, "'poll.every' is not shorter than 'poll.timeout'");
    }
    poll->headers = without_content_type(call, step->as.http.headers);
}

static void finish_http(struct call *call, struct draft *draft)
{
    struct step *step = &draft->step;
    step->as.http.method = http_methods[draft->method];
    check_url(call, "url", step->as.http.url);
    if (draft->json != NULL && step->as.http.body != NULL) {
        call_complain(call, "'json' and 'body' are both given");
    }
    if (draft->json != NULL) {
        send_json(call, step, draft->json);
    }
    if (step->as.http.poll.every_us > 0) {
        finish_poll(call, step);
    }
}

static void finish_notify(struct call *call, struct draft *draft)
{
    struct step *step = &draft->step;
    step->as.http.method = "POST";
    check_url(call, "url", step->as.http.url);
    if (draft->json != NULL && draft->notice != NULL) {
        call_complain(call, "'json' and 'text' are both given");
    } else if (draft->json == NULL && draft->notice == NULL) {
        call_complain(call, "says nothing: give 'text' or 'json'");
    } else {
        send_json(call, step,
                  draft->json != NULL ? draft->json
                                      : json_encode_member(call, "text", draft->notice));
    }
}

static void check_retry(struct call *call, const struct draft *draft)
{
    double backoff = draft->step.retry.backoff;
    if (draft->step.retry.times > 0 && !(backoff >= 1 && backoff <= 100)) {
        call_complain(call, "'retry.backoff' is %.4g, not within 1 and 100", backoff);
    }
}

/* Each setting must be one of the processes that `on` says. */
static void check_home(struct call *call, const struct step *step, const char *name)
{
    static const char *const hints[] = {
        [SETTING_OF_LEADER] = "the primary meta server's: leave 'on' out",
        [SETTING_OF_METAS] = "each meta server's own, whoever leads: write on = \"metas\"",
        [SETTING_OF_REPLICAS] = "each replica server's own: write on = \"replicas\", or a node",
    };
    enum command_to on = step->as.hold.on;
    enum role role = on == TO_SERVER     ? step->as.hold.at->role
                     : on == TO_REPLICAS ? ROLE_REPLICA
                                         : ROLE_META;
    bool fits = false;
    enum setting_home home = setting_home_of(name);
    switch (home) {
    case SETTING_OF_LEADER:
        fits = on == TO_LEADER;
        break;
    case SETTING_OF_METAS:
        fits = on != TO_LEADER && role == ROLE_META;
        break;
    case SETTING_OF_REPLICAS:
        fits = role == ROLE_REPLICA;
        break;
    }
    if (!fits) {
        call_complain(call, "'%s' is %s", name, hints[home]);
    }
}

static void finish_hold(struct call *call, struct draft *draft)
{
    struct step *step = &draft->step;
    step->as.hold.on = draft->to.kind;
    step->as.hold.at = draft->to.server;
    if (step->as.hold.on == TO_SERVER && step->as.hold.at == NULL) {
        call_complain(call, "'on' wants a node of the cluster, not an address");
    }
    for (size_t i = 0; !call->tainted && i < step->as.hold.setting_count; i++) {
        check_home(call, step, step->as.hold.settings[i].name);
    }
    if (!call->tainted && step->as.hold.on != TO_LEADER && step->as.hold.setting_count == 0) {
        call_complain(call, "'on' says whose settings are held, and there is no 'setting'");
    }
    if (!call->tainted && step->as.hold.level == 0 && step->as.hold.setting_count == 0) {
        call_complain(call, "holds nothing: give 'meta_level' or 'setting'");
    }
}

static void finish_wait_until(struct call *call, const struct draft *draft)
{
    const struct step *step = &draft->step;
    if (!call->tainted && step->as.wait.stable_for_us >= step->timeout_us) {
        call_complain(call, "'stable_for' is not shorter than 'timeout'");
    }
}

static void check_override(struct call *call, struct draft *draft)
{
    struct error err;
    struct step *step = &draft->step;
    if (step->override.reason == NULL || step->override.expires == NULL) {
        return; /* nothing is overridden, or what is missing was reported */
    }
    if (!call->tainted && !step->override.guard) {
        call_complain(call, "'override' overrides nothing: give guard = true, or leave it out");
    }
    if (step->override.reason[strspn(step->override.reason, " \t\r\n")] == '\0') {
        call_complain(call, "'override.reason' is blank: say why");
    }
    if (!date_parse_utc(step->override.expires, &step->override.expires_us, &err)) {
        call_complain(call, "'override.expires': %s", err.text);
    }
}

void step_finish(lua_State *L, struct call *call, const struct descriptor *descriptor,
                 struct draft *draft)
{
    check_retry(call, draft);
    check_override(call, draft);
    switch ((enum step_kind)descriptor->kind) {
    case STEP_REMOTE_COMMAND:
        finish_remote_command(call, draft);
        break;
    case STEP_DEPLOY:
        finish_deploy(L, call, draft);
        break;
    case STEP_EXEC:
        finish_exec(call, draft);
        break;
    case STEP_HTTP:
        finish_http(call, draft);
        break;
    case STEP_NOTIFY:
        finish_notify(call, draft);
        break;
    case STEP_WAIT_UNTIL:
        finish_wait_until(call, draft);
        break;
    case STEP_ROLLING:
        step_finish_rolling(L, call, draft);
        break;
    case STEP_HOLD:
        finish_hold(call, draft);
        break;
    case STEP_TRY:
        step_finish_try(call, draft);
        break;
    case STEP_SET_META_LEVEL:
    case STEP_MIGRATE_NODE:
    case STEP_DOWNGRADE_NODE:
    case STEP_DRAIN_NODE:
    case STEP_REJOIN_NODE:
    case STEP_KILL_PARTITIONS:
    case STEP_LOG:
    case STEP_SLEEP:
    case STEP_CONFIRM:
    case STEP_STEPS:
    case STEP_PARALLEL:
    case STEP_WHEN:
    case STEP_KIND_COUNT:
        break;
    }
}
