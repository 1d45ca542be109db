/* cli/rehearse.c - pegflow rehearse: performs a workflow on a simulated cluster in virtual time,
 * and says how long it takes and what it costs. */
#include "cli/rehearsal_files.h"

#include "base/duration.h"
#include "cli/cost_table.h"
#include "cli/session.h"
#include "report/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rehearse_command {
    const struct arguments *arguments;
    struct lang *lang;
    struct arena arena;
    struct rehearsal_files files;
    const char *workflow_path;
    const struct workflow *workflow;
    struct event_sink *sink; /* or NULL: only the summary is shown */
    bool json;
    struct rehearsal_result result;
};

/* ---- the summary, for a person */

static void print_costs(const struct rehearse_command *command)
{
    const struct sim *sim = rehearsal_sim(command->files.rehearsal);
    struct sim_totals totals;
    struct text table = {0};
    const char *name;
    cost_table_write_head(&table);
    for (int32_t i = 0; sim_table_totals(sim, i, &name, &totals); i++) {
        cost_table_write_row(name, &totals, &table);
    }
    cost_table_write_row("all", &command->result.totals, &table);
    printf("\n%s", text_string(&table));
    text_clear(&table);
}

static void print_violations(const struct sim *sim)
{
    size_t count = sim_violation_count(sim);
    for (size_t i = 0; i < count; i++) {
        const struct sim_violation *violation = sim_violation(sim, i);
        printf("  violation     at %.3fs: %s\n", (double)violation->at_us / US_PER_SECOND,
               violation->what);
    }
    if (count == 0) {
        printf("  violations    none\n");
    }
}

static void print_summary(const struct rehearse_command *command)
{
    const struct rehearsal_result *result = &command->result;
    const struct model *model = &command->files.model;
    char took[DURATION_TEXT_BYTES];
    printf("rehearsed '%s' (%s) on model %s, Pegasus %s, seed %" PRIu64 "\n",
           command->workflow->name, command->workflow->file, model->name,
           release_traits(model->release)->name, model->seed);
    printf("  servers       replica %" PRId32 ", meta %" PRId32 ", collector %" PRId32 "\n",
           model->replica_count, model->meta_count, model->collector_count);
    printf("  outcome       %s after %s (exit code %d)\n", run_outcome_name(result->run.outcome),
           duration_format(result->took_us, took), result->exit_code);
    if (result->run.outcome != RUN_DONE) {
        printf("  what          %s\n", result->run.error.text);
    }
    if (result->run.outcome != RUN_DONE && result->run.step != NULL &&
        result->run.step->id[0] != '\0') {
        printf("  where         %s:%d, step %s\n", result->run.step->where.file,
               result->run.step->where.line, result->run.step->id);
    }
    if (result->answered[0] != '\0') {
        printf("  answered      %s\n", result->answered);
    }
    printf("  settings left %s\n", result->left.length > 0 ? text_string(&result->left) : "none");
    print_violations(rehearsal_sim(command->files.rehearsal));
    print_costs(command);
}

/* ---- the summary, for a program: the last line behind the events */

static void add_tables(cJSON *json, const struct sim *sim)
{
    cJSON *tables = cJSON_AddArrayToObject(json, "tables");
    struct sim_totals totals;
    const char *name;
    for (int32_t i = 0; sim_table_totals(sim, i, &name, &totals); i++) {
        cJSON *table = cJSON_CreateObject();
        cJSON_AddStringToObject(table, "name", name);
        cost_table_add_json(table, &totals);
        cJSON_AddItemToArray(tables, table);
    }
}

static void print_json(const struct rehearse_command *command)
{
    const struct rehearsal_result *result = &command->result;
    const struct sim *sim = rehearsal_sim(command->files.rehearsal);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "event", "rehearsed");
    cJSON_AddStringToObject(json, "workflow", command->workflow->file);
    cJSON_AddStringToObject(json, "model", command->files.model.name);
    cJSON_AddNumberToObject(json, "seed", (double)command->files.model.seed);
    cJSON_AddStringToObject(json, "outcome", run_outcome_name(result->run.outcome));
    cJSON_AddNumberToObject(json, "exit_code", result->exit_code);
    event_add_ms(json, "duration_ms", result->took_us);
    if (result->run.outcome != RUN_DONE) {
        cJSON_AddStringToObject(json, "what", result->run.error.text);
    }
    cost_table_add_json(json, &result->totals);
    cJSON_AddStringToObject(json, "settings_left", text_string(&result->left));
    cJSON *violations = cJSON_AddArrayToObject(json, "violations");
    for (size_t i = 0; i < sim_violation_count(sim); i++) {
        cJSON_AddItemToArray(violations, cJSON_CreateString(sim_violation(sim, i)->what));
    }
    add_tables(json, sim);
    char *line = cJSON_PrintUnformatted(json);
    ASSERT(line != NULL);
    printf("%s\n", line);
    cJSON_free(line);
    cJSON_Delete(json);
}

/* ---- the command */

/* -1: go on, or failed with `err`; else the exit code. */
static int prepare(struct rehearse_command *command, bool *failed, struct error *err)
{
    struct rehearsal_files *files = &command->files;
    *failed = true;
    int code = rehearsal_files_load(files, command->lang, command->arguments);
    if (code >= 0) {
        return code;
    }
    if (!session_workflow_path(command->arguments, files->file, &command->workflow_path, err)) {
        return -1;
    }
    code = rehearsal_files_open(files, command->lang, failed, err);
    if (code >= 0 || *failed) {
        return code;
    }
    if (!rehearsal_meet(files->rehearsal, files->file, err)) {
        *failed = true;
        return -1;
    }
    return session_load_workflow(command->lang, command->arguments, command->workflow_path,
                                 rehearsal_inventory(files->rehearsal), &command->workflow);
}

static int rehearse(struct rehearse_command *command, struct error *err)
{
    bool failed;
    int code = prepare(command, &failed, err);
    if (code >= 0 || failed) {
        return code;
    }
    if (!rehearsal_run(command->files.rehearsal, command->lang, command->workflow,
                       rehearsal_inventory(command->files.rehearsal), &command->sink,
                       command->sink == NULL ? 0 : 1, &command->result, err)) {
        return -1;
    }
    if (command->json) {
        print_json(command);
    } else {
        print_summary(command);
    }
    return command->result.exit_code;
}

static int run_rehearse(const struct arguments *arguments, struct error *err)
{
    struct rehearse_command command = {.arguments = arguments};
    const char *output = arguments_text(arguments, "output");
    command.json = strcmp(output, "json") == 0;
    if (!command.json && strcmp(output, "plain") != 0) {
        error_set(err, ERROR_USAGE, "--output %s: give plain or json", output);
        return -1;
    }
    if (!rehearsal_files_check(arguments, err)) {
        return -1;
    }
    command.sink = command.json                           ? report_json_new(STDOUT_FILENO)
                   : arguments_flag(arguments, "verbose") ? report_timeline_new(STDOUT_FILENO, true)
                                                          : NULL;
    if (command.sink != NULL) {
        report_wait_for_reader(command.sink);
    }
    command.lang = session_lang_new(arguments);
    lang_deal_racks(command.lang);
    arena_init(&command.arena);
    command.files.arena = &command.arena;
    int code = rehearse(&command, err);
    rehearsal_free(command.files.rehearsal);
    lang_free(command.lang);
    arena_clear(&command.arena);
    text_clear(&command.result.left);
    report_free(command.sink);
    return code;
}

static const struct option_row options[] = {
    {"model", 'm', OPTION_TEXT, "NAME", "five-nodes",
     "a model of the standard library, or a model file"},
    SESSION_OPTIONS,
    {"set", 's', OPTION_LIST, "NAME=VALUE", NULL, "give a parameter of the workflow"},
    REHEARSAL_SEED_OPTION,
    {"output", 'o', OPTION_TEXT, "FORM", "plain", "a summary, or json: one event a line, then it"},
    {"verbose", 'v', OPTION_FLAG, NULL, NULL, "show the run itself, each line with its time"},
};

const struct command command_rehearse = {
    .name = "rehearse",
    .summary = "perform a workflow on a simulated cluster, in virtual time",
    .operands = "[WORKFLOW]",
    .operand_max = 1,
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .description =
        "The same file, interpreter and events as a real run; the cluster, its deployment system\n"
        "and the clock are simulated, so an hour takes a moment and nothing is touched. Says how\n"
        "long it takes, and for each table how long its partitions had no reads and no writes\n"
        "(summed over partitions, and the longest of one), the fewest live replicas of a "
        "partition,\n"
        "primaries moved, settings left changed, and what would have brought a real server down.\n"
        "With -c the cluster's own file is used, its deploy adapter too: its programs and "
        "requests\n"
        "are not executed; the model does what the step says. The same seed gives the same bytes.\n"
        "Exit codes: as those of a run; 6 when a request would have brought a real server down.",
    .example = "  pegflow rehearse workflows/ha.lua --model five-nodes\n"
               "  pegflow rehearse workflows/ha.lua -c prod.lua --model prod-model.lua --seed 7",
    .run = run_rehearse,
};
