/* lang/pattern.h - Lua's patterns, matched with a bound on the work done.
 *
 * Floor: lang, private to it. Lua's own matcher runs inside C, where no hook stops it: five `.-` in
 * a pattern keep it busy for minutes. This one charges every step to the script's budget. Facts:
 * the reference manual of Lua 5.4, section 6.4.1. */
#ifndef PEGFLOW_LANG_PATTERN_H
#define PEGFLOW_LANG_PATTERN_H

#include "lang/private.h"

enum { CAPTURE_LIMIT = 32 };

struct capture {
    const char *from;
    ptrdiff_t length; /* CAPTURE_OPEN, CAPTURE_POSITION or what it says */
};
enum { CAPTURE_OPEN = -1, CAPTURE_POSITION = -2 };

struct matcher {
    lua_State *L;
    const char *subject;
    const char *subject_end;
    const char *pattern_end;
    struct capture captures[CAPTURE_LIMIT];
    int capture_count;
    int depth;
    int uncharged; /* steps */
};

void pattern_start(struct matcher *matcher, lua_State *L, const char *subject,
                   size_t subject_length, const char *pattern_end);
/* Matches `pattern` at exactly `at`; the end of the match, or NULL. may jump: a malformed pattern,
 * or the budget is spent. */
const char *pattern_match(struct matcher *matcher, const char *at, const char *pattern);
/* may jump: pushes capture `index`, or the whole match where the pattern has none. */
void pattern_push_capture(struct matcher *matcher, int index, const char *from, const char *to);
/* may jump: pushes all captures (the whole match where there are none, if asked for). */
int pattern_push_captures(struct matcher *matcher, const char *from, const char *to, bool whole);

#endif
