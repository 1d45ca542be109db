/* What a site wrote in Lua, called while a run goes on. */
#include "lang/private.h"

#include <string.h>

struct asking {
    const struct condition *condition;
    const struct snapshot *snapshot;
    int reference;
    const char *code_name; /* NULL: the function gets the text alone */
    int code;
    const char *text_name;
    const char *text;
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

static int run_expectation(lua_State *L)
{
    struct asking *asking = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, asking->reference);
    if (asking->code_name == NULL) {
        lua_pushstring(L, asking->text);
    } else {
        lua_createtable(L, 0, 2);
        lua_pushinteger(L, asking->code);
        lua_setfield(L, -2, asking->code_name);
        lua_pushstring(L, asking->text);
        lua_setfield(L, -2, asking->text_name);
    }
    lua_call(L, 1, 2);
    /* As Lua takes it, so that `return reply:find("OK")` is a predicate. */
    asking->answer = lua_toboolean(L, 2) ? ANSWER_YES : ANSWER_NO;
    if (asking->answer == ANSWER_NO) {
        take_reason(L, 3, asking->reason);
    }
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
    return lang_expect_result(lang, reference, NULL, 0, NULL, text, yes, reason, err);
}

bool lang_expect_result(struct lang *lang, int reference, const char *code_name, int code,
                        const char *text_name, const char *text, bool *yes, struct text *reason,
                        struct error *err)
{
    struct asking asking = {
        .reference = reference,
        .code_name = code_name,
        .code = code,
        .text_name = text_name,
        .text = text,
        .reason = reason,
    };
    if (!ask(lang, run_expectation, &asking, err)) {
        error_wrap(err, "'expect'");
        return false;
    }
    *yes = asking.answer == ANSWER_YES;
    return true;
}
