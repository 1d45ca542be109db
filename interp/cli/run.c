/* cli/run.c - pegflow run: performs a workflow on a cluster. */
#include "engine/run.h"

#include "base/duration.h"
#include "cli/confirm.h"
#include "cli/detach.h"
#include "cli/display.h"
#include "cli/metas.h"
#include "cli/record.h"
#include "cli/typed.h"

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
    struct deployment *deployment;
    struct run *run;
    struct record record;
    enum display_form form;
    struct display display;
    struct typed typed;
    int stops_asked;
    bool done;
    struct run_result result;
    int64_t began_us;
};

/* What the failure block tells of holds: a sink beside the display. */
struct tally {
    struct event_sink sink;
    struct text put_back;
    struct text left;
    struct text overridden;
    size_t passed_over; /* failures that the workflow let pass */
};

static bool take_tally(struct event_sink *sink, const struct event *event, struct error *err)
{
    struct tally *tally = (struct tally *)sink;
    struct text *into = event->kind == EVENT_PUT_BACK       ? &tally->put_back
                        : event->kind == EVENT_NOT_PUT_BACK ? &tally->left
                        : event->kind == EVENT_OVERRIDDEN   ? &tally->overridden
                                                            : NULL;
    (void)err;
    tally->passed_over += event->kind == EVENT_PASSED_OVER || event->kind == EVENT_RESCUED;
    if (into != NULL) {
        text_printf(into, "%s%s", into->length > 0 ? "; " : "", event->text);
    }
    return true;
}

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

static void print_holds(struct run_command *command, const struct step_list *steps,
                        struct held_names *seen)
{
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = steps->items[i];
        for (size_t s = 0; step->kind == STEP_HOLD && s < step->as.hold.setting_count; s++) {
            const struct setting_value *setting = &step->as.hold.settings[s];
            struct text value = {0};
            struct error err;
            bool known = false;
            char key[160];
            snprintf(key, sizeof key, "%s=%s", setting->name, setting->value);
            for (size_t k = 0; k < seen->count; k++) {
                known |= strcmp(seen->names[k], key) == 0;
            }
            if (!known && seen->count < sizeof seen->names / sizeof seen->names[0]) {
                seen->names[seen->count++] = arena_copy_string(&command->session.arena, key);
                bool read = session_read_setting(&command->session, setting->name, &value, &err);
                printf("  holds      %s: %s -> %s\n", setting->name,
                       read ? text_string(&value) : "(unreadable)", setting->value);
            }
            text_clear(&value);
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

/* ---- the run */
static void run_ended(void *ctx, const struct run_result *result)
{
    struct run_command *command = ctx;
    command->result = *result;
    command->done = true;
    loop_stop(command->session.loop);
}

static void stop_asked(struct run_command *command)
{
    if (++command->stops_asked == 1) {
        run_stop(command->run);
    } else {
        run_abort(command->run);
    }
}

static void signal_caught(void *ctx, int signal_number)
{
    struct run_command *command = ctx;
    if (signal_number == SIGWINCH) {
        display_resized(&command->display);
        return;
    }
    if (signal_number == SIGHUP) {
        return; /* a closed terminal changes nothing */
    }
    if (signal_number == SIGUSR1) {
        run_continue(command->run);
    } else {
        stop_asked(command);
    }
}

/* In a pause: continue, or stop. Else "yes", or "STEP yes" where more than one step asks. */
static void line_typed(void *ctx, char *line)
{
    struct run_command *command = ctx;
    struct error err;
    display_line_was_typed(&command->display);
    if (run_is_paused(command->run) && (strcmp(line, "continue") == 0 || strcmp(line, "c") == 0)) {
        run_continue(command->run);
        return;
    }
    if (run_is_paused(command->run) && strcmp(line, "stop") == 0) {
        run_stop(command->run);
        return;
    }
    char *last = strrchr(line, ' ');
    const char *answer = last == NULL ? line : last + 1;
    if (answer[0] == '\0') {
        return;
    }
    if (last != NULL) {
        *last = '\0';
    }
    if (!run_answer(command->run, last == NULL ? NULL : line, answer, &err)) {
        display_say(&command->display, err.text);
    }
}

/* Nothing is begun while it is not known to be ours (may_act); once it is lost, the run ends. */
static void lock_changed(void *ctx, enum shared_lock_event event, const char *text)
{
    struct run_command *command = ctx;
    struct error why;
    display_say(&command->display, text);
    if (event == SHARED_LOCK_LOST) {
        error_set(&why, ERROR_STEP, "%s", text);
        run_give_up(command->run, &why);
    }
}

static bool perform(struct run_command *command, struct tally *tally, struct error *err)
{
    struct session *session = &command->session;
    /* The journal first: nothing is shown that it does not say. */
    struct event_sink *sinks[RECORD_SINKS + 2];
    size_t sink_count = record_sinks(&command->record, sinks);
    sinks[sink_count++] = display_sink(&command->display);
    sinks[sink_count++] = &tally->sink;
    struct run_setup setup = {
        .loop = session->loop,
        .cluster = session->cluster,
        .deployment = command->deployment,
        .lang = session->lang,
        .workflow = command->workflow,
        .cluster_file = session->cluster_file,
        .inventory = &session->inventory,
        .start = &session->snapshot,
        .sinks = sinks,
        .sink_count = sink_count,
        .keep_leftovers = arguments_flag(command->arguments, "keep-leftovers"),
    };
    struct held_lock *shared = command->record.shared;
    if (shared != NULL) {
        setup.may_act = held_lock_may_act;
        setup.may_act_ctx = shared;
        held_lock_watch(shared, lock_changed, command);
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGWINCH);
    command->run = run_new(&setup);
    command->began_us = loop_now_us(session->loop);
    bool ok = loop_catch_signals(session->loop, &signals, signal_caught, command, err);
    if (ok) {
        run_start(command->run, run_ended, command);
    }
    typed_start(&command->typed, session->loop, line_typed, command);
    while (ok && !command->done) {
        ok = loop_run(session->loop, err);
    }
    typed_stop(&command->typed);
    int64_t took_us = loop_now_us(session->loop) - command->began_us;
    if (shared != NULL) {
        held_lock_watch(shared, NULL, NULL);
    }
    /* In this order no callback follows; see run_free. */
    cluster_free(session->cluster);
    session->cluster = NULL;
    command->deployment->ops->free(command->deployment);
    command->deployment = NULL;
    run_free(command->run);
    record_end(&command->record, !command->done || command->result.outcome != RUN_DONE);
    command->began_us = took_us;
    return ok;
}

static void print_failure(const struct run_command *command, const struct tally *tally)
{
    const struct run_result *result = &command->result;
    fprintf(stderr, "\npegflow: the run ended: %s (exit code %d)\n",
            run_outcome_name(result->outcome), result->exit_code);
    fprintf(stderr, "  what      %s\n", result->error.text);
    if (result->step != NULL && result->step->id[0] != '\0') {
        fprintf(stderr, "  where     %s:%d, step %s\n", result->step->where.file,
                result->step->where.line, result->step->id);
    }
    fprintf(stderr, "  put back  %s\n",
            tally->put_back.length > 0 ? text_string(&tally->put_back) : "nothing had to be");
    fprintf(stderr, "  left      %s\n",
            tally->left.length > 0                ? text_string(&tally->left)
            : result->outcome == RUN_NOT_RESTORED ? "see above"
                                                  : "nothing of the settings");
    if (tally->overridden.length > 0) {
        fprintf(stderr, "  overrides %s\n", text_string(&tally->overridden));
    }
    fprintf(stderr, "  next      pegflow doctor -c %s   (what is wrong now; then run again)\n",
            command->session.cluster_file->file);
}

static int conclude(const struct run_command *command, const struct tally *tally)
{
    char text[DURATION_TEXT_BYTES];
    if (command->result.outcome != RUN_DONE) {
        print_failure(command, tally);
    } else if (command->form != DISPLAY_JSON) {
        const struct inventory *inventory = &command->session.inventory;
        printf(
            "\ndone in %s: %d replica servers, %d meta servers, %d collectors; settings and level "
            "as before\n",
            duration_format(command->began_us, text), inventory->count[ROLE_REPLICA],
            inventory->count[ROLE_META], inventory->count[ROLE_COLLECTOR]);
        if (tally->overridden.length > 0) {
            printf("overrides used: %s\n", text_string(&tally->overridden));
        }
        if (tally->passed_over > 0) {
            printf("failures passed over or rescued, as the workflow says: %zu, told above\n",
                   tally->passed_over);
        }
    }
    return command->result.exit_code;
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
    display_open(&command->display, command->form, command->session.loop,
                 arguments_flag(command->arguments, "verbose"));
    return record_show(&command->record, display_take_record, &command->display, err);
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

static int load_meet_and_run(struct run_command *command, struct tally *tally, struct error *err)
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
    command->deployment = secrets_deployment_new(programs_new(session->loop), command->secrets,
                                                 command->secret_count);
    bool performed = perform(command, tally, err);
    display_close(&command->display); /* what is pending comes before the summary */
    if (!performed) {
        return -1;
    }
    return conclude(command, tally);
}

static int run_run(const struct arguments *arguments, struct error *err)
{
    struct run_command command = {.arguments = arguments};
    struct tally tally = {.sink = {.take = take_tally}};
    if (!display_choose(arguments, &command.form, err)) {
        return -1;
    }
    int code = load_meet_and_run(&command, &tally, err);
    display_close(&command.display);
    record_close(&command.record);
    session_close(&command.session);
    text_clear(&tally.put_back);
    text_clear(&tally.left);
    text_clear(&tally.overridden);
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
