/* Encodes a value of a script as JSON: names sorted, so that the same value gives the same bytes.
 */
#include "lang/private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { JSON_DEPTH_LIMIT = 32 };

static bool add_value(lua_State *L, struct call *call, int index, int depth, struct text *out);

static void add_string(struct text *out, const char *bytes, size_t length)
{
    text_append_char(out, '"');
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '"' || c == '\\') {
            text_append_char(out, '\\');
            text_append_char(out, (char)c);
        } else if (c < 0x20) {
            text_printf(out, "\\u%04x", c);
        } else {
            text_append_char(out, (char)c);
        }
    }
    text_append_char(out, '"');
}

static bool add_number(lua_State *L, struct call *call, int index, struct text *out)
{
    if (lua_isinteger(L, index)) {
        text_printf(out, "%lld", (long long)lua_tointeger(L, index));
        return true;
    }
    double number = lua_tonumber(L, index);
    if (!isfinite(number)) {
        call_complain(call, "'json' has a number that JSON cannot write");
        return false;
    }
    text_printf(out, "%.17g", number);
    return true;
}

static bool add_list(lua_State *L, struct call *call, int index, int depth, struct text *out)
{
    lua_Integer count = value_list_length(L, call, index, "a list of 'json'");
    text_append_char(out, '[');
    for (lua_Integer i = 1; i <= count; i++) {
        text_append_string(out, i == 1 ? "" : ",");
        lua_rawgeti(L, index, i);
        bool ok = add_value(L, call, lua_gettop(L), depth + 1, out);
        lua_pop(L, 1);
        if (!ok) {
            return false;
        }
    }
    text_append_char(out, ']');
    return count >= 0;
}

static bool add_object(lua_State *L, struct call *call, int index, int depth, struct text *out)
{
    size_t count = 0;
    const char **keys = value_sorted_keys(L, call, index, "a table of 'json'", &count);
    text_append_char(out, '{');
    for (size_t i = 0; keys != NULL && i < count; i++) {
        text_append_string(out, i == 0 ? "" : ",");
        add_string(out, keys[i], strlen(keys[i]));
        text_append_char(out, ':');
        lua_pushstring(L, keys[i]);
        lua_rawget(L, index);
        bool ok = add_value(L, call, lua_gettop(L), depth + 1, out);
        lua_pop(L, 1);
        if (!ok) {
            return false;
        }
    }
    text_append_char(out, '}');
    return keys != NULL;
}

static bool add_value(lua_State *L, struct call *call, int index, int depth, struct text *out)
{
    char buffer[96];
    if (depth > JSON_DEPTH_LIMIT || out->length > STRING_BYTES_LIMIT) {
        call_complain(call,
                      depth > JSON_DEPTH_LIMIT ? "'json' nests too deep" : "'json' is too large");
        return false;
    }
    luaL_checkstack(L, 8, "json");
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        text_append_string(out, lua_toboolean(L, index) ? "true" : "false");
        return true;
    case LUA_TNUMBER:
        return add_number(L, call, index, out);
    case LUA_TSTRING:
        add_string(out, lua_tostring(L, index), lua_rawlen(L, index));
        return true;
    case LUA_TTABLE: {
        bool is_list = lua_rawgeti(L, index, 1) != LUA_TNIL;
        lua_pop(L, 1);
        return is_list ? add_list(L, call, index, depth, out)
                       : add_object(L, call, index, depth, out);
    }
    default:
        call_complain(call, "'json' cannot hold %s", object_describe(L, index, buffer));
        return false;
    }
}

const char *json_encode(lua_State *L, struct call *call, int index)
{
    /* The state owns the text: reading a table may jump. */
    struct text *out = &call->lang->scratch;
    text_reset(out);
    if (!add_value(L, call, index, 0, out)) {
        return NULL;
    }
    return arena_copy_bytes(&call->lang->arena, text_string(out), out->length);
}
