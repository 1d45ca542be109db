/* A session of ZooKeeper in a test: the loop, what the session told, and requests that are waited
 * for. The real server's address comes from PEGFLOW_TEST_ZOOKEEPER ("127.0.0.1:2181"), its process
 * from PEGFLOW_TEST_ZOOKEEPER_PID; tests/e2e/zookeeper.sh gives both. */
#ifndef TESTS_UNIT_LIVE_ZOOKEEPER_FIXTURE_H
#define TESTS_UNIT_LIVE_ZOOKEEPER_FIXTURE_H

#include "base/duration.h"
#include "live/zookeeper.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct loop *loop;
static struct arena arena;

static inline void set_up_loop(void)
{
    struct error err;
    ck_assert_msg(loop_open_real(&loop, &err), "%s", err.text);
    arena_init(&arena);
}

static inline void tear_down_loop(void)
{
    arena_clear(&arena);
    loop_close(loop);
}

static inline void stop_loop(void *ctx)
{
    (void)ctx;
    loop_stop(loop);
}

static inline void run_loop(void)
{
    struct error err;
    ck_assert_msg(loop_run(loop, &err), "%s", err.text);
}

static inline void run_for(int64_t us)
{
    struct timer timer = {0};
    timer_start(loop, &timer, us, stop_loop, NULL);
    while (timer_is_active(&timer)) {
        run_loop();
    }
}

/* Runs until *flag, at most so long; callbacks that set a flag stop the loop. */
static inline bool run_until(const bool *flag, int64_t limit_us)
{
    struct timer timer = {0};
    timer_start(loop, &timer, limit_us, stop_loop, NULL);
    while (!*flag && timer_is_active(&timer)) {
        run_loop();
    }
    timer_cancel(&timer);
    return *flag;
}

static inline const char *real_address(void)
{
    return getenv("PEGFLOW_TEST_ZOOKEEPER");
}

static inline pid_t real_pid(void)
{
    return (pid_t)atoi(getenv("PEGFLOW_TEST_ZOOKEEPER_PID"));
}

static inline struct ensemble ensemble_of(const char *text)
{
    struct ensemble ensemble;
    struct error err;
    ck_assert_msg(ensemble_parse(text, &arena, &ensemble, &err), "%s", err.text);
    return ensemble;
}

/* ---- a session, and what it told */
struct told {
    struct zookeeper *zookeeper;
    bool connected, suspended, ended; /* ever, until cleared */
    struct error why;                 /* of the last */
    int count;
};

static inline void record_state(void *ctx, enum zookeeper_state state, const struct error *why)
{
    struct told *told = ctx;
    told->count++;
    told->connected |= state == ZOOKEEPER_CONNECTED;
    told->suspended |= state == ZOOKEEPER_SUSPENDED;
    told->ended |= state == ZOOKEEPER_ENDED;
    ck_assert((why == NULL) == (state == ZOOKEEPER_CONNECTED));
    if (why != NULL) {
        told->why = *why;
    }
    loop_stop(loop);
}

static inline void start_session(struct told *told, const char *servers,
                                 const struct zookeeper_identity *identity, int64_t connect_us)
{
    struct ensemble ensemble = ensemble_of(servers);
    struct zookeeper_options options = {
        .ensemble = &ensemble,
        .session_us = 4 * US_PER_SECOND,
        .connect_us = connect_us,
        .identity = identity,
    };
    struct error err;
    memset(told, 0, sizeof *told);
    ck_assert_msg(zookeeper_start(loop, &options, record_state, told, &told->zookeeper, &err), "%s",
                  err.text);
    ck_assert_int_eq(told->count, 0);
}

static inline void connect_session(struct told *told, const struct zookeeper_identity *identity)
{
    start_session(told, real_address(), identity, 10 * US_PER_SECOND);
    ck_assert_msg(run_until(&told->connected, 10 * US_PER_SECOND), "%s", told->why.text);
}

/* ---- a request */
struct asked {
    bool done;
    int count;
    enum zookeeper_outcome outcome;
    struct error err;
    char path[256];
    char data[4096]; /* the first of it */
    size_t data_bytes;
    int32_t version;
    int64_t owner;
    char names[1024]; /* each with a comma behind */
};

static inline void record_answer(void *ctx, const struct zookeeper_reply *reply,
                                 const struct error *err)
{
    struct asked *asked = ctx;
    asked->done = true;
    asked->count++;
    asked->outcome = reply->outcome;
    ck_assert((err == NULL) == (reply->outcome == ZOOKEEPER_OK));
    if (err != NULL) {
        asked->err = *err;
    }
    snprintf(asked->path, sizeof asked->path, "%s", reply->path == NULL ? "" : reply->path);
    snprintf(asked->data, sizeof asked->data, "%.*s", (int)reply->data.length,
             reply->data.bytes == NULL ? "" : reply->data.bytes);
    asked->data_bytes = reply->data.length;
    asked->version = reply->version;
    asked->owner = reply->owner;
    asked->names[0] = '\0';
    for (size_t i = 0; i < reply->name_count; i++) {
        size_t used = strlen(asked->names);
        snprintf(asked->names + used, sizeof asked->names - used, "%s,", reply->names[i]);
    }
    loop_stop(loop);
}

static inline enum zookeeper_outcome answer_of(struct asked *asked)
{
    ck_assert_int_eq(asked->count, 0);
    ck_assert(run_until(&asked->done, 20 * US_PER_SECOND));
    return asked->outcome;
}

static inline enum zookeeper_outcome create_node(struct zookeeper *zookeeper, const char *path,
                                                 const char *data)
{
    struct asked asked = {0};
    zookeeper_create(zookeeper, path, slice_of(data), ZOOKEEPER_PERSISTENT, record_answer, &asked);
    return answer_of(&asked);
}

/* A path that no test used before: "/test-<pid>-<n>". */
static inline const char *fresh_path(void)
{
    static int counter;
    return arena_printf(&arena, "/test-%d-%d-%lld", (int)getpid(), ++counter,
                        (long long)loop_wall_us(loop));
}

#endif
