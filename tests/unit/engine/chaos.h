/* One run of a workflow, disturbed at each of its points: the undisturbed run forks a child at
 * every k-th point, an event or a call to a server; the child suffers its mode's misfortune there
 * and runs to its end. Children are copies of the whole world in virtual time, so a point costs
 * milliseconds, and the same mode and point are the same story again. */
#ifndef PEGFLOW_TESTS_ENGINE_CHAOS_H
#define PEGFLOW_TESTS_ENGINE_CHAOS_H

#include <check.h>

/* Check's assertions tell its runner of each line they pass, and there is no runner here: a copy in
 * the middle of a run could not report to one. All of them are made of this one. */
#undef ck_assert_msg
#define ck_assert_msg(condition, ...)                                                              \
    ((condition) ? (void)0 : chaos_assert_failed(__FILE__, __LINE__, #condition, __VA_ARGS__))
_Noreturn static void chaos_assert_failed(const char *file, int line, const char *condition,
                                          const char *format, ...);

#include "world.h"

#include "wire/wire.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/wait.h>

enum {
    CHAOS_CHILDREN = 2,   /* at once */
    CHAOS_PATIENCE_S = 60 /* of real time, for a child; the slowest takes a tenth of a second */
};

enum point_kind { AT_EVENT, AT_CALL };

/* What becomes of the call at the point. */
enum fate {
    FATE_DELIVERED,
    FATE_REFUSED,    /* connection refused */
    FATE_UNHEARD,    /* never arrives: no answer in time */
    FATE_REPLY_LOST, /* done there, but no answer in time */
};

enum sink_fate { SINK_KEEPS, SINK_FAILS_ONCE, SINK_FAILS_FROM_NOW };

#define EXIT(code) (1U << (code))

struct mode {
    const char *name;
    enum point_kind at;
    size_t stride;        /* every how many points the slice tries; not a multiple of 3 */
    bool tuned;           /* the settings before the run are not what a new process starts with */
    bool swift;           /* pace=swift */
    const char *workflow; /* NULL: workflows/ha.lua; else nobody is asked anything */
    bool rehearsed;       /* nobody is asked anything */
    const struct model_table *tables; /* one; NULL: chaos_tables */
    /* the misfortune: what happens at once, and what a little later */
    enum fate fate;
    int64_t cut_us; /* from here on all calls are refused for so long */
    enum sink_fate sink;
    timer_fn *strike;     /* or NULL; ctx is the struct chaos */
    int64_t delays_us[3]; /* before the strike, taking turns */
    /* what is expected */
    unsigned exits; /* EXIT(...) | ... */
    struct {
        int exit_code;
        const char *text; /* fine as well, when the run's error says this */
    } excuses[4];
    bool abandons;         /* values may be left, when the run says so */
    bool all_up;           /* every server is up in the end */
    bool last_is_no_point; /* the last event tells what is settled: nothing can follow from it */
};

struct chaos_child {
    pid_t pid; /* 0: none */
    size_t point;
    char where[240];
};

struct chaos {
    struct world world; /* first */
    const struct mode *mode;
    size_t stride;
    size_t only_point; /* 0, or the one to suffer in this very process */
    bool armed;        /* the run is under way: points count */
    bool suffers;      /* this process is a child, or has met its only point */
    size_t points[2];  /* met so far, by kind */
    size_t point;      /* where this process suffers */
    char where[240];
    struct timer misfortune;
    struct timer later; /* its second half */
    struct timer limit; /* of the run, in virtual time */
    bool over_limit;
    bool dead; /* its process was killed: nothing more is heard of what it asks */
    bool cut;
    bool sink_fails;
    bool event_lost;
    size_t effects_after_loss; /* begun although an event was lost; putting back is not counted */
    bool baseline_known;       /* the run has read the values before it */
    bool comparing;            /* the run has begun to put back what a new leader lost */
    bool loss_unseen; /* struck where the run cannot know what the leader held, or no more */
    struct chaos_child children[CHAOS_CHILDREN];
    size_t tried;
    size_t failed;
    size_t problem_count;
};

_Noreturn static void chaos_assert_failed(const char *file, int line, const char *condition,
                                          const char *format, ...)
{
    fprintf(stderr, "%s:%d: %s", file, line, condition);
    if (format != NULL) {
        va_list args;
        va_start(args, format);
        fputs(": ", stderr);
        vfprintf(stderr, format, args);
        va_end(args);
    }
    fputc('\n', stderr);
    abort();
}

/* ---- children */
static inline void chaos_count(struct chaos *chaos, size_t point, const char *where, int status)
{
    chaos->tried++;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return;
    }
    chaos->failed++;
    printf("FAIL %s %zu, at \"%s\": %s %d; again: %s %s %zu\n", chaos->mode->name, point, where,
           WIFSIGNALED(status) ? "killed by signal" : "exit status",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
           program_invocation_short_name, chaos->mode->name, point);
}

/* Waits until at most `running` children are left. */
static inline void chaos_reap(struct chaos *chaos, size_t running)
{
    for (;;) {
        size_t count = 0;
        for (size_t i = 0; i < CHAOS_CHILDREN; i++) {
            count += chaos->children[i].pid != 0;
        }
        if (count <= running) {
            return;
        }
        int status;
        pid_t pid = wait(&status);
        ck_assert_msg(pid > 0 || errno == EINTR, "wait: %s", strerror(errno));
        for (size_t i = 0; pid > 0 && i < CHAOS_CHILDREN; i++) {
            struct chaos_child *child = &chaos->children[i];
            if (child->pid == pid) {
                chaos_count(chaos, child->point, child->where, status);
                child->pid = 0;
            }
        }
    }
}

/* In the parent: forks, false. True where the misfortune is to happen. */
static inline bool chaos_fork(struct chaos *chaos, size_t point, const char *where)
{
    struct chaos_child *child = chaos->children;
    chaos_reap(chaos, CHAOS_CHILDREN - 1);
    while (child->pid != 0) {
        child++;
    }
    child->point = point;
    snprintf(child->where, sizeof child->where, "%s", where);
    fflush(NULL); /* or the child would print it again */
    pid_t pid = fork();
    ck_assert_msg(pid >= 0, "fork: %s", strerror(errno));
    if (pid > 0) {
        child->pid = pid;
        return false;
    }
    alarm(CHAOS_PATIENCE_S);
    return true;
}

/* A point of the run was met; `what` is a line about it. True: suffer here. */
static inline bool chaos_meet(struct chaos *chaos, enum point_kind kind, const char *what)
{
    size_t point = ++chaos->points[kind];
    if (!chaos->armed || chaos->suffers || kind != chaos->mode->at) {
        return false;
    }
    if (chaos->only_point != 0 ? point != chaos->only_point : point % chaos->stride != 0) {
        return false;
    }
    char where[sizeof chaos->where];
    snprintf(where, sizeof where, "%.*s", (int)strcspn(what, "\n"), what);
    if (chaos->only_point == 0 && !chaos_fork(chaos, point, where)) {
        return false;
    }
    chaos->suffers = true;
    chaos->point = point;
    memcpy(chaos->where, where, sizeof where);
    return true;
}

/* ---- misfortunes at the point itself */
static inline void chaos_uncut(void *ctx)
{
    struct chaos *chaos = ctx;
    chaos->cut = false;
}

static inline void chaos_strike(void *ctx)
{
    struct chaos *chaos = ctx;
    chaos->loss_unseen = !chaos->baseline_known || chaos->comparing;
    if (!chaos->world.ended) {
        chaos->mode->strike(chaos);
    }
}

static inline void chaos_suffer(struct chaos *chaos)
{
    const struct mode *mode = chaos->mode;
    struct loop *loop = chaos->world.loop;
    chaos->sink_fails = mode->sink != SINK_KEEPS;
    if (mode->cut_us > 0) {
        chaos->cut = true;
        timer_start(loop, &chaos->later, mode->cut_us, chaos_uncut, chaos);
    }
    if (mode->strike != NULL) {
        /* As in life: never inside what the run is doing. */
        timer_start(loop, &chaos->misfortune, mode->delays_us[chaos->point % 3], chaos_strike,
                    chaos);
    }
}

static inline bool chaos_take(struct event_sink *sink, const struct event *event, struct error *err)
{
    struct chaos *chaos = (struct chaos *)sink;
    const struct text *log = &chaos->world.log;
    size_t start = log->length;
    world_take(sink, event, err);
    chaos->baseline_known |= event->kind == EVENT_BASELINE;
    chaos->comparing |=
        event->kind == EVENT_COMPARED || (event->kind == EVENT_PUT_BACK && event->step == NULL);
    bool is_point = !chaos->mode->last_is_no_point || event->kind != EVENT_RUN_FINISHED;
    if (is_point && chaos_meet(chaos, AT_EVENT, log->bytes + start)) {
        chaos_suffer(chaos);
    }
    if (chaos->event_lost && event->kind == EVENT_INTENTION &&
        strncmp(event->text, "set ", 4) != 0) {
        chaos->effects_after_loss++;
    }
    if (chaos->sink_fails) {
        chaos->event_lost = true;
        chaos->sink_fails = chaos->mode->sink == SINK_FAILS_FROM_NOW;
        error_set(err, ERROR_SYSTEM, "no space left on device");
        return false;
    }
    return true;
}

/* ---- calls that do not arrive, or whose replies do not */
struct mishap {
    struct operation operation;
    struct operation *sent; /* delivered, but its reply will be lost; or NULL */
    struct timer end;
    struct error err;
    rpc_done_fn *rpc_done; /* one of the two */
    http_done_fn *http_done;
    void *ctx;
};

static inline void mishap_end(void *ctx)
{
    struct mishap *mishap = ctx;
    operation_drop(mishap->sent);
    if (mishap->rpc_done != NULL) {
        mishap->rpc_done(mishap->ctx, NULL, &mishap->err);
    } else {
        mishap->http_done(mishap->ctx, NULL, &mishap->err);
    }
}

static inline void mishap_drop(struct operation *operation)
{
    struct mishap *mishap = (struct mishap *)operation;
    operation_drop(mishap->sent);
    timer_cancel(&mishap->end);
}

static inline void mishap_cancel(struct operation *operation)
{
    struct mishap *mishap = (struct mishap *)operation;
    error_set(&mishap->err, ERROR_CANCELLED, "cancelled");
    timer_start(mishap->end.loop, &mishap->end, 0, mishap_end, mishap);
}

static inline void mishap_rpc_lost(void *ctx, const void *response, const struct error *err)
{
    struct mishap *mishap = ctx;
    (void)response, (void)err;
    mishap->sent = NULL;
}

static inline void mishap_http_lost(void *ctx, const struct http_reply *reply,
                                    const struct error *err)
{
    struct mishap *mishap = ctx;
    (void)reply, (void)err;
    mishap->sent = NULL;
}

static inline struct mishap *mishap_new(struct chaos *chaos, enum fate fate, const char *what,
                                        int64_t timeout_us)
{
    static const struct operation_ops ops = {.cancel = mishap_cancel, .drop = mishap_drop};
    struct mishap *mishap = arena_allocate(&chaos->world.arena, sizeof *mishap);
    bool refused = fate == FATE_REFUSED;
    *mishap = (struct mishap){.operation = {.ops = &ops}};
    error_set(&mishap->err, refused ? ERROR_UNREACHABLE : ERROR_TIMEOUT, "%s: %s", what,
              refused ? "connection refused" : "no answer in time");
    timer_start(chaos->world.loop, &mishap->end,
                refused ? 2 * sim_latency_us(chaos->world.sim) : timeout_us, mishap_end, mishap);
    return mishap;
}

static inline enum fate chaos_fate(struct chaos *chaos, const char *what)
{
    enum fate fate = FATE_DELIVERED;
    if (chaos_meet(chaos, AT_CALL, what)) {
        chaos_suffer(chaos);
        fate = chaos->mode->fate;
    }
    return chaos->dead ? FATE_UNHEARD : chaos->cut ? FATE_REFUSED : fate;
}

static inline struct chaos *chaos_of_transport(struct transport *transport)
{
    return (struct chaos *)(void *)((char *)transport - offsetof(struct world, lying));
}

static inline struct operation *chaos_call(struct transport *transport, struct address to,
                                           enum rpc rpc, const void *request, int64_t timeout_us,
                                           rpc_done_fn *done, void *ctx)
{
    struct chaos *chaos = chaos_of_transport(transport);
    struct transport *real = chaos->world.transport;
    char what[200], server[ADDRESS_TEXT_BYTES];
    int length = snprintf(what, sizeof what, "%s: %s", address_format(to, server), rpc_name(rpc));
    if (rpc == RPC_REMOTE_COMMAND) {
        const struct remote_command_request *command = request;
        snprintf(what + length, sizeof what - (size_t)length, " %.*s%s",
                 (int)command->command.length, command->command.bytes,
                 command->arguments.count > 0 ? " with arguments" : "");
    }
    enum fate fate = chaos_fate(chaos, what);
    if (fate == FATE_DELIVERED) {
        return transport_call(real, to, rpc, request, timeout_us, done, ctx);
    }
    struct mishap *mishap = mishap_new(chaos, fate, what, timeout_us);
    mishap->rpc_done = done;
    mishap->ctx = ctx;
    if (fate == FATE_REPLY_LOST) {
        mishap->sent = transport_call(real, to, rpc, request, timeout_us, mishap_rpc_lost, mishap);
    }
    return &mishap->operation;
}

static inline struct operation *chaos_get(struct transport *transport, struct address from,
                                          const char *path, int64_t timeout_us, http_done_fn *done,
                                          void *ctx)
{
    struct chaos *chaos = chaos_of_transport(transport);
    struct transport *real = chaos->world.transport;
    char what[200], server[ADDRESS_TEXT_BYTES];
    snprintf(what, sizeof what, "%s: GET %s", address_format(from, server), path);
    enum fate fate = chaos_fate(chaos, what);
    if (fate == FATE_DELIVERED) {
        return transport_get(real, from, path, timeout_us, done, ctx);
    }
    struct mishap *mishap = mishap_new(chaos, fate, what, timeout_us);
    mishap->http_done = done;
    mishap->ctx = ctx;
    if (fate == FATE_REPLY_LOST) {
        mishap->sent = transport_get(real, from, path, timeout_us, mishap_http_lost, mishap);
    }
    return &mishap->operation;
}

#endif
