/* cli/plan.c - pegflow plan: what a run would do, what it would cost, what would stop it.
 *
 * Gets a reader only: calls that change something do not exist here. */
#include "cli/plan.h"

#include "cli/metas.h"
#include "cli/record.h"
#include "cli/rehearsal_files.h"
#include "cli/shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_USUAL = 100, WIDTH_LEAST = 60, WIDTH_MOST = 200 };

struct plan_command {
    const struct arguments *arguments;
    struct session session;
    struct arena arena;
    struct rehearsal_files files; /* with --model: the cluster that is met */
    struct gatherer *gatherer;
    struct plan plan;
    bool simulated;
    bool json;
};

/* ---- meeting the cluster, a real one or that of a model */

static int load_workflow(struct plan_command *command, const struct inventory *inventory,
                         struct error *err)
{
    const char *path;
    if (!session_workflow_path(command->arguments, command->session.cluster_file, &path, err)) {
        return -1;
    }
    return session_load_workflow(command->session.lang, command->arguments, path, inventory,
                                 &command->plan.workflow);
}

/* All of these: -1 to go on or, with `failed`, for `err`; else the exit code. */
static int meet_model(struct plan_command *command, bool *failed, struct error *err)
{
    struct rehearsal_files *files = &command->files;
    struct session *session = &command->session;
    session->lang = session_lang_new(command->arguments);
    lang_deal_racks(session->lang);
    int code = rehearsal_files_load(files, session->lang, command->arguments);
    *failed = false;
    code = code < 0 ? rehearsal_files_open(files, session->lang, failed, err) : code;
    if (code >= 0 || *failed) {
        return code;
    }
    session->cluster_file = files->file;
    *failed = !rehearsal_meet(files->rehearsal, files->file, err) ||
              !session_meet_on(session, rehearsal_loop(files->rehearsal),
                               rehearsal_cluster(files->rehearsal), err);
    return -1;
}

static int meet_cluster(struct plan_command *command, bool *failed, struct error *err)
{
    struct session *session = &command->session;
    int code = session_load(session, command->arguments);
    *failed = true;
    if (code >= 0) {
        return code;
    }
    /* Once with stand-in servers, so that its mistakes are found before anything is asked. */
    code = load_workflow(command, NULL, err);
    if (code >= 0 || command->plan.workflow == NULL) {
        return code;
    }
    *failed =
        !session_meet(session, err) || !metas_check(session->cluster_file, &session->snapshot, err);
    return -1;
}

/* ---- the plan */

static bool gather(struct plan_command *command, struct error *err)
{
    struct session *session = &command->session;
    command->gatherer = gatherer_new(&session->gatherers);
    struct needs *needs = gatherer_needs(command->gatherer);
    plan_add_needs(command->plan.workflow, &session->inventory, needs);
    shape_add_needs(&session->inventory, needs);
    command->plan.evidence = session_gather(session, command->gatherer, err);
    return command->plan.evidence != NULL;
}

static void estimate(struct plan_command *command)
{
    struct plan *plan = &command->plan;
    struct shape shape = {0};
    struct error err;
    bool keep_leftovers = arguments_flag(command->arguments, "keep-leftovers");
    size_t not_accepted = 0;
    for (size_t i = 0; i < plan->cost_count; i++) {
        not_accepted += !plan->costs[i].accepted;
    }
    if (arguments_flag(command->arguments, "no-estimate")) {
        plan->estimate.why_not = "not asked for";
    } else if (plan->refusal_count > not_accepted) {
        plan->estimate.why_not = "a run would not get to its first step";
    } else if (command->simulated) {
        plan_rehearse(plan, &command->files.model, command->files.addresses, keep_leftovers);
    } else if (shape_take(&command->session, plan->evidence, &command->arena, &shape, &err)) {
        plan_rehearse(plan, &shape.model, shape.addresses, keep_leftovers);
    } else {
        plan->estimate.why_not = arena_copy_string(&command->arena, err.text);
    }
    if (shape.assumed.length > 0) {
        plan->estimate.assumed = arena_copy_string(&command->arena, text_string(&shape.assumed));
    }
    text_clear(&shape.assumed);
}

/* What a step would be given by the environment of a run. */
static void look_for_secrets(struct plan_command *command)
{
    const struct lang_secret *named;
    size_t count = lang_secrets(command->session.lang, &named);
    for (size_t i = 0; i < count; i++) {
        struct error err;
        if (session_read_secret(&named[i], &err) == NULL) {
            plan_refuse(&command->plan, "%s:%d: %s", named[i].where.file, named[i].where.line,
                        err.text);
        }
    }
}

/* A run that is going on now; it stops another one, but says nothing against the plan's steps. */
static void look_for_run(struct plan_command *command)
{
    struct error err;
    if (!record_is_free(command->arguments, command->session.cluster_file->name, &err)) {
        plan_refuse(&command->plan, "%s", err.text);
    }
}

/* ---- showing it */

static int width_of_output(void)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    int width = WIDTH_USUAL;
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        width = size.ws_col;
    } else if (columns != NULL && atoi(columns) > 0) {
        width = atoi(columns);
    }
    return width < WIDTH_LEAST ? WIDTH_LEAST : width > WIDTH_MOST ? WIDTH_MOST : width;
}

static int show(const struct plan_command *command)
{
    struct text out = {0};
    if (command->json) {
        plan_print_json(&command->plan, &out);
    } else {
        plan_print(&command->plan, width_of_output(), arguments_flag(command->arguments, "all"),
                   &out);
    }
    fwrite(out.bytes, 1, out.length, stdout);
    text_clear(&out);
    return plan_exit_code(&command->plan);
}

static int make_plan(struct plan_command *command, struct error *err)
{
    struct plan *plan = &command->plan;
    bool failed = false;
    int code = command->simulated ? meet_model(command, &failed, err)
                                  : meet_cluster(command, &failed, err);
    if (code >= 0 || failed) {
        return code;
    }
    plan->workflow = NULL;
    code = load_workflow(command, &command->session.inventory, err);
    if (code >= 0 || plan->workflow == NULL) {
        return code;
    }
    plan->arena = &command->arena;
    plan->session = &command->session;
    if (!gather(command, err)) {
        return -1;
    }
    if (!plan_look(plan, arguments_flag(command->arguments, "keep-leftovers"), err)) {
        return -1;
    }
    estimate(command);
    if (!command->simulated) {
        plan_note_racks(plan);
        look_for_secrets(command);
        look_for_run(command);
    }
    return show(command);
}

static int run_plan(const struct arguments *arguments, struct error *err)
{
    struct plan_command command = {.arguments = arguments};
    const char *output = arguments_text(arguments, "output");
    command.json = strcmp(output, "json") == 0;
    command.simulated = arguments_text(arguments, "model") != NULL;
    if (!command.json && strcmp(output, "plain") != 0) {
        error_set(err, ERROR_USAGE, "--output %s: give plain or json", output);
        return -1;
    }
    if (!rehearsal_files_check(arguments, err)) {
        return -1;
    }
    arena_init(&command.arena);
    command.files.arena = &command.arena;
    int code = make_plan(&command, err);
    gatherer_free(command.gatherer);
    plan_clear(&command.plan);
    struct lang *lang = command.session.lang;
    command.session.lang = NULL; /* outlives the rehearsal */
    session_close(&command.session);
    rehearsal_free(command.files.rehearsal);
    if (lang != NULL) {
        lang_free(lang);
    }
    arena_clear(&command.arena);
    return code;
}

static const struct option_row options[] = {
    SESSION_OPTIONS,
    {"set", 's', OPTION_LIST, "NAME=VALUE", NULL, "give a parameter of the workflow"},
    {"model", 'm', OPTION_TEXT, "NAME", NULL, "plan for a simulated cluster, in virtual time"},
    REHEARSAL_SEED_OPTION,
    STATE_OPTION,
    {"no-estimate", 0, OPTION_FLAG, NULL, NULL, "rehearse nothing, where that takes long"},
    {"all", 'a', OPTION_FLAG, NULL, NULL, "show the steps of each server, also where they repeat"},
    {"keep-leftovers", 0, OPTION_FLAG, NULL, NULL,
     "settings that look like another tool's leftovers are meant: keep them"},
    {"output", 'o', OPTION_TEXT, "FORM", "plain", "plain lines, or json: one object"},
};

const struct command command_plan = {
    .name = "plan",
    .summary = "say what a run would do, how long it takes and what would stop it",
    .operands = "[WORKFLOW]",
    .operand_max = 1,
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .description =
        "Meets the cluster, changes nothing, and shows each step in the order an undisturbed run\n"
        "starts them; what is held, from which value to which; which servers run the target\n"
        "already; what is required and what the guards say; what cannot be met on this cluster\n"
        "(a table of one replica, a cluster of three servers), what that costs, and how the\n"
        "cluster file accepts it. Then the workflow is rehearsed on the cluster's own shape, in\n"
        "virtual time: how long each step takes, and how long each table is without reads or\n"
        "writes. With --model the cluster is a simulated one too, and no socket is opened.\n"
        "Exit codes: 0 nothing found; 2 wrong usage or file; 3 a run would be refused, or the\n"
        "cluster could not be met; 1, 5 or 6 as the rehearsal's where a run would begin, but fail.",
    .example = "  pegflow plan workflows/ha.lua -c prod.lua\n"
               "  pegflow plan workflows/ha.lua --model three-nodes",
    .run = run_plan,
};
