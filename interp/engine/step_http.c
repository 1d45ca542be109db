/* engine/step_http.c - http: a request to a service, and the job it began, asked after until it is
 * over; notify: a request whose failure is only noted.
 *
 * The first request is sent once. A poll that cannot be answered now is sent again until the poll's
 * own timeout; it only reads, so that is harmless. */
#include "engine/internal.h"

#include "base/duration.h"
#include "base/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REASON_SHOWN_BYTES = 160 };

struct http {
    struct doubt doubt;    /* of a request sent before an interruption */
    struct timer next;     /* the next poll, or the end */
    struct timer deadline; /* of polling */
    int64_t polling_us;    /* since when; 0: the first request is under way */
    struct text url;       /* of the poll */
    struct text reason;    /* what is known of the job */
    struct waiting waiting;
    bool over; /* the deadline has passed: the poll under way was cancelled */
};

static struct operation *send(struct frame *frame, const char *method, const char *url,
                              const char *body, const char *const *headers, http_done_fn *done)
{
    struct deployment *deployment = frame->run->setup.deployment;
    struct http_request request = {
        .method = method,
        .url = url,
        .body = body,
        .headers = headers,
        .timeout_us = frame->step->as.http.request_timeout_us,
    };
    return deployment->ops->request(deployment, &request, done, frame);
}

static struct lang_result result_of(const struct http_reply *reply, const char *url)
{
    return (struct lang_result){
        .code_name = "status",
        .code = reply->status,
        .text_name = "body",
        .text = reply->body,
        .url = url,
        .location = reply->location,
    };
}

static bool is_success(int status)
{
    return status >= 200 && status <= 299;
}

static void write_title(char title[160], const char *method, const char *url,
                        const struct http_reply *reply)
{
    if (reply->assumed) {
        snprintf(title, 160, "%s %.80s is taken as answered: the model has no row for it", method,
                 url);
    } else {
        snprintf(title, 160, "%s %.100s answered %d", method, url, reply->status);
    }
}

/* ---- polling */

static void poll_ask(void *ctx);

static void poll_deadline(void *ctx)
{
    struct frame *frame = ctx;
    struct http *http = frame->state;
    http->over = true;
    if (frame->operation != NULL) {
        operation_cancel(frame->operation);
        return;
    }
    struct error err;
    char limit[DURATION_TEXT_BYTES];
    timer_cancel(&http->next);
    error_set(&err, ERROR_STEP, "GET %.200s: not done within %s; last seen: %s",
              text_string(&http->url), duration_format(frame->step->as.http.poll.timeout_us, limit),
              text_string(&http->reason));
    frame->in_doubt = true; /* the job goes on: to begin another is not for us */
    frame_finish(frame, &err);
}

/* The headers may hold what proves who we are: a reply cannot send them to another server. */
static bool poll_keeps_to_server(const struct step *step, const char *url, struct error *err)
{
    struct text first = {0};
    secret_leave_out(step->as.http.url, &first);
    bool same = url_same_server(text_string(&first), url);
    text_clear(&first);
    if (step->as.http.poll.headers == NULL || same) {
        return true;
    }
    error_set(err, ERROR_STEP,
              "the job is to be asked after at %.200s, another server than that of %.200s, which "
              "would get its headers: poll.url or poll.next_url can name it on the same server",
              url, step->as.http.url);
    return false;
}

/* Where the next poll goes, given the reply to `asked`. */
static bool poll_find_url(struct frame *frame, const char *asked, const struct http_reply *reply,
                          struct error *err)
{
    const struct step *step = frame->step;
    const struct http_poll *poll = &step->as.http.poll;
    struct http *http = frame->state;
    struct text named = {0};
    struct text whole = {0};
    struct lang_result result = result_of(reply, asked);
    bool is_first = http->url.length == 0;
    bool ok = true;
    if (poll->url != NULL) {
        text_append_string(&whole, poll->url);
    } else if (poll->next_url != LUA_NONE) {
        ok = lang_next_url(frame->run->setup.lang, poll->next_url, &result, &named, err);
    } else if (is_first && reply->location != NULL) {
        text_append_string(&named, reply->location);
    }
    if (ok && named.length > 0) {
        struct text base = {0};
        secret_leave_out(asked, &base);
        ok = url_resolve(text_string(&base), text_string(&named), &whole, err) &&
             poll_keeps_to_server(step, text_string(&whole), err);
        text_clear(&base);
    }
    if (ok && whole.length > 0) {
        text_reset(&http->url);
        text_append_string(&http->url, text_string(&whole));
    } else if (ok && is_first) {
        error_set(err, ERROR_STEP, "%s %.200s answered %d, but %s where to ask after the job",
                  step->as.http.method, asked, reply->status,
                  poll->next_url != LUA_NONE ? "'next_url' does not say"
                                             : "no Location in it says");
        ok = false;
    }
    text_clear(&named);
    text_clear(&whole);
    return ok;
}

static void poll_begin(struct frame *frame, const struct http_reply *reply)
{
    struct http *http = frame->state;
    const struct http_poll *poll = &frame->step->as.http.poll;
    struct loop *loop = frame->run->setup.loop;
    struct error err;
    if (!poll_find_url(frame, frame->step->as.http.url, reply, &err)) {
        said_finish(frame, &err, reply->body, reply->body_bytes);
        return;
    }
    http->polling_us = loop_now_us(loop);
    text_printf(&http->reason, "nothing was asked yet");
    timer_start(loop, &http->deadline, poll->timeout_us, poll_deadline, frame);
    timer_start(loop, &http->next, poll->every_us, poll_ask, frame);
}

static void poll_again(struct frame *frame)
{
    struct http *http = frame->state;
    waiting_tell_since(&http->waiting, frame, http->polling_us, &http->deadline, NULL, ANSWER_NO,
                       text_string(&http->reason));
    timer_start(frame->run->setup.loop, &http->next, frame->step->as.http.poll.every_us, poll_ask,
                frame);
}

enum verdict { VERDICT_DONE, VERDICT_FAILED, VERDICT_GOES_ON, VERDICT_ASK_AGAIN };

/* What a reply says of the job. `err` is set for VERDICT_FAILED, the reason for the two last. */
static enum verdict poll_judge(struct frame *frame, const struct http_reply *reply,
                               const char *title, struct error *err)
{
    struct http *http = frame->state;
    const struct http_poll *poll = &frame->step->as.http.poll;
    struct lang *lang = frame->run->setup.lang;
    struct lang_result result = result_of(reply, text_string(&http->url));
    bool yes = false;
    text_reset(&http->reason);
    if (reply->assumed) {
        return VERDICT_DONE;
    }
    if (reply->status == 429 || reply->status >= 500) {
        text_printf(&http->reason, "%s", title);
        return VERDICT_ASK_AGAIN;
    }
    error_set(err, ERROR_STEP, "%s", title);
    if (!is_success(reply->status)) {
        return VERDICT_FAILED;
    }
    if (poll->failed != LUA_NONE) {
        if (!lang_expect_result(lang, "failed", poll->failed, &result, &yes, &http->reason, err)) {
            return VERDICT_FAILED;
        }
        if (yes) {
            error_set(err, ERROR_STEP, "%s: the job has failed%s%.300s", title,
                      http->reason.length > 0 ? ": " : "", text_string(&http->reason));
            return VERDICT_FAILED;
        }
    }
    text_reset(&http->reason);
    if (!lang_expect_result(lang, "done", poll->done, &result, &yes, &http->reason, err)) {
        return VERDICT_FAILED;
    }
    if (!yes && http->reason.length == 0) {
        text_printf(&http->reason, "%s; ", title);
        said_append(&http->reason, reply->body, reply->body_bytes, REASON_SHOWN_BYTES);
    }
    return yes ? VERDICT_DONE : VERDICT_GOES_ON;
}

static void poll_answered(void *ctx, const struct http_reply *reply, const struct error *err)
{
    struct frame *frame = ctx;
    struct http *http = frame->state;
    struct error failure;
    char title[160];
    frame->operation = NULL;
    if (frame->cancelled) {
        frame_finish(frame, NULL);
        return;
    }
    if (http->over) {
        poll_deadline(frame);
        return;
    }
    if (err != NULL && (err->code == ERROR_UNREACHABLE || err->code == ERROR_TIMEOUT)) {
        text_reset(&http->reason);
        text_append_string(&http->reason, err->text);
        poll_again(frame);
        return;
    }
    if (err != NULL) {
        frame->in_doubt = true;
        frame_finish(frame, err);
        return;
    }
    write_title(title, "GET", text_string(&http->url), reply);
    enum verdict verdict = poll_judge(frame, reply, title, &failure);
    char *asked = memory_copy_string(text_string(&http->url));
    if (verdict == VERDICT_GOES_ON && !poll_find_url(frame, asked, reply, &failure)) {
        verdict = VERDICT_FAILED;
    }
    free(asked);
    switch (verdict) {
    case VERDICT_GOES_ON:
    case VERDICT_ASK_AGAIN:
        poll_again(frame);
        break;
    case VERDICT_DONE:
    case VERDICT_FAILED:
        run_mark_change(frame->run); /* the job was at work until now */
        said_emit(frame, title, reply->body, reply->body_bytes);
        said_finish(frame, verdict == VERDICT_DONE ? NULL : &failure, reply->body,
                    reply->body_bytes);
        break;
    }
}

static void poll_ask(void *ctx)
{
    struct frame *frame = ctx;
    struct http *http = frame->state;
    frame->operation = send(frame, "GET", text_string(&http->url), NULL,
                            frame->step->as.http.poll.headers, poll_answered);
}

/* ---- the request */

static void request_answered(void *ctx, const struct http_reply *reply, const struct error *err)
{
    struct frame *frame = ctx;
    const struct step *step = frame->step;
    struct error failure;
    frame->operation = NULL;
    if (err != NULL) {
        frame->in_doubt = strcmp(step->as.http.method, "GET") != 0 && error_leaves_doubt(err);
        frame_finish(frame, err);
        return;
    }
    char title[160];
    write_title(title, step->as.http.method, step->as.http.url, reply);
    said_emit(frame, title, reply->body, reply->body_bytes);
    bool worked = reply->assumed || is_success(reply->status);
    error_set(&failure, ERROR_STEP, "%s", title);
    if (step->as.http.expect != LUA_NONE && !reply->assumed) {
        struct lang_result result = result_of(reply, step->as.http.url);
        worked = said_expected(frame, step->as.http.expect, &result, &failure);
    }
    bool begins_job =
        worked && !reply->assumed && !frame->cancelled && step->as.http.poll.every_us > 0;
    if (begins_job) {
        poll_begin(frame, reply);
    } else {
        said_finish(frame, worked ? NULL : &failure, reply->body, reply->body_bytes);
    }
}

static void http_begin(struct frame *frame)
{
    const struct step *step = frame->step;
    bool reads = strcmp(step->as.http.method, "GET") == 0;
    if (!reads && !run_emit(frame->run, EVENT_INTENTION, step, NULL, "%s %s", step->as.http.method,
                            step->as.http.url)) {
        frame_finish(frame, &frame->run->failure);
        return;
    }
    if (!reads) {
        run_mark_change(frame->run);
    }
    frame->operation = send(frame, step->as.http.method, step->as.http.url, step->as.http.body,
                            step->as.http.headers, request_answered);
}

static void http_decided(struct frame *frame, enum doubt_verdict verdict)
{
    if (verdict == DOUBT_DONE) {
        frame_finish(frame, NULL);
    } else {
        http_begin(frame);
    }
}

static void http_start(struct frame *frame)
{
    struct http *http = frame->state;
    if (frame->past != NULL && frame->past->intended) {
        doubt_start(&http->doubt, frame, frame->step, NULL, frame->step->idempotent, http_decided);
    } else {
        http_begin(frame);
    }
}

static void http_cancel(struct frame *frame)
{
    struct http *http = frame->state;
    timer_cancel(&http->deadline);
    if (frame->operation == NULL && doubt_cancel(&http->doubt)) {
        return;
    }
    frame->in_doubt = http->polling_us > 0; /* the job goes on */
    if (frame->operation != NULL) {
        operation_cancel(frame->operation);
    } else if (http->polling_us > 0) {
        timer_start(frame->run->setup.loop, &http->next, 0, frame_end, frame);
    } /* else it ends in this turn: its intention could not be kept */
}

static void http_clear(struct frame *frame)
{
    struct http *http = frame->state;
    timer_cancel(&http->next);
    timer_cancel(&http->deadline);
    text_clear(&http->url);
    text_clear(&http->reason);
    text_clear(&http->waiting.told);
    doubt_clear(&http->doubt);
}

const struct step_ops ops_http = {
    .state_bytes = sizeof(struct http),
    .start = http_start,
    .cancel = http_cancel,
    .clear = http_clear,
};

/* ---- notify */

static void notify_answered(void *ctx, const struct http_reply *reply, const struct error *err)
{
    struct frame *frame = ctx;
    const struct step *step = frame->step;
    frame->operation = NULL;
    if (err != NULL && err->code != ERROR_CANCELLED) {
        run_emit(frame->run, EVENT_NOTE, step, NULL, "nobody was told: %s", err->text);
    } else if (reply != NULL) {
        struct text said = {0};
        char title[160];
        bool worked = reply->assumed || is_success(reply->status);
        write_title(title, "POST", step->as.http.url, reply);
        if (!worked) {
            text_append_string(&said, "; ");
            said_append(&said, reply->body, reply->body_bytes, REASON_SHOWN_BYTES);
        }
        run_emit(frame->run, worked ? EVENT_OUTCOME : EVENT_NOTE, step, NULL, "%s%s%s",
                 worked ? "" : "nobody was told: ", title, text_string(&said));
        text_clear(&said);
    }
    frame_finish(frame, NULL);
}

static void notify_start(struct frame *frame)
{
    const struct step *step = frame->step;
    if (!run_emit(frame->run, EVENT_INTENTION, step, NULL, "tell %s", step->as.http.url)) {
        frame_finish(frame, &frame->run->failure);
        return;
    }
    frame->operation = send(frame, "POST", step->as.http.url, step->as.http.body,
                            step->as.http.headers, notify_answered);
}

const struct step_ops ops_notify = {
    .start = notify_start,
    .cancel = frame_cancel_operation,
};
