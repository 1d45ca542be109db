/* cli/resume.c - pegflow resume and pegflow revert: an interrupted run goes on, or is put back. */
#include "cli/confirm.h"
#include "cli/perform.h"
#include "cli/recorded.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct going_on {
    const struct arguments *arguments;
    bool reverts;
    struct recorded recorded;
    struct session session;
    const struct workflow *workflow;
    const struct secret *secrets;
    size_t secret_count;
    struct record record;
    enum display_form form;
    char by[512]; /* who goes on */
};

/* ---- may it go on? */
static bool is_interrupted(const struct going_on *going, struct error *err)
{
    const struct recorded *recorded = &going->recorded;
    const char *outcome = past_outcome(recorded->past);
    const cJSON *command = cJSON_GetObjectItemCaseSensitive(past_header(recorded->past), "command");
    struct lock_holder holder;
    if (cJSON_IsString(command)) {
        error_set(err, ERROR_REFUSED, "run %s is a '%s', not an upgrade: do that again",
                  recorded->id, command->valuestring);
        return false;
    }
    if (state_is_locked(&recorded->state, recorded->cluster, &holder)) {
        bool same = strcmp(holder.run, recorded->id) == 0;
        error_set(err, ERROR_REFUSED,
                  "%s %s is at work on cluster '%s' (%s on %s, pid %ld, since %s); see what it "
                  "does: pegflow watch %s",
                  same ? "run" : "another run,", holder.run, recorded->cluster, holder.user,
                  holder.host, holder.pid, holder.since, holder.run);
        return false;
    }
    bool over =
        outcome != NULL && (strcmp(outcome, "done") == 0 || strcmp(outcome, "reverted") == 0 ||
                            strcmp(outcome, "refused") == 0);
    if (over) {
        error_set(err, ERROR_REFUSED, "run %s has ended (%s): nothing of it is left to be done",
                  recorded->id, outcome);
        return false;
    }
    return true;
}

/* ---- is it the cluster that the run worked on? */
static bool knows_server(const struct session *session, const struct server *server)
{
    return snapshot_find_node(&session->snapshot, server->address) >= 0;
}

/* A drained server may be missing from the list for a moment; all of them are not. */
static bool is_same_cluster(const struct going_on *going, struct error *err)
{
    const struct recorded *recorded = &going->recorded;
    const struct session *session = &going->session;
    const struct inventory *kept = &recorded->inventory;
    int32_t known = 0;
    if (strcmp(recorded->zookeeper_root, session->snapshot.zookeeper_root) != 0) {
        error_set(err, ERROR_REFUSED,
                  "the cluster is another one now: the run worked on ZooKeeper root '%s', the meta "
                  "server reports '%s'",
                  recorded->zookeeper_root, session->snapshot.zookeeper_root);
        return false;
    }
    for (int32_t i = 0; i < kept->count[ROLE_REPLICA]; i++) {
        const struct server *server = &kept->servers[ROLE_REPLICA][i];
        if (knows_server(session, server)) {
            known++;
        } else {
            fprintf(stderr, "pegflow: the meta server does not list %s now, one of the run's\n",
                    server->name);
        }
    }
    for (int32_t i = 0; i < session->inventory.count[ROLE_REPLICA]; i++) {
        const struct server *server = &session->inventory.servers[ROLE_REPLICA][i];
        if (inventory_find(kept, server->address) == NULL) {
            fprintf(stderr,
                    "pegflow: %s is new since the run began: it is not one of the run's servers\n",
                    server->name);
        }
    }
    if (known == 0) {
        error_set(err, ERROR_REFUSED,
                  "the cluster is another one now: the meta server lists none of the run's %d "
                  "replica servers",
                  kept->count[ROLE_REPLICA]);
    }
    return known > 0;
}

/* ---- loading: from the kept files, against the kept servers */
static int load_cluster(struct going_on *going)
{
    struct session *session = &going->session;
    struct error_list errors;
    error_list_init(&errors);
    arena_init(&session->arena);
    session->lang = recorded_lang_new(&going->recorded);
    bool ok = lang_load_cluster(session->lang, going->recorded.cluster_file, &session->cluster_file,
                                &errors);
    int code = ok ? -1 : cli_report_errors(&errors);
    error_list_clear(&errors);
    return code;
}

static int load_workflow(struct going_on *going)
{
    struct session *session = &going->session;
    session->inventory = going->recorded.inventory;
    int code =
        session_load_workflow_with(session->lang, going->recorded.sets, going->recorded.workflow,
                                   &session->inventory, &going->workflow);
    return code >= 0 ? code : session_secrets(session, &going->secrets, &going->secret_count);
}

/* ---- what is about to happen */
static void print_header(const struct going_on *going)
{
    const struct recorded *recorded = &going->recorded;
    const struct past *past = recorded->past;
    const char *outcome = past_outcome(past);
    printf("run %s of %s on cluster %s\n", recorded->id, recorded->workflow, recorded->cluster);
    printf("  %-10s %s at %s\n", outcome == NULL ? "interrupted" : "ended",
           outcome == NULL ? "without an end in its journal, last record" : outcome,
           past_last_time(past));
    if (recorded->torn) {
        printf("  journal    its last line was torn, and is dropped\n");
    }
    for (size_t i = 0; i < past_hold_count(past); i++) {
        const struct past_hold *hold = past_hold_at(past, i);
        printf("  holds      %s%s%s: %s (before: %s)\n", hold->name,
               hold->server == NULL ? "" : " on ", hold->server == NULL ? "" : hold->server,
               hold->value, hold->before);
    }
    printf("  recorded   %s\n", recorded->folder);
    fflush(stdout);
}

/* ---- the run */
/* A session of the shared lock may be reclaimed only by the host whose process is known to be dead.
 */
static const char *own_shared_session(const struct going_on *going)
{
    const cJSON *header = past_header(going->recorded.past);
    const cJSON *lock = cJSON_GetObjectItemCaseSensitive(header, "lock");
    const char *host = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(header, "host"));
    struct lock_holder us;
    lock_holder_of_us(going->recorded.id, 0, &us);
    bool same_host = host != NULL && strcmp(host, us.host) == 0;
    return same_host ? cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(lock, "session"))
                     : NULL;
}

static int perform_again(struct going_on *going, struct error *err)
{
    const struct recorded *recorded = &going->recorded;
    struct lock_holder us;
    if (!record_continue(&going->record, &recorded->state, recorded->id, &going->session,
                         &recorded->end, own_shared_session(going), err)) {
        return -1;
    }
    lock_holder_of_us(recorded->id, 0, &us);
    snprintf(going->by, sizeof going->by, "%s on %s (pid %ld)", us.user, us.host, us.pid);
    const struct performance performance = {
        .session = &going->session,
        .arguments = going->arguments,
        .workflow = going->workflow,
        .secrets = going->secrets,
        .secret_count = going->secret_count,
        .record = &going->record,
        .form = going->form,
        .keep_leftovers = recorded->keep_leftovers,
        .past = recorded->past,
        .reverts = going->reverts,
        .resumed_by = going->by,
        .events_before = recorded->end.sequence,
        .at_before_ms = recorded->end.at_ms,
    };
    return perform_run(&performance, err);
}

static int load_and_go_on(struct going_on *going, struct error *err)
{
    const struct arguments *arguments = going->arguments;
    struct session *session = &going->session;
    if (!recorded_open(&going->recorded, arguments, arguments_operand(arguments, 0), err) ||
        !is_interrupted(going, err)) {
        return -1;
    }
    if (!going->reverts && !arguments_flag(arguments, "kept-files") &&
        !recorded_files_are_unchanged(&going->recorded, err)) {
        return -1;
    }
    /* Programs of the adapter may be named from there. */
    const char *folder = going->recorded.folder_then;
    if (folder != NULL && chdir(folder) != 0) {
        fprintf(stderr, "pegflow: the run began in %s, which cannot be entered now: %s\n", folder,
                strerror(errno));
    }
    int code = load_cluster(going);
    if (code >= 0) {
        return code;
    }
    if (!session_meet(session, err) || !is_same_cluster(going, err)) {
        return -1;
    }
    code = load_workflow(going);
    if (code >= 0) {
        return code;
    }
    if (going->form != DISPLAY_JSON) {
        print_header(going);
    }
    if (!confirm_cluster(arguments, going->recorded.cluster,
                         going->reverts ? "put back what was changed on" : "go on with", err)) {
        return -1;
    }
    return perform_again(going, err);
}

static int go_on(const struct arguments *arguments, bool reverts, struct error *err)
{
    struct going_on going = {.arguments = arguments, .reverts = reverts};
    if (!display_choose(arguments, &going.form, err)) {
        return -1;
    }
    int code = load_and_go_on(&going, err);
    record_close(&going.record);
    session_close(&going.session);
    recorded_close(&going.recorded);
    return code;
}

static int run_resume(const struct arguments *arguments, struct error *err)
{
    return go_on(arguments, false, err);
}

static int run_revert(const struct arguments *arguments, struct error *err)
{
    return go_on(arguments, true, err);
}

#define OPTIONS(rows) .options = rows, .option_count = sizeof rows / sizeof rows[0]
#define SHARED_OPTIONS                                                                             \
    CONFIRM_OPTION, STATE_OPTION, DISPLAY_OPTION,                                                  \
    {                                                                                              \
        "verbose", 'v', OPTION_FLAG, NULL, NULL, "show the start and end of every step"            \
    }

static const struct option_row resume_options[] = {
    {"kept-files", 0, OPTION_FLAG, NULL, NULL,
     "files were changed since: go on with them as they were when the run began"},
    SHARED_OPTIONS,
};
static const struct option_row revert_options[] = {SHARED_OPTIONS};

const struct command command_resume = {
    .name = "resume",
    .summary = "go on with a run that was interrupted, stopped or failed",
    .operands = "RUN",
    .operand_min = 1,
    .operand_max = 1,
    OPTIONS(resume_options),
    .description =
        "Makes the same steps anew from the files that were kept with the run, looks whether the\n"
        "cluster is still that one, takes what was held again, with the values before that the\n"
        "journal knows, and goes on at the interrupted step. Of an action whose outcome is "
        "unknown\n"
        "it looks first whether it is done: a server that has restarted since is not restarted\n"
        "again, a program that still runs is waited for; what cannot be seen, and may not be done\n"
        "twice, it asks. Waits are waited again, with their whole time.\n"
        "RUN is a run's id, any beginning of it that is unique, or `last`.\n"
        "Exit codes: as of `run`; 3 also when the run is at work, has ended, or is of another\n"
        "cluster, or its files were changed since.",
    .example = "  pegflow resume last\n"
               "  pegflow resume 20260131-22 --confirm=prod --kept-files",
    .run = run_resume,
};

const struct command command_revert = {
    .name = "revert",
    .summary = "put back what an interrupted run holds, and close it",
    .operands = "RUN",
    .operand_min = 1,
    .operand_max = 1,
    OPTIONS(revert_options),
    .description =
        "Puts back each value that the run's journal says is held, in reverse order, and compares\n"
        "settings and level with those before the run. A value that somebody else has set since "
        "is\n"
        "left, and said. Servers are neither started nor stopped: those that were in work are "
        "named.\n"
        "Afterwards the run cannot be resumed.\n"
        "RUN is a run's id, any beginning of it that is unique, or `last`.\n"
        "Exit codes: 0 everything is as before; 2 no such run, or a damaged journal; 3 the run is "
        "at\n"
        "work, has ended, or is of another cluster; 5 something could not be put back.",
    .example = "  pegflow revert last\n"
               "  pegflow revert 20260131-22 --confirm=prod",
    .run = run_revert,
};
