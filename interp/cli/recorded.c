#include "cli/recorded.h"

#include "base/digest.h"
#include "base/files.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { KEPT_LIMIT_BYTES = 16 * 1024 * 1024 }; /* of one file; lang/ loads smaller ones */

/* ---- members of the header */
struct header {
    struct recorded *recorded;
    const cJSON *json;
    struct error *err;
};

static bool lacks(const struct header *header, const char *name)
{
    error_set(header->err, ERROR_INVALID_FILE, "the journal's header has no '%s'", name);
    return false;
}

static bool read_text(const struct header *header, const cJSON *from, const char *name,
                      const char **out)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(from, name);
    if (!cJSON_IsString(member)) {
        return lacks(header, name);
    }
    *out = member->valuestring;
    return true;
}

/* NULL where it is not there. */
static const char *optional_text(const cJSON *from, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(from, name);
    return cJSON_IsString(member) ? member->valuestring : NULL;
}

static bool read_texts(const struct header *header, const char *name, const char *const **out)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(header->json, name);
    const cJSON *item;
    size_t count = 0;
    if (!cJSON_IsArray(list)) {
        return lacks(header, name);
    }
    const char **texts = arena_allocate(&header->recorded->arena,
                                        ((size_t)cJSON_GetArraySize(list) + 1) * sizeof *texts);
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item)) {
            return lacks(header, name);
        }
        texts[count++] = item->valuestring;
    }
    *out = texts;
    return true;
}

static bool read_servers(const struct header *header, enum role role)
{
    struct recorded *recorded = header->recorded;
    const cJSON *servers = cJSON_GetObjectItemCaseSensitive(header->json, "servers");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(servers, role_name(role));
    const cJSON *item;
    int32_t count = 0;
    if (!cJSON_IsArray(list)) {
        return lacks(header, "servers");
    }
    struct server *into =
        arena_allocate(&recorded->arena, ((size_t)cJSON_GetArraySize(list) + 1) * sizeof *into);
    cJSON_ArrayForEach(item, list)
    {
        const char *address;
        struct server *server = &into[count];
        *server = (struct server){.role = role, .index = count};
        if (!read_text(header, item, "name", &server->name) ||
            !read_text(header, item, "address", &address) ||
            !address_parse(address, &server->address, header->err)) {
            return false;
        }
        count++;
    }
    recorded->inventory.servers[role] = into;
    recorded->inventory.count[role] = count;
    return true;
}

static bool read_kept_file(const struct header *header, const cJSON *entry)
{
    struct recorded *recorded = header->recorded;
    struct lang_file *file = &recorded->files[recorded->file_count];
    char path[STATE_PATH_BYTES];
    char hex[DIGEST_HEX_BYTES];
    const char *name;
    const char *digest;
    struct text text = {0};
    bool ok = read_text(header, entry, "path", &file->path) &&
              read_text(header, entry, "kept", &name) &&
              read_text(header, entry, "sha256", &digest) &&
              state_run_path(&recorded->state, recorded->id, name, path, header->err) &&
              files_read(path, KEPT_LIMIT_BYTES, &text, NULL, header->err);
    if (ok) {
        digest_of("", 0, text_string(&text), text.length, hex);
        ok = strcmp(hex, digest) == 0;
        if (!ok) {
            error_set(header->err, ERROR_INVALID_FILE,
                      "the kept file '%s' is not as it was kept (its SHA-256 is %s, the journal "
                      "has %s)",
                      path, hex, digest);
        }
    }
    if (ok) {
        file->bytes = arena_copy_bytes(&recorded->arena, text_string(&text), text.length);
        file->length = text.length;
        recorded->absolute[recorded->file_count] = optional_text(entry, "absolute");
        recorded->kept[recorded->file_count] = arena_copy_string(&recorded->arena, path);
        recorded->file_count++;
    }
    text_clear(&text);
    return ok;
}

static bool read_kept_files(const struct header *header)
{
    struct recorded *recorded = header->recorded;
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(header->json, "files");
    const cJSON *item;
    if (!cJSON_IsArray(list)) {
        return lacks(header, "files");
    }
    size_t room = (size_t)cJSON_GetArraySize(list) + 1;
    recorded->files = arena_allocate(&recorded->arena, room * sizeof *recorded->files);
    recorded->absolute = arena_allocate(&recorded->arena, room * sizeof *recorded->absolute);
    recorded->kept = arena_allocate(&recorded->arena, room * sizeof *recorded->kept);
    cJSON_ArrayForEach(item, list)
    {
        if (!read_kept_file(header, item)) {
            return false;
        }
    }
    return true;
}

static bool read_header(struct recorded *recorded, struct error *err)
{
    const struct header header = {recorded, past_header(recorded->past), err};
    recorded->keep_leftovers =
        cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(header.json, "keep_leftovers"));
    recorded->folder_then = optional_text(header.json, "cwd");
    recorded->stdlib = optional_text(header.json, "stdlib");
    bool ok = read_text(&header, header.json, "cluster", &recorded->cluster) &&
              read_text(&header, header.json, "zookeeper_root", &recorded->zookeeper_root) &&
              read_text(&header, header.json, "cluster_file", &recorded->cluster_file) &&
              read_text(&header, header.json, "workflow", &recorded->workflow) &&
              read_texts(&header, "set", &recorded->sets) &&
              read_texts(&header, "lib", &recorded->libs);
    recorded->inventory.cluster_name = recorded->cluster;
    for (int role = 0; ok && role < ROLE_COUNT; role++) {
        ok = read_servers(&header, (enum role)role);
    }
    return ok && read_kept_files(&header);
}

/* ---- life */
bool recorded_open(struct recorded *recorded, const struct arguments *arguments, const char *run,
                   struct error *err)
{
    char path[STATE_PATH_BYTES];
    *recorded = (struct recorded){0};
    arena_init(&recorded->arena);
    recorded->past = past_new();
    bool ok = state_open(arguments_text(arguments, "state"), &recorded->state, err) &&
              state_find_run(&recorded->state, run, recorded->id, err) &&
              state_run_path(&recorded->state, recorded->id, "", recorded->folder, err) &&
              state_run_path(&recorded->state, recorded->id, JOURNAL_FILE, path, err) &&
              journal_read(path, past_take, recorded->past, &recorded->end, &recorded->torn, err);
    if (ok && !read_header(recorded, err)) {
        error_wrap(err, "run %s", recorded->id);
        ok = false;
    }
    if (!ok && err->code == ERROR_SYSTEM) {
        err->code = ERROR_INVALID_FILE; /* a file of the record cannot be read: no run has failed */
    }
    if (!ok) {
        recorded_close(recorded);
    }
    return ok;
}

void recorded_close(struct recorded *recorded)
{
    past_free(recorded->past);
    arena_clear(&recorded->arena);
    *recorded = (struct recorded){0};
}

/* ---- the files as they are now */
/* diff's own output goes to stderr. What it cannot do is no error: the paths are named anyway. */
static void show_difference(const char *kept, const char *now)
{
    const char *const argv[] = {"diff", "-u", kept, now, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    fflush(stderr);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    if (posix_spawnp(&child, "diff", &actions, NULL, (char *const *)argv, environ) == 0) {
        waitpid(child, NULL, 0);
    }
    posix_spawn_file_actions_destroy(&actions);
}

bool recorded_files_are_unchanged(const struct recorded *recorded, struct error *err)
{
    struct text now = {0};
    struct text changed = {0};
    for (size_t i = 0; i < recorded->file_count; i++) {
        const char *path = recorded->absolute[i];
        const struct lang_file *file = &recorded->files[i];
        struct error ignored; /* what cannot be read cannot be compared: the kept copy counts */
        if (path == NULL || !files_read(path, KEPT_LIMIT_BYTES, &now, NULL, &ignored)) {
            continue;
        }
        if (now.length != file->length || memcmp(now.bytes, file->bytes, now.length) != 0) {
            show_difference(recorded->kept[i], path);
            text_printf(&changed, "%s%s", changed.length > 0 ? ", " : "", path);
        }
    }
    bool same = changed.length == 0;
    if (!same) {
        error_set(err, ERROR_REFUSED,
                  "changed since run %s began: %s; put it back as it was, or go on with the files "
                  "as they were then: --kept-files",
                  recorded->id, text_string(&changed));
    }
    text_clear(&now);
    text_clear(&changed);
    return same;
}

struct lang *recorded_lang_new(const struct recorded *recorded)
{
    struct lang_options options = {
        .lib_folders = recorded->libs,
        .stdlib_folder = recorded->stdlib,
        .kept = recorded->files,
        .kept_count = recorded->file_count,
    };
    return lang_new(&options);
}
