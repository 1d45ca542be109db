#include "sim/control.h"
#include "sim/errand.h"
#include "sim/sim_state.h"

#include <stdlib.h>
#include <string.h>

enum { NOTHING_US = 1000 }; /* what programs and requests take that mean nothing to the model */

struct sim_deployment {
    struct deployment deployment; /* first */
    struct sim_driver *driver;
    struct errand_list errands;
    int32_t *programs_used; /* how often each row of the model answered, one after another */
    int32_t *requests_used;
    int32_t ordered_server; /* of the order that the next one stands for, or NO_SERVER */
    enum sim_control ordered_action;
};

struct job {
    struct errand errand; /* first */
    char *method;         /* NULL: a program */
    char *target;         /* a path of the control endpoint, or NULL */
    int32_t server;       /* of an order, or NO_SERVER */
    enum sim_control action;
    const struct model_answer *answer; /* the model's row, or NULL */
    struct text what;                  /* for messages */
    int status;                        /* of the reply, or exit code */
    struct text body;
    bool assumed;
    program_done_fn *program_done;
    http_done_fn *http_done;
    void *ctx;
};

static void end_job(struct errand *errand, const struct error *err, bool tell)
{
    struct job *job = (struct job *)errand;
    if (tell && job->http_done != NULL) {
        struct http_reply reply = {
            .status = job->status,
            .body = text_string(&job->body),
            .body_bytes = job->body.length,
            .location = job->answer == NULL ? NULL : job->answer->location,
            .assumed = job->assumed,
        };
        job->http_done(job->ctx, err == NULL ? &reply : NULL, err);
    } else if (tell) {
        struct process_result result = {
            .exit_code = err == NULL ? job->status : -1,
            .output = job->body,
            .assumed = job->assumed,
        };
        job->program_done(job->ctx, &result, err);
    }
    text_clear(&job->what);
    text_clear(&job->body);
    free(job->method);
    free(job->target);
    free(job);
}

static void describe(const struct errand *errand, struct text *out)
{
    text_append_string(out, text_string(&((const struct job *)errand)->what));
}

/* ---- what the model declares */

static void begin_anew(const struct model_answer *rows, int32_t count, int32_t *used,
                       const char *what)
{
    for (int32_t i = 0; i < count; i++) {
        used[i] = strstr(what, rows[i].match) != NULL ? 0 : used[i];
    }
}

/* The first row that fits and whose turn it is; NULL: none fits. */
static const struct model_answer *find_answer(const struct model_answer *rows, int32_t count,
                                              int32_t *used, const char *what)
{
    int32_t first = -1;
    for (int32_t i = 0; i < count; i++) {
        if (strstr(what, rows[i].match) == NULL) {
            continue;
        }
        first = first < 0 ? i : first;
        if (rows[i].times == 0) {
            begin_anew(rows, count, used, what);
            return &rows[i];
        }
        if (used[i] < rows[i].times) {
            used[i]++;
            return &rows[i];
        }
    }
    if (first < 0) {
        return NULL;
    }
    begin_anew(rows, count, used, what);
    used[first]++;
    return &rows[first];
}

static bool is_success(const struct job *job, int code)
{
    return job->method == NULL ? code == 0 : code >= 200 && code <= 299;
}

/* ---- at work */

static bool has_effect(const struct job *job)
{
    return job->target != NULL || job->server != NO_SERVER;
}

/* Does in the model what is asked. When that is done; a failure is in the job's status and body. */
static int64_t act(struct job *job)
{
    struct sim_driver *driver = job->errand.driver;
    int64_t done_us = driver->sim->now_us;
    struct error err;
    if (job->target != NULL) {
        sim_control_request(driver->sim, job->method, job->target, &job->status, &job->body,
                            &done_us);
    } else if (job->server != NO_SERVER &&
               !sim_control(driver->sim, job->server, job->action, NULL, &done_us, &err)) {
        job->status = job->method == NULL ? 1 : 409;
        job->assumed = false;
        text_printf(&job->body, "%s\n", err.text);
        done_us = driver->sim->now_us;
    }
    return done_us;
}

static void give_answer(struct job *job)
{
    const struct model_answer *answer = job->answer;
    job->status = answer->code;
    text_reset(&job->body);
    text_append_string(&job->body, answer->text == NULL ? "" : answer->text);
}

static void job_works(struct errand *errand)
{
    struct job *job = (struct job *)errand;
    struct sim_driver *driver = errand->driver;
    const struct model_answer *answer = job->answer;
    bool refused = answer != NULL && !is_success(job, answer->code);
    int64_t takes_us = NOTHING_US;
    if (has_effect(job) && !refused) {
        sim_driver_catch_up(driver);
        takes_us = sim_driver_until(driver, act(job));
        takes_us += job->method == NULL ? 0 : sim_latency_us(driver->sim);
        sim_driver_poke(driver);
    }
    if (answer != NULL && is_success(job, job->status)) {
        give_answer(job);
        takes_us = answer->takes_us > 0 ? answer->takes_us : takes_us;
    }
    errand_wait(errand, takes_us, errand_end);
}

static struct job *new_job(struct sim_deployment *own, void *ctx)
{
    struct job *job = memory_allocate(sizeof *job);
    job->ctx = ctx;
    job->server = own->ordered_server;
    job->action = own->ordered_action;
    own->ordered_server = NO_SERVER;
    return job;
}

/* ---- HTTP */

/* "http://host:port/path" gives "/path". */
static const char *target_of(const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *slash = strchr(scheme == NULL ? url : scheme + 3, '/');
    return slash == NULL ? "/" : slash;
}

static struct operation *start_request(struct deployment *deployment,
                                       const struct http_request *request, http_done_fn *done,
                                       void *ctx)
{
    struct sim_deployment *own = (struct sim_deployment *)deployment;
    const struct model *model = &own->driver->sim->model;
    struct job *job = new_job(own, ctx);
    const char *target = target_of(request->url);
    job->http_done = done;
    job->method = memory_copy_string(request->method);
    job->status = 200;
    text_printf(&job->what, "%s %s", request->method, request->url);
    job->answer = find_answer(model->requests, model->request_count, own->requests_used,
                              text_string(&job->what));
    if (job->server == NO_SERVER && strncmp(target, "/servers", strlen("/servers")) == 0) {
        job->target = memory_copy_string(target);
    }
    job->assumed = job->answer == NULL && job->target == NULL;
    errand_start(&job->errand, own->driver, &own->errands, request->timeout_us, end_job, describe);
    errand_wait(&job->errand, has_effect(job) ? sim_latency_us(own->driver->sim) : 0, job_works);
    return &job->errand.operation;
}

/* ---- programs */

/* Does the program, by its arguments, act on a server of the model? */
static void find_order(const struct sim *sim, const char *const *argv, struct job *job)
{
    int32_t server = NO_SERVER;
    bool has_action = false;
    for (size_t i = 1; argv[0] != NULL && argv[i] != NULL; i++) {
        if (server == NO_SERVER) {
            server = sim_find_named_server(sim, argv[i]);
        }
        has_action = has_action || sim_control_parse(argv[i], &job->action);
    }
    job->server = has_action ? server : NO_SERVER;
}

static struct operation *start_program(struct deployment *deployment,
                                       const struct process_spec *spec, program_done_fn *done,
                                       void *ctx)
{
    struct sim_deployment *own = (struct sim_deployment *)deployment;
    const struct model *model = &own->driver->sim->model;
    struct job *job = new_job(own, ctx);
    struct text words = {0};
    job->program_done = done;
    for (size_t i = 0; spec->argv[i] != NULL; i++) {
        text_printf(&words, "%s%s", i == 0 ? "" : " ", spec->argv[i]);
    }
    text_printf(&job->what, "'%s'", spec->argv[0] == NULL ? "" : spec->argv[0]);
    job->answer =
        find_answer(model->programs, model->program_count, own->programs_used, text_string(&words));
    text_clear(&words);
    job->assumed = job->answer == NULL;
    if (job->server == NO_SERVER) {
        find_order(own->driver->sim, spec->argv, job);
    }
    errand_start(&job->errand, own->driver, &own->errands, spec->timeout_us, end_job, describe);
    errand_wait(&job->errand, 0, job_works);
    return &job->errand.operation;
}

/* ---- life */

void sim_deployment_order(struct deployment *deployment, int32_t server, enum sim_control action)
{
    struct sim_deployment *own = (struct sim_deployment *)deployment;
    own->ordered_server = server;
    own->ordered_action = action;
}

static void free_deployment(struct deployment *deployment)
{
    struct sim_deployment *own = (struct sim_deployment *)deployment;
    if (own != NULL) {
        errands_drop(&own->errands);
        free(own->programs_used);
        free(own->requests_used);
        free(own);
    }
}

static const struct deployment_ops deployment_ops = {
    .run = start_program, .request = start_request, .free = free_deployment};

static int32_t *zeros(int32_t count)
{
    return memory_allocate(((size_t)count + 1) * sizeof(int32_t));
}

struct deployment *sim_deployment_new(struct sim_driver *driver)
{
    struct sim_deployment *own = memory_allocate(sizeof *own);
    own->deployment.ops = &deployment_ops;
    own->deployment.loop = driver->loop;
    own->driver = driver;
    own->ordered_server = NO_SERVER;
    own->programs_used = zeros(driver->sim->model.program_count);
    own->requests_used = zeros(driver->sim->model.request_count);
    TAILQ_INIT(&own->errands);
    return &own->deployment;
}
