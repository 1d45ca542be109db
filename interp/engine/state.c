#include "engine/state.h"

#include "base/files.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SAME_SECOND_LIMIT = 1000 };

static bool set_path(struct state *out, const char *base, const char *below, struct error *err)
{
    int length = snprintf(out->path, sizeof out->path, "%s%s", base, below);
    if (length >= STATE_FOLDER_BYTES) {
        error_set(err, ERROR_USAGE, "the path of the state folder is too long: '%.80s...'", base);
        return false;
    }
    return true;
}

bool state_open(const char *given, struct state *out, struct error *err)
{
    const char *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    char here[STATE_FOLDER_BYTES];
    if (given != NULL && given[0] == '/') {
        return set_path(out, given, "", err);
    }
    if (given != NULL && given[0] != '\0') {
        char below[STATE_FOLDER_BYTES];
        snprintf(below, sizeof below, "/%s", given);
        return set_path(out, getcwd(here, sizeof here) == NULL ? "" : here, below, err);
    }
    if (xdg != NULL && xdg[0] == '/') {
        return set_path(out, xdg, "/pegflow", err);
    }
    if (home != NULL && home[0] == '/') {
        return set_path(out, home, "/.local/state/pegflow", err);
    }
    error_set(err, ERROR_USAGE,
              "where to keep what runs record? Neither HOME nor XDG_STATE_HOME is set: give "
              "--state DIR");
    return false;
}

bool state_run_path(const struct state *state, const char *id, const char *file,
                    char path[STATE_PATH_BYTES], struct error *err)
{
    int length = snprintf(path, STATE_PATH_BYTES, "%s/runs/%s%s%s", state->path, id,
                          file[0] == '\0' ? "" : "/", file);
    if (length >= STATE_PATH_BYTES) {
        error_set(err, ERROR_LIMIT, "the path of a run's file is too long: '%.80s...'", path);
        return false;
    }
    return true;
}

bool state_new_run(const struct state *state, const char *cluster, int64_t wall_us,
                   char id[RUN_ID_BYTES], struct error *err)
{
    char path[STATE_PATH_BYTES];
    char stamp[32];
    char name[65];
    struct tm tm;
    time_t seconds = (time_t)(wall_us / 1000000);
    gmtime_r(&seconds, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
    snprintf(name, sizeof name, "%s", cluster);
    for (char *c = name; *c != '\0'; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || *c == '-' || *c == '_' || *c == '.';
        *c = plain ? *c : '_';
    }
    snprintf(path, sizeof path, "%s/runs", state->path);
    if (!files_make_folder(path, err)) {
        error_wrap(err, "nowhere to record the run (another folder: --state DIR)");
        return false;
    }
    for (int number = 1; number <= SAME_SECOND_LIMIT; number++) {
        char suffix[16] = "";
        if (number > 1) {
            snprintf(suffix, sizeof suffix, "-%d", number);
        }
        snprintf(id, RUN_ID_BYTES, "%s-%s%s", stamp, name, suffix);
        if (!state_run_path(state, id, "", path, err)) {
            return false;
        }
        if (mkdir(path, 0700) == 0) {
            *strrchr(path, '/') = '\0';
            return files_sync_folder(path, err);
        }
        if (errno != EEXIST) {
            break;
        }
    }
    error_set_errno(err, errno, "make the run's folder '%s'", path);
    return false;
}

/* ---- runs that are there */
static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

bool state_list_runs(const struct state *state, struct run_list *out, struct error *err)
{
    char path[STATE_PATH_BYTES];
    *out = (struct run_list){0};
    snprintf(path, sizeof path, "%s/runs", state->path);
    DIR *folder = opendir(path);
    if (folder == NULL && errno == ENOENT) {
        return true;
    }
    if (folder == NULL) {
        error_set_errno(err, errno, "look for runs in '%s'", path);
        return false;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (entry->d_name[0] != '.' && length < RUN_ID_BYTES) {
            out->ids = memory_resize(out->ids, (out->count + 1) * sizeof *out->ids);
            memcpy(out->ids[out->count++], entry->d_name, length + 1);
        }
    }
    closedir(folder);
    if (out->count > 0) {
        qsort(out->ids, out->count, sizeof *out->ids, compare_ids);
    }
    return true;
}

void state_free_list(struct run_list *list)
{
    free(list->ids);
    *list = (struct run_list){0};
}

enum { IDS_SHOWN = 5 };

/* The newest that match, for messages. */
static void append_ids(const struct run_list *list, const char *prefix, struct text *out)
{
    size_t shown = 0;
    for (size_t i = list->count; i > 0 && shown < IDS_SHOWN; i--) {
        if (strncmp(list->ids[i - 1], prefix, strlen(prefix)) == 0) {
            text_printf(out, "%s%s", shown++ > 0 ? ", " : "", list->ids[i - 1]);
        }
    }
}

bool state_find_run(const struct state *state, const char *prefix, char id[RUN_ID_BYTES],
                    struct error *err)
{
    struct run_list list;
    struct text ids = {0};
    size_t matches = 0;
    size_t match = 0;
    if (!state_list_runs(state, &list, err)) {
        return false;
    }
    bool last = strcmp(prefix, "last") == 0;
    for (size_t i = 0; i < list.count && prefix[0] != '\0'; i++) {
        bool exact = strcmp(list.ids[i], prefix) == 0;
        if (exact || last || strncmp(list.ids[i], prefix, strlen(prefix)) == 0) {
            matches = exact || last ? 1 : matches + 1;
            match = i;
        }
        if (exact) {
            break;
        }
    }
    if (matches == 1) {
        snprintf(id, RUN_ID_BYTES, "%s", list.ids[match]);
    } else if (matches > 1) {
        append_ids(&list, prefix, &ids);
        error_set(err, ERROR_USAGE, "'%s' is the beginning of %zu runs: %s; give more of it",
                  prefix, matches, text_string(&ids));
    } else {
        append_ids(&list, "", &ids);
        error_set(err, ERROR_USAGE, "there is no run '%s' in %s/runs%s%s", prefix, state->path,
                  list.count > 0 ? "; the newest: " : "", text_string(&ids));
    }
    text_clear(&ids);
    state_free_list(&list);
    return matches == 1;
}
