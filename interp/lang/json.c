/* Encodes a value of a script as JSON: names sorted, so that the same value gives the same bytes.
 * And gives a script what a reply holds. */
#include "lang/private.h"

#include "base/secret.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { JSON_DEPTH_LIMIT = 32, REPLY_DEPTH_LIMIT = 200 };

static bool add_value(lua_State *L, struct call *call, int index, int depth, struct text *out);

static void add_string(struct text *out, const char *bytes, size_t length)
{
    char name[SECRET_NAME_BYTES];
    bool in_json;
    text_append_char(out, '"');
    for (size_t i = 0; i < length; i++) {
        size_t mark = secret_read_mark(bytes + i, name, &in_json);
        if (mark > 0) {
            secret_write_mark(out, name, true);
            i += mark - 1;
            continue;
        }
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

const char *json_encode_member(struct call *call, const char *name, const char *text)
{
    struct text *out = &call->lang->scratch;
    text_reset(out);
    text_append_char(out, '{');
    add_string(out, name, strlen(name));
    text_append_char(out, ':');
    add_string(out, text, strlen(text));
    text_append_char(out, '}');
    return arena_copy_bytes(&call->lang->arena, text_string(out), out->length);
}

/* ---- of a reply */

static void push_value(lua_State *L, const cJSON *json, int depth);

static void push_number(lua_State *L, double number)
{
    /* A double holds whole numbers up to 2^53 exactly; jobs are numbered far below. */
    if (number == floor(number) && fabs(number) <= 9007199254740992.0) {
        lua_pushinteger(L, (lua_Integer)number);
    } else {
        lua_pushnumber(L, number);
    }
}

static void push_members(lua_State *L, const cJSON *json, int depth)
{
    const cJSON *member;
    lua_Integer index = 0;
    lua_createtable(L, 0, 0);
    cJSON_ArrayForEach(member, json)
    {
        push_value(L, member, depth + 1);
        if (cJSON_IsArray(json)) {
            lua_rawseti(L, -2, ++index);
        } else {
            lua_setfield(L, -2, member->string);
        }
    }
}

static void push_value(lua_State *L, const cJSON *json, int depth)
{
    lang_charge(L, 1);
    luaL_checkstack(L, 4, "json");
    if (depth > REPLY_DEPTH_LIMIT) {
        luaL_error(L, "the JSON of the reply nests more than %d deep", REPLY_DEPTH_LIMIT);
    }
    if (cJSON_IsObject(json) || cJSON_IsArray(json)) {
        push_members(L, json, depth);
    } else if (cJSON_IsString(json)) {
        lua_pushstring(L, json->valuestring);
    } else if (cJSON_IsNumber(json)) {
        push_number(L, json->valuedouble);
    } else if (cJSON_IsBool(json)) {
        lua_pushboolean(L, cJSON_IsTrue(json));
    } else {
        lua_pushnil(L);
    }
}

void json_push(lua_State *L, const cJSON *json)
{
    push_value(L, json, 0);
}
