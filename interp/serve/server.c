#include "serve/server.h"

#include "serve/listener.h"
#include "serve/peer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A port that cannot be listened on again (somebody took it) is tried anew this often. */
enum { LISTEN_AGAIN_US = 500 * 1000 };

struct served {
    struct server_set *set;
    int32_t index;
    struct listener listener;
    enum sim_process process; /* as it was seen last */
    bool listen_failed;       /* said already */
    struct peer *peers;
};

struct server_set {
    struct loop *loop;
    struct sim *sim;
    struct server_traffic traffic;
    int64_t origin_us; /* the loop's time at simulated time 0 */
    struct timer timer;
    struct served *servers;
    int32_t count;
    size_t connection_count;
    size_t violations_told;
    server_event_fn *event;
    void *event_ctx;
};

/* ---- addresses */

static uint16_t default_port(enum role role)
{
    switch (role) {
    case ROLE_META:
        return SERVER_DEFAULT_META_PORT;
    case ROLE_REPLICA:
        return SERVER_DEFAULT_REPLICA_PORT;
    case ROLE_COLLECTOR:
        return SERVER_DEFAULT_COLLECTOR_PORT;
    case ROLE_COUNT:
        break;
    }
    return 0;
}

bool server_addresses(const struct model *model, uint32_t ip, int32_t base_port,
                      struct address **out, int32_t *count, struct error *err)
{
    const struct {
        enum role role;
        int32_t count;
    } groups[] = {{ROLE_REPLICA, model->replica_count},
                  {ROLE_META, model->meta_count},
                  {ROLE_COLLECTOR, model->collector_count}};
    int32_t total = model->replica_count + model->meta_count + model->collector_count;
    struct address *addresses = memory_allocate((size_t)total * sizeof *addresses);
    int32_t used = 0;

    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
        int32_t first = base_port < 0 ? default_port(groups[g].role) : base_port + used;
        for (int32_t i = 0; i < groups[g].count; i++) {
            int32_t port = base_port == 0 ? 0 : first + i;
            if (port > UINT16_MAX) {
                error_set(err, ERROR_USAGE, "server %d of %d would get port %d: the last is %d",
                          used + 1, total, port, UINT16_MAX);
                free(addresses);
                return false;
            }
            addresses[used++] =
                (struct address){.ip = ip, .port = (uint16_t)port, .kind = ADDRESS_IPV4};
        }
    }
    *out = addresses;
    *count = total;
    return true;
}

/* ---- events to tell */

static void tell(struct server_set *set, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void tell(struct server_set *set, const char *format, ...)
{
    struct text what = {0};
    va_list args;

    if (set->event == NULL) {
        return;
    }
    va_start(args, format);
    text_append_va(&what, format, args);
    va_end(args);
    set->event(set->event_ctx, server_set_now_us(set), text_string(&what));
    text_clear(&what);
}

static void tell_violations(struct server_set *set)
{
    while (set->violations_told < sim_violation_count(set->sim)) {
        const struct sim_violation *violation = sim_violation(set->sim, set->violations_told++);
        tell(set, "violation: %s", violation->what);
    }
}

static void tell_process(struct server_set *set, const struct served *served)
{
    char name[ADDRESS_TEXT_BYTES];
    const char *label = sim_server_label(set->sim, served->index);
    address_format(served->listener.address, name);

    switch (served->process) {
    case SIM_DOWN:
        tell(set, "%s %s is down", label, name);
        break;
    case SIM_SILENT:
        tell(set, "%s %s has bound its port and says nothing yet", label, name);
        break;
    case SIM_UP:
        tell(set, "%s %s is up, version %s", label, name,
             sim_server_version(set->sim, served->index));
        break;
    }
}

/* ---- sockets follow processes */

static void listen_again(struct server_set *set, struct served *served)
{
    struct error err;

    if (listener_open(&served->listener, &err)) {
        served->listen_failed = false;
    } else if (!served->listen_failed) {
        served->listen_failed = true;
        tell(set, "%s cannot listen and will try again: %s",
             sim_server_label(set->sim, served->index), err.text);
    }
}

static void follow_process(struct server_set *set, struct served *served)
{
    enum sim_process process = sim_server_process(set->sim, served->index);

    if (process != served->process) {
        served->process = process;
        tell_process(set, served);
    }
    if (process == SIM_DOWN) {
        listener_close(&served->listener);
        for (struct peer *peer = served->peers; peer != NULL; peer = peer->next) {
            stream_reset(&peer->stream);
        }
    } else if (!listener_is_open(&served->listener)) {
        listen_again(set, served);
    }
}

static void follow_processes(struct server_set *set)
{
    for (int32_t i = 0; i < set->count; i++) {
        follow_process(set, &set->servers[i]);
    }
    tell_violations(set);
}

/* Event by event, since a process that stops and starts between two looks must not keep its
 * connections. */
static void advance(struct server_set *set)
{
    int64_t now_us = server_set_now_us(set);
    int64_t next_us = sim_next_event_us(set->sim);

    while (next_us <= now_us) {
        sim_advance(set->sim, next_us);
        follow_processes(set);
        next_us = sim_next_event_us(set->sim);
    }
    sim_advance(set->sim, now_us);
}

static void start_timer(struct server_set *set);

static void turn(void *ctx)
{
    struct server_set *set = ctx;

    advance(set);
    follow_processes(set);
    start_timer(set);
}

static void start_timer(struct server_set *set)
{
    int64_t next_us = sim_next_event_us(set->sim);
    int64_t delay_us = next_us == INT64_MAX ? INT64_MAX : next_us - server_set_now_us(set);

    for (int32_t i = 0; i < set->count; i++) {
        if (set->servers[i].listen_failed && delay_us > LISTEN_AGAIN_US) {
            delay_us = LISTEN_AGAIN_US;
        }
    }
    if (delay_us == INT64_MAX) {
        timer_cancel(&set->timer);
        return;
    }
    timer_start(set->loop, &set->timer, delay_us, turn, set);
}

static void on_connection(void *ctx, int fd)
{
    struct served *served = ctx;
    struct server_set *set = served->set;

    if (set->connection_count >= SERVER_CONNECTION_LIMIT) {
        close(fd);
        return;
    }
    peer_start(set, served->index, fd, &served->peers, &set->connection_count);
}

/* ---- life */

static bool listen_on_all(struct server_set *set, struct address *addresses, struct error *err)
{
    for (int32_t i = 0; i < set->count; i++) {
        struct served *served = &set->servers[i];
        served->set = set;
        served->index = i;
        served->process = SIM_UP; /* as all are at the start: nothing to tell */
        if (!listener_init(&served->listener, set->loop, addresses[i], on_connection, served,
                           err)) {
            return false;
        }
        addresses[i] = served->listener.address;
    }
    /* Only when all ports are ours: a half-served cluster answers nobody. */
    for (int32_t i = 0; i < set->count; i++) {
        if (!listener_open(&set->servers[i].listener, err)) {
            return false;
        }
    }
    return true;
}

bool server_set_open(struct loop *loop, const struct model *model, const struct address *addresses,
                     server_event_fn *event, void *ctx, struct server_set **out, struct error *err)
{
    struct server_set *set = memory_allocate(sizeof *set);
    bool ok = false;

    set->loop = loop;
    set->event = event;
    set->event_ctx = ctx;
    set->count = model->replica_count + model->meta_count + model->collector_count;
    set->servers = memory_allocate((size_t)set->count * sizeof *set->servers);
    size_t address_bytes = (size_t)set->count * sizeof *addresses;
    struct address *bound = memory_allocate(address_bytes);
    memcpy(bound, addresses, address_bytes);
    if (!listen_on_all(set, bound, err)) {
        goto done;
    }
    set->sim = sim_new(model, bound, loop_wall_us(loop));
    set->origin_us = loop_now_us(loop);
    follow_processes(set);
    start_timer(set);
    *out = set;
    set = NULL;
    ok = true;
done:
    free(bound);
    server_set_free(set);
    return ok;
}

void server_set_free(struct server_set *set)
{
    if (set == NULL) {
        return;
    }
    timer_cancel(&set->timer);
    for (int32_t i = 0; i < set->count; i++) {
        struct served *served = &set->servers[i];
        listener_clear(&served->listener);
        while (served->peers != NULL) {
            peer_free(served->peers);
        }
    }
    sim_free(set->sim);
    free(set->servers);
    free(set);
}

struct sim *server_set_sim(struct server_set *set)
{
    advance(set);
    return set->sim;
}

void server_set_changed(struct server_set *set)
{
    timer_start(set->loop, &set->timer, 0, turn, set);
}

struct server_traffic *server_set_traffic(struct server_set *set)
{
    return &set->traffic;
}

int64_t server_set_now_us(const struct server_set *set)
{
    return loop_now_us(set->loop) - set->origin_us;
}

struct loop *server_set_loop(const struct server_set *set)
{
    return set->loop;
}
