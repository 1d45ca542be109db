#include "live/http.h"

#include "base/duration.h"
#include "live/wording.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct exchange {
    struct operation operation; /* first */
    struct http_client *client;
    TAILQ_ENTRY(exchange) link;
    CURL *easy;
    struct curl_slist *headers;
    bool running; /* libcurl has it; otherwise `timer` ends it with `failure` */
    struct timer timer;
    struct error failure;
    char *what;
    int64_t timeout_us;
    struct text body;
    struct text location;
    size_t body_limit;
    size_t header_bytes;
    const char *too_large; /* what went beyond its bound: "header", "body" */
    size_t too_large_limit;
    http_done_fn *done;
    void *ctx;
};

void http_client_init(struct http_client *client, struct loop *loop)
{
    client->loop = loop;
    TAILQ_INIT(&client->exchanges);
}

static void exchange_free(struct exchange *exchange)
{
    TAILQ_REMOVE(&exchange->client->exchanges, exchange, link);
    if (exchange->running) {
        loop_cancel_transfer(exchange->client->loop, exchange->easy);
    }
    timer_cancel(&exchange->timer);
    curl_easy_cleanup(exchange->easy);
    curl_slist_free_all(exchange->headers);
    text_clear(&exchange->body);
    text_clear(&exchange->location);
    free(exchange->what);
    free(exchange);
}

void http_client_clear(struct http_client *client)
{
    struct exchange *exchange;
    while ((exchange = TAILQ_FIRST(&client->exchanges)) != NULL) {
        exchange_free(exchange);
    }
}

/* ---- what libcurl brings */

static size_t refuse_size(struct exchange *exchange, const char *what, size_t limit)
{
    exchange->too_large = what;
    exchange->too_large_limit = limit;
    return 0;
}

/* libcurl gives whole lines, one a call. */
static void take_location(struct exchange *exchange, const char *line, size_t length)
{
    static const char name[] = "location:";
    size_t start = sizeof name - 1;
    if (length < start || strncasecmp(line, name, start) != 0) {
        return;
    }
    while (start < length && (line[start] == ' ' || line[start] == '\t')) {
        start++;
    }
    while (length > start && (unsigned char)line[length - 1] <= ' ') {
        length--;
    }
    text_reset(&exchange->location);
    text_append(&exchange->location, line + start, length - start);
}

static size_t take_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct exchange *exchange = ctx;
    exchange->header_bytes += size * count;
    if (exchange->header_bytes > HTTP_HEADER_LIMIT_BYTES) {
        return refuse_size(exchange, "header", HTTP_HEADER_LIMIT_BYTES);
    }
    take_location(exchange, bytes, size * count);
    return size * count;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct exchange *exchange = ctx;
    if (size * count > exchange->body_limit - exchange->body.length) {
        return refuse_size(exchange, "body", exchange->body_limit);
    }
    text_append(&exchange->body, bytes, size * count);
    return size * count;
}

/* ---- ends */

static bool has_connected(const struct exchange *exchange)
{
    curl_off_t connect_us = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_CONNECT_TIME_T, &connect_us);
    return connect_us > 0;
}

static void describe_timeout(const struct exchange *exchange, struct error *err)
{
    char limit[DURATION_TEXT_BYTES];
    bool connected = has_connected(exchange);
    error_set(err, connected ? ERROR_TIMEOUT : ERROR_UNREACHABLE, "%s: %s within %s",
              exchange->what,
              !connected                   ? "no connection"
              : exchange->header_bytes > 0 ? "no complete reply"
                                           : "no reply",
              duration_format(exchange->timeout_us, limit));
}

static void describe_connect_failure(const struct exchange *exchange, CURLcode code,
                                     struct error *err)
{
    long errno_value = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_OS_ERRNO, &errno_value);
    char text[WORDING_ERRNO_BYTES];
    error_set(err, ERROR_UNREACHABLE, "%s: %s", exchange->what,
              errno_value != 0 ? wording_errno((int)errno_value, text) : curl_easy_strerror(code));
}

static void describe_size(const struct exchange *exchange, const char *part, size_t limit,
                          struct error *err)
{
    bool in_mib = limit >= 1 << 20;
    error_set(err, ERROR_PEER, "%s: the %s is larger than %zu %s", exchange->what, part,
              limit >> (in_mib ? 20 : 10), in_mib ? "MiB" : "KiB");
}

static void describe_failure(const struct exchange *exchange, CURLcode code, struct error *err)
{
    const char *what = exchange->what;
    if (exchange->too_large != NULL) {
        describe_size(exchange, exchange->too_large, exchange->too_large_limit, err);
        return;
    }
    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
        describe_timeout(exchange, err);
        return;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        describe_connect_failure(exchange, code, err);
        return;
    case CURLE_GOT_NOTHING:
        error_set(err, ERROR_UNREACHABLE, "%s: the connection was closed without a reply", what);
        return;
    case CURLE_PARTIAL_FILE:
        error_set(err, ERROR_UNREACHABLE, "%s: the connection was closed within a reply", what);
        return;
    case CURLE_FILESIZE_EXCEEDED:
        describe_size(exchange, "body", exchange->body_limit, err);
        return;
    case CURLE_URL_MALFORMAT:
        error_set(err, ERROR_USAGE, "%s: this is not a URL", what);
        return;
    case CURLE_UNSUPPORTED_PROTOCOL: /* of the URL, or a reply without a status line */
        if (!has_connected(exchange)) {
            error_set(err, ERROR_USAGE, "%s: only http and https are spoken", what);
            return;
        }
        error_set(err, ERROR_PEER, "%s: the reply is not HTTP", what);
        return;
    case CURLE_WEIRD_SERVER_REPLY:
        error_set(err, ERROR_PEER, "%s: the reply is not HTTP", what);
        return;
    default:
        error_set(err, ERROR_PEER, "%s: %s", what, curl_easy_strerror(code));
        return;
    }
}

static void on_transfer_end(void *ctx, int curl_code)
{
    struct exchange *exchange = ctx;
    struct error err;
    long status = 0;
    bool ok = curl_code == CURLE_OK;
    exchange->running = false;
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    if (!ok) {
        describe_failure(exchange, (CURLcode)curl_code, &err);
    }
    struct text body = exchange->body;
    struct text location = exchange->location;
    exchange->body = (struct text){0};
    exchange->location = (struct text){0};
    http_done_fn *done = exchange->done;
    void *done_ctx = exchange->ctx;
    exchange_free(exchange);
    struct http_reply reply = {
        .status = (int)status,
        .body = text_string(&body),
        .body_bytes = body.length,
        .location = location.length > 0 ? text_string(&location) : NULL,
    };
    done(done_ctx, ok ? &reply : NULL, ok ? NULL : &err);
    text_clear(&body);
    text_clear(&location);
}

static void deliver_failure(void *ctx)
{
    struct exchange *exchange = ctx;
    struct error err = exchange->failure;
    http_done_fn *done = exchange->done;
    void *done_ctx = exchange->ctx;
    exchange_free(exchange);
    done(done_ctx, NULL, &err);
}

static void cancel(struct operation *operation)
{
    struct exchange *exchange = (struct exchange *)operation;
    if (exchange->running) {
        loop_cancel_transfer(exchange->client->loop, exchange->easy);
        exchange->running = false;
    }
    error_set(&exchange->failure, ERROR_CANCELLED, "%s: cancelled", exchange->what);
    timer_start(exchange->client->loop, &exchange->timer, 0, deliver_failure, exchange);
}

static void drop(struct operation *operation)
{
    exchange_free((struct exchange *)operation);
}

static const struct operation_ops exchange_ops = {.cancel = cancel, .drop = drop};

/* ---- the start */

static void set_request(struct exchange *exchange, const struct http_spec *spec)
{
    CURL *easy = exchange->easy;
    /* Off: "Expect: 100-continue" would split the request in two. */
    exchange->headers = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; spec->headers != NULL && spec->headers[i] != NULL; i++) {
        exchange->headers = curl_slist_append(exchange->headers, spec->headers[i]);
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers);
    curl_easy_setopt(easy, CURLOPT_URL, spec->url);
    if (spec->body != NULL || strcmp(spec->method, "POST") == 0) {
        const char *body = spec->body == NULL ? "" : spec->body;
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body);
    }
    if (strcmp(spec->method, "GET") != 0 || spec->body != NULL) {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, spec->method);
    }
}

static void set_limits(struct exchange *exchange, int64_t timeout_us)
{
    CURL *easy = exchange->easy;
    int64_t timeout_ms = (timeout_us + US_PER_MS - 1) / US_PER_MS;
    timeout_ms = timeout_ms < 1 ? 1 : timeout_ms > INT32_MAX ? INT32_MAX : timeout_ms;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)exchange->body_limit);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
}

struct operation *http_start(struct http_client *client, const struct http_spec *spec,
                             http_done_fn *done, void *ctx)
{
    struct exchange *exchange = memory_allocate(sizeof *exchange);
    exchange->operation.ops = &exchange_ops;
    exchange->client = client;
    exchange->what = memory_copy_string(spec->what);
    exchange->timeout_us = spec->timeout_us;
    exchange->body_limit = spec->body_limit == 0 ? HTTP_BODY_LIMIT_BYTES : spec->body_limit;
    exchange->done = done;
    exchange->ctx = ctx;
    TAILQ_INSERT_TAIL(&client->exchanges, exchange, link);
    exchange->easy = curl_easy_init();
    if (exchange->easy == NULL) {
        error_set(&exchange->failure, ERROR_SYSTEM, "%s: curl_easy_init failed", exchange->what);
        timer_start(client->loop, &exchange->timer, 0, deliver_failure, exchange);
        return &exchange->operation;
    }
    set_request(exchange, spec);
    set_limits(exchange, spec->timeout_us);
    exchange->running = true;
    loop_start_transfer(client->loop, exchange->easy, on_transfer_end, exchange);
    return &exchange->operation;
}
