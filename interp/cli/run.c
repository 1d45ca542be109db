/* cli/run.c - pegflow run: performs a workflow on a cluster. */
#include "cli/confirm.h"
#include "cli/detach.h"
#include "cli/metas.h"
#include "cli/perform.h"
#include "cli/server_values.h"
#include "engine/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct run_command {
    struct session session;
    const struct arguments *arguments;
    const char *workflow_path;
    const struct workflow *workflow;
    const struct secret *secrets; /* of the environment, in the session's arena */
    size_t secret_count;
    struct record record;
    enum display_form form;
};

/* ---- before the run: what is about to happen, and a person's word for it */
static void print_versions(struct run_command *command, const struct evidence *evidence)
{
    const struct session *session = &command->session;
    const char *target = session->cluster_file->target_version;
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (int32_t i = 0; i < session->inventory.count[role]; i++) {
            const struct server *server = &session->inventory.servers[role][i];
            const struct server_evidence *seen =
                &evidence->servers[inventory_slot(&session->inventory, server)];
            printf("  %-9s  %-21s  %s -> %s\n", role_name((enum role)role), server->name,
                   !seen->answered                  ? "(no answer)"
                   : seen->facts.version[0] == '\0' ? "(shows no version)"
                                                    : seen->facts.version,
                   target == NULL ? "(no target named)" : target);
        }
    }
}

/* Each setting that some hold of the tree keeps, once, with its value now. */
struct held_names {
    const char *names[16];
    size_t count;
};

/* What it is now; of servers' own settings, each server's. */
static const char *value_now(struct session *session, const struct step *hold, const char *name)
{
    struct text value = {0};
    struct text folded = {0};
    struct error err;
    size_t count;
    const struct server *servers = target_hold_servers(&session->inventory, hold, &count);
    size_t places = servers == NULL ? 1 : count;
    const char **values = arena_allocate(&session->arena, (places + 1) * sizeof *values);
    for (size_t i = 0; i < places; i++) {
        struct address whose = servers == NULL ? (struct address){0} : servers[i].address;
        bool read = session_read_setting(session, whose, name, &value, &err);
        values[i] = read ? arena_copy_string(&session->arena, text_string(&value)) : "(unreadable)";
    }
    if (servers != NULL) {
        server_values_fold(servers, values, places, &folded);
    }
    const char *now =
        servers == NULL ? values[0] : arena_copy_string(&session->arena, text_string(&folded));
    text_clear(&value);
    text_clear(&folded);
    return now;
}

static bool is_seen(struct run_command *command, struct held_names *seen, const char *key)
{
    for (size_t k = 0; k < seen->count; k++) {
        if (strcmp(seen->names[k], key) == 0) {
            return true;
        }
    }
    if (seen->count == sizeof seen->names / sizeof seen->names[0]) {
        return true;
    }
    seen->names[seen->count++] = arena_copy_string(&command->session.arena, key);
    return false;
}

/* Those of the turns of a rolling, each its own server's, are one line. */
static void print_held(struct run_command *command, const struct step *hold,
                       const struct setting_value *setting, struct held_names *seen)
{
    static const char *const places[] = {
        [TO_LEADER] = "",
        [TO_METAS] = " of each meta server",
        [TO_REPLICAS] = " of each replica server",
    };
    char what[400];
    char key[600];
    bool of_one = hold->as.hold.on == TO_SERVER;
    bool in_turn = of_one && hold->as.hold.at == hold->server;
    snprintf(what, sizeof what, "%s%s%s", setting->name,
             in_turn  ? " of each server in its turn"
             : of_one ? " of "
                      : places[hold->as.hold.on],
             of_one && !in_turn ? hold->as.hold.at->name : "");
    snprintf(key, sizeof key, "%s=%s", what, setting->value);
    if (!is_seen(command, seen, key)) {
        printf("  holds      %s: %s -> %s\n", what,
               in_turn ? "what it has" : value_now(&command->session, hold, setting->name),
               setting->value);
    }
}

static void print_holds(struct run_command *command, const struct step_list *steps,
                        struct held_names *seen)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = steps->items[i];
        for (size_t s = 0; step->kind == STEP_HOLD && s < step->as.hold.setting_count; s++) {
            print_held(command, step, &step->as.hold.settings[s], seen);
        }
        if (step->kind == STEP_HOLD && step->as.hold.level != 0) {
            const char *now = meta_level_name(command->session.snapshot.stored_level);
            printf("  holds      meta level: %s -> %s\n", now == NULL ? "unknown" : now,
                   meta_level_name(step->as.hold.level));
        }
        print_holds(command, &step->body, seen);
    }
}

static bool print_header(struct run_command *command, struct error *err)
{
    struct session *session = &command->session;
    struct gatherer *gatherer = gatherer_new(&session->gatherers);
    struct needs *needs = gatherer_needs(gatherer);
    for (size_t slot = 0; slot < inventory_slot_count(&session->inventory); slot++) {
        needs->parts[slot] = FACT_VERSION;
    }
    const struct evidence *evidence = session_gather(session, gatherer, err);
    if (evidence != NULL) {
        struct held_names seen = {0};
        printf("%s (%s, %zu steps)\n", command->workflow->name, command->workflow->file,
               command->workflow->step_count);
        printf("  cluster    %s, primary meta server %s\n", session->cluster_file->name,
               session->snapshot.leader_name);
        print_versions(command, evidence);
        print_holds(command, &command->workflow->steps, &seen);
        fflush(stdout);
    }
    gatherer_free(gatherer);
    return evidence != NULL;
}

/* From here on there is a run: it has a folder, and the cluster is locked. */
static bool record_run(struct run_command *command, struct error *err)
{
    const struct record_origin origin = {
        .session = &command->session,
        .workflow_path = command->workflow_path,
        .sets = arguments_list(command->arguments, "set", NULL),
        .reason = arguments_text(command->arguments, "reason"),
        .keep_leftovers = arguments_flag(command->arguments, "keep-leftovers"),
    };
    if (!record_create(&command->record, command->arguments, &origin, err)) {
        return false;
    }
    if (command->form != DISPLAY_JSON) {
        printf("run %s, recorded in %s\n\n", command->record.id, command->record.folder);
        fflush(stdout);
    }
    return true;
}

/* And the secrets that it and the cluster file name: for the real servers they may be others. */
static int load_workflow(struct run_command *command, const struct inventory *inventory)
{
    struct session *session = &command->session;
    int code = session_load_workflow(session->lang, command->arguments, command->workflow_path,
                                     inventory, &command->workflow);
    return code >= 0 ? code : session_secrets(session, &command->secrets, &command->secret_count);
}

/* The run goes on in a process of its own: what is typed or closed here is nothing to it. */
static int run_detached(struct run_command *command, struct error *err)
{
    struct detached detached;
    fflush(stdout);
    if (!detach(command->arguments, command->session.cluster_file->name, &detached, err)) {
        return -1;
    }
    if (detached.run[0] == '\0') {
        fputs(text_string(&detached.said), stderr);
    } else if (command->form == DISPLAY_JSON) {
        printf("{\"run\":\"%s\"}\n", detached.run);
    } else {
        printf("run %s goes on without this terminal; pegflow watch %s shows it\n", detached.run,
               detached.run);
    }
    text_clear(&detached.said);
    return detached.exit_code;
}

static int load_meet_and_run(struct run_command *command, struct error *err)
{
    struct session *session = &command->session;
    int code = session_load(session, command->arguments);
    if (code >= 0) {
        return code;
    }
    if (!session_workflow_path(command->arguments, session->cluster_file, &command->workflow_path,
                               err)) {
        return -1;
    }
    /* Once with stand-in servers, so that its mistakes are found before anything is touched. */
    code = load_workflow(command, NULL);
    if (code >= 0) {
        return code;
    }
    if (!record_is_free(command->arguments, session->cluster_file->name, err) ||
        !session_meet(session, err) ||
        !metas_check(session->cluster_file, &session->snapshot, err)) {
        return -1;
    }
    code = load_workflow(command, &session->inventory);
    if (code >= 0) {
        return code;
    }
    if (command->form != DISPLAY_JSON && !print_header(command, err)) {
        return -1;
    }
    if (!confirm_cluster(command->arguments, session->cluster_file->name, "upgrade", err)) {
        return -1;
    }
    if (arguments_flag(command->arguments, "detach")) {
        return run_detached(command, err);
    }
    if (!record_run(command, err)) {
        return -1;
    }
    const struct performance performance = {
        .session = session,
        .arguments = command->arguments,
        .workflow = command->workflow,
        .secrets = command->secrets,
        .secret_count = command->secret_count,
        .record = &command->record,
        .form = command->form,
        .keep_leftovers = arguments_flag(command->arguments, "keep-leftovers"),
    };
    return perform_run(&performance, err);
}

static int run_run(const struct arguments *arguments, struct error *err)
{
    struct run_command command = {.arguments = arguments};
    if (!display_choose(arguments, &command.form, err)) {
        return -1;
    }
    int code = load_meet_and_run(&command, err);
    record_close(&command.record);
    session_close(&command.session);
    return code;
}

static const struct option_row options[] = {
    SESSION_OPTIONS,
    {"set", 's', OPTION_LIST, "NAME=VALUE", NULL, "give a parameter of the workflow"},
    CONFIRM_OPTION,
    {"keep-leftovers", 0, OPTION_FLAG, NULL, NULL,
     "settings that look like another tool's leftovers are meant: keep them"},
    {"detach", 'd', OPTION_FLAG, NULL, NULL,
     "go on without this terminal, once the run has begun; pegflow watch shows it"},
    {"reason", 'r', OPTION_TEXT, "TEXT", NULL, "why: kept in the run's record"},
    STATE_OPTION,
    DISPLAY_OPTION,
    {"verbose", 'v', OPTION_FLAG, NULL, NULL, "show the start and end of every step"},
};

const struct command command_run = {
    .name = "run",
    .summary = "perform a workflow on a cluster",
    .operands = "[WORKFLOW]",
    .operand_max = 1,
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .description =
        "Meets the cluster, shows what is about to happen, asks for the cluster's name, and "
        "performs\n"
        "the workflow. Values it holds are put back when it ends, fails or is stopped. The first\n"
        "Ctrl-C (or SIGTERM) ends waits, follows a started deploy until its server is alive and "
        "puts\n"
        "everything back; the second stops at once. A closed terminal changes nothing.\n"
        "What a step asks is answered by typing it on the terminal: yes, or STEP yes where more\n"
        "than one step asks. No time makes an answer.\n"
        "With --detach it goes on in a process of its own, and this one ends, with 0, once the "
        "run\n"
        "has begun.\n"
        "Everything it does is recorded in a folder of its own, before it is done. While it works\n"
        "on a cluster no other run can; with `lock` in the cluster file, from no other host "
        "either.\n"
        "When somebody else changes what is held, or restarts a replica server, the run pauses:\n"
        "nothing is begun until the value is set back, or a person types continue (or c) or stop "
        "and\n"
        "Enter on its terminal, or sends SIGUSR1, which continues. Held values are then set "
        "again.\n"
        "Without WORKFLOW, the cluster file's own is used.\n"
        "Exit codes: 0 done; 1 failed, everything put back; 2 wrong usage or file; 3 refused "
        "before\n"
        "any change; 4 stopped by the operator; 5 something could not be put back.",
    .example = "  pegflow run workflows/ha.lua -c examples/demo/cluster.lua\n"
               "  pegflow run workflows/ha.lua -c prod.lua --set drain_timeout=20m --confirm=prod",
    .run = run_run,
};
