/* engine/step_program.c - exec and http: what the world outside the cluster is asked to do. */
#include "engine/internal.h"

#include "base/duration.h"

#include <stdio.h>
#include <string.h>

enum { OUTPUT_LIMIT_BYTES = 64 * 1024, OUTPUT_SHOWN_BYTES = 600 };

/* The last bytes of an output, in one line for a message. */
static void append_tail(struct text *out, const char *output, size_t length)
{
    while (length > 0 && (output[length - 1] == '\n' || output[length - 1] == ' ')) {
        length--;
    }
    size_t start = length > OUTPUT_SHOWN_BYTES ? length - OUTPUT_SHOWN_BYTES : 0;
    if (length == 0) {
        text_append_string(out, "it printed nothing");
        return;
    }
    text_printf(out, "its output%s: ", start > 0 ? " ended" : "");
    for (size_t i = start; i < length; i++) {
        unsigned char c = (unsigned char)output[i];
        if (c == '\n') {
            text_append_string(out, " | ");
        } else {
            text_append_char(out, c < ' ' || c == 0x7f ? '?' : (char)c);
        }
    }
}

static void emit_output(struct frame *frame, const char *title, const char *output, size_t length)
{
    struct text shown = {0};
    append_tail(&shown, output, length);
    cJSON *data = cJSON_CreateObject();
    struct text whole = {0};
    text_append(&whole, output, length);
    cJSON_AddStringToObject(data, "output", text_string(&whole));
    run_emit(frame->run, EVENT_OUTPUT, frame->step, data, "%s; %s", title, text_string(&shown));
    text_clear(&shown);
    text_clear(&whole);
}

/* What the step ends with, the output in the message of a failure. */
static void finish_with_output(struct frame *frame, const struct error *err, const char *output,
                               size_t length)
{
    if (err == NULL && !frame->cancelled) {
        frame_finish(frame, NULL);
        return;
    }
    struct text tail = {0};
    append_tail(&tail, output, length);
    struct error *why = &frame->why;
    struct error with_output = frame->cancelled ? *why : *err;
    error_set(&with_output, with_output.code, "%s; %s", frame->cancelled ? why->text : err->text,
              text_string(&tail));
    frame->why = with_output;
    frame_finish(frame, &with_output);
    text_clear(&tail);
}

static bool expected(struct frame *frame, int reference, const char *code_name, int code,
                     const char *text_name, const char *text, struct error *err)
{
    struct text reason = {0};
    bool yes = false;
    bool ok = lang_expect_result(frame->run->setup.lang, reference, code_name, code, text_name,
                                 text, &yes, &reason, err);
    if (ok && !yes) {
        error_set(err, ERROR_STEP, "%s %d is not what was expected%s%s", code_name, code,
                  reason.length > 0 ? ": " : "", text_string(&reason));
    }
    text_clear(&reason);
    return ok && yes;
}

/* ---- exec */
static void program_ended(void *ctx, const struct process_result *result, const struct error *err)
{
    struct frame *frame = ctx;
    const struct step *step = frame->step;
    const char *program = step->as.exec.argv[0];
    const char *output = result == NULL ? "" : text_string(&result->output);
    size_t length = result == NULL ? 0 : result->output.length;
    struct error failure;
    frame->operation = NULL;
    frame->in_doubt = err != NULL ? error_leaves_doubt(err) : result->term_signal != 0;
    if (err != NULL) {
        finish_with_output(frame, err, output, length);
        return;
    }
    ASSERT(result != NULL);
    char title[128];
    if (result->term_signal != 0) {
        snprintf(title, sizeof title, "'%.60s' was ended by signal %d", program,
                 result->term_signal);
    } else {
        snprintf(title, sizeof title, "'%.60s' ended with exit code %d", program,
                 result->exit_code);
    }
    emit_output(frame, title, output, length);
    bool worked;
    if (step->as.exec.expect != LUA_NONE && result->term_signal == 0) {
        worked = expected(frame, step->as.exec.expect, "exit_code", result->exit_code, "output",
                          output, &failure);
    } else {
        worked = result->term_signal == 0 && result->exit_code == 0;
        error_set(&failure, ERROR_STEP, "%s", title);
    }
    finish_with_output(frame, worked ? NULL : &failure, output, length);
}

static void exec_start(struct frame *frame)
{
    const struct step *step = frame->step;
    struct text command = {0};
    size_t count = 0;
    for (; step->as.exec.argv[count] != NULL; count++) {
        text_printf(&command, "%s%s", count > 0 ? " " : "", step->as.exec.argv[count]);
    }
    bool kept = run_emit(frame->run, EVENT_INTENTION, step,
                         event_data_texts("argv", step->as.exec.argv, count), "run: %.400s",
                         text_string(&command));
    text_clear(&command);
    if (!kept) {
        frame_finish(frame, &frame->run->failure);
        return;
    }
    run_mark_change(frame->run);
    struct process_spec spec = {
        .argv = step->as.exec.argv,
        .env = step->as.exec.env,
        .cwd = step->as.exec.cwd,
        /* The step's own deadline ends it; this one only backs it. */
        .timeout_us =
            (step->timeout_us < 0 ? 24 * US_PER_HOUR : step->timeout_us) + 60 * US_PER_SECOND,
        .output_limit = OUTPUT_LIMIT_BYTES,
    };
    struct deployment *deployment = frame->run->setup.deployment;
    frame->operation = deployment->ops->run(deployment, &spec, program_ended, frame);
}

const struct step_ops ops_exec = {
    .start = exec_start,
    .cancel = frame_cancel_operation,
};

/* ---- http */
static void request_answered(void *ctx, int status, const char *body, size_t body_bytes,
                             const struct error *err)
{
    struct frame *frame = ctx;
    const struct step *step = frame->step;
    struct error failure;
    frame->operation = NULL;
    if (err != NULL) {
        struct error wrapped = *err;
        frame->in_doubt = strcmp(step->as.http.method, "GET") != 0 && error_leaves_doubt(err);
        error_wrap(&wrapped, "%s %s", step->as.http.method, step->as.http.url);
        frame_finish(frame, &wrapped);
        return;
    }
    char title[160];
    snprintf(title, sizeof title, "%s %.100s answered %d", step->as.http.method, step->as.http.url,
             status);
    emit_output(frame, title, body, body_bytes);
    bool worked;
    if (step->as.http.expect != LUA_NONE) {
        worked = expected(frame, step->as.http.expect, "status", status, "body", body, &failure);
    } else {
        worked = status >= 200 && status <= 299;
        error_set(&failure, ERROR_STEP, "%s", title);
    }
    finish_with_output(frame, worked ? NULL : &failure, body, body_bytes);
}

static void http_start(struct frame *frame)
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
    struct http_request request = {
        .method = step->as.http.method,
        .url = step->as.http.url,
        .body = step->as.http.body,
        .headers = step->as.http.headers,
        .timeout_us = (step->timeout_us < 0 ? US_PER_HOUR : step->timeout_us) + US_PER_SECOND,
    };
    struct deployment *deployment = frame->run->setup.deployment;
    frame->operation = deployment->ops->request(deployment, &request, request_answered, frame);
}

const struct step_ops ops_http = {
    .start = http_start,
    .cancel = frame_cancel_operation,
};
