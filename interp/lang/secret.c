/* env "NAME": a text with the place of a secret in it, and where it was written. */
#include "lang/private.h"

#include "base/secret.h"

#include <string.h>

static void remember(struct lang *lang, const char *name, struct source where)
{
    for (size_t i = 0; i < lang->secret_count; i++) {
        if (strcmp(lang->secrets[i].name, name) == 0) {
            return;
        }
    }
    lang->secrets[lang->secret_count].name = arena_copy_string(&lang->arena, name);
    lang->secrets[lang->secret_count++].where = where;
}

int secret_env(lua_State *L)
{
    struct lang *lang = lang_of(L);
    char buffer[96];
    if (lang->errors == NULL) {
        return luaL_error(L, "env: nothing can be described while a run goes on");
    }
    if (lua_type(L, 1) != LUA_TSTRING || !secret_is_name(lua_tostring(L, 1)) ||
        strlen(lua_tostring(L, 1)) != lua_rawlen(L, 1)) {
        if (object_of_kind(L, 1, OBJECT_PLACEHOLDER) == NULL) {
            lang_complain(lang, lang_where(L),
                          "env: wants the name of a variable of the environment, not %s",
                          object_describe(L, 1, buffer));
        }
        object_push_placeholder(L);
        return 1;
    }
    if (lang->secret_count == SECRET_COUNT_LIMIT) {
        return luaL_error(L, "env: more than %d secrets", SECRET_COUNT_LIMIT);
    }
    remember(lang, lua_tostring(L, 1), lang_where(L));
    /* The state owns the text: pushing it may jump. */
    text_reset(&lang->scratch);
    secret_write_mark(&lang->scratch, lua_tostring(L, 1), false);
    lua_pushstring(L, text_string(&lang->scratch));
    return 1;
}

size_t lang_secrets(const struct lang *lang, const struct lang_secret **out)
{
    *out = lang->secrets;
    return lang->secret_count;
}
