#include "cli/record.h"

#include "base/digest.h"
#include "base/files.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool record_is_free(const struct arguments *arguments, const char *cluster, struct error *err)
{
    struct state state;
    struct lock_holder holder;
    if (!state_open(arguments_text(arguments, "state"), &state, err)) {
        return false;
    }
    if (state_is_locked(&state, cluster, &holder)) {
        lock_refuse(cluster, &holder, err);
        return false;
    }
    return true;
}

/* ---- copies of the files */
/* "files/03-ha.lua": in the order of reading, under the file's own name. */
static void kept_name(size_t index, const char *path, char name[NAME_MAX])
{
    const char *slash = strrchr(path, '/');
    snprintf(name, NAME_MAX, "files/%02zu-%.200s", index + 1, slash == NULL ? path : slash + 1);
}

static bool keep_file(const struct record *record, size_t index, const struct lang_file *file,
                      cJSON *list, struct error *err)
{
    char name[NAME_MAX];
    char path[STATE_PATH_BYTES];
    char absolute[PATH_MAX];
    char hex[DIGEST_HEX_BYTES];
    kept_name(index, file->path, name);
    digest_of("", 0, file->bytes, file->length, hex);
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddItemToArray(list, entry);
    cJSON_AddStringToObject(entry, "path", file->path);
    if (realpath(file->path, absolute) != NULL) {
        cJSON_AddStringToObject(entry, "absolute", absolute);
    }
    cJSON_AddStringToObject(entry, "kept", name);
    cJSON_AddStringToObject(entry, "sha256", hex);
    return state_run_path(&record->state, record->id, name, path, err) &&
           files_write(path, file->bytes, file->length, err);
}

static cJSON *keep_files(const struct record *record, const struct lang *lang, struct error *err)
{
    char path[STATE_PATH_BYTES];
    cJSON *list = cJSON_CreateArray();
    bool ok = state_run_path(&record->state, record->id, "files", path, err) &&
              files_make_folder(path, err);
    for (size_t i = 0; ok && i < lang_file_count(lang); i++) {
        ok = keep_file(record, i, lang_file(lang, i), list, err);
    }
    if (!ok) {
        cJSON_Delete(list);
        return NULL;
    }
    return list;
}

/* ---- the header */
static void add_texts(cJSON *to, const char *name, const char *const *texts, size_t count)
{
    cJSON *list = cJSON_AddArrayToObject(to, name);
    for (size_t i = 0; i < count; i++) {
        cJSON_AddItemToArray(list, cJSON_CreateString(texts[i]));
    }
}

static cJSON *inventory_json(const struct inventory *inventory)
{
    cJSON *json = cJSON_CreateObject();
    for (int role = 0; role < ROLE_COUNT; role++) {
        cJSON *list = cJSON_AddArrayToObject(json, role_name((enum role)role));
        for (int32_t i = 0; i < inventory->count[role]; i++) {
            const struct server *server = &inventory->servers[role][i];
            char text[ADDRESS_TEXT_BYTES];
            cJSON *entry = cJSON_CreateObject();
            cJSON_AddItemToArray(list, entry);
            cJSON_AddStringToObject(entry, "name", server->name);
            cJSON_AddStringToObject(entry, "address", address_format(server->address, text));
        }
    }
    return json;
}

static cJSON *header_json(const struct record *record, const struct record_origin *origin,
                          const struct lock_holder *us)
{
    const struct session *session = origin->session;
    char folder[PATH_MAX];
    size_t count = 0;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "program", "pegflow " PEGFLOW_VERSION);
    cJSON_AddStringToObject(json, "run", record->id);
    cJSON_AddStringToObject(json, "user", us->user);
    cJSON_AddStringToObject(json, "host", us->host);
    cJSON_AddNumberToObject(json, "pid", (double)us->pid);
    if (origin->reason != NULL) {
        cJSON_AddStringToObject(json, "reason", origin->reason);
    }
    cJSON_AddStringToObject(json, "cluster", session->cluster_file->name);
    cJSON_AddStringToObject(json, "zookeeper_root", session->snapshot.zookeeper_root);
    cJSON_AddStringToObject(json, "cluster_file", session->cluster_file->file);
    if (origin->command != NULL) {
        cJSON_AddStringToObject(json, "command", origin->command);
    }
    cJSON_AddStringToObject(json, "workflow", origin->workflow_path);
    cJSON_AddBoolToObject(json, "keep_leftovers", origin->keep_leftovers);
    while (origin->sets != NULL && origin->sets[count] != NULL) {
        count++;
    }
    add_texts(json, "set", origin->sets, count);
    const char *const *folders = lang_lib_folders(session->lang, &count);
    add_texts(json, "lib", folders, count);
    if (lang_stdlib_folder(session->lang) != NULL) {
        cJSON_AddStringToObject(json, "stdlib", lang_stdlib_folder(session->lang));
    }
    if (getcwd(folder, sizeof folder) != NULL) {
        cJSON_AddStringToObject(json, "cwd", folder);
    }
    cJSON_AddItemToObject(json, "servers", inventory_json(&session->inventory));
    return json;
}

/* ---- life */
static bool lock_shared(struct record *record, const struct session *session,
                        const struct lock_holder *us, const struct held_lock_before *before,
                        struct error *err)
{
    const struct cluster_file *file = session->cluster_file;
    return file->lock.zookeeper == NULL ||
           held_lock_take(session->loop, file, session->snapshot.zookeeper_root, us, before,
                          &record->shared, err);
}

/* Without a record nothing is begun, whatever the system's reason is. */
static bool refuse(bool ok, struct error *err)
{
    if (!ok && err->code == ERROR_SYSTEM) {
        err->code = ERROR_REFUSED;
    }
    return ok;
}

static bool create(struct record *record, const struct arguments *arguments,
                   const struct record_origin *origin, struct error *err)
{
    const struct session *session = origin->session;
    int64_t wall_us = loop_wall_us(session->loop);
    const char *cluster = session->cluster_file->name;
    char path[STATE_PATH_BYTES];
    struct lock_holder us;
    *record = (struct record){0};
    if (!state_open(arguments_text(arguments, "state"), &record->state, err) ||
        !state_new_run(&record->state, cluster, wall_us, record->id, err)) {
        return false;
    }
    lock_holder_of_us(record->id, wall_us, &us);
    bool ok = state_run_path(&record->state, record->id, "", record->folder, err) &&
              state_lock(&record->state, cluster, &us, &record->lock, err) &&
              lock_shared(record, session, &us, NULL, err);
    cJSON *files = ok ? keep_files(record, session->lang, err) : NULL;
    if (files == NULL) {
        rmdir(record->folder); /* only where nothing was kept in it */
        record_close(record);
        return false;
    }
    cJSON *header = header_json(record, origin, &us);
    cJSON_AddItemToObject(header, "files", files);
    if (record->shared != NULL) {
        cJSON_AddItemToObject(header, "lock", held_lock_json(record->shared));
    }
    if (!state_run_path(&record->state, record->id, JOURNAL_FILE, path, err)) {
        cJSON_Delete(header);
        record_close(record);
        return false;
    }
    if (!journal_create(path, header, wall_us, NULL, &record->journal, err)) {
        record_close(record);
        return false;
    }
    if (record->shared != NULL &&
        !shared_record_begin(session->loop, held_lock_session(record->shared),
                             held_lock_place(record->shared), record->id, record->folder,
                             &record->copy, err)) {
        record_close(record);
        return false;
    }
    return true;
}

bool record_create(struct record *record, const struct arguments *arguments,
                   const struct record_origin *origin, struct error *err)
{
    return refuse(create(record, arguments, origin, err), err);
}

static bool open_journal(struct record *record, const struct journal_end *end, struct error *err)
{
    char path[STATE_PATH_BYTES];
    struct journal_end now;
    if (!state_run_path(&record->state, record->id, JOURNAL_FILE, path, err) ||
        !journal_read(path, NULL, NULL, &now, NULL, err)) {
        return false;
    }
    if (now.sequence != end->sequence) {
        error_set(err, ERROR_REFUSED,
                  "run %s went on while this looked at it: see where it stands, pegflow status %s",
                  record->id, record->id);
        return false;
    }
    return journal_continue(path, end, NULL, &record->journal, err);
}

bool record_continue(struct record *record, const struct state *state, const char *id,
                     const struct session *session, const struct journal_end *end,
                     const char *shared_session, struct error *err)
{
    const struct held_lock_before before = {.session = shared_session};
    const struct cluster_file *file = session->cluster_file;
    struct lock_holder us;
    *record = (struct record){.state = *state};
    snprintf(record->id, sizeof record->id, "%s", id);
    lock_holder_of_us(record->id, loop_wall_us(session->loop), &us);
    bool ok = state_run_path(state, id, "", record->folder, err) &&
              state_lock(state, file->name, &us, &record->lock, err) &&
              lock_shared(record, session, &us, &before, err) && open_journal(record, end, err);
    if (ok && record->shared != NULL) {
        ok = shared_record_begin(session->loop, held_lock_session(record->shared),
                                 held_lock_place(record->shared), record->id, record->folder,
                                 &record->copy, err);
    }
    if (!ok) {
        record_close(record);
    }
    return refuse(ok, err);
}

size_t record_sinks(const struct record *record, struct event_sink *sinks[RECORD_SINKS])
{
    sinks[0] = journal_sink(record->journal);
    if (record->copy != NULL) {
        sinks[1] = shared_record_sink(record->copy);
    }
    return record->copy != NULL ? 2 : 1;
}

void record_end(struct record *record, bool resumable)
{
    shared_record_end(record->copy, resumable);
    record->copy = NULL;
}

bool record_show(const struct record *record, journal_record_fn *take, void *ctx, struct error *err)
{
    char path[STATE_PATH_BYTES];
    struct journal_end end;
    return state_run_path(&record->state, record->id, JOURNAL_FILE, path, err) &&
           journal_read(path, take, ctx, &end, NULL, err);
}

void record_close(struct record *record)
{
    record_end(record, true);
    journal_close(record->journal);
    held_lock_release(record->shared);
    state_unlock(record->lock);
    record->journal = NULL;
    record->shared = NULL;
    record->lock = NULL;
}
