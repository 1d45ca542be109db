/* cli/status.c - pegflow status: where runs stand, by their journals. */
#include "cli/record.h"
#include "cli/runs.h"
#include "report/picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

struct status {
    bool json;
    bool one;    /* a run was named: it is shown whatever its state */
    cJSON *list; /* of JSON output */
    size_t shown;
    bool needs_somebody; /* one is damaged, or is dead and holds values */
    int64_t wall_us;
    struct picture_view view;
};

static int64_t wall_now_us(void)
{
    struct timeval now;
    gettimeofday(&now, NULL);
    return (int64_t)now.tv_sec * 1000000 + now.tv_usec;
}

/* Lines are cut at a terminal's edge; in a pipe they are whole. */
static struct picture_view view_of_stdout(void)
{
    struct winsize size = {0};
    bool terminal = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    return (struct picture_view){
        .columns = terminal ? size.ws_col : 0,
        .colour = terminal && picture_colours(),
    };
}

static void show_damage(struct status *status, const struct told_run *run)
{
    if (status->json) {
        cJSON *json = cJSON_CreateObject();
        cJSON_AddStringToObject(json, "run", run->id);
        cJSON_AddStringToObject(json, "state", "unreadable");
        cJSON_AddStringToObject(json, "damage", run->damage.text);
        cJSON_AddItemToArray(status->list, json);
    } else {
        printf("%srun         %s\nunreadable  %s\n", status->shown > 0 ? "\n" : "", run->id,
               run->damage.text);
    }
    status->needs_somebody = true;
    status->shown++;
}

static void show(struct status *status, const struct told_run *run)
{
    struct text out = {0};
    int64_t now_us = runs_now_us(run, status->wall_us);
    if (status->json) {
        cJSON_AddItemToArray(status->list, standing_to_json(run->standing, run->alive, now_us));
    } else {
        status->view.now_us = now_us;
        status->view.alive = run->alive;
        picture_draw(run->standing, &status->view, &out);
        printf("%s%s", status->shown > 0 ? "\n" : "", text_string(&out));
    }
    text_clear(&out);
    status->shown++;
}

static bool take_run(void *ctx, struct told_run *run)
{
    struct status *status = ctx;
    if (run->standing == NULL) {
        show_damage(status, run);
        return true;
    }
    bool left = !run->alive && standing_needs_somebody(run->standing);
    status->needs_somebody |= left;
    if (status->one || run->alive || left) {
        show(status, run);
    }
    return true;
}

static bool look_at_all(struct status *status, const struct state *state, const char *cluster,
                        struct error *err)
{
    if (!runs_each(state, cluster[0] == '\0' ? NULL : cluster, take_run, status, err)) {
        return false;
    }
    if (status->shown == 0 && !status->json) {
        printf("no run is under way, and none that was holds anything\n");
    }
    return true;
}

static bool look_at_one(struct status *status, const struct state *state, const char *name,
                        struct error *err)
{
    struct told_run run;
    char id[RUN_ID_BYTES];
    if (!state_find_run(state, name, id, err)) {
        return false;
    }
    runs_read(state, id, &run);
    status->one = true;
    bool readable = run.standing != NULL;
    if (readable) {
        take_run(status, &run);
    } else {
        *err = run.damage;
    }
    runs_forget(&run);
    return readable;
}

static int run_status(const struct arguments *arguments, struct error *err)
{
    struct state state;
    struct text cluster = {0};
    struct status status = {.wall_us = wall_now_us(), .view = view_of_stdout()};
    bool ok = runs_wants_json(arguments, &status.json, err) &&
              state_open(arguments_text(arguments, "state"), &state, err);
    int code = ok ? runs_cluster_name(arguments, &cluster) : -1;
    if (ok && code < 0) {
        status.list = cJSON_CreateArray();
        ok = arguments_operand_count(arguments) > 0
                 ? look_at_one(&status, &state, arguments_operand(arguments, 0), err)
                 : look_at_all(&status, &state, text_string(&cluster), err);
        if (ok && status.json) {
            runs_print_json(status.one ? cJSON_GetArrayItem(status.list, 0) : status.list);
        }
        code = !ok ? -1 : status.needs_somebody ? error_exit_code(ERROR_REFUSED) : 0;
        cJSON_Delete(status.list);
    }
    text_clear(&cluster);
    return code;
}

static const struct option_row options[] = {
    RUNS_CLUSTER_OPTIONS,
    STATE_OPTION,
    RUNS_OUTPUT_OPTION,
};

const struct command command_status = {
    .name = "status",
    .summary = "say where runs stand, what they wait for, and what they hold",
    .operands = "[RUN]",
    .operand_max = 1,
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .description =
        "Reads the journal of a run (RUN: the beginning of its id, or 'last') and says which step\n"
        "it is at, how long it has taken, what it waits for, since when, until when and what\n"
        "happens then, which values it holds, and for one that was killed what to do. Without "
        "RUN:\n"
        "all that are under way, and those that are not and still hold values.\n"
        "Asks no cluster, changes nothing.\n"
        "Exit codes: 0 nothing needs somebody; 3 a run on which no process works holds values, or\n"
        "cannot be read; 2 wrong usage, or the run that was named cannot be read.",
    .example = "  pegflow status\n"
               "  pegflow status last --output json | jq .steps",
    .run = run_status,
};
