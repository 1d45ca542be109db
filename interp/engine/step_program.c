/* engine/step_program.c - exec: a program of this machine; and what programs and services said. */
#include "engine/internal.h"

#include "base/duration.h"
#include "base/secret.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { OUTPUT_LIMIT_BYTES = 64 * 1024 };

void said_append(struct text *out, const char *output, size_t length, size_t shown_bytes)
{
    while (length > 0 && (output[length - 1] == '\n' || output[length - 1] == ' ')) {
        length--;
    }
    size_t start = length > shown_bytes ? length - shown_bytes : 0;
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

void said_emit(struct frame *frame, const char *title, const char *output, size_t length)
{
    struct text shown = {0};
    said_append(&shown, output, length, SAID_SHOWN_BYTES);
    cJSON *data = cJSON_CreateObject();
    struct text whole = {0};
    text_append(&whole, output, length);
    cJSON_AddStringToObject(data, "output", text_string(&whole));
    run_emit(frame->run, EVENT_OUTPUT, frame->step, data, "%s; %s", title, text_string(&shown));
    text_clear(&shown);
    text_clear(&whole);
}

void said_finish(struct frame *frame, const struct error *err, const char *output, size_t length)
{
    if (err == NULL && !frame->cancelled) {
        frame_finish(frame, NULL);
        return;
    }
    struct text tail = {0};
    said_append(&tail, output, length, SAID_SHOWN_BYTES);
    struct error *why = &frame->why;
    struct error with_output = frame->cancelled ? *why : *err;
    error_set(&with_output, with_output.code, "%s; %s", frame->cancelled ? why->text : err->text,
              text_string(&tail));
    frame->why = with_output;
    frame_finish(frame, &with_output);
    text_clear(&tail);
}

bool said_expected(struct frame *frame, int reference, const struct lang_result *result,
                   struct error *err)
{
    struct text reason = {0};
    bool yes = false;
    bool ok =
        lang_expect_result(frame->run->setup.lang, "expect", reference, result, &yes, &reason, err);
    if (ok && !yes) {
        error_set(err, ERROR_STEP, "%s %d is not what was expected%s%s", result->code_name,
                  result->code, reason.length > 0 ? ": " : "", text_string(&reason));
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
    if (err != NULL) {
        frame->in_doubt = error_leaves_doubt(err);
        said_finish(frame, err, output, length);
        return;
    }
    ASSERT(result != NULL);
    frame->in_doubt = result->term_signal != 0;
    char title[128];
    if (result->assumed) {
        snprintf(title, sizeof title,
                 "'%.60s' is taken to have worked: the model has no row for it", program);
    } else if (result->term_signal != 0) {
        snprintf(title, sizeof title, "'%.60s' was ended by signal %d", program,
                 result->term_signal);
    } else {
        snprintf(title, sizeof title, "'%.60s' ended with exit code %d", program,
                 result->exit_code);
    }
    said_emit(frame, title, output, length);
    bool worked;
    if (result->assumed) {
        worked = true;
    } else if (step->as.exec.expect != LUA_NONE && result->term_signal == 0) {
        struct lang_result looked_at = {
            .code_name = "exit_code",
            .code = result->exit_code,
            .text_name = "output",
            .text = output,
        };
        worked = said_expected(frame, step->as.exec.expect, &looked_at, &failure);
    } else {
        worked = result->term_signal == 0 && result->exit_code == 0;
        error_set(&failure, ERROR_STEP, "%s", title);
    }
    said_finish(frame, worked ? NULL : &failure, output, length);
}

/* A run that is resumed looks for it, so that it is not started twice. */
static void program_started(void *ctx, const struct process_identity *identity)
{
    struct frame *frame = ctx;
    char ticks[24];
    cJSON *data = cJSON_CreateObject();
    snprintf(ticks, sizeof ticks, "%" PRIu64, identity->start_ticks);
    cJSON_AddNumberToObject(data, "pid", (double)identity->pid);
    cJSON_AddStringToObject(data, "start_ticks", ticks);
    cJSON_AddStringToObject(data, "boot", identity->boot);
    run_emit(frame->run, EVENT_PROGRAM, frame->step, data, "started as process %ld",
             (long)identity->pid);
}

static void exec_begin(struct frame *frame)
{
    const struct step *step = frame->step;
    struct text command = {0};
    size_t count = 0;
    for (; step->as.exec.argv[count] != NULL; count++) {
        text_append_string(&command, count > 0 ? " " : "");
        secret_show(step->as.exec.argv[count], &command);
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
    frame->goes_on = true; /* a program under way keeps its time limit */
    struct process_spec spec = {
        .argv = step->as.exec.argv,
        .env = step->as.exec.env,
        .cwd = step->as.exec.cwd,
        /* The step's own deadline ends it; this one only backs it. */
        .timeout_us =
            (step->timeout_us < 0 ? 24 * US_PER_HOUR : step->timeout_us) + 60 * US_PER_SECOND,
        .output_limit = OUTPUT_LIMIT_BYTES,
        .started = program_started,
        .started_ctx = frame,
    };
    struct deployment *deployment = frame->run->setup.deployment;
    frame->operation = deployment->ops->run(deployment, &spec, program_ended, frame);
}

static void exec_decided(struct frame *frame, enum doubt_verdict verdict)
{
    if (verdict == DOUBT_DONE) {
        frame_finish(frame, NULL);
    } else {
        exec_begin(frame);
    }
}

static void exec_start(struct frame *frame)
{
    if (frame->past != NULL && frame->past->intended) {
        doubt_start(frame->state, frame, frame->step, NULL, frame->step->idempotent, exec_decided);
    } else {
        exec_begin(frame);
    }
}

static void exec_cancel(struct frame *frame)
{
    if (frame->operation != NULL || !doubt_cancel(frame->state)) {
        frame_cancel_operation(frame);
    }
}

static void exec_clear(struct frame *frame)
{
    doubt_clear(frame->state);
}

const struct step_ops ops_exec = {
    .state_bytes = sizeof(struct doubt),
    .start = exec_start,
    .cancel = exec_cancel,
    .clear = exec_clear,
};
