/* How a script is stopped.
 *
 * What a script could do to get round it, and why it can't:
 * - loop without end: the count hook fires; once the budget is spent it fires at every instruction;
 * - catch that error: pcall and xpcall pass it on, and a handler of xpcall runs after the
 * unwinding, under the same spent budget; there are no metatables to hang __close or __gc on, no
 * coroutines;
 * - spend its time inside C, where no hook fires: what can take long there (patterns, sort, rep,
 *   concat, move, unpack) is bounded or charged by work done, and every allocated byte is charged;
 * - do dear things in few instructions (compare two huge strings): strings have a limit of their
 *   own, and the processor's time is looked at as the last resort;
 * - take all memory: the allocator has a ceiling, and the arena that steps are built in is counted
 *   against the same one. */
#include "lang/private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    HOOK_EVERY = 1000,
    BYTES_PER_INSTRUCTION = 64,
    CPU_LIMIT_US = 2 * 1000 * 1000,
    DEEP_CALLS = 10000, /* what runs out of memory below so many calls calls itself without end */
    ARENA_SHARE = 2,    /* the arena may grow to this many times the ceiling of Lua's memory */
};

struct lang *lang_of(lua_State *L)
{
    struct lang *lang;
    memcpy(&lang, lua_getextraspace(L), sizeof lang);
    return lang;
}

static int64_t cpu_time_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void count_hook(lua_State *L, lua_Debug *activation);

static bool is_spent(const struct lang *lang)
{
    return lang->budget > 0 && lang->spent > lang->budget;
}

void *lang_allocate(void *ctx, void *memory, size_t old_bytes, size_t new_bytes)
{
    struct lang *lang = ctx;
    if (new_bytes == 0) {
        if (memory != NULL) {
            lang->memory_used -= old_bytes;
        }
        free(memory);
        return NULL;
    }
    /* Without memory, old_bytes is the kind of the new object. */
    bool too_long =
        memory == NULL && old_bytes == LUA_TSTRING && new_bytes > STRING_BYTES_LIMIT + 64;
    size_t had = memory == NULL ? 0 : old_bytes;
    if (new_bytes > had) {
        bool fault = lang->allocations_left >= 0 && lang->allocations_left-- == 0;
        if (fault) {
            lang->allocations_left = 0;
        }
        if (fault || too_long || new_bytes - had > lang->limits.memory_bytes - lang->memory_used) {
            if (lang->in_script) {
                lua_Debug frame;
                lang->memory_where = lang_where(lang->L);
                lang->memory_went_deep = lua_getstack(lang->L, DEEP_CALLS, &frame) != 0;
            }
            return NULL;
        }
        lang->spent += (int64_t)((new_bytes - had) / BYTES_PER_INSTRUCTION);
        if (lang->in_script && is_spent(lang)) {
            lua_sethook(lang->L, count_hook, LUA_MASKCOUNT, 1);
        }
    }
    void *resized = realloc(memory, new_bytes);
    if (resized == NULL) {
        /* Lua takes for granted that a block can always shrink. */
        return new_bytes <= had ? memory : NULL;
    }
    lang->memory_used += new_bytes;
    lang->memory_used -= had;
    return resized;
}

_Noreturn void lang_give_up(lua_State *L, const char *format, ...)
{
    struct lang *lang = lang_of(L);
    if (!lang->exhausted) {
        va_list args;
        va_start(args, format);
        vsnprintf(lang->exhausted_text, sizeof lang->exhausted_text, format, args);
        va_end(args);
        lang->exhausted_where = lang_where(L);
        lang->exhausted = true;
    }
    lua_sethook(L, count_hook, LUA_MASKCOUNT, 1);
    lua_pushboolean(L, 0); /* the text is kept outside: making a string could fail */
    lua_error(L);
    abort();
}

static void check_budget(lua_State *L, struct lang *lang)
{
    if (lang->exhausted) {
        lang_give_up(L, "stopped");
    }
    if (is_spent(lang)) {
        lang_give_up(L, "runs without end: stopped after %lld million instructions",
                     (long long)(lang->budget / 1000000));
    }
    if (cpu_time_us() > lang->cpu_deadline_us) {
        lang_give_up(L, "takes too long: stopped after %d s of processor time",
                     CPU_LIMIT_US / 1000000);
    }
}

static void count_hook(lua_State *L, lua_Debug *activation)
{
    (void)activation;
    struct lang *lang = lang_of(L);
    lang->spent += HOOK_EVERY;
    check_budget(L, lang);
}

void lang_charge(lua_State *L, int64_t cost)
{
    struct lang *lang = lang_of(L);
    lang->spent += cost;
    if (lang->exhausted || is_spent(lang)) {
        check_budget(L, lang);
    }
}

void lang_set_budget(struct lang *lang, int64_t instructions)
{
    lang->spent = 0;
    lang->budget = instructions;
    lang->exhausted = false;
    lang->memory_where = (struct source){0};
    lang->failure_where = (struct source){0};
    lang->cpu_deadline_us = cpu_time_us() + CPU_LIMIT_US;
    lua_sethook(lang->L, count_hook, LUA_MASKCOUNT, HOOK_EVERY);
}

void lang_check_arena(lua_State *L)
{
    struct lang *lang = lang_of(L);
    if (lang->arena.total / ARENA_SHARE > lang->limits.memory_bytes) {
        lang_give_up(L, "describes too much: more than %zu MB of steps",
                     lang->limits.memory_bytes * ARENA_SHARE / 1024 / 1024);
    }
}

void lang_pass_on(lua_State *L, int status)
{
    struct lang *lang = lang_of(L);
    if (lang->exhausted) {
        lang_give_up(L, "stopped");
    }
    if (status == LUA_ERRMEM) {
        lang->exhausted_where = lang->memory_where;
        lang->exhausted = true;
        if (lang->memory_went_deep) {
            snprintf(lang->exhausted_text, sizeof lang->exhausted_text, "%s", LANG_TOO_DEEP);
        } else {
            snprintf(lang->exhausted_text, sizeof lang->exhausted_text,
                     "needs too much memory: the limit is %zu MB, and %d MB for one string",
                     lang->limits.memory_bytes / 1024 / 1024, STRING_BYTES_LIMIT / 1024 / 1024);
        }
        lang_give_up(L, "stopped");
    }
}
