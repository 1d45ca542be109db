/* Our matcher gives what Lua's own gives, for patterns made by chance and for known hard ones. */
#include "fixture.h"

#include "base/rng.h"
#include "lang/private.h"

enum { ROUNDS = 60000 };

static struct lang *lang;
static lua_State *theirs;

static void set_up(void)
{
    lang = lang_for_tests();
    theirs = luaL_newstate();
    ck_assert_ptr_nonnull(theirs);
    luaL_openlibs(theirs);
    lua_getglobal(theirs, "string");
    lua_setglobal(theirs, "strings");
}

static void tear_down(void)
{
    lua_close(theirs);
    lang_free(lang);
}

static int open_ours(lua_State *L)
{
    sandbox_push_strings(L);
    lua_setglobal(L, "strings");
    return 0;
}

/* All results of strings.<name>(subject, pattern, third), joined; "error" for an error. */
static void run(lua_State *L, const char *name, const char *subject, const char *pattern,
                const char *third, struct text *out)
{
    text_reset(out);
    lua_settop(L, 0);
    lua_getglobal(L, "strings");
    lua_getfield(L, 1, name);
    lua_remove(L, 1);
    lua_pushstring(L, subject);
    lua_pushstring(L, pattern);
    if (third != NULL) {
        lua_pushstring(L, third);
    }
    if (lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0) != LUA_OK) {
        text_append_string(out, "error");
        return;
    }
    bool iterator = strcmp(name, "gmatch") == 0;
    for (int round = 0; round < (iterator ? 40 : 1); round++) {
        if (iterator) {
            lua_settop(L, 1);
            lua_pushvalue(L, 1);
            if (lua_pcall(L, 0, LUA_MULTRET, 0) != LUA_OK) {
                text_append_string(out, "error");
                return;
            }
        }
        for (int i = iterator ? 2 : 1; i <= lua_gettop(L); i++) {
            text_printf(out, "[%s]", luaL_tolstring(L, i, NULL));
            lua_pop(L, 1);
        }
        if (iterator && lua_isnoneornil(L, 2)) {
            break;
        }
    }
}

static void compare(const char *name, const char *subject, const char *pattern, const char *third)
{
    struct text ours_says = {0};
    struct text theirs_says = {0};
    lang_set_budget(lang, 1000 * 1000 * 1000);
    run(lang->L, name, subject, pattern, third, &ours_says);
    run(theirs, name, subject, pattern, third, &theirs_says);
    if (strcmp(text_string(&ours_says), text_string(&theirs_says)) != 0) {
        ck_abort_msg("%s('%s', '%s'): ours %s, Lua's %s", name, subject, pattern,
                     text_string(&ours_says), text_string(&theirs_says));
    }
    text_clear(&ours_says);
    text_clear(&theirs_says);
}

static void compare_all(const char *subject, const char *pattern, const char *replacement)
{
    compare("find", subject, pattern, NULL);
    compare("match", subject, pattern, NULL);
    compare("gmatch", subject, pattern, NULL);
    compare("gsub", subject, pattern, replacement);
}

static void append_pieces(struct rng *rng, const char *const *pieces, size_t piece_count,
                          uint64_t most, struct text *out)
{
    text_reset(out);
    for (uint64_t left = rng_below(rng, most); left > 0; left--) {
        text_append_string(out, pieces[rng_below(rng, piece_count)]);
    }
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

START_TEST(random_patterns_match_as_in_lua)
{
    static const char *const pieces[] = {
        "a",  "b",    "(",    ")",   "()",   ".",       "%a",    "%d",     "%s",    "%S", "%w",
        "%%", "[ab]", "[^a]", "[]]", "[^]]", "[a-c]",   "[%d-]", "[a-",    "*",     "+",  "-",
        "?",  "*",    "?",    "-",   "$",    "^",       "%b()",  "%f[%w]", "%f",    "%1", "%2",
        "%",  "[",    "]",    "x",   "%b",   "%f[^%w]", "1",     "[%]]",   "[^%s]", "%u", "%x"};
    static const char *const letters[] = {"a", "b", "c", "(", ")", "1",    " ",
                                          "A", "-", "]", "^", "%", "\xe4", "\n"};
    static const char *const replacements[] = {"%0", "<%1>", "x", "", "%2", "%%", "%", "%x"};
    struct rng rng;
    struct text pattern = {0};
    struct text subject = {0};
    rng_init(&rng, 5);
    lua_pushcfunction(lang->L, open_ours);
    ck_assert_int_eq(lua_pcall(lang->L, 0, 0, 0), LUA_OK);
    for (int i = 0; i < ROUNDS; i++) {
        append_pieces(&rng, pieces, COUNT(pieces), 8, &pattern);
        append_pieces(&rng, letters, COUNT(letters), 12, &subject);
        compare_all(text_string(&subject), text_string(&pattern),
                    replacements[rng_below(&rng, COUNT(replacements))]);
    }
    text_clear(&pattern);
    text_clear(&subject);
}
END_TEST

START_TEST(known_patterns_match_as_in_lua)
{
    static const struct {
        const char *subject;
        const char *pattern;
        const char *replacement;
    } cases[] = {
        {"hello world", "(o)( ?)", "<%2%1>"},
        {"key = value", "^(%w+)%s*=%s*(%w+)$", "%2=%1"},
        {"THE (quick) fox", "%((%a+)%)", "%1"},
        {"THE (quick) fox", "%f[%a]%a+%f[%A]", "w"},
        {"a(b(c)d)e", "%b()", ""},
        {"[[x]]", "[[]", "<"},
        {"", "", "x"},
        {"abc", "", "-"},
        {"abc", ".-", "x"},
        {"abc", "b*", "x"},
        {"aaa", "^a", "b"},
        {"2.6.0-SNAPSHOT", "^(%d+)%.(%d+)%.(%d+)(.*)$", "%4"},
        {"alo alo", "(%w+) %1", "x"},
        {"x", "()", "%1"},
    };
    lua_pushcfunction(lang->L, open_ours);
    ck_assert_int_eq(lua_pcall(lang->L, 0, 0, 0), LUA_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        compare_all(cases[i].subject, cases[i].pattern, cases[i].replacement);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pattern");
    TCase *cases = tcase_create("pattern");
    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, known_patterns_match_as_in_lua);
    tcase_add_test(cases, random_patterns_match_as_in_lua);
    suite_add_tcase(suite, cases);
    return run_suite(suite);
}
