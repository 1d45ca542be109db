/* What a site wrote in Lua, called while a run goes on. */
#include "lang/private.h"

#include <string.h>

struct asking {
    const struct condition *condition;
    const struct snapshot *snapshot;
    int reference;
    const char *text;                 /* what the function gets, alone; or NULL, then */
    const struct lang_result *result; /* as a table */
    const cJSON *json;                /* of an HTTP reply, or NULL */
    enum answer answer;
    struct text *reason;
};

/* The reason is taken last: nothing may jump after it. */
static void take_reason(lua_State *L, int index, struct text *reason)
{
    if (lua_type(L, index) == LUA_TSTRING) {
        text_append_string(reason, lua_tostring(L, index));
    }
}

static int run_condition(lua_State *L)
{
    struct asking *asking = lua_touserdata(L, 1);
    char buffer[96];
    lua_rawgeti(L, LUA_REGISTRYINDEX, asking->condition->lua);
    view_push_snapshot(L, asking->snapshot);
    lua_call(L, 1, 2);
    if (lua_type(L, 2) == LUA_TNIL) {
        asking->answer = ANSWER_UNKNOWN;
    } else if (lua_type(L, 2) == LUA_TBOOLEAN) {
        asking->answer = lua_toboolean(L, 2) ? ANSWER_YES : ANSWER_NO;
    } else {
        return luaL_error(L, "returns %s; it must return true, false or nil, and a reason",
                          object_describe(L, 2, buffer));
    }
    take_reason(L, 3, asking->reason);
    return 0;
}

static void push_result(lua_State *L, const struct asking *asking)
{
    const struct lang_result *result = asking->result;
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, result->code);
    lua_setfield(L, -2, result->code_name);
    lua_pushstring(L, result->text);
    lua_setfield(L, -2, result->text_name);
    if (result->url != NULL) {
        lua_pushstring(L, result->url);
        lua_setfield(L, -2, "url");
        lua_pushstring(L, result->location); /* nil for NULL */
        lua_setfield(L, -2, "location");
    }
    if (asking->json != NULL) {
        json_push(L, asking->json);
        lua_setfield(L, -2, "json");
    }
}

/* Calls the function with what it is to look at; its two values are at 2 and 3. */
static void call_with_result(lua_State *L, const struct asking *asking)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, asking->reference);
    if (asking->text != NULL) {
        lua_pushstring(L, asking->text);
    } else {
        push_result(L, asking);
    }
    lua_call(L, 1, 2);
}

static int run_expectation(lua_State *L)
{
    struct asking *asking = lua_touserdata(L, 1);
    call_with_result(L, asking);
    /* As Lua takes it, so that `return reply:find("OK")` is a predicate. */
    asking->answer = lua_toboolean(L, 2) ? ANSWER_YES : ANSWER_NO;
    take_reason(L, 3, asking->reason);
    return 0;
}

static int run_next_url(lua_State *L)
{
    struct asking *asking = lua_touserdata(L, 1);
    char buffer[96];
    call_with_result(L, asking);
    if (lua_type(L, 2) != LUA_TSTRING && lua_type(L, 2) != LUA_TNIL) {
        return luaL_error(L, "returns %s; it must return a URL, or nil for the same again",
                          object_describe(L, 2, buffer));
    }
    take_reason(L, 2, asking->reason);
    return 0;
}

static bool ask(struct lang *lang, lua_CFunction function, struct asking *asking, struct error *err)
{
    struct source where;
    if (!lang_run(lang, function, asking, lang->limits.call_instructions, &where, err)) {
        if (where.file != NULL) {
            error_wrap(err, "%s:%d", where.file, where.line);
        }
        return false;
    }
    return true;
}

bool lang_ask(struct lang *lang, const struct condition *condition, const struct snapshot *snapshot,
              enum answer *answer, struct text *reason, struct error *err)
{
    struct asking asking = {.condition = condition, .snapshot = snapshot, .reason = reason};
    ASSERT(condition->kind == COND_LUA);
    lang->snapshot = snapshot;
    lang->generation++;
    bool ok = ask(lang, run_condition, &asking, err);
    lang->snapshot = NULL; /* what the function kept of it is dead now */
    if (!ok) {
        error_wrap(err, "condition '%s' (%s:%d)", condition->name,
                   condition->where.file == NULL ? "?" : condition->where.file,
                   condition->where.line);
        return false;
    }
    *answer = asking.answer;
    return true;
}

bool lang_expect_text(struct lang *lang, int reference, const char *text, bool *yes,
                      struct text *reason, struct error *err)
{
    struct asking asking = {.reference = reference, .text = text, .reason = reason};
    if (!ask(lang, run_expectation, &asking, err)) {
        error_wrap(err, "'expect'");
        return false;
    }
    *yes = asking.answer == ANSWER_YES;
    return true;
}

/* The body is parsed before the protected call: what may jump out of that owns nothing. */
static bool ask_about(struct lang *lang, lua_CFunction function, const char *what,
                      struct asking *asking, struct error *err)
{
    cJSON *json =
        asking->result->url == NULL ? NULL : cJSON_ParseWithOpts(asking->result->text, NULL, true);
    asking->json = json;
    bool ok = ask(lang, function, asking, err);
    cJSON_Delete(json);
    if (!ok) {
        error_wrap(err, "'%s'", what);
    }
    return ok;
}

bool lang_expect_result(struct lang *lang, const char *what, int reference,
                        const struct lang_result *result, bool *yes, struct text *reason,
                        struct error *err)
{
    struct asking asking = {.reference = reference, .result = result, .reason = reason};
    if (!ask_about(lang, run_expectation, what, &asking, err)) {
        return false;
    }
    *yes = asking.answer == ANSWER_YES;
    return true;
}

bool lang_next_url(struct lang *lang, int reference, const struct lang_result *result,
                   struct text *url, struct error *err)
{
    struct asking asking = {.reference = reference, .result = result, .reason = url};
    return ask_about(lang, run_next_url, "next_url", &asking, err);
}
