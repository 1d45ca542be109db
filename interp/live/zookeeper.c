/* The session: connecting, waiting, and what becomes of it. */
#include "live/zookeeper.h"

#ifdef HAVE_ZOOKEEPER

#include "base/duration.h"
#include "live/resolve.h"
#include "live/wording.h"
#include "live/zookeeper_private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const int64_t attempt_limit_us =
    3 * US_PER_SECOND; /* with one server, until it is a session */
static const int64_t after_failure_us = 10 * US_PER_MS;
static const int64_t close_patience_us = 1 * US_PER_SECOND;

static void drive(void *ctx);

/* ---- states */

static void tell_state(void *ctx)
{
    struct zookeeper *zookeeper = ctx;
    zookeeper->changed(zookeeper->ctx, zookeeper->state,
                       zookeeper->state == ZOOKEEPER_CONNECTED ? NULL : &zookeeper->why);
}

static void enter(struct zookeeper *zookeeper, enum zookeeper_state state)
{
    zookeeper->state = state;
    timer_start(zookeeper->loop, &zookeeper->tell, 0, tell_state, zookeeper);
}

/* "zk1:2181: Connection refused; zk2:2181: ...": into `why`, behind what happened. */
static void explain(struct zookeeper *zookeeper, enum error_code code, const char *what)
{
    struct text text = {0};
    for (size_t i = 0; i < zookeeper->server_count; i++) {
        const struct zookeeper_server *server = &zookeeper->servers[i];
        if (server->failure[0] != '\0') {
            text_printf(&text, "%s%s: %s", text.length > 0 ? "; " : ": ", server->name,
                        server->failure);
        }
    }
    error_set(&zookeeper->why, code, "ZooKeeper '%s': %s%s", zookeeper->server_names, what,
              text_string(&text));
    log_write(loop_log(zookeeper->loop), LOG_INFO, loop_now_us(zookeeper->loop), "%s",
              zookeeper->why.text);
    text_clear(&text);
}

static void end(struct zookeeper *zookeeper, enum error_code code, const char *what)
{
    explain(zookeeper, code, what);
    watch_stop(&zookeeper->watch);
    timer_cancel(&zookeeper->drive);
    timer_cancel(&zookeeper->deadline);
    timer_cancel(&zookeeper->patience);
    zookeeper->state = ZOOKEEPER_ENDED; /* what is asked meanwhile is told so */
    zookeeper_close(zookeeper->handle);
    zookeeper->handle = NULL;
    zookeeper->fd = -1;
    timer_cancel(&zookeeper->patience);
    zookeeper_answer_all(zookeeper, ZOOKEEPER_GONE);
    enter(zookeeper, ZOOKEEPER_ENDED);
}

static void out_of_time(void *ctx)
{
    end(ctx, ERROR_UNREACHABLE, "no session in time");
}

static void begin_session(struct zookeeper *zookeeper)
{
    const clientid_t *id = zoo_client_id(zookeeper->handle);
    zookeeper->identity.session_id = id->client_id;
    memcpy(zookeeper->identity.password, id->passwd, sizeof zookeeper->identity.password);
    zookeeper->session_us = zoo_recv_timeout(zookeeper->handle) * US_PER_MS;
    timer_cancel(&zookeeper->deadline);
    timer_cancel(&zookeeper->patience);
    for (size_t i = 0; i < zookeeper->server_count; i++) {
        zookeeper->servers[i].failure[0] = '\0';
    }
    log_write(loop_log(zookeeper->loop), LOG_INFO, loop_now_us(zookeeper->loop),
              "ZooKeeper: session 0x%llx at %s", (unsigned long long)id->client_id,
              zookeeper->attempt == NULL ? "?" : zookeeper->attempt->name);
    enter(zookeeper, ZOOKEEPER_CONNECTED);
}

/* After each turn of the library. False: the session has ended. */
static bool settle(struct zookeeper *zookeeper)
{
    int state = zoo_state(zookeeper->handle);
    if (state == ZOO_EXPIRED_SESSION_STATE) {
        end(zookeeper, ERROR_REFUSED, "the session has expired");
        return false;
    }
    if (state == ZOO_AUTH_FAILED_STATE) {
        end(zookeeper, ERROR_REFUSED, "authentication failed");
        return false;
    }
    bool connected = state == ZOO_CONNECTED_STATE;
    if (connected && zookeeper->state != ZOOKEEPER_CONNECTED) {
        begin_session(zookeeper);
    } else if (!connected && zookeeper->state == ZOOKEEPER_CONNECTED) {
        explain(zookeeper, ERROR_UNREACHABLE, "the connection is lost");
        timer_cancel(&zookeeper->patience);
        enter(zookeeper, ZOOKEEPER_SUSPENDED);
    }
    return true;
}

/* ---- connections */

/* What went wrong with the server that is connected to; `system_error` as the library left it. */
static void note_failure(struct zookeeper *zookeeper, int rc, int system_error)
{
    char since[DURATION_TEXT_BYTES];
    struct zookeeper_server *server = zookeeper->attempt;
    if (server == NULL || rc == ZSESSIONEXPIRED) {
        return;
    }
    if (rc == ZOPERATIONTIMEOUT) {
        snprintf(server->failure, sizeof server->failure, "no answer for %s",
                 duration_format(zookeeper->session_us * 2 / 3, since));
    } else {
        char wording[WORDING_ERRNO_BYTES];
        bool closed = system_error == EHOSTDOWN; /* the library's word for the end of the stream */
        snprintf(server->failure, sizeof server->failure, "%s",
                 closed              ? "it closed the connection"
                 : system_error != 0 ? wording_errno(system_error, wording)
                                     : zerror(rc));
    }
    zookeeper->attempt = NULL;
}

/* The library meets a dead socket in the place of this connection, and goes to the next server. */
static void drop_connection(struct zookeeper *zookeeper, const char *why)
{
    if (zookeeper->attempt != NULL) {
        snprintf(zookeeper->attempt->failure, sizeof zookeeper->attempt->failure, "%s", why);
        zookeeper->attempt = NULL;
    }
    bool connecting = zoo_state(zookeeper->handle) == ZOO_CONNECTING_STATE;
    dup2(zookeeper->dead_fd, zookeeper->fd); /* cannot fail: both are open */
    zookeeper_process(zookeeper->handle, connecting ? ZOOKEEPER_WRITE : ZOOKEEPER_READ);
    if (settle(zookeeper)) {
        drive(zookeeper);
    }
}

static void out_of_patience(void *ctx)
{
    struct zookeeper *zookeeper = ctx;
    char limit[DURATION_TEXT_BYTES];
    char why[64];
    bool connected = zookeeper->state == ZOOKEEPER_CONNECTED;
    snprintf(why, sizeof why, "%s within %s", connected ? "no answer" : "no session",
             duration_format(connected ? zookeeper->session_us : attempt_limit_us, limit));
    drop_connection(zookeeper, why);
}

static void find_attempt(struct zookeeper *zookeeper)
{
    const char *address = zoo_get_current_server(zookeeper->handle);
    zookeeper->attempt = NULL;
    for (size_t i = 0; i < zookeeper->server_count; i++) {
        if (strcmp(zookeeper->servers[i].address, address) == 0) {
            zookeeper->attempt = &zookeeper->servers[i];
        }
    }
}

/* ---- what came in, judged before the library reads it */

static void set_low_water(struct zookeeper *zookeeper, size_t bytes)
{
    int low = (int)bytes;
    if (bytes > 1 || zookeeper->low_water) {
        setsockopt(zookeeper->fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low);
        zookeeper->low_water = bytes > 1;
    }
}

static bool peer_has_ended(int fd)
{
    struct pollfd look = {.fd = fd, .events = POLLRDHUP};
    return poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* GUARD_PASS also for the end of the stream, which the library shall see. A socket tells its error
 * once: then it is in `system_error`. */
static enum guard_verdict judge(struct zookeeper *zookeeper, int *system_error, struct error *err)
{
    const struct request *oldest = TAILQ_FIRST(&zookeeper->sent);
    bool connected = zoo_state(zookeeper->handle) == ZOO_CONNECTED_STATE;
    for (size_t ask = 64;;) {
        size_t wanted;
        text_reset(&zookeeper->peeked);
        char *bytes = text_reserve(&zookeeper->peeked, ask);
        ssize_t got = recv(zookeeper->fd, bytes, ask, MSG_PEEK | MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return GUARD_MORE;
        }
        if (got <= 0) {
            *system_error = got < 0 ? errno : 0;
            return GUARD_PASS;
        }
        enum guard_verdict verdict =
            connected ? zookeeper_guard_frame(bytes, (size_t)got,
                                              oldest == NULL ? NULL : &oldest->body, &wanted, err)
                      : zookeeper_guard_handshake(bytes, (size_t)got, &wanted, err);
        if (verdict != GUARD_MORE) {
            return verdict;
        }
        if ((size_t)got < ask) {
            if (peer_has_ended(zookeeper->fd)) {
                return GUARD_PASS;
            }
            set_low_water(zookeeper, wanted); /* or poll would say "readable" again and again */
            return GUARD_MORE;
        }
        ask = wanted;
    }
}

static void on_ready(void *ctx, unsigned ready)
{
    struct zookeeper *zookeeper = ctx;
    struct error err;
    int system_error = 0;
    int events = 0;
    if (zoo_state(zookeeper->handle) == ZOO_CONNECTING_STATE) {
        events = ZOOKEEPER_WRITE; /* whatever it is, the socket's error comes first */
    } else {
        enum guard_verdict verdict =
            (ready & WATCH_READ) != 0 ? judge(zookeeper, &system_error, &err) : GUARD_MORE;
        if (verdict == GUARD_WRONG) {
            drop_connection(zookeeper, err.text);
            return;
        }
        events = ((ready & WATCH_WRITE) != 0 ? ZOOKEEPER_WRITE : 0) |
                 (verdict == GUARD_PASS ? ZOOKEEPER_READ : 0);
    }
    if (events == 0) {
        return;
    }
    if ((events & ZOOKEEPER_READ) != 0) {
        set_low_water(zookeeper, 1);
    }
    errno = 0;
    int rc = zookeeper_process(zookeeper->handle, events);
    system_error = system_error != 0 ? system_error : errno;
    if (rc != ZOK && rc != ZNOTHING) {
        note_failure(zookeeper, rc, system_error);
    }
    if (settle(zookeeper)) {
        drive(zookeeper);
    }
}

/* ---- the library's turns */

static void watch_connection(struct zookeeper *zookeeper, int fd, int interest)
{
    unsigned events = ((interest & ZOOKEEPER_READ) != 0 ? WATCH_READ : 0U) |
                      ((interest & ZOOKEEPER_WRITE) != 0 ? WATCH_WRITE : 0U);
    if (fd != zookeeper->fd || fd < 0) {
        watch_stop(&zookeeper->watch);
        zookeeper->fd = fd;
    }
    if (fd >= 0 && zookeeper->watch.loop == NULL) {
        watch_start(zookeeper->loop, &zookeeper->watch, fd, events, on_ready, zookeeper);
    } else if (fd >= 0) {
        watch_set_events(&zookeeper->watch, events);
    }
}

/* With a new server, or while something is asked, time is limited. */
static void be_patient(struct zookeeper *zookeeper, bool new_attempt)
{
    bool connected = zookeeper->state == ZOOKEEPER_CONNECTED;
    bool asked = connected && !TAILQ_EMPTY(&zookeeper->sent);
    if (new_attempt) {
        timer_start(zookeeper->loop, &zookeeper->patience, attempt_limit_us, out_of_patience,
                    zookeeper);
    } else if (asked && !timer_is_active(&zookeeper->patience)) {
        timer_start(zookeeper->loop, &zookeeper->patience, zookeeper->session_us, out_of_patience,
                    zookeeper);
    } else if (connected ? !asked : zookeeper->fd < 0) {
        timer_cancel(&zookeeper->patience);
    }
}

static void drive(void *ctx)
{
    struct zookeeper *zookeeper = ctx;
    struct timeval wait = {0};
    int fd = -1;
    int interest = 0;
    bool was_idle =
        zoo_state(zookeeper->handle) != ZOO_CONNECTED_STATE && zookeeper->attempt == NULL;
    errno = 0;
    int rc = zookeeper_interest(zookeeper->handle, &fd, &interest, &wait);
    int system_error = errno;
    bool new_attempt = was_idle && rc == ZOK && fd >= 0;
    if (rc != ZOK) {
        note_failure(zookeeper, rc, system_error);
        fd = -1;
    }
    if (new_attempt) {
        find_attempt(zookeeper);
        watch_stop(&zookeeper->watch);
        zookeeper->low_water = false;
    }
    watch_connection(zookeeper, fd, interest);
    if (!settle(zookeeper)) {
        return;
    }
    be_patient(zookeeper, new_attempt);
    int64_t wait_us = wait.tv_sec * US_PER_SECOND + wait.tv_usec;
    timer_start(zookeeper->loop, &zookeeper->drive,
                rc != ZOK             ? after_failure_us
                : wait_us < US_PER_MS ? US_PER_MS
                                      : wait_us,
                drive, zookeeper);
}

void zookeeper_wake(struct zookeeper *zookeeper)
{
    if (zookeeper->handle != NULL) {
        timer_start(zookeeper->loop, &zookeeper->drive, 0, drive, zookeeper);
    }
}

/* ---- life */

/* The addresses, parted by commas, for the library, which then has no name to resolve. A name that
 * does not resolve is remembered: another server may do. */
static bool resolve_all(struct zookeeper *zookeeper, const struct ensemble *ensemble,
                        struct text *addresses, struct error *err)
{
    struct text names = {0};
    zookeeper->server_count = ensemble->count;
    zookeeper->servers = memory_allocate(ensemble->count * sizeof *zookeeper->servers);
    for (size_t i = 0; i < ensemble->count; i++) {
        struct zookeeper_server *server = &zookeeper->servers[i];
        struct error why;
        struct address address;
        server->name = memory_copy_string(ensemble->servers[i].name);
        text_printf(&names, "%s%s", i > 0 ? "," : "", server->name);
        if (resolve_server(server->name, &address, &why)) {
            address_format(address, server->address);
            text_printf(addresses, "%s%s", addresses->length > 0 ? "," : "", server->address);
        } else {
            snprintf(server->failure, sizeof server->failure, "%.255s", why.text);
        }
    }
    zookeeper->server_names = text_take(&names);
    if (addresses->length == 0) {
        explain(zookeeper, ERROR_UNREACHABLE, "no server to connect to");
        *err = zookeeper->why;
    }
    return addresses->length > 0;
}

static void ignore_event(zhandle_t *handle, int type, int state, const char *path, void *ctx)
{
    (void)handle, (void)type, (void)state, (void)path, (void)ctx; /* settle looks at the state */
}

static bool open_library(struct zookeeper *zookeeper, const struct zookeeper_identity *identity,
                         const char *addresses, struct error *err)
{
    clientid_t id;
    if (identity != NULL) {
        id.client_id = identity->session_id;
        memcpy(id.passwd, identity->password, sizeof id.passwd);
    }
    zookeeper->dead_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (zookeeper->dead_fd < 0) {
        error_set_errno(err, errno, "ZooKeeper '%s': socket", zookeeper->server_names);
        return false;
    }
    zoo_set_debug_level((ZooLogLevel)0); /* it would print to stderr */
    zoo_deterministic_conn_order(1);     /* in the order of the cluster file */
    zookeeper->handle =
        zookeeper_init(addresses, ignore_event, (int)(zookeeper->session_us / US_PER_MS),
                       identity == NULL ? NULL : &id, NULL, ZOO_NO_LOG_CLIENTENV);
    if (zookeeper->handle == NULL) {
        error_set_errno(err, errno, "ZooKeeper '%s': the client library", zookeeper->server_names);
        return false;
    }
    zoo_set_servers_resolution_delay(zookeeper->handle, -1);
    return true;
}

bool zookeeper_start(struct loop *loop, const struct zookeeper_options *options,
                     zookeeper_state_fn *changed, void *ctx, struct zookeeper **out,
                     struct error *err)
{
    ASSERT(!loop_is_virtual(loop));
    ASSERT(options->session_us >= US_PER_MS && options->session_us / US_PER_MS <= INT32_MAX);
    struct zookeeper *zookeeper = memory_allocate(sizeof *zookeeper);
    struct text addresses = {0};
    bool ok = false;
    zookeeper->loop = loop;
    zookeeper->changed = changed;
    zookeeper->ctx = ctx;
    zookeeper->session_us = options->session_us;
    zookeeper->fd = -1;
    zookeeper->dead_fd = -1;
    TAILQ_INIT(&zookeeper->sent);
    TAILQ_INIT(&zookeeper->answered);
    if (!resolve_all(zookeeper, options->ensemble, &addresses, err) ||
        !open_library(zookeeper, options->identity, text_string(&addresses), err)) {
        goto done;
    }
    int64_t patience_us = options->connect_us > 0
                              ? options->connect_us
                              : attempt_limit_us * (int64_t)zookeeper->server_count + US_PER_SECOND;
    timer_start(loop, &zookeeper->deadline, patience_us, out_of_time, zookeeper);
    zookeeper_wake(zookeeper);
    *out = zookeeper;
    zookeeper = NULL;
    ok = true;
done:
    text_clear(&addresses);
    zookeeper_free(zookeeper);
    return ok;
}

/* Does it look as if the server would answer the end of the session? */
static bool may_close(const struct zookeeper *zookeeper)
{
    const struct request *oldest = TAILQ_FIRST(&zookeeper->sent);
    return zookeeper->state == ZOOKEEPER_CONNECTED &&
           (oldest == NULL ||
            loop_now_us(zookeeper->loop) - oldest->reply.asked_us < close_patience_us);
}

static void free_session(struct zookeeper *zookeeper, bool close_it)
{
    if (zookeeper == NULL) {
        return;
    }
    watch_stop(&zookeeper->watch);
    if (zookeeper->handle != NULL) {
        if (close_it && may_close(zookeeper)) {
            set_low_water(zookeeper, 1);
        } else if (zookeeper->fd >= 0) {
            dup2(zookeeper->dead_fd, zookeeper->fd);
        }
        zookeeper_close(zookeeper->handle);
    }
    struct timer *timers[] = {&zookeeper->drive, &zookeeper->deadline, &zookeeper->patience,
                              &zookeeper->tell, &zookeeper->deliver};
    for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++) {
        timer_cancel(timers[i]); /* also what the library's last words started */
    }
    zookeeper_drop_requests(zookeeper);
    if (zookeeper->dead_fd >= 0) {
        close(zookeeper->dead_fd);
    }
    for (size_t i = 0; i < zookeeper->server_count; i++) {
        free(zookeeper->servers[i].name);
    }
    free(zookeeper->servers);
    free(zookeeper->server_names);
    text_clear(&zookeeper->peeked);
    free(zookeeper);
}

void zookeeper_free(struct zookeeper *zookeeper)
{
    free_session(zookeeper, true);
}

void zookeeper_abandon(struct zookeeper *zookeeper)
{
    free_session(zookeeper, false);
}

enum zookeeper_state zookeeper_state(const struct zookeeper *zookeeper)
{
    return zookeeper->state;
}

int64_t zookeeper_session_us(const struct zookeeper *zookeeper)
{
    return zookeeper->session_us;
}

struct zookeeper_identity zookeeper_identity(const struct zookeeper *zookeeper)
{
    return zookeeper->identity;
}

#endif
