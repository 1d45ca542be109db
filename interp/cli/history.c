/* cli/history.c - pegflow history: what ran before, and how it ended. */
#include "base/duration.h"
#include "cli/record.h"
#include "cli/runs.h"
#include "report/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct history {
    bool json;
    cJSON *list;
    int64_t limit;
    int64_t shown;
};

/* "done", "running", "killed" ... */
static const char *outcome_of(const struct told_run *run)
{
    return run->standing == NULL            ? "unreadable"
           : run->standing->outcome != NULL ? run->standing->outcome
           : run->alive                     ? "running"
                                            : "killed";
}

static cJSON *run_json(const struct told_run *run)
{
    const struct standing *standing = run->standing;
    char buffer[WALL_TEXT_BYTES];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "run", run->id);
    cJSON_AddStringToObject(json, "outcome", outcome_of(run));
    if (standing == NULL) {
        cJSON_AddStringToObject(json, "damage", run->damage.text);
        return json;
    }
    cJSON_AddStringToObject(json, "cluster", standing->cluster);
    cJSON_AddStringToObject(json, "command",
                            standing->command[0] != '\0' ? standing->command : "run");
    cJSON_AddStringToObject(json, "workflow", standing->workflow);
    cJSON_AddStringToObject(json, "began", wall_format_utc(standing->began_wall_us, buffer));
    event_add_ms(json, "took_ms", standing->last_us);
    cJSON_AddStringToObject(json, "user", standing->user);
    cJSON_AddStringToObject(json, "host", standing->host);
    cJSON_AddStringToObject(json, "reason", standing->reason);
    if (standing->outcome != NULL) {
        cJSON_AddNumberToObject(json, "exit_code", standing->exit_code);
        cJSON_AddStringToObject(json, "ending", standing->ending);
    }
    cJSON_AddNumberToObject(json, "holds", (double)past_hold_count(standing->past));
    return json;
}

/* Texts of a journal may be anything: nothing in them moves the cursor. */
static void append(struct text *line, const char *text, size_t width)
{
    size_t used = columns_append(line, text, SIZE_MAX);
    for (; used < width; used++) {
        text_append_char(line, ' ');
    }
    text_append_string(line, "  ");
}

static void print_run(const struct told_run *run)
{
    const struct standing *standing = run->standing;
    char took[DURATION_TEXT_BYTES];
    char began[32];
    struct text line = {0};
    struct text who = {0};
    struct tm tm;
    append(&line, run->id, 32);
    if (standing == NULL) {
        append(&line, outcome_of(run), 12);
        append(&line, run->damage.text, 0);
    } else {
        time_t seconds = (time_t)(standing->began_wall_us / US_PER_SECOND);
        localtime_r(&seconds, &tm);
        strftime(began, sizeof began, "%Y-%m-%d %H:%M", &tm);
        text_printf(&who, "%s@%s", standing->user, standing->host);
        append(&line, outcome_of(run), 12);
        append(&line, began, 16);
        append(&line, duration_format(standing->last_us, took), 8);
        append(&line, text_string(&who), 16);
        append(&line, standing->command[0] != '\0' ? standing->command : standing->workflow, 0);
        append(&line, standing->reason, 0);
    }
    while (line.length > 0 && line.bytes[line.length - 1] == ' ') {
        line.bytes[--line.length] = '\0';
    }
    puts(text_string(&line));
    text_clear(&line);
    text_clear(&who);
}

static bool take_run(void *ctx, struct told_run *run)
{
    struct history *history = ctx;
    if (history->json) {
        cJSON_AddItemToArray(history->list, run_json(run));
    } else {
        if (history->shown == 0) {
            printf("%-32s  %-12s  %-16s  %-8s  %-16s  %s\n", "RUN", "OUTCOME", "BEGAN", "TOOK",
                   "WHO", "WORKFLOW, REASON");
        }
        print_run(run);
    }
    return ++history->shown < history->limit;
}

static void print_end(const struct history *history)
{
    if (history->json) {
        runs_print_json(history->list);
    } else if (history->shown == 0) {
        printf("nothing has run\n");
    } else if (history->shown == history->limit) {
        printf("(the newest %lld; more: --limit N)\n", (long long)history->limit);
    }
}

static int run_history(const struct arguments *arguments, struct error *err)
{
    struct state state;
    struct text cluster = {0};
    struct history history = {.limit = arguments_integer(arguments, "limit")};
    if (history.limit < 1) {
        error_set(err, ERROR_USAGE, "--limit %lld: give a number from 1", (long long)history.limit);
        return -1;
    }
    if (!runs_wants_json(arguments, &history.json, err) ||
        !state_open(arguments_text(arguments, "state"), &state, err)) {
        return -1;
    }
    int code = runs_cluster_name(arguments, &cluster);
    if (code < 0) {
        history.list = cJSON_CreateArray();
        const char *name = cluster.length > 0 ? text_string(&cluster) : NULL;
        if (runs_each(&state, name, take_run, &history, err)) {
            print_end(&history);
            code = 0;
        }
        cJSON_Delete(history.list);
    }
    text_clear(&cluster);
    return code;
}

static const struct option_row options[] = {
    RUNS_CLUSTER_OPTIONS,
    {"limit", 'n', OPTION_INTEGER, "N", "20", "at most so many, the newest"},
    STATE_OPTION,
    RUNS_OUTPUT_OPTION,
};

const struct command command_history = {
    .name = "history",
    .summary = "list what ran before, and how it ended",
    .operands = "",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .description =
        "Lists the runs that are recorded, newest first: id, outcome, when, how long, who, the\n"
        "workflow and the reason given. One whose journal is damaged is listed with what is "
        "wrong.\n"
        "A run that was killed is 'killed'. Exit code 0, whatever is listed.",
    .example = "  pegflow history -c prod.lua --limit 5\n"
               "  pegflow history --output json | jq '.[] | select(.outcome != \"done\")'",
    .run = run_history,
};
