#include "live/deployment.h"

#include "live/http.h"

#include <stdlib.h>

struct program_run;
TAILQ_HEAD(run_list, program_run);

struct programs {
    struct deployment deployment; /* first */
    struct http_client http;
    struct run_list runs;
};

struct program_run {
    struct operation operation; /* first */
    struct programs *programs;
    TAILQ_ENTRY(program_run) link;
    struct process *process; /* NULL: could not be started, `timer` ends it with `failure` */
    struct timer timer;
    struct error failure;
    program_done_fn *done;
    void *ctx;
};

static void run_free(struct program_run *run)
{
    TAILQ_REMOVE(&run->programs->runs, run, link);
    timer_cancel(&run->timer);
    process_free(run->process);
    free(run);
}

static void on_process_end(void *ctx, const struct process_result *result, const struct error *err)
{
    struct program_run *run = ctx;
    struct process *process = run->process; /* owns `result` */
    program_done_fn *done = run->done;
    void *done_ctx = run->ctx;
    run->process = NULL;
    run_free(run);
    done(done_ctx, result, err);
    process_free(process);
}

static void deliver_failure(void *ctx)
{
    struct program_run *run = ctx;
    struct process_result result = {.exit_code = -1};
    struct error err = run->failure;
    program_done_fn *done = run->done;
    void *done_ctx = run->ctx;
    run_free(run);
    done(done_ctx, &result, &err);
}

static void cancel(struct operation *operation)
{
    struct program_run *run = (struct program_run *)operation;
    if (run->process != NULL) {
        process_cancel(run->process);
    } else {
        error_set(&run->failure, ERROR_CANCELLED, "cancelled");
    }
}

static void drop(struct operation *operation)
{
    run_free((struct program_run *)operation);
}

static const struct operation_ops run_ops = {.cancel = cancel, .drop = drop};

static struct operation *programs_run(struct deployment *deployment,
                                      const struct process_spec *spec, program_done_fn *done,
                                      void *ctx)
{
    struct programs *programs = (struct programs *)deployment;
    struct program_run *run = memory_allocate(sizeof *run);
    run->operation.ops = &run_ops;
    run->programs = programs;
    run->done = done;
    run->ctx = ctx;
    TAILQ_INSERT_TAIL(&programs->runs, run, link);
    if (!process_start(deployment->loop, spec, on_process_end, run, &run->process, &run->failure)) {
        timer_start(deployment->loop, &run->timer, 0, deliver_failure, run);
    }
    return &run->operation;
}

static struct operation *programs_request(struct deployment *deployment,
                                          const struct http_request *request, http_done_fn *done,
                                          void *ctx)
{
    struct programs *programs = (struct programs *)deployment;
    struct text what = {0};
    text_printf(&what, "%s %s", request->method, request->url);
    struct http_spec spec = {
        .what = text_string(&what),
        .method = request->method,
        .url = request->url,
        .body = request->body,
        .headers = request->headers,
        .timeout_us = request->timeout_us,
        .body_limit = REPLY_LIMIT_BYTES,
    };
    struct operation *operation = http_start(&programs->http, &spec, done, ctx);
    text_clear(&what);
    return operation;
}

static void programs_free(struct deployment *deployment)
{
    struct programs *programs = (struct programs *)deployment;
    if (programs == NULL) {
        return;
    }
    struct program_run *run;
    while ((run = TAILQ_FIRST(&programs->runs)) != NULL) {
        run_free(run);
    }
    http_client_clear(&programs->http);
    free(programs);
}

static const struct deployment_ops programs_ops = {
    .run = programs_run,
    .request = programs_request,
    .free = programs_free,
};

struct deployment *programs_new(struct loop *loop)
{
    struct programs *programs = memory_allocate(sizeof *programs);
    programs->deployment.ops = &programs_ops;
    programs->deployment.loop = loop;
    http_client_init(&programs->http, loop);
    TAILQ_INIT(&programs->runs);
    return &programs->deployment;
}
