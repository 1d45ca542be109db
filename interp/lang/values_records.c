/* Reads what describes a cluster: settings, addresses, tables within tables. */
#include "lang/values.h"

#include "pegasus/release.h"

#include <stdio.h>
#include <strings.h>

static const char *read_setting_value(lua_State *L, struct call *call, const char *name, int index)
{
    enum setting_kind kind;
    char buffer[96];
    char number[32];
    if (!setting_kind_of(name, &kind)) {
        call_complain(call, "'%.80s' is no setting that can be held", name);
        return NULL;
    }
    int exact = 0;
    lua_Integer integer = lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &exact) : 0;
    if (kind == SETTING_INTEGER && exact && integer >= 0) {
        snprintf(number, sizeof number, "%lld", (long long)integer);
        return arena_copy_string(&call->lang->arena, number);
    }
    if (kind == SETTING_BOOLEAN && lua_type(L, index) == LUA_TBOOLEAN) {
        return lua_toboolean(L, index) ? "true" : "false";
    }
    if (kind == SETTING_LIST && lua_type(L, index) == LUA_TSTRING) {
        return value_text(L, call, index, name);
    }
    if (!value_is_placeholder(L, call, index)) {
        static const char *const wants[] = {
            [SETTING_INTEGER] = "a whole number from 0 on",
            [SETTING_BOOLEAN] = "true or false",
            [SETTING_LIST] = "a text",
        };
        call_complain(call, "setting '%s' wants %s, not %s", name, wants[kind],
                      object_describe(L, index, buffer));
    }
    return NULL;
}

void value_read_names(lua_State *L, const struct target *target, int index)
{
    struct call *call = target->call;
    size_t count;
    const char **keys = value_sorted_keys(L, call, index, target->field->name, &count);
    if (keys == NULL) {
        return;
    }
    struct name_value *names = value_array(call, count, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        char what[160];
        snprintf(what, sizeof what, "'%s' of '%.100s'", target->field->name, keys[i]);
        lua_getfield(L, index, keys[i]);
        names[i] = (struct name_value){keys[i], value_text(L, call, lua_gettop(L), what)};
        if (names[i].value != NULL && names[i].value[0] == '\0') {
            call_complain(call, "%s is empty", what);
        }
        lua_pop(L, 1);
    }
    value_store_count(target, count);
    STORE(target, names);
}

void value_read_settings(lua_State *L, const struct target *target, int index)
{
    struct call *call = target->call;
    size_t count;
    const char **keys = value_sorted_keys(L, call, index, target->field->name, &count);
    if (keys == NULL) {
        return;
    }
    struct setting_value *settings = value_array(call, count, sizeof *settings);
    for (size_t i = 0; i < count; i++) {
        lua_getfield(L, index, keys[i]);
        settings[i].name = keys[i];
        settings[i].value = read_setting_value(L, call, keys[i], lua_gettop(L));
        lua_pop(L, 1);
    }
    value_store_count(target, count);
    STORE(target, settings);
}

void value_read_addresses(lua_State *L, const struct target *target, int index)
{
    struct call *call = target->call;
    struct error err;
    const char *name = target->field->name;
    lua_Integer count = value_list_length(L, call, index, name);
    if (count < 0) {
        return;
    }
    if (count < target->field->min || count > target->field->max) {
        call_complain(call, count == 0 ? "'%s' is empty" : "'%s' has too many addresses", name);
        return;
    }
    struct address *addresses = value_array(call, (size_t)count, sizeof *addresses);
    const char **names = value_array(call, (size_t)count, sizeof *names);
    for (lua_Integer i = 0; i < count; i++) {
        lua_rawgeti(L, index, i + 1);
        size_t length = 0;
        const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
        if (text == NULL) {
            char buffer[96];
            call_complain(call, "item %lld of '%s' must be \"host:port\", not %s", (long long)i + 1,
                          name, object_describe(L, -1, buffer));
        } else if (strlen(text) != length || !address_parse_or_name(text, &addresses[i], &err)) {
            call_complain(call, "item %lld of '%s': %s", (long long)i + 1, name,
                          strlen(text) != length ? "it has a zero byte in it" : err.text);
        } else {
            names[i] = arena_copy_string(&call->lang->arena, text);
        }
        /* An address has one spelling, and a name is the same in capitals. */
        for (lua_Integer j = 0; names[i] != NULL && j < i; j++) {
            if (names[j] != NULL && strcasecmp(names[i], names[j]) == 0) {
                call_complain(call, "'%s' names %s twice", name, names[i]);
            }
        }
        lua_pop(L, 1);
    }
    value_store_count(target, (size_t)count);
    STORE(target, addresses);
    memcpy((char *)target->base + target->field->names_offset, &names, sizeof names);
}

static void read_record_into(lua_State *L, const struct target *target, int index, void *base,
                             const char *what)
{
    struct call *call = target->call;
    struct call inner = *call;
    inner.constructor = arena_printf(&call->lang->arena, "%s.%s", call->constructor, what);
    inner.tainted = false;
    char buffer[96];
    if (lua_type(L, index) != LUA_TTABLE) {
        if (!value_is_placeholder(L, call, index)) {
            call_complain(call, "'%s' must be a table, not %s", what,
                          object_describe(L, index, buffer));
        }
        return;
    }
    fields_read(L, &inner, index, target->field->rows, target->field->row_count, NULL, 0, base);
    call->tainted = call->tainted || inner.tainted;
}

void value_read_record(lua_State *L, const struct target *target, int index)
{
    read_record_into(L, target, index, target->base, target->field->name);
}

void value_read_records(lua_State *L, const struct target *target, int index)
{
    struct call *call = target->call;
    const struct field *field = target->field;
    lua_Integer count = value_list_length(L, call, index, field->name);
    if (count < 0) {
        return;
    }
    char *records = value_array(call, (size_t)count, field->record_bytes);
    for (lua_Integer i = 0; i < count; i++) {
        char what[64];
        snprintf(what, sizeof what, "%s[%lld]", field->name, (long long)i + 1);
        lua_rawgeti(L, index, i + 1);
        read_record_into(L, target, lua_gettop(L), records + (size_t)i * field->record_bytes, what);
        lua_pop(L, 1);
    }
    value_store_count(target, (size_t)count);
    STORE(target, records);
}
