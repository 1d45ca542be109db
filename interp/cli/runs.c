#include "cli/runs.h"

#include "cli/record.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void runs_read(const struct state *state, const char *id, struct told_run *out)
{
    char path[STATE_PATH_BYTES];
    struct journal_end end;
    *out = (struct told_run){.standing = standing_new()};
    snprintf(out->id, sizeof out->id, "%s", id);
    if (state_run_path(state, id, JOURNAL_FILE, path, &out->damage) &&
        journal_read(path, standing_take_record, out->standing, &end, NULL, &out->damage)) {
        out->alive = runs_is_alive(state, out->standing->cluster, id);
        return;
    }
    standing_free(out->standing);
    out->standing = NULL;
}

void runs_forget(struct told_run *run)
{
    standing_free(run->standing);
    run->standing = NULL;
}

bool runs_is_alive(const struct state *state, const char *cluster, const char *id)
{
    struct lock_holder holder;
    return cluster[0] != '\0' && state_is_locked(state, cluster, &holder) &&
           strcmp(holder.run, id) == 0;
}

int64_t runs_now_us(const struct told_run *run, int64_t wall_us)
{
    const struct standing *standing = run->standing;
    int64_t age_us = wall_us - standing->last_wall_us;
    bool goes_on = run->alive && standing->outcome == NULL && age_us > 0;
    return standing->last_us + (goes_on ? age_us : 0);
}

/* "20260131-220000-NAME", perhaps with a number behind it: enough for a run that cannot be read. */
static bool id_has_name(const char *id, const char *cluster)
{
    return strstr(id, cluster) != NULL;
}

bool runs_each(const struct state *state, const char *cluster, runs_fn *take, void *ctx,
               struct error *err)
{
    struct run_list list;
    bool more = true;
    if (!state_list_runs(state, &list, err)) {
        return false;
    }
    for (size_t i = list.count; more && i > 0; i--) {
        struct told_run run;
        runs_read(state, list.ids[i - 1], &run);
        bool wanted =
            cluster == NULL || (run.standing == NULL ? id_has_name(run.id, cluster)
                                                     : strcmp(run.standing->cluster, cluster) == 0);
        more = !wanted || take(ctx, &run);
        runs_forget(&run);
    }
    state_free_list(&list);
    return true;
}

int runs_cluster_name(const struct arguments *arguments, struct text *out)
{
    const char *given = arguments_text(arguments, "cluster");
    struct session session = {0};
    text_reset(out);
    if (given == NULL) {
        return -1;
    }
    if (access(given, F_OK) != 0 && strchr(given, '/') == NULL) {
        text_append_string(out, given);
        return -1;
    }
    int code = session_load(&session, arguments);
    if (code < 0) {
        text_append_string(out, session.cluster_file->name);
    }
    session_close(&session);
    return code;
}

bool runs_wants_json(const struct arguments *arguments, bool *json, struct error *err)
{
    const char *form = arguments_text(arguments, "output");
    *json = strcmp(form, "json") == 0;
    if (!*json && strcmp(form, "plain") != 0) {
        error_set(err, ERROR_USAGE, "--output %s: give plain or json", form);
        return false;
    }
    return true;
}

void runs_print_json(const cJSON *json)
{
    char *printed = cJSON_PrintUnformatted(json);
    ASSERT(printed != NULL);
    puts(printed);
    cJSON_free(printed);
}
