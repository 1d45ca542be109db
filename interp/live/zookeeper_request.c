/* What is asked in a session of ZooKeeper. */
#ifdef HAVE_ZOOKEEPER

#include "live/zookeeper_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- ends */

static void request_free(struct request *request)
{
    for (size_t i = 0; i < request->reply.name_count; i++) {
        free(request->names[i]);
    }
    free(request->names);
    text_clear(&request->path);
    text_clear(&request->data);
    free(request->node);
    free(request);
}

/* One a turn, as its last act: the callback may free the session. */
static void deliver_one(void *ctx)
{
    struct zookeeper *zookeeper = ctx;
    struct request *request = TAILQ_FIRST(&zookeeper->answered);
    TAILQ_REMOVE(&zookeeper->answered, request, link);
    if (!TAILQ_EMPTY(&zookeeper->answered)) {
        timer_start(zookeeper->loop, &zookeeper->deliver, 0, deliver_one, zookeeper);
    }
    if (request->done != NULL) {
        request->done(request->ctx, &request->reply,
                      request->reply.outcome == ZOOKEEPER_OK ? NULL : &request->err);
    }
    request_free(request);
}

/* Of a request in no list. */
static void answer_later(struct request *request)
{
    struct zookeeper *zookeeper = request->zookeeper;
    TAILQ_INSERT_TAIL(&zookeeper->answered, request, link);
    if (!timer_is_active(&zookeeper->deliver)) {
        timer_start(zookeeper->loop, &zookeeper->deliver, 0, deliver_one, zookeeper);
    }
}

static void fail(struct request *request, enum zookeeper_outcome outcome, enum error_code code,
                 const char *what)
{
    request->reply.outcome = outcome;
    error_set(&request->err, code, "ZooKeeper '%s': %s %s: %s", request->zookeeper->server_names,
              request->verb, request->node, what);
}

static void fail_without_session(struct request *request)
{
    const struct zookeeper *zookeeper = request->zookeeper;
    bool ended = zookeeper->state == ZOOKEEPER_ENDED;
    fail(request, ended ? ZOOKEEPER_GONE : ZOOKEEPER_UNSURE,
         ended ? zookeeper->why.code : ERROR_UNREACHABLE,
         ended ? "the session has ended" : "the connection is lost");
}

void zookeeper_answer_all(struct zookeeper *zookeeper, enum zookeeper_outcome outcome)
{
    struct request *request;
    while ((request = TAILQ_FIRST(&zookeeper->sent)) != NULL) {
        TAILQ_REMOVE(&zookeeper->sent, request, link);
        fail_without_session(request);
        request->reply.outcome = outcome;
        answer_later(request);
    }
}

void zookeeper_forget(struct zookeeper *zookeeper, const void *ctx)
{
    struct request_list *lists[] = {&zookeeper->sent, &zookeeper->answered};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct request *request;
        TAILQ_FOREACH(request, lists[i], link)
        {
            if (request->ctx == ctx) {
                request->done = NULL; /* the answer is still to come, in its turn */
            }
        }
    }
}

void zookeeper_drop_requests(struct zookeeper *zookeeper)
{
    struct request_list *lists[] = {&zookeeper->sent, &zookeeper->answered};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct request *request;
        while ((request = TAILQ_FIRST(lists[i])) != NULL) {
            TAILQ_REMOVE(lists[i], request, link);
            request_free(request);
        }
    }
}

/* ---- the library's answers: called from within it, so they only keep what came */

static const struct {
    int code;
    enum zookeeper_outcome outcome;
    enum error_code error;
    const char *what; /* NULL: the library's words */
} answers[] = {
    {ZNONODE, ZOOKEEPER_NO_NODE, ERROR_REPLY, "there is no such node"},
    {ZNODEEXISTS, ZOOKEEPER_NODE_EXISTS, ERROR_REPLY, "there is such a node already"},
    {ZNOTEMPTY, ZOOKEEPER_NOT_EMPTY, ERROR_REPLY, "there are nodes below it"},
    {ZBADVERSION, ZOOKEEPER_BAD_VERSION, ERROR_REPLY, "somebody else has written it"},
    {ZNOAUTH, ZOOKEEPER_NOT_ALLOWED, ERROR_REFUSED, "not allowed by the ACL of the node"},
    {ZAUTHFAILED, ZOOKEEPER_NOT_ALLOWED, ERROR_REFUSED, "authentication failed"},
    {ZSESSIONCLOSEDREQUIRESASLAUTH, ZOOKEEPER_NOT_ALLOWED, ERROR_REFUSED,
     "the servers want authentication by SASL, which is not supported here"},
    {ZINVALIDACL, ZOOKEEPER_NOT_ALLOWED, ERROR_REFUSED, "the servers refuse a node open to all"},
    {ZCONNECTIONLOSS, ZOOKEEPER_UNSURE, ERROR_UNREACHABLE, "the connection was lost"},
    {ZOPERATIONTIMEOUT, ZOOKEEPER_UNSURE, ERROR_UNREACHABLE, "no answer in time"},
    {ZRUNTIMEINCONSISTENCY, ZOOKEEPER_UNSURE, ERROR_PEER, "an answer that nobody asked for"},
    {ZSESSIONMOVED, ZOOKEEPER_UNSURE, ERROR_UNREACHABLE, "the session has moved"},
    {ZSESSIONEXPIRED, ZOOKEEPER_GONE, ERROR_REFUSED, "the session has expired"},
    {ZINVALIDSTATE, ZOOKEEPER_GONE, ERROR_REFUSED, "the session has ended"},
};

static void keep_failure(struct request *request, int rc)
{
    if (rc == ZCLOSING) {
        fail_without_session(request);
        return;
    }
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (answers[i].code == rc) {
            fail(request, answers[i].outcome, answers[i].error, answers[i].what);
            return;
        }
    }
    fail(request, ZOOKEEPER_OTHER, ERROR_REPLY, zerror(rc));
}

/* Takes it off what waits for an answer. True: rc says yes. */
static bool take_answer(struct request *request, int rc)
{
    struct zookeeper *zookeeper = request->zookeeper;
    TAILQ_REMOVE(&zookeeper->sent, request, link);
    answer_later(request);
    timer_cancel(&zookeeper->patience); /* starts anew with the next turn of the library */
    if (rc != ZOK) {
        keep_failure(request, rc);
    }
    return rc == ZOK;
}

static struct request *request_of(const void *data)
{
    return (struct request *)(uintptr_t)data; /* the library only carries it */
}

static void on_void(int rc, const void *data)
{
    take_answer(request_of(data), rc);
}

static void on_path(int rc, const char *path, const void *data)
{
    struct request *request = request_of(data);
    if (take_answer(request, rc)) {
        text_append_string(&request->path, path);
        request->reply.path = text_string(&request->path);
    }
}

static void on_stat(int rc, const struct Stat *stat, const void *data)
{
    struct request *request = request_of(data);
    if (take_answer(request, rc)) {
        request->reply.version = stat->version;
    }
}

static void on_data(int rc, const char *value, int value_bytes, const struct Stat *stat,
                    const void *data)
{
    struct request *request = request_of(data);
    if (take_answer(request, rc)) {
        if (value_bytes > 0) {
            text_append(&request->data, value, (size_t)value_bytes);
        }
        request->reply.data = (struct slice){text_string(&request->data), request->data.length};
        request->reply.version = stat->version;
        request->reply.owner = stat->ephemeralOwner;
        request->reply.created_ms = stat->ctime;
    }
}

static void on_names(int rc, const struct String_vector *names, const void *data)
{
    struct request *request = request_of(data);
    if (take_answer(request, rc) && names->count > 0) {
        size_t count = (size_t)names->count;
        request->names = memory_allocate(count * sizeof *request->names);
        for (size_t i = 0; i < count; i++) {
            request->names[i] = memory_copy_string(names->data[i]);
        }
        request->reply.names = (const char *const *)request->names;
        request->reply.name_count = count;
    }
}

/* ---- asking */

static struct request *request_new(struct zookeeper *zookeeper, const char *verb, const char *path,
                                   enum zookeeper_body body, zookeeper_fn *done, void *ctx)
{
    struct request *request = memory_allocate(sizeof *request);
    request->zookeeper = zookeeper;
    request->verb = verb;
    request->body = body;
    request->node = memory_copy_string(path);
    request->done = done;
    request->ctx = ctx;
    request->reply.asked_us = loop_now_us(zookeeper->loop);
    return request;
}

/* Without a connection nothing is sent: what waits for one would be done at some later time. */
static bool may_send(struct request *request)
{
    if (request->zookeeper->state != ZOOKEEPER_CONNECTED) {
        fail_without_session(request);
        answer_later(request);
        return false;
    }
    TAILQ_INSERT_TAIL(&request->zookeeper->sent, request, link);
    return true;
}

static void was_sent(struct request *request, int rc)
{
    if (rc != ZOK) {
        take_answer(request, rc);
    }
    zookeeper_wake(request->zookeeper);
}

void zookeeper_create(struct zookeeper *zookeeper, const char *path, struct slice data,
                      enum zookeeper_node node, zookeeper_fn *done, void *ctx)
{
    ASSERT(data.length <= ZOOKEEPER_DATA_BYTES_MAX);
    struct request *request =
        request_new(zookeeper, "create", path, ZOOKEEPER_BODY_PATH, done, ctx);
    if (may_send(request)) {
        was_sent(
            request,
            zoo_acreate(zookeeper->handle, path, data.bytes, (int)data.length, &ZOO_OPEN_ACL_UNSAFE,
                        node == ZOOKEEPER_PERSISTENT ? ZOO_PERSISTENT : ZOO_EPHEMERAL_SEQUENTIAL,
                        on_path, request));
    }
}

void zookeeper_get(struct zookeeper *zookeeper, const char *path, zookeeper_fn *done, void *ctx)
{
    struct request *request = request_new(zookeeper, "read", path, ZOOKEEPER_BODY_DATA, done, ctx);
    if (may_send(request)) {
        was_sent(request, zoo_aget(zookeeper->handle, path, 0, on_data, request));
    }
}

void zookeeper_set(struct zookeeper *zookeeper, const char *path, struct slice data,
                   int32_t version, zookeeper_fn *done, void *ctx)
{
    ASSERT(data.length <= ZOOKEEPER_DATA_BYTES_MAX);
    struct request *request = request_new(zookeeper, "write", path, ZOOKEEPER_BODY_STAT, done, ctx);
    if (may_send(request)) {
        was_sent(request, zoo_aset(zookeeper->handle, path, data.bytes, (int)data.length, version,
                                   on_stat, request));
    }
}

void zookeeper_children(struct zookeeper *zookeeper, const char *path, zookeeper_fn *done,
                        void *ctx)
{
    struct request *request = request_new(zookeeper, "list", path, ZOOKEEPER_BODY_NAMES, done, ctx);
    if (may_send(request)) {
        was_sent(request, zoo_aget_children(zookeeper->handle, path, 0, on_names, request));
    }
}

void zookeeper_delete(struct zookeeper *zookeeper, const char *path, int32_t version,
                      zookeeper_fn *done, void *ctx)
{
    struct request *request =
        request_new(zookeeper, "delete", path, ZOOKEEPER_BODY_EMPTY, done, ctx);
    if (may_send(request)) {
        was_sent(request, zoo_adelete(zookeeper->handle, path, version, on_void, request));
    }
}

#endif
