/* What each kind of step does, in one line. */
#include "cli/plan.h"

#include "base/duration.h"

#include <string.h>

static void write_command(const struct step *step, struct text *out)
{
    char address[ADDRESS_TEXT_BYTES];
    text_printf(out, "%s '%s", step->as.remote_command.only_reads ? "ask" : "command",
                step->as.remote_command.name);
    for (size_t i = 0; i < step->as.remote_command.argument_count; i++) {
        text_printf(out, " %s", step->as.remote_command.arguments[i]);
    }
    text_append_string(out, "' to ");
    switch (step->as.remote_command.to) {
    case TO_LEADER:
        text_append_string(out, "the primary meta server");
        break;
    case TO_METAS:
        text_append_string(out, "each meta server");
        break;
    case TO_REPLICAS:
        text_append_string(out, "each replica server");
        break;
    case TO_SERVER:
        text_append_string(out, address_format(step->as.remote_command.address, address));
        break;
    }
}

static void write_deploy(const struct plan *plan, const struct step *step, struct text *out)
{
    static const char *const actions[] = {
        [DEPLOY_UPDATE] = "update it",
        [DEPLOY_RESTART] = "restart it",
        [DEPLOY_START] = "start it",
        [DEPLOY_STOP] = "stop it",
    };
    const char *target = plan->session->cluster_file->target_version;
    text_append_string(out, actions[step->as.deploy]);
    if (step->as.deploy == DEPLOY_UPDATE && target != NULL) {
        text_printf(out, " to %s", target);
    }
    if (step->body.count == 0) {
        text_append_string(out, " (the cluster file has no deploy adapter)");
    }
}

static void write_program(const struct step *step, struct text *out)
{
    text_append_string(out, "run:");
    for (const char **argument = step->as.exec.argv; *argument != NULL; argument++) {
        text_printf(out, " %s", *argument);
    }
}

static void write_request(const struct step *step, struct text *out)
{
    char text[DURATION_TEXT_BYTES];
    text_printf(out, "%s %s", step->as.http.method, step->as.http.url);
    if (step->as.http.poll.every_us > 0) {
        text_printf(out, ", then asks each %s until the job is over",
                    duration_format(step->as.http.poll.every_us, text));
    }
}

/* The condition without the server that the step is about anyway. */
static void write_condition(const struct step *step, const struct condition *condition,
                            struct text *out)
{
    struct text own = {0};
    if (step->server != NULL) {
        text_printf(&own, "(%s)", step->server->name);
    }
    const char *rest = condition->name;
    const char *found = own.length > 0 ? strstr(rest, text_string(&own)) : NULL;
    for (; found != NULL; found = strstr(rest, text_string(&own))) {
        text_append(out, rest, (size_t)(found - rest));
        rest = found + own.length;
    }
    text_append_string(out, rest);
    text_clear(&own);
}

static void write_wait(const struct step *step, struct text *out)
{
    char text[DURATION_TEXT_BYTES];
    text_append_string(out, "until ");
    write_condition(step, step->as.wait.condition, out);
    if (step->as.wait.stable_for_us > 0) {
        text_printf(out, " for %s", duration_format(step->as.wait.stable_for_us, text));
    }
    text_printf(out, "; %s after %s", step->as.wait.on_timeout == TIMEOUT_ASKS ? "asks" : "fails",
                duration_format(step->timeout_us, text));
}

static void write_rolling(const struct step *step, struct text *out)
{
    char text[DURATION_TEXT_BYTES];
    size_t count = step->body.count;
    text_printf(out, "%zu %s%s", count, plan_role(step->as.rolling.role), count == 1 ? "" : "s");
    if (count < 2) {
        return;
    }
    if (step->as.rolling.max_in_flight > 1) {
        text_printf(out, ", up to %d at a time", step->as.rolling.max_in_flight);
    } else {
        text_append_string(out, ", one at a time");
    }
    if (step->as.rolling.order == ORDER_STANDBYS_FIRST) {
        text_append_string(out, ", the primary one last");
    }
    if (step->as.rolling.within_rack) {
        text_append_string(out, ", one rack after another");
    }
    if (step->as.rolling.canary > 0) {
        text_printf(out, ", first %d alone and watched for %s", step->as.rolling.canary,
                    duration_format(step->as.rolling.soak_us, text));
    }
    if (step->as.rolling.pause_us > 0) {
        text_printf(out, ", %s between two", duration_format(step->as.rolling.pause_us, text));
    }
    if (step->as.rolling.max_failures > 0) {
        text_printf(out, ", %d may fail", step->as.rolling.max_failures);
    }
}

/* What becomes of a step that fails, where that is not the end. */
static void write_failure(const struct step *step, struct text *out)
{
    const char *separator = out->length > 0 ? "; " : "";
    if (step->retry.times > 0) {
        text_printf(out, "%stried up to %d times more", separator, step->retry.times);
        separator = "; ";
    }
    switch (step->on_failure) {
    case FAILURE_STOPS:
        break;
    case FAILURE_IS_PASSED_OVER:
        text_printf(out, "%sa failure is passed over", separator);
        break;
    case FAILURE_ASKS:
        text_printf(out, "%sasks when it fails", separator);
        break;
    }
}

bool plan_is_rescue(const struct step *parent, const struct step *step)
{
    return parent != NULL && parent->kind == STEP_TRY && step->as.group.part == TRY_RESCUE;
}

static void write_move(const char *what, const struct step *step, struct text *out)
{
    text_printf(out, "%s, at most %d at once", what, step->as.move.batch);
    for (size_t i = 0; step->as.move.tables != NULL && i < step->as.move.table_count; i++) {
        text_printf(out, "%s%s", i == 0 ? "; tables " : ", ", step->as.move.tables[i]);
    }
}

/* The group of a server's own steps in a rolling bears its name. */
static void write_turn(const struct plan *plan, const struct step *step, struct text *out)
{
    const struct server *server = step->server;
    if (server == NULL || strcmp(step->label == NULL ? "" : step->label, server->name) != 0) {
        return;
    }
    const struct server_evidence *seen = plan_server(plan, server);
    if (!seen->answered) {
        text_append_string(out, "does not answer");
    } else if (plan_at_target(plan, server)) {
        text_printf(out, "runs %s already", seen->facts.version);
    } else if (seen->facts.version[0] != '\0') {
        text_printf(out, "runs %s", seen->facts.version);
    }
    if (step->as.group.rack != NULL) {
        text_printf(out, "%sin rack %s", out->length > 0 ? ", " : "", step->as.group.rack);
    }
}

static void write_kind(const struct plan *plan, const struct step *step,
                       const struct step *const *inside, size_t inside_count, struct text *out)
{
    char text[DURATION_TEXT_BYTES];
    switch (step->kind) {
    case STEP_REMOTE_COMMAND:
        write_command(step, out);
        break;
    case STEP_SET_META_LEVEL:
        text_printf(out, "meta level %s, for good", meta_level_name(step->as.level));
        break;
    case STEP_MIGRATE_NODE:
        write_move("other servers take over what it serves", step, out);
        break;
    case STEP_DOWNGRADE_NODE:
        write_move("its copies are given up", step, out);
        break;
    case STEP_DRAIN_NODE:
        text_printf(out, "every replica leaves it in one pass, %d at once", step->as.in_flight);
        break;
    case STEP_REJOIN_NODE:
        text_printf(out, "its replicas come back, %d at once", step->as.in_flight);
        break;
    case STEP_KILL_PARTITIONS:
        text_append_string(out, "it closes what it gave up");
        break;
    case STEP_DEPLOY:
        write_deploy(plan, step, out);
        break;
    case STEP_EXEC:
        write_program(step, out);
        break;
    case STEP_HTTP:
    case STEP_NOTIFY:
        write_request(step, out);
        break;
    case STEP_LOG:
        text_printf(out, "\"%s\"", step->as.message);
        break;
    case STEP_CONFIRM:
        text_printf(out, "asks: \"%s\"", step->as.message);
        break;
    case STEP_WAIT_UNTIL:
        write_wait(step, out);
        break;
    case STEP_SLEEP:
        text_append_string(out, duration_format(step->as.sleep_us, text));
        break;
    case STEP_WHEN:
        text_append_string(out, "only if ");
        write_condition(step, step->as.when, out);
        break;
    case STEP_ROLLING:
        write_rolling(step, out);
        break;
    case STEP_HOLD:
        plan_write_hold(plan, step, inside, inside_count, out);
        break;
    case STEP_STEPS:
        write_turn(plan, step, out);
        break;
    case STEP_PARALLEL:
        text_printf(out, "at the same time, up to %d", step->as.parallel_max);
        break;
    case STEP_TRY:
    case STEP_KIND_COUNT:
        break;
    }
}

void plan_write_words(const struct plan *plan, const struct step *step,
                      const struct step *const *inside, size_t inside_count, struct text *out)
{
    struct text words = {0};
    write_kind(plan, step, inside, inside_count, &words);
    write_failure(step, &words);
    text_append_string(out, text_string(&words));
    text_clear(&words);
}
