/* Reads a table of a script into a struct, by rows. All that is wrong with it is reported, not the
 * first alone. */
#include "lang/private.h"

#include <string.h>

enum { COMPLAINT_COST = 200 }; /* so that a table of a million wrong keys ends soon */

void call_complain(struct call *call, const char *format, ...)
{
    char text[ERROR_TEXT_BYTES - 128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    call->tainted = true;
    lang_charge(call->lang->L, COMPLAINT_COST);
    lang_complain(call->lang, call->where, "%s: %s", call->constructor, text);
}

struct rows {
    const struct field *own;
    size_t own_count;
    const struct field *more; /* own rows of the same name come first */
    size_t more_count;
};

static const struct field *rows_at(const struct rows *rows, size_t index)
{
    if (index < rows->own_count) {
        return &rows->own[index];
    }
    index -= rows->own_count;
    return index < rows->more_count ? &rows->more[index] : NULL;
}

static bool is_named(const struct field *field)
{
    return (field->flags & (FIRST | SECOND | REST)) == 0;
}

static const struct field *find_row(const struct rows *rows, const char *name)
{
    const struct field *field;
    for (size_t i = 0; (field = rows_at(rows, i)) != NULL; i++) {
        if (is_named(field) && strcmp(field->name, name) == 0) {
            return field;
        }
    }
    return NULL;
}

static void complain_unknown(struct call *call, const struct rows *rows, const char *name)
{
    char hint[128];
    struct nearest nearest = {.word = name};
    const struct field *field;
    for (size_t i = 0; (field = rows_at(rows, i)) != NULL; i++) {
        if (is_named(field)) {
            nearest_offer(&nearest, field->name);
        } else if (strcmp(field->name, name) == 0) {
            call_complain(call, "'%s' is written without its name, as item %s of the table", name,
                          (field->flags & SECOND) != 0 ? "2" : "1");
            return;
        }
    }
    call_complain(call, "unknown field '%.60s'%s", name, nearest_hint(&nearest, hint));
}

/* Names that are unknown or not there yet, and keys that are no names. */
static void check_keys(lua_State *L, struct call *call, int index, const struct rows *rows)
{
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        lang_charge(L, 1);
        if (lua_type(L, -2) == LUA_TSTRING) {
            const char *name = lua_tostring(L, -2);
            const struct field *field = find_row(rows, name);
            if (field == NULL) {
                complain_unknown(call, rows, name);
            } else if ((field->flags & LATER) != 0) {
                call_complain(call, "'%s' is not available in this version of pegflow", name);
            }
        } else if (!lua_isinteger(L, -2)) {
            char buffer[96];
            call_complain(call, "a field is named by a word, not by %s",
                          object_describe(L, -2, buffer));
        }
    }
}

/* How many positional items there are; a hole among them is reported. */
static lua_Integer count_items(lua_State *L, struct call *call, int index)
{
    lua_Integer largest = 0;
    lua_Integer count = 0;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        lang_charge(L, 1);
        if (lua_isinteger(L, -2)) {
            lua_Integer key = lua_tointeger(L, -2);
            if (key < 1) {
                call_complain(call, "items are numbered from 1, not %lld", (long long)key);
                continue;
            }
            largest = key > largest ? key : largest;
            count++;
        }
    }
    if (largest == count) {
        return count;
    }
    lua_Integer hole = 1;
    while (lua_rawgeti(L, index, hole) != LUA_TNIL) {
        lua_pop(L, 1);
        hole++;
    }
    lua_pop(L, 1);
    call_complain(call,
                  "item %lld of the list is nil: to leave a step out write when(condition) { ... }",
                  (long long)hole);
    return -1;
}

/* Pushes a default as the script would have written it. */
static void push_fallback(lua_State *L, const struct field *field)
{
    switch (field->kind) {
    case FIELD_INTEGER32:
    case FIELD_INTEGER64:
    case FIELD_NUMBER:
        lua_stringtonumber(L, field->fallback);
        break;
    case FIELD_BOOLEAN:
        lua_pushboolean(L, strcmp(field->fallback, "true") == 0);
        break;
    default:
        lua_pushstring(L, field->fallback);
        break;
    }
}

static bool is_policy(const struct field *field)
{
    return field->kind == FIELD_ORDER || field->kind == FIELD_TARGETS;
}

/* The value is on top of the stack and stays there. */
static void read_field(lua_State *L, struct call *call, const struct field *field, void *base)
{
    if (!lua_isnil(L, -1)) {
        value_read(L, call, field, lua_gettop(L), base);
        return;
    }
    if ((field->flags & REQUIRED) != 0) {
        call_complain(call, "'%s' is missing: %s", field->name, field->doc);
    } else if (field->fallback != NULL && !is_policy(field)) {
        push_fallback(L, field);
        value_read(L, call, field, lua_gettop(L), base);
        lua_pop(L, 1);
    } /* the default of a policy is the enum's zero */
}

/* Positional items from `from` on, as a list of its own. */
static void push_rest(lua_State *L, int index, lua_Integer from, lua_Integer count)
{
    lua_Integer left = count - from + 1;
    if (left <= 0) {
        lua_pushnil(L);
        return;
    }
    lua_createtable(L, (int)left, 0);
    for (lua_Integer i = 0; i < left; i++) {
        lua_rawgeti(L, index, from + i);
        lua_rawseti(L, -2, i + 1);
    }
}

void fields_read(lua_State *L, struct call *call, int index, const struct field *own,
                 size_t own_count, const struct field *more, size_t more_count, void *base)
{
    struct rows rows = {own, own_count, more, more_count};
    const struct field *field;
    luaL_checkstack(L, 10, "fields");
    check_keys(L, call, index, &rows);
    lua_Integer count = count_items(L, call, index);
    lua_Integer used = 0;
    for (size_t i = 0; (field = rows_at(&rows, i)) != NULL; i++) {
        if ((field->flags & LATER) != 0 ||
            (is_named(field) && find_row(&rows, field->name) != field)) {
            continue;
        }
        if (count < 0 && !is_named(field)) {
            continue; /* the hole was reported */
        }
        if ((field->flags & (FIRST | SECOND)) != 0) {
            lua_rawgeti(L, index, (field->flags & SECOND) != 0 ? 2 : 1);
            used++;
        } else if ((field->flags & REST) != 0) {
            push_rest(L, index, used + 1, count);
            used = count;
        } else {
            lua_pushstring(L, field->name);
            lua_rawget(L, index);
        }
        read_field(L, call, field, base);
        lua_pop(L, 1);
    }
    if (count > used) {
        char buffer[96];
        lua_rawgeti(L, index, used + 1);
        call_complain(call, "item %lld is not expected here: %s", (long long)used + 1,
                      object_describe(L, -1, buffer));
        lua_pop(L, 1);
    }
}
