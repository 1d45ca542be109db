#include "lang/pattern.h"

#include <ctype.h>
#include <string.h>

enum { DEPTH_LIMIT = 200, STEPS_PER_CHARGE = 256 };

void pattern_start(struct matcher *matcher, lua_State *L, const char *subject,
                   size_t subject_length, const char *pattern_end)
{
    matcher->L = L;
    matcher->subject = subject;
    matcher->subject_end = subject + subject_length;
    matcher->pattern_end = pattern_end;
    matcher->capture_count = 0;
    matcher->depth = 0;
    matcher->uncharged = 0;
}

static void take_step(struct matcher *matcher)
{
    if (++matcher->uncharged == STEPS_PER_CHARGE) {
        matcher->uncharged = 0;
        lang_charge(matcher->L, STEPS_PER_CHARGE);
    }
}

/* ---- one character against one item of the pattern */
static bool is_of_class(int c, int class)
{
    bool yes;
    switch (tolower(class)) {
    case 'a':
        yes = isalpha(c);
        break;
    case 'c':
        yes = iscntrl(c);
        break;
    case 'd':
        yes = isdigit(c);
        break;
    case 'g':
        yes = isgraph(c);
        break;
    case 'l':
        yes = islower(c);
        break;
    case 'p':
        yes = ispunct(c);
        break;
    case 's':
        yes = isspace(c);
        break;
    case 'u':
        yes = isupper(c);
        break;
    case 'w':
        yes = isalnum(c);
        break;
    case 'x':
        yes = isxdigit(c);
        break;
    default:
        return class == c;
    }
    return isupper(class) ? !yes : yes;
}

/* Behind the item that begins at `item`. */
static const char *item_end(struct matcher *matcher, const char *item)
{
    const char *end = matcher->pattern_end;
    char first = *item++;
    if (first == '%') {
        if (item == end) {
            luaL_error(matcher->L, "malformed pattern (ends with '%%')");
        }
        return item + 1;
    }
    if (first != '[') {
        return item;
    }
    if (item < end && *item == '^') {
        item++;
    }
    do { /* the first one is never the end: "[]]" */
        if (item == end) {
            luaL_error(matcher->L, "malformed pattern (missing ']')");
        }
        if (*item++ == '%') {
            if (item == end) {
                luaL_error(matcher->L, "malformed pattern (missing ']')");
            }
            item++;
        }
    } while (item == end || *item != ']');
    return item + 1;
}

/* `set` is at '[', `last` at its ']'. */
static bool is_in_set(struct matcher *matcher, int c, const char *set, const char *last)
{
    bool yes = true;
    if (set[1] == '^') {
        yes = false;
        set++;
    }
    for (set++; set < last; set++) {
        take_step(matcher);
        if (*set == '%') {
            set++;
            if (is_of_class(c, (unsigned char)*set)) {
                return yes;
            }
        } else if (set[1] == '-' && set + 2 < last) {
            if ((unsigned char)set[0] <= c && c <= (unsigned char)set[2]) {
                return yes;
            }
            set += 2;
        } else if ((unsigned char)*set == c) {
            return yes;
        }
    }
    return !yes;
}

static bool item_matches(struct matcher *matcher, const char *at, const char *item,
                         const char *after)
{
    take_step(matcher);
    if (at >= matcher->subject_end) {
        return false;
    }
    int c = (unsigned char)*at;
    switch (*item) {
    case '.':
        return true;
    case '%':
        return is_of_class(c, (unsigned char)item[1]);
    case '[':
        return is_in_set(matcher, c, item, after - 1);
    default:
        return (unsigned char)*item == c;
    }
}

/* ---- repetition */
static const char *match_longest(struct matcher *matcher, const char *at, const char *item,
                                 const char *after)
{
    ptrdiff_t count = 0;
    while (item_matches(matcher, at + count, item, after)) {
        count++;
    }
    for (; count >= 0; count--) {
        const char *end = pattern_match(matcher, at + count, after + 1);
        if (end != NULL) {
            return end;
        }
    }
    return NULL;
}

static const char *match_shortest(struct matcher *matcher, const char *at, const char *item,
                                  const char *after)
{
    for (;;) {
        const char *end = pattern_match(matcher, at, after + 1);
        if (end != NULL) {
            return end;
        }
        if (!item_matches(matcher, at, item, after)) {
            return NULL;
        }
        at++;
    }
}

/* ---- captures */
static const char *open_capture(struct matcher *matcher, const char *at, const char *pattern,
                                ptrdiff_t what)
{
    if (matcher->capture_count == CAPTURE_LIMIT) {
        luaL_error(matcher->L, "too many captures in a pattern");
    }
    matcher->captures[matcher->capture_count++] = (struct capture){at, what};
    const char *end = pattern_match(matcher, at, pattern);
    if (end == NULL) {
        matcher->capture_count--;
    }
    return end;
}

static const char *close_capture(struct matcher *matcher, const char *at, const char *pattern)
{
    int index = matcher->capture_count - 1;
    while (index >= 0 && matcher->captures[index].length != CAPTURE_OPEN) {
        index--;
    }
    if (index < 0) {
        luaL_error(matcher->L, "malformed pattern (')' without '(')");
    }
    matcher->captures[index].length = at - matcher->captures[index].from;
    const char *end = pattern_match(matcher, at, pattern);
    if (end == NULL) {
        matcher->captures[index].length = CAPTURE_OPEN;
    }
    return end;
}

static const char *match_again(struct matcher *matcher, const char *at, int digit)
{
    int index = digit - '1';
    if (index < 0 || index >= matcher->capture_count ||
        matcher->captures[index].length == CAPTURE_OPEN) {
        luaL_error(matcher->L, "invalid capture index %%%d in a pattern", index + 1);
    }
    ptrdiff_t length = matcher->captures[index].length;
    if (length == CAPTURE_POSITION) {
        return NULL; /* a position holds no text, not even the empty one */
    }
    lang_charge(matcher->L, length / 16);
    if (matcher->subject_end - at < length ||
        memcmp(matcher->captures[index].from, at, (size_t)length) != 0) {
        return NULL;
    }
    return at + length;
}

/* ---- %bxy and %f[set] */
static const char *match_balance(struct matcher *matcher, const char *at, const char *pair)
{
    if (matcher->pattern_end - pair < 2) {
        luaL_error(matcher->L, "malformed pattern (missing arguments to '%%b')");
    }
    if (at >= matcher->subject_end || *at != pair[0]) {
        return NULL;
    }
    int open = 1;
    for (at++; at < matcher->subject_end; at++) {
        take_step(matcher);
        if (*at == pair[1]) {
            if (--open == 0) {
                return at + 1;
            }
        } else if (*at == pair[0]) {
            open++;
        }
    }
    return NULL;
}

static bool at_frontier(struct matcher *matcher, const char *at, const char *set, const char *after)
{
    int before = at == matcher->subject ? 0 : (unsigned char)at[-1];
    int here = at == matcher->subject_end ? 0 : (unsigned char)*at;
    return !is_in_set(matcher, before, set, after - 1) && is_in_set(matcher, here, set, after - 1);
}

/* One item with what follows it. True: go on in the loop with `at` and `pattern` moved on. False:
 * the outcome is in `end`. */
static bool match_item(struct matcher *matcher, const char **at, const char **pattern,
                       const char **end)
{
    const char *item = *pattern;
    const char *after = item_end(matcher, item);
    char suffix = after < matcher->pattern_end ? *after : '\0';
    bool here;
    switch (suffix) {
    case '*':
        *end = match_longest(matcher, *at, item, after);
        return false;
    case '+':
        here = item_matches(matcher, *at, item, after);
        *end = here ? match_longest(matcher, *at + 1, item, after) : NULL;
        return false;
    case '-':
        *end = match_shortest(matcher, *at, item, after);
        return false;
    case '?':
        if (item_matches(matcher, *at, item, after)) {
            *end = pattern_match(matcher, *at + 1, after + 1);
            if (*end != NULL) {
                return false;
            }
        }
        *pattern = after + 1;
        return true;
    default:
        if (!item_matches(matcher, *at, item, after)) {
            *end = NULL;
            return false;
        }
        (*at)++;
        *pattern = after;
        return true;
    }
}

/* The items that begin with '%' and are no classes. As match_item; *special: it was one. */
static bool match_special(struct matcher *matcher, const char **at, const char **pattern,
                          const char **end, bool *special)
{
    const char *item = *pattern;
    char kind = item + 1 < matcher->pattern_end ? item[1] : '\0';
    *special = true;
    if (kind == 'b') {
        *end = match_balance(matcher, *at, item + 2);
        *pattern = item + 4;
    } else if (kind == 'f') {
        if (item + 2 >= matcher->pattern_end || item[2] != '[') {
            luaL_error(matcher->L, "malformed pattern (missing '[' after '%%f')");
        }
        const char *after = item_end(matcher, item + 2);
        *end = at_frontier(matcher, *at, item + 2, after) ? *at : NULL;
        *pattern = after;
    } else if (isdigit((unsigned char)kind)) {
        *end = match_again(matcher, *at, (unsigned char)kind);
        *pattern = item + 2;
    } else {
        *special = false;
        return false;
    }
    if (*end == NULL) {
        return false;
    }
    *at = *end;
    return true;
}

static const char *match_from(struct matcher *matcher, const char *at, const char *pattern)
{
    const char *end = NULL;
    bool special;
    for (;;) {
        take_step(matcher);
        if (pattern == matcher->pattern_end) {
            return at;
        }
        switch (*pattern) {
        case '(':
            if (pattern + 1 < matcher->pattern_end && pattern[1] == ')') {
                return open_capture(matcher, at, pattern + 2, CAPTURE_POSITION);
            }
            return open_capture(matcher, at, pattern + 1, CAPTURE_OPEN);
        case ')':
            return close_capture(matcher, at, pattern + 1);
        case '$':
            if (pattern + 1 == matcher->pattern_end) {
                return at == matcher->subject_end ? at : NULL;
            }
            break;
        case '%': {
            bool go_on = match_special(matcher, &at, &pattern, &end, &special);
            if (go_on) {
                continue;
            }
            if (special) {
                return NULL;
            }
            break;
        }
        default:
            break;
        }
        if (!match_item(matcher, &at, &pattern, &end)) {
            return end;
        }
    }
}

const char *pattern_match(struct matcher *matcher, const char *at, const char *pattern)
{
    if (matcher->depth == DEPTH_LIMIT) {
        luaL_error(matcher->L, "pattern too complex");
    }
    matcher->depth++;
    const char *end = match_from(matcher, at, pattern);
    matcher->depth--;
    return end;
}

void pattern_push_capture(struct matcher *matcher, int index, const char *from, const char *to)
{
    if (index >= matcher->capture_count) {
        if (index != 0) {
            luaL_error(matcher->L, "invalid capture index %%%d", index + 1);
        }
        lua_pushlstring(matcher->L, from, (size_t)(to - from));
        return;
    }
    const struct capture *capture = &matcher->captures[index];
    if (capture->length == CAPTURE_OPEN) {
        luaL_error(matcher->L, "unfinished capture in a pattern");
    } else if (capture->length == CAPTURE_POSITION) {
        lua_pushinteger(matcher->L, capture->from - matcher->subject + 1);
    } else {
        lua_pushlstring(matcher->L, capture->from, (size_t)capture->length);
    }
}

int pattern_push_captures(struct matcher *matcher, const char *from, const char *to, bool whole)
{
    int count = matcher->capture_count == 0 && whole ? 1 : matcher->capture_count;
    luaL_checkstack(matcher->L, count, "too many captures");
    for (int i = 0; i < count; i++) {
        pattern_push_capture(matcher, i, from, to);
    }
    return count;
}
