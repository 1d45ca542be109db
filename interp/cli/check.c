/* cli/check.c - pegflow check: reads a workflow and says what is wrong with it. Touches nothing. */
#include "cli/cli.h"
#include "cli/session.h"
#include "lang/lang.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option_row options[] = {
    {"cluster", 'c', OPTION_TEXT, "FILE", NULL,
     "the cluster file: its params are applied, and its deploy adapter is asked"},
    {"set", 0, OPTION_LIST, "NAME=VALUE", NULL, "sets a param of the workflow; may be repeated"},
    {"lib", 'L', OPTION_LIST, "DIR", NULL,
     "a folder where require looks; may be repeated; PEGFLOW_PATH names more"},
};

/* Splits "name=value"; both halves lie in `storage`, which the caller frees. */
static bool split_sets(const struct arguments *arguments, struct lang_set **out, size_t *count,
                       struct text *storage, struct error *err)
{
    const char *const *given = arguments_list(arguments, "set", count);
    struct lang_set *sets = memory_allocate((*count + 1) * sizeof *sets);
    for (size_t i = 0; i < *count; i++) {
        if (strchr(given[i], '=') == NULL) {
            free(sets);
            error_set(err, ERROR_USAGE, "--set %s: write --set name=value", given[i]);
            return false;
        }
        text_append(storage, given[i], strlen(given[i]) + 1);
    }
    char *cursor = storage->bytes; /* nothing is appended any more */
    for (size_t i = 0; i < *count; i++) {
        char *equals = strchr(cursor, '=');
        *equals = '\0';
        sets[i] = (struct lang_set){cursor, equals + 1};
        cursor = equals + 1 + strlen(equals + 1) + 1;
    }
    *out = sets;
    return true;
}

static void print_workflow(const char *path, const struct workflow *workflow)
{
    printf("%s: ok, %zu %s, ", path, workflow->step_count,
           workflow->step_count == 1 ? "step" : "steps");
    printf(workflow->param_count == 0 ? "no params" : "params");
    for (size_t i = 0; i < workflow->param_count; i++) {
        const struct param_value *param = &workflow->params[i];
        printf("%s %s=%s", i == 0 ? "" : ",", param->name, param->value);
        if (strcmp(param->from, "default") != 0) {
            printf(" (%s)", param->from);
        }
    }
    printf("\n");
}

static int run_check(const struct arguments *arguments, struct error *err)
{
    const char *path = arguments_operand(arguments, 0);
    const char *cluster_path = arguments_text(arguments, "cluster");
    const struct cluster_file *cluster;
    const struct workflow *workflow;
    struct lang_set *sets;
    size_t set_count;
    struct text storage = {0};
    struct error_list errors;
    if (!split_sets(arguments, &sets, &set_count, &storage, err)) {
        text_clear(&storage);
        return -1;
    }
    struct lang *lang = session_lang_new(arguments);
    error_list_init(&errors);
    /* A mistake in the cluster file does not keep the workflow's from being told. */
    bool ok = cluster_path == NULL || lang_load_cluster(lang, cluster_path, &cluster, &errors);
    ok = lang_load_workflow(lang, path, NULL, sets, set_count, &workflow, &errors) &&
         session_check_overrides(workflow, &errors) && ok;
    int code = 0;
    if (ok) {
        print_workflow(path, workflow);
    } else {
        code = cli_report_errors(&errors);
    }
    error_list_clear(&errors);
    lang_free(lang);
    free(sets);
    text_clear(&storage);
    return code;
}

const struct command command_check = {
    .name = "check",
    .summary = "read a workflow and report every mistake in it",
    .operands = "WORKFLOW",
    .operand_min = 1,
    .operand_max = 1,
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .description =
        "Evaluates the workflow with one server of each role in place of a cluster's, and reports\n"
        "all its mistakes with file, line and the nearest right word. Touches no cluster.\n",
    .example = "pegflow check workflows/ha.lua -c examples/demo/cluster.lua --set batch=50\n"
               "    is everything right with the workflow for this cluster?",
    .run = run_check,
};
