/* base/error.h - what failed, in words for an SRE, with context added on the way up.
 *
 * Floor: base. An error is a code and a text in fixed storage; nothing to free. A function that can
 * fail returns bool and fills its last parameter `err` on failure only. Each caller that knows more
 * prefixes the text with error_wrap: "open journal 'r7': locked by pid 311". */
#ifndef PEGFLOW_BASE_ERROR_H
#define PEGFLOW_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* code, exit code of a command that ends with it, one-word name for JSON output */
#define ERROR_CODES(X)                                                                             \
    X(ERROR_USAGE, 2, "usage")             /* wrong flags or arguments */                          \
    X(ERROR_INVALID_FILE, 2, "invalid")    /* a workflow, cluster or model file is wrong */        \
    X(ERROR_REFUSED, 3, "refused")         /* a requirement or guard says no; nothing was changed */\
    X(ERROR_UNREACHABLE, 3, "unreachable") /* connection refused, closed, no such host */          \
    X(ERROR_TIMEOUT, 1, "timeout")         /* a deadline passed */                                 \
    X(ERROR_PEER, 1, "peer")               /* a peer's bytes break the protocol or a bound */      \
    X(ERROR_REPLY, 1, "reply")             /* a well-formed reply that says no */                  \
    X(ERROR_NOT_LEADER, 3, "not-leader")   /* the meta server asked does not lead */               \
    X(ERROR_STEP, 1, "failed")             /* a step of a workflow failed */                       \
    X(ERROR_SCRIPT, 1, "script")           /* Lua of a site failed while a run was going on */     \
    X(ERROR_CANCELLED, 4, "cancelled")     /* stopped by the operator, or its owner let go */      \
    X(ERROR_NOT_RESTORED, 5, "not-restored") /* something could not be put back */                 \
    X(ERROR_SYSTEM, 1, "system")           /* an errno */                                          \
    X(ERROR_LIMIT, 1, "limit")             /* a bound of ours was reached */                       \
    X(ERROR_VIOLATION, 6, "violation")     /* a test or exploration found what must not be */

enum error_code {
#define X(code, exit_code, name) code,
    ERROR_CODES(X)
#undef X
    ERROR_CODE_COUNT
};

enum { ERROR_TEXT_BYTES = 2048 };

struct error {
    enum error_code code;
    char text[ERROR_TEXT_BYTES]; /* lower case, no full stop; cut with "..." when too long */
};

/* Replaces what is in `err`. */
void error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void error_set_va(struct error *err, enum error_code code, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* As error_set with ERROR_SYSTEM, and ": <text of errno_value>" behind it. */
void error_set_errno(struct error *err, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "<context>: " before the text; the code stays. */
void error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

int error_exit_code(enum error_code code);
const char *error_code_name(enum error_code code);

/* All errors of a user's file, each with its place. */
struct error_item {
    char *file; /* may be NULL */
    int line;   /* 0: unknown */
    char *text;
};
struct error_list {
    struct error_item *items;
    size_t count;
    size_t capacity;
    size_t dropped; /* beyond ERROR_LIST_LIMIT */
};
enum { ERROR_LIST_LIMIT = 100 };

void error_list_init(struct error_list *list);
void error_list_clear(struct error_list *list); /* frees; the list may be used again */
void error_list_add(struct error_list *list, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* States what our own code guarantees; on in release builds. Never for input. */
#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            assert_failed(#condition, __FILE__, __LINE__);                                         \
        }                                                                                          \
    } while (0)
_Noreturn void assert_failed(const char *condition, const char *file, int line);

#endif
