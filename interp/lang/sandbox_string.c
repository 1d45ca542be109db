/* string.*: Lua's functions with their work counted, and patterns by pattern.c. */
#include "lang/pattern.h"

#include <ctype.h>
#include <string.h>

static int call_original(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* For byte, lower, reverse ...: the cost is that of the subject's length. */
static int charged_by_length(lua_State *L)
{
    size_t length;
    luaL_checklstring(L, 1, &length);
    lang_charge(L, (int64_t)(length / 16));
    return call_original(L);
}

static int string_char(lua_State *L)
{
    lang_charge(L, lua_gettop(L));
    return call_original(L);
}

static int string_rep(lua_State *L)
{
    size_t length;
    size_t separator_length;
    luaL_checklstring(L, 1, &length);
    lua_Integer count = luaL_checkinteger(L, 2);
    luaL_optlstring(L, 3, "", &separator_length);
    size_t each = length + separator_length;
    if (each == 0) {
        lua_pushliteral(L, ""); /* Lua would count to the end all the same */
        return 1;
    }
    if (count > 0 && (lua_Unsigned)count > STRING_BYTES_LIMIT / each) {
        return luaL_error(L, "string.rep: the result is too long; the limit is %d MB",
                          STRING_BYTES_LIMIT / 1024 / 1024);
    }
    lang_charge(L, count > 0 ? (int64_t)each * count / 16 : 0);
    return call_original(L);
}

/* Puts what %s shows in place of tables and functions, and refuses %p: no addresses. */
static int string_format(lua_State *L)
{
    size_t length;
    const char *format = luaL_checklstring(L, 1, &length);
    const char *end = format + length;
    int argument = 1;
    lang_charge(L, (int64_t)length);
    while (format < end) {
        if (*format++ != '%') {
            continue;
        }
        if (format < end && *format == '%') {
            format++;
            continue;
        }
        format += strspn(format, "-+ #0123456789.");
        argument++;
        if (format < end && *format == 'p') {
            return luaL_error(L, "string.format: %%p would show an address");
        }
        if (format < end && *format == 's' && argument <= lua_gettop(L)) {
            size_t text_length;
            sandbox_tostring(L, argument, &text_length);
            lua_replace(L, argument);
            lang_charge(L, (int64_t)(text_length / 16));
        }
    }
    return call_original(L);
}

/* ---- patterns */
struct search {
    const char *subject;
    size_t length;
    const char *pattern;
    const char *pattern_end;
    bool anchored;
    size_t from; /* offset to begin at; beyond the subject: no match */
};

static size_t start_offset(lua_Integer init, size_t length)
{
    if (init > 0) {
        return (size_t)init - 1;
    }
    if (init == 0 || init < -(lua_Integer)length) {
        return 0;
    }
    return length - (size_t)-init;
}

/* may jump: subject at 1, pattern at 2, where to begin at `init_index` (0: at the start) */
static void read_search(lua_State *L, int init_index, struct search *search)
{
    size_t pattern_length;
    search->subject = luaL_checklstring(L, 1, &search->length);
    search->pattern = luaL_checklstring(L, 2, &pattern_length);
    search->pattern_end = search->pattern + pattern_length;
    search->from =
        init_index == 0 ? 0 : start_offset(luaL_optinteger(L, init_index, 1), search->length);
}

static void read_anchor(struct search *search)
{
    search->anchored = search->pattern < search->pattern_end && *search->pattern == '^';
    if (search->anchored) {
        search->pattern++;
    }
}

/* may jump: the first match at or after `from`; NULL: none */
static const char *search_next(struct matcher *matcher, const struct search *search,
                               const char **from)
{
    const char *at = *from;
    do {
        matcher->capture_count = 0;
        const char *end = pattern_match(matcher, at, search->pattern);
        if (end != NULL) {
            *from = at;
            return end;
        }
        at++;
    } while (at <= matcher->subject_end && !search->anchored);
    return NULL;
}

static int find_plain(lua_State *L, const struct search *search)
{
    size_t pattern_length = (size_t)(search->pattern_end - search->pattern);
    size_t left = search->length - search->from;
    lang_charge(L, (int64_t)((left + pattern_length) / 8));
    const char *found = pattern_length == 0 ? search->subject + search->from
                                            : memmem(search->subject + search->from, left,
                                                     search->pattern, pattern_length);
    if (found == NULL) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, found - search->subject + 1);
    lua_pushinteger(L, found - search->subject + (lua_Integer)pattern_length);
    return 2;
}

/* Then string.find looks for it as it stands; a lone ')' is no mistake there. */
static bool is_plain(const struct search *search)
{
    for (const char *c = search->pattern; c < search->pattern_end; c++) {
        if (*c != '\0' && strchr("^$*+?.([%-", *c) != NULL) {
            return false;
        }
    }
    return true;
}

static int find_or_match(lua_State *L, bool find)
{
    struct search search = {0};
    struct matcher matcher;
    read_search(L, 3, &search);
    if (search.from > search.length) {
        lua_pushnil(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || is_plain(&search))) {
        return find_plain(L, &search);
    }
    read_anchor(&search);
    pattern_start(&matcher, L, search.subject, search.length, search.pattern_end);
    const char *from = search.subject + search.from;
    const char *end = search_next(&matcher, &search, &from);
    if (end == NULL) {
        lua_pushnil(L);
        return 1;
    }
    if (!find) {
        return pattern_push_captures(&matcher, from, end, true);
    }
    lua_pushinteger(L, from - search.subject + 1);
    lua_pushinteger(L, end - search.subject);
    return 2 + pattern_push_captures(&matcher, from, end, false);
}

static int string_find(lua_State *L)
{
    return find_or_match(L, true);
}

static int string_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* Upvalues: subject, pattern, offset to go on at, end of the last match (-1: none). */
static int next_match(lua_State *L)
{
    struct search search = {0};
    struct matcher matcher;
    size_t pattern_length;
    search.subject = lua_tolstring(L, lua_upvalueindex(1), &search.length);
    search.pattern = lua_tolstring(L, lua_upvalueindex(2), &pattern_length);
    search.pattern_end = search.pattern + pattern_length;
    lua_Integer last_end = lua_tointeger(L, lua_upvalueindex(4));
    lua_Integer offset = lua_tointeger(L, lua_upvalueindex(3));
    pattern_start(&matcher, L, search.subject, search.length, search.pattern_end);
    while (offset <= (lua_Integer)search.length) {
        const char *from = search.subject + offset;
        const char *end = search_next(&matcher, &search, &from);
        if (end == NULL) {
            break;
        }
        if (end - search.subject == last_end) {
            offset = from - search.subject + 1; /* an empty match right behind the last one */
            continue;
        }
        lua_pushinteger(L, end - search.subject);
        lua_copy(L, -1, lua_upvalueindex(3));
        lua_replace(L, lua_upvalueindex(4));
        return pattern_push_captures(&matcher, from, end, true);
    }
    lua_pushinteger(L, (lua_Integer)search.length + 1);
    lua_replace(L, lua_upvalueindex(3));
    return 0;
}

static int string_gmatch(lua_State *L)
{
    struct search search = {0};
    read_search(L, 3, &search);
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)search.from);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, next_match, 4);
    return 1;
}

/* ---- gsub: subject at 1, pattern at 2, replacement at 3 */
static void add_template(lua_State *L, struct matcher *matcher, luaL_Buffer *out, const char *from,
                         const char *end)
{
    size_t length;
    const char *text = lua_tolstring(L, 3, &length);
    for (const char *stop = text + length; text < stop; text++) {
        if (*text != '%') {
            luaL_addchar(out, *text);
            continue;
        }
        text++;
        if (text < stop && *text == '%') {
            luaL_addchar(out, '%');
        } else if (text < stop && *text == '0') {
            luaL_addlstring(out, from, (size_t)(end - from));
        } else if (text < stop && isdigit((unsigned char)*text)) {
            pattern_push_capture(matcher, *text - '1', from, end);
            luaL_tolstring(L, -1, NULL);
            lua_remove(L, -2);
            luaL_addvalue(out);
        } else {
            luaL_error(L, "invalid use of '%%' in the replacement of string.gsub");
        }
    }
    lang_charge(L, (int64_t)(length / 16));
}

static void add_replacement(lua_State *L, struct matcher *matcher, luaL_Buffer *out,
                            const char *from, const char *end)
{
    switch (lua_type(L, 3)) {
    case LUA_TFUNCTION: {
        lua_pushvalue(L, 3);
        int count = pattern_push_captures(matcher, from, end, true);
        lua_call(L, count, 1);
        break;
    }
    case LUA_TTABLE:
        pattern_push_capture(matcher, 0, from, end);
        lua_gettable(L, 3);
        break;
    default:
        add_template(L, matcher, out, from, end);
        return;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, from, (size_t)(end - from));
    } else if (!lua_isstring(L, -1)) {
        luaL_error(L, "string.gsub: the replacement is a %s", luaL_typename(L, -1));
    } else {
        luaL_addvalue(out);
    }
}

static int string_gsub(lua_State *L)
{
    struct search search = {0};
    struct matcher matcher;
    luaL_Buffer out;
    read_search(L, 0, &search);
    read_anchor(&search);
    int type = lua_type(L, 3);
    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TTABLE ||
                         type == LUA_TFUNCTION,
                     3, "text, table or function");
    lua_Integer limit = luaL_optinteger(L, 4, (lua_Integer)search.length + 1);
    pattern_start(&matcher, L, search.subject, search.length, search.pattern_end);
    lang_charge(L, (int64_t)(search.length / 16));
    luaL_buffinit(L, &out);
    const char *at = search.subject;
    const char *last_end = NULL;
    lua_Integer done = 0;
    while (done < limit) {
        matcher.capture_count = 0;
        const char *end = pattern_match(&matcher, at, search.pattern);
        if (end != NULL && end != last_end) {
            done++;
            add_replacement(L, &matcher, &out, at, end);
            at = last_end = end;
        } else if (at < matcher.subject_end) {
            luaL_addchar(&out, *at++);
        } else {
            break;
        }
        if (search.anchored) {
            break;
        }
    }
    luaL_addlstring(&out, at, (size_t)(matcher.subject_end - at));
    luaL_pushresult(&out);
    lua_pushinteger(L, done);
    return 2;
}

void sandbox_push_strings(lua_State *L)
{
    static const luaL_Reg wrapped[] = {
        {"byte", charged_by_length},    {"char", string_char},
        {"format", string_format},      {"len", charged_by_length},
        {"lower", charged_by_length},   {"rep", string_rep},
        {"reverse", charged_by_length}, {"sub", charged_by_length},
        {"upper", charged_by_length},   {NULL, NULL},
    };
    static const luaL_Reg own[] = {
        {"find", string_find}, {"gmatch", string_gmatch},
        {"gsub", string_gsub}, {"match", string_match},
        {NULL, NULL},
    };
    lua_createtable(L, 0, 16);
    lua_pushcfunction(L, luaopen_string);
    lua_call(L, 0, 1);
    for (size_t i = 0; wrapped[i].name != NULL; i++) {
        lua_getfield(L, -1, wrapped[i].name);
        lua_pushcclosure(L, wrapped[i].func, 1);
        lua_setfield(L, -3, wrapped[i].name);
    }
    lua_pop(L, 1);
    luaL_setfuncs(L, own, 0);
}
