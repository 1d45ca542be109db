#include "serve/control.h"

#include "serve/httpd.h"
#include "serve/listener.h"
#include "serve/stream.h"
#include "sim/control.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct client {
    struct control *control;
    struct stream stream;
    struct timer reply_timer; /* until the simulated action is done */
    bool asked;               /* the one request of this connection was taken */
    int status;
    struct text body;
    struct client *next;
    struct client **link;
};

struct control {
    struct server_set *set;
    struct listener listener;
    struct client *clients;
    size_t client_count;
};

static void client_free(struct client *client)
{
    *client->link = client->next;
    if (client->next != NULL) {
        client->next->link = client->link;
    }
    client->control->client_count--;
    timer_cancel(&client->reply_timer);
    stream_clear(&client->stream);
    text_clear(&client->body);
    free(client);
}

static void on_closed(void *ctx)
{
    client_free(ctx);
}

/* ---- answers of our own */

static int answer_violations(struct server_set *set, const char *target, struct text *body)
{
    const struct sim *sim = server_set_sim(set);
    cJSON *list = cJSON_CreateArray();

    (void)target;
    for (size_t i = 0; i < sim_violation_count(sim); i++) {
        const struct sim_violation *violation = sim_violation(sim, i);
        cJSON *item = cJSON_CreateObject();
        cJSON_AddNumberToObject(item, "at_us", (double)violation->at_us);
        cJSON_AddStringToObject(item, "what", violation->what);
        cJSON_AddItemToArray(list, item);
    }
    char *json = cJSON_PrintUnformatted(list);
    ASSERT(json != NULL);
    text_printf(body, "%s\n", json);
    free(json);
    cJSON_Delete(list);
    return 200;
}

struct figure {
    const char *name;
    int64_t value;
};

static int answer_figures(const struct figure *figures, size_t count, struct text *body)
{
    for (size_t i = 0; i < count; i++) {
        text_printf(body, "%s\"%s\":%" PRId64, i > 0 ? "," : "{", figures[i].name,
                    figures[i].value);
    }
    text_append_string(body, "}\n");
    return 200;
}

static int answer_totals(struct server_set *set, const char *target, struct text *body)
{
    struct sim_totals totals;

    (void)target;
    sim_totals(server_set_sim(set), &totals);
    const struct figure figures[] = {
        {"reads_away_us", totals.reads_away_us},
        {"writes_away_us", totals.writes_away_us},
        {"longest_read_us", totals.longest_read_us},
        {"longest_write_us", totals.longest_write_us},
        {"fewest_live_replicas", totals.fewest_live_replicas},
        {"primaries_moved", totals.primaries_moved},
        {"changes", totals.changes},
    };
    return answer_figures(figures, sizeof figures / sizeof figures[0], body);
}

static int answer_traffic(struct server_set *set, const char *target, struct text *body)
{
    const struct server_traffic *traffic = server_set_traffic(set);

    (void)target;
    const struct figure figures[] = {
        {"requests", traffic->requests},
        {"request_bytes", traffic->request_bytes},
        {"reply_bytes", traffic->reply_bytes},
    };
    return answer_figures(figures, sizeof figures / sizeof figures[0], body);
}

static int answer_break_updates(struct server_set *set, const char *target, struct text *body)
{
    struct text value = {0};
    bool given = httpd_query_value(target, "broken", &value);
    bool broken = given && strcmp(text_string(&value), "true") == 0;
    bool understood = broken || (given && strcmp(text_string(&value), "false") == 0);

    text_clear(&value);
    if (!understood) {
        text_append_string(body, "{\"error\":\"broken=true or broken=false is needed\"}\n");
        return 400;
    }
    sim_break_updates(server_set_sim(set), broken);
    text_printf(body, "{\"broken\":%s}\n", broken ? "true" : "false");
    return 200;
}

static const struct {
    const char *path;
    const char *method;
    int (*answer)(struct server_set *set, const char *target, struct text *body);
} rows[] = {
    {"/violations", "GET", answer_violations},
    {"/totals", "GET", answer_totals},
    {"/traffic", "GET", answer_traffic},
    {"/break-updates", "POST", answer_break_updates},
};

/* Fills status and body; *done_us is when the reply may be sent, in simulated time. */
static void answer(struct client *client, const char *method, const char *target, int64_t *done_us)
{
    struct server_set *set = client->control->set;

    *done_us = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t length = strcspn(target, "?");
        if (strlen(rows[i].path) != length || strncmp(rows[i].path, target, length) != 0) {
            continue;
        }
        if (strcmp(rows[i].method, method) == 0) {
            client->status = rows[i].answer(set, target, &client->body);
        } else {
            client->status = 405;
            text_printf(&client->body, "{\"error\":\"%s takes %s only\"}\n", rows[i].path,
                        rows[i].method);
        }
        return;
    }
    sim_control_request(server_set_sim(set), method, target, &client->status, &client->body, done_us);
}

/* ---- connections */

static void send_reply(void *ctx)
{
    struct client *client = ctx;
    struct httpd_reply reply = {
        .status = client->status,
        .content_type = "application/json",
        .closes = true,
        .body = {client->body.bytes, client->body.length},
    };

    if (stream_is_open(&client->stream)) {
        httpd_write_reply(&reply, &client->stream.out);
        stream_finish(&client->stream);
    }
}

static void take_request(struct client *client, const struct httpd_request *request)
{
    struct server_set *set = client->control->set;
    struct text method = {0};
    struct text target = {0};
    int64_t done_us = 0;

    text_append(&method, request->method.bytes, request->method.length);
    text_append(&target, request->target.bytes, request->target.length);
    client->asked = true;
    answer(client, text_string(&method), text_string(&target), &done_us);
    server_set_changed(set);
    timer_start(server_set_loop(set), &client->reply_timer, done_us - server_set_now_us(set),
                send_reply, client);
    text_clear(&method);
    text_clear(&target);
}

static void on_ready(void *ctx)
{
    struct client *client = ctx;
    struct stream *stream = &client->stream;
    struct httpd_request request;

    if (client->asked) {
        stream_consume(stream, stream->in.length); /* one request a connection */
        return;
    }
    switch (httpd_scan_request(text_string(&stream->in), stream->in.length, &request)) {
    case HTTPD_COMPLETE:
        take_request(client, &request);
        break;
    case HTTPD_BROKEN:
        client->asked = true;
        client->status = 400;
        text_append_string(&client->body, "{\"error\":\"this is no HTTP request\"}\n");
        send_reply(client);
        break;
    case HTTPD_INCOMPLETE:
        if (stream->ended) {
            stream_close(stream);
        }
        break;
    }
}

static void on_connection(void *ctx, int fd)
{
    struct control *control = ctx;
    struct client *client = memory_allocate(sizeof *client);

    client->control = control;
    client->next = control->clients;
    client->link = &control->clients;
    if (client->next != NULL) {
        client->next->link = &client->next;
    }
    control->clients = client;
    control->client_count++;
    stream_start(&client->stream, server_set_loop(control->set), fd, on_ready, on_closed, client);
    if (control->client_count > CONTROL_CONNECTION_LIMIT) {
        stream_close(&client->stream);
    }
}

/* ---- life */

bool control_open(struct server_set *set, struct address address, struct control **out,
                  struct error *err)
{
    struct control *control = memory_allocate(sizeof *control);
    bool ok = false;

    control->set = set;
    if (!listener_init(&control->listener, server_set_loop(set), address, on_connection, control,
                       err) ||
        !listener_open(&control->listener, err)) {
        error_wrap(err, "control endpoint");
        goto done;
    }
    *out = control;
    control = NULL;
    ok = true;
done:
    control_free(control);
    return ok;
}

void control_free(struct control *control)
{
    if (control == NULL) {
        return;
    }
    listener_clear(&control->listener);
    for (struct client *client = control->clients; client != NULL;) {
        struct client *next = client->next;
        client_free(client);
        client = next;
    }
    free(control);
}

struct address control_address(const struct control *control)
{
    return control->listener.address;
}
