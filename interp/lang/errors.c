/* Where a script is, and what is told about its errors. */
#include "lang/private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS_LOOKED_AT = 64 };

static const struct loaded_file *find_file(const struct lang *lang, const char *chunk_name)
{
    for (size_t i = 0; i < lang->file_count; i++) {
        if (strcmp(lang->files[i].shown, chunk_name) == 0) {
            return &lang->files[i];
        }
    }
    return NULL;
}

/* Allocates nothing: the allocator calls it too. */
struct source lang_where(lua_State *L)
{
    struct lang *lang = lang_of(L);
    struct source innermost = {0};
    lua_Debug activation;
    for (int level = 0; level < LEVELS_LOOKED_AT && lua_getstack(L, level, &activation); level++) {
        if (lua_getinfo(L, "Sl", &activation) == 0 || activation.currentline <= 0 ||
            activation.source[0] != '@') {
            continue;
        }
        const struct loaded_file *file = find_file(lang, activation.source + 1);
        if (file == NULL) {
            continue;
        }
        struct source here = {file->shown, activation.currentline};
        if (!file->of_stdlib) {
            return here;
        }
        if (innermost.file == NULL) {
            innermost = here;
        }
    }
    return innermost;
}

static bool is_reported(const struct error_list *errors, struct source where, const char *text)
{
    for (size_t i = 0; i < errors->count; i++) {
        const struct error_item *item = &errors->items[i];
        bool same_file = (item->file == NULL) == (where.file == NULL) &&
                         (where.file == NULL || strcmp(item->file, where.file) == 0);
        if (same_file && item->line == where.line && strcmp(item->text, text) == 0) {
            return true;
        }
    }
    return false;
}

void lang_complain(struct lang *lang, struct source where, const char *format, ...)
{
    char text[ERROR_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (wanted >= (int)sizeof text) {
        memcpy(text + sizeof text - 4, "...", 4);
    }
    if (lang->errors == NULL) {
        luaL_error(lang->L, "%s", text); /* while a run goes on there is nobody to collect */
        return;
    }
    /* A body is called once for each server, and says the same each time. */
    if (!is_reported(lang->errors, where, text)) {
        error_list_add(lang->errors, where.file, where.line, "%s", text);
    }
}

/* Splits "file:line: text" as Lua writes it; false when `message` does not begin so. */
static bool split_message(const struct lang *lang, const char *message, struct source *where,
                          const char **text)
{
    for (size_t i = 0; i < lang->file_count; i++) {
        size_t length = strlen(lang->files[i].chunk);
        if (strncmp(message, lang->files[i].chunk, length) != 0 || message[length] != ':' ||
            !isdigit((unsigned char)message[length + 1])) {
            continue;
        }
        char *end;
        long line = strtol(message + length + 1, &end, 10);
        if (end[0] == ':' && end[1] == ' ') {
            *where = (struct source){lang->files[i].shown, (int)line};
            *text = end + 2;
            return true;
        }
    }
    return false;
}

/* Fills `where` and `err` from the error value on top of the stack. Allocates nothing in Lua. */
static void read_failure(struct lang *lang, int status, struct source *where, struct error *err)
{
    lua_State *L = lang->L;
    *where = lang->failure_where;
    if (lang->exhausted) {
        *where = lang->exhausted_where;
        error_set(err, ERROR_SCRIPT, "%s", lang->exhausted_text);
        return;
    }
    if (lua_type(L, -1) != LUA_TSTRING) {
        error_set(err, ERROR_SCRIPT, "error with a value that is no text: %s",
                  luaL_typename(L, -1));
        return;
    }
    const char *text = lua_tostring(L, -1);
    (void)split_message(lang, text, where, &text);
    if (strstr(text, "stack overflow") != NULL || strstr(text, "C levels") != NULL ||
        status == LUA_ERRERR) {
        text = LANG_TOO_DEEP;
    }
    error_set(err, ERROR_SCRIPT, "%s", text);
}

void lang_complain_message(lua_State *L, const char *message)
{
    struct lang *lang = lang_of(L);
    struct source where = {0};
    (void)split_message(lang, message, &where, &message);
    bool too_deep =
        strstr(message, "C levels") != NULL || strstr(message, "stack overflow") != NULL;
    lang_complain(lang, where, "%s", too_deep ? LANG_TOO_DEEP : message);
}

static int note_where(lua_State *L)
{
    struct lang *lang = lang_of(L);
    if (!lang->exhausted) {
        lang->failure_where = lang_where(L);
    }
    return 1;
}

/* Turns a failure of memory into the one that nothing catches; allocates nothing. */
static int settle(lua_State *L)
{
    lang_pass_on(L, LUA_ERRMEM);
    return 0;
}

bool lang_run(struct lang *lang, lua_CFunction function, void *ctx, int64_t budget,
              struct source *where, struct error *err)
{
    lua_State *L = lang->L;
    if (L == NULL) {
        *where = (struct source){0};
        error_set(err, ERROR_LIMIT, "not enough memory to start Lua: the limit is %zu bytes",
                  lang->limits.memory_bytes);
        return false;
    }
    lang_set_budget(lang, budget);
    lang->in_script = true;
    lua_settop(L, 0);
    lua_pushcfunction(L, note_where);
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, ctx);
    int status = lua_pcall(L, 1, 0, 1);
    if (status == LUA_ERRMEM && !lang->exhausted) {
        lua_pushcfunction(L, settle);
        lua_pcall(L, 0, 0, 0);
    }
    if (status != LUA_OK) {
        read_failure(lang, status, where, err);
    }
    lang->in_script = false;
    lua_sethook(L, NULL, 0, 0);
    lua_settop(L, 0);
    if (status != LUA_OK) {
        lua_gc(L, LUA_GCCOLLECT);
    }
    lang->budget = 0;
    return status == LUA_OK;
}

bool lang_call(lua_State *L, int argument_count, int result_count)
{
    struct lang *lang = lang_of(L);
    int handler = lua_gettop(L) - argument_count;
    lua_pushcfunction(L, note_where);
    lua_insert(L, handler);
    int status = lua_pcall(L, argument_count, result_count, handler);
    lua_remove(L, handler);
    if (status == LUA_OK) {
        return true;
    }
    lang_pass_on(L, status);
    struct source where;
    struct error err;
    read_failure(lang, status, &where, &err);
    lua_pop(L, 1);
    /* What follows from a placeholder was reported where the placeholder came from. */
    bool follows =
        lang->errors->count > 0 && strstr(err.text, object_kind_name(OBJECT_PLACEHOLDER)) != NULL;
    if (!follows) {
        lang_complain(lang, where, "%s", err.text);
    }
    return false;
}
