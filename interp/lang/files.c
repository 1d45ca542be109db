/* Finds, reads and runs files. */
#include "lang/private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PARENTS_LOOKED_AT = 4 };

static bool is_on_disk(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static bool is_stdlib(const char *folder)
{
    char marker[4096];
    int length = snprintf(marker, sizeof marker, "%s/meta/pegflow.lua", folder);
    return length < (int)sizeof marker && is_on_disk(marker);
}

/* In a working copy the stdlib folder stands beside, or some folders above, the program's; when
 * installed in ../share/pegflow of it, or where the build was told. */
const char *find_stdlib(struct arena *arena)
{
    char program[4096];
    char folder[4096 + 64];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length < 0 ? 0 : length] = '\0';
    for (int parent = 0; parent <= PARENTS_LOOKED_AT; parent++) {
        char *slash = strrchr(program, '/');
        if (slash == NULL) {
            break;
        }
        *slash = '\0';
        snprintf(folder, sizeof folder, "%s%s/stdlib", program,
                 parent == 1 ? "/share/pegflow" : "");
        if (is_stdlib(folder)) {
            return arena_copy_string(arena, folder);
        }
        snprintf(folder, sizeof folder, "%s/stdlib", program);
        if (is_stdlib(folder)) {
            return arena_copy_string(arena, folder);
        }
    }
    return is_stdlib(PEGFLOW_DATADIR "/stdlib") ? PEGFLOW_DATADIR "/stdlib" : NULL;
}

/* ---- where files come from */
static const struct lang_file *find_file(const struct lang_file *files, size_t count,
                                         const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(files[i].path, path) == 0) {
            return &files[i];
        }
    }
    return NULL;
}

static bool is_file(const struct lang *lang, const char *path)
{
    return lang->kept == NULL ? is_on_disk(path)
                              : find_file(lang->kept, lang->kept_count, path) != NULL;
}

/* The caller frees `out`. False: `wrong` says what failed. Touches no Lua. */
static bool read_from_disk(const char *path, struct text *out, char wrong[160])
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        snprintf(wrong, 160, "opened: %s", strerror(errno));
        return false;
    }
    char *room = text_reserve(out, FILE_BYTES_LIMIT + 1);
    size_t got = fread(room, 1, FILE_BYTES_LIMIT + 1, file);
    int failed = ferror(file) ? errno : 0;
    fclose(file);
    out->length = got;
    room[got] = '\0';
    if (failed != 0) {
        snprintf(wrong, 160, "read: %s", strerror(failed));
    }
    return failed == 0;
}

/* What was read last is remembered: a run keeps a copy of what it was made from. */
static void remember_file(struct lang *lang, const char *path, const struct text *text)
{
    size_t index = 0;
    if (lang->read == NULL) {
        lang->read = arena_allocate(&lang->arena, FILE_COUNT_LIMIT * sizeof *lang->read);
    }
    while (index < lang->read_count && strcmp(lang->read[index].path, path) != 0) {
        index++;
    }
    if (index == FILE_COUNT_LIMIT) {
        return; /* more files are refused anyway */
    }
    lang->read_count = index == lang->read_count ? index + 1 : lang->read_count;
    lang->read[index] = (struct lang_file){
        .path = arena_copy_string(&lang->arena, path),
        .bytes = arena_copy_bytes(&lang->arena, text_string(text), text->length),
        .length = text->length,
    };
}

/* The caller frees `out`. False: an error was reported. */
static bool read_whole(struct lang *lang, const char *path, const char *shown, struct text *out)
{
    struct source where = {shown, 0};
    const struct lang_file *kept = find_file(lang->kept, lang->kept_count, path);
    char wrong[160] = "read: it was not kept with the run";
    bool read = kept != NULL || (lang->kept == NULL && read_from_disk(path, out, wrong));
    if (kept != NULL) {
        text_append(out, kept->bytes, kept->length);
    }
    if (!read) {
        lang_complain(lang, where, "cannot be %s", wrong);
    } else if (out->length > FILE_BYTES_LIMIT) {
        lang_complain(lang, where, "is larger than %d MB", FILE_BYTES_LIMIT / 1024 / 1024);
    } else {
        remember_file(lang, path, out);
        return true;
    }
    return false;
}

/* A byte order mark is skipped; so is a first line that begins with '#', whose end stays so that
 * lines keep their numbers. */
static struct slice skip_prefix(const struct text *text)
{
    struct slice slice = {text_string(text), text->length};
    if (slice.length >= 3 && memcmp(slice.bytes, "\xef\xbb\xbf", 3) == 0) {
        slice.bytes += 3;
        slice.length -= 3;
    }
    if (slice.length > 0 && slice.bytes[0] == '#') {
        const char *end = memchr(slice.bytes, '\n', slice.length);
        size_t skipped = end == NULL ? slice.length : (size_t)(end - slice.bytes);
        slice.bytes += skipped;
        slice.length -= skipped;
    }
    return slice;
}

/* ---- a file that was registered becomes a function on the stack */
static bool compile(lua_State *L, struct loaded_file *file)
{
    struct lang *lang = lang_of(L);
    struct text text = {0};
    if (file->source != NULL) {
        text_append_string(&text, file->source);
    } else if (!read_whole(lang, file->path, file->shown, &text)) {
        text_clear(&text);
        return false;
    }
    /* The loader is a protected call of its own; the text is freed before anything can jump. */
    const char *name = file->chunk_name;
    struct slice slice = skip_prefix(&text);
    bool compiled_already = slice.length > 0 && slice.bytes[0] == LUA_SIGNATURE[0];
    int status =
        compiled_already ? LUA_OK : luaL_loadbufferx(L, slice.bytes, slice.length, name, "t");
    text_clear(&text);
    if (compiled_already) {
        lang_complain(lang, (struct source){file->shown, 0},
                      "is compiled Lua: only text is loaded");
        return false;
    }
    if (status != LUA_OK) {
        lang_pass_on(L, status);
        lang_complain_message(L, lua_tostring(L, -1));
        lua_pop(L, 1);
        return false;
    }
    return true;
}

static struct loaded_file *register_file(lua_State *L, const char *path, const char *source,
                                         const char *shown, bool of_stdlib)
{
    struct lang *lang = lang_of(L);
    lua_Debug activation;
    if (lang->file_count == FILE_COUNT_LIMIT) {
        lang_give_up(L, "more than %d files", FILE_COUNT_LIMIT);
    }
    struct loaded_file file = {
        .path = arena_copy_string(&lang->arena, path),
        .source = source,
        .shown = arena_copy_string(&lang->arena, shown),
        .chunk_name = arena_printf(&lang->arena, "@%s", shown),
        .of_stdlib = of_stdlib,
        .value = LUA_NONE,
    };
    /* Lua itself says how it will show the name. */
    int status = luaL_loadbufferx(L, "", 0, file.chunk_name, "t");
    if (status != LUA_OK) {
        lang_pass_on(L, status);
        lua_error(L);
    }
    lua_getinfo(L, ">S", &activation);
    memcpy(file.chunk, activation.short_src, sizeof file.chunk);
    lang->files[lang->file_count] = file;
    return &lang->files[lang->file_count++];
}

void load_file(lua_State *L, const char *path, const char *source, const char *shown,
               bool of_stdlib)
{
    struct lang *lang = lang_of(L);
    struct loaded_file *file = register_file(L, path, source, shown, of_stdlib);
    file->loading = true;
    bool ok = compile(L, file);
    if (ok) {
        lua_createtable(L, 0, 0);
        lua_rawgeti(L, LUA_REGISTRYINDEX, lang->file_environment);
        lua_setmetatable(L, -2);
        lua_setupvalue(L, -2, 1);
        ok = lang_call(L, 0, 1);
    }
    file->loading = false;
    file->failed = !ok;
    if (!ok) {
        object_push_placeholder(L);
    }
    lua_pushvalue(L, -1);
    file->value = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* ---- require */
static bool is_module_name(const char *name)
{
    bool separated = true; /* at the start of a part */
    for (const char *c = name; *c != '\0'; c++) {
        bool word = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                    (*c >= '0' && *c <= '9') || *c == '_' || *c == '-';
        if (!word && (*c != '.' || separated)) {
            return false;
        }
        separated = *c == '.';
    }
    return !separated && strlen(name) < 200;
}

/* The path of `relative` in `folder` if it is there. */
static const char *in_folder(struct lang *lang, const char *folder, const char *relative)
{
    if (folder == NULL) {
        return NULL;
    }
    const char *separator = folder[0] == '\0' ? "" : "/";
    const char *path = arena_printf(&lang->arena, "%s%s%s", folder, separator, relative);
    return is_file(lang, path) ? path : NULL;
}

struct found {
    const char *path;
    const char *shown;
    bool of_stdlib;
};

static bool find_relative(struct lang *lang, const char *relative, bool in_main_folder,
                          struct found *found)
{
    const char *path = in_main_folder ? in_folder(lang, lang->main_folder, relative) : NULL;
    for (size_t i = 0; path == NULL && i < lang->lib_folder_count; i++) {
        path = in_folder(lang, lang->lib_folders[i], relative);
    }
    if (path != NULL) {
        *found = (struct found){path, path, false};
        return true;
    }
    path = in_folder(lang, lang->stdlib, relative);
    if (path == NULL) {
        return false;
    }
    *found = (struct found){path, arena_printf(&lang->arena, "stdlib/%s", relative), true};
    return true;
}

/* A load of the file that succeeded or is going on, or NULL. */
static const struct loaded_file *find_loaded(const struct lang *lang, const char *path)
{
    for (size_t i = 0; i < lang->file_count; i++) {
        const struct loaded_file *file = &lang->files[i];
        if (strcmp(file->path, path) == 0 &&
            (file->loading || (!file->failed && file->value != LUA_NONE))) {
            return file;
        }
    }
    return NULL;
}

/* Pushes what the file returned, now or when it was loaded before. */
static void push_or_load(lua_State *L, const struct loaded_file *file, const struct found *found)
{
    if (file != NULL) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, file->value);
    } else {
        load_file(L, found->path, NULL, found->shown, found->of_stdlib);
    }
}

/* Reports what is wrong with a require; what it would have given is a placeholder. */
#define REFUSE(L, ...)                                                                             \
    (lang_complain(lang_of(L), lang_where(L), "require: " __VA_ARGS__),                            \
     object_push_placeholder(L), 1)

int require_file(lua_State *L)
{
    struct lang *lang = lang_of(L);
    const char *name = lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : "";
    struct found found;
    if (lang->errors == NULL) {
        return luaL_error(L, "require: no file is loaded while a run goes on");
    }
    if (!is_module_name(name)) {
        return REFUSE(L,
                      "'%.100s' is no name of a file: write \"deploy.exec\" for "
                      "deploy/exec.lua",
                      name);
    }
    char *relative = arena_printf(&lang->arena, "%s.lua", name);
    for (char *c = relative; c < relative + strlen(name); c++) {
        *c = *c == '.' ? '/' : *c;
    }
    if (!find_relative(lang, relative, true, &found)) {
        return REFUSE(L,
                      "there is no %s in the file's own folder, the library folders "
                      "or the standard library",
                      relative);
    }
    const struct loaded_file *file = find_loaded(lang, found.path);
    if (file != NULL && file->loading) {
        return REFUSE(L, "%s is being loaded: files require each other in a circle", file->shown);
    }
    push_or_load(L, file, &found);
    return 1;
}

/* ---- shipped files by name */
static void offer_files(struct lang *lang, const char *folder, struct nearest *nearest)
{
    DIR *files = opendir(folder);
    if (files == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(files)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (length > 4 && strcmp(entry->d_name + length - 4, ".lua") == 0) {
            nearest_offer(nearest, arena_copy_bytes(&lang->arena, entry->d_name, length - 4));
        }
    }
    closedir(files);
}

/* The workflows folder stands beside that of the standard library, in a working copy as installed.
 */
void load_shipped_workflow(lua_State *L, struct call *call, const char *name)
{
    struct lang *lang = call->lang;
    char hint[128];
    struct nearest nearest = {.word = name};
    const char *folder =
        lang->stdlib == NULL ? NULL : arena_printf(&lang->arena, "%s/../workflows", lang->stdlib);
    bool plain = is_module_name(name) && strchr(name, '.') == NULL;
    const char *relative = arena_printf(&lang->arena, "%.200s.lua", name);
    struct found found = {
        .path = plain ? in_folder(lang, folder, relative) : NULL,
        .shown = arena_printf(&lang->arena, "workflows/%s", relative),
    };
    if (found.path == NULL) {
        if (folder != NULL) {
            offer_files(lang, folder, &nearest);
        }
        call_complain(call,
                      "no workflow '%.60s' is shipped%s (a file of yours: variant(require "
                      "\"name\") { ... })",
                      name, nearest_hint(&nearest, hint));
        object_push_placeholder(L);
        return;
    }
    const struct loaded_file *file = find_loaded(lang, found.path);
    if (file != NULL && file->loading) {
        call_complain(call, "%s is being loaded: a workflow is no variant of itself", file->shown);
        object_push_placeholder(L);
        return;
    }
    push_or_load(L, file, &found);
}

const char *find_model(struct lang *lang, const char *name, const char **shown, bool *of_stdlib,
                       struct nearest *nearest)
{
    struct found found;
    const char *relative = arena_printf(&lang->arena, "models/%s.lua", name);
    if (find_relative(lang, relative, false, &found)) {
        *shown = found.shown;
        *of_stdlib = found.of_stdlib;
        return found.path;
    }
    for (size_t i = 0; i < lang->lib_folder_count; i++) {
        offer_files(lang, arena_printf(&lang->arena, "%s/models", lang->lib_folders[i]), nearest);
    }
    if (lang->stdlib != NULL) {
        offer_files(lang, arena_printf(&lang->arena, "%s/models", lang->stdlib), nearest);
    }
    return NULL;
}
