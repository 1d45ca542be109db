#include "sim/control.h"
#include "sim/errand.h"

#include <stdlib.h>
#include <string.h>

enum { NOTHING_US = 1000 }; /* what programs and requests take that mean nothing to the model */

struct sim_deployment {
    struct deployment deployment; /* first */
    struct sim_driver *driver;
    struct errand_list errands;
};

struct job {
    struct errand errand; /* first */
    char *method;         /* NULL: a program */
    char *target;
    int32_t server; /* of a program, or -1 */
    enum sim_control action;
    struct text what; /* for messages */
    int status;       /* of the reply, or exit code */
    struct text body;
    program_done_fn *program_done;
    http_done_fn *http_done;
    void *ctx;
};

static void end_job(struct errand *errand, const struct error *err, bool tell)
{
    struct job *job = (struct job *)errand;
    if (tell && job->http_done != NULL) {
        job->http_done(job->ctx, err == NULL ? job->status : 0,
                       err == NULL ? text_string(&job->body) : NULL,
                       err == NULL ? job->body.length : 0, err);
    } else if (tell) {
        struct process_result result = {
            .exit_code = err == NULL ? job->status : -1,
            .output = job->body,
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

/* ---- HTTP */

static void request_arrives(struct errand *errand)
{
    struct job *job = (struct job *)errand;
    struct sim_driver *driver = errand->driver;
    int64_t done_us;
    sim_driver_catch_up(driver);
    sim_control_request(driver->sim, job->method, job->target, &job->status, &job->body, &done_us);
    sim_driver_poke(driver);
    errand_wait(errand, sim_driver_until(driver, done_us) + sim_latency_us(driver->sim),
                errand_end);
}

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
    struct job *job = memory_allocate(sizeof *job);
    const char *target = target_of(request->url);
    job->http_done = done;
    job->ctx = ctx;
    job->method = memory_copy_string(request->method);
    job->target = memory_copy_string(target);
    job->status = 200;
    text_printf(&job->what, "%s %s", request->method, request->url);
    errand_start(&job->errand, own->driver, &own->errands, request->timeout_us, end_job, describe);
    if (strncmp(target, "/servers", strlen("/servers")) == 0) {
        errand_wait(&job->errand, sim_latency_us(own->driver->sim), request_arrives);
    } else {
        errand_wait(&job->errand, NOTHING_US, errand_end);
    }
    return &job->errand.operation;
}

/* ---- programs */

static void program_runs(struct errand *errand)
{
    struct job *job = (struct job *)errand;
    struct sim_driver *driver = errand->driver;
    int64_t done_us;
    struct error err;
    sim_driver_catch_up(driver);
    if (sim_control(driver->sim, job->server, job->action, NULL, &done_us, &err)) {
        sim_driver_poke(driver);
        errand_wait(errand, sim_driver_until(driver, done_us), errand_end);
    } else {
        job->status = 1;
        text_printf(&job->body, "%s\n", err.text);
        errand_end(errand);
    }
}

/* Does the program, by its arguments, act on a server of the model? */
static bool means_an_order(const struct sim *sim, const char *const *argv, struct job *job)
{
    bool has_action = false;
    job->server = -1;
    for (size_t i = 1; argv[0] != NULL && argv[i] != NULL; i++) {
        if (job->server < 0) {
            job->server = sim_find_named_server(sim, argv[i]);
        }
        has_action = has_action || sim_control_parse(argv[i], &job->action);
    }
    return has_action && job->server >= 0;
}

static struct operation *start_program(struct deployment *deployment,
                                       const struct process_spec *spec, program_done_fn *done,
                                       void *ctx)
{
    struct sim_deployment *own = (struct sim_deployment *)deployment;
    struct job *job = memory_allocate(sizeof *job);
    job->program_done = done;
    job->ctx = ctx;
    text_printf(&job->what, "'%s'", spec->argv[0] == NULL ? "" : spec->argv[0]);
    errand_start(&job->errand, own->driver, &own->errands, spec->timeout_us, end_job, describe);
    if (means_an_order(own->driver->sim, spec->argv, job)) {
        errand_wait(&job->errand, 0, program_runs);
    } else {
        errand_wait(&job->errand, NOTHING_US, errand_end);
    }
    return &job->errand.operation;
}

static void free_deployment(struct deployment *deployment)
{
    struct sim_deployment *own = (struct sim_deployment *)deployment;
    if (own != NULL) {
        errands_drop(&own->errands);
        free(own);
    }
}

static const struct deployment_ops deployment_ops = {
    .run = start_program, .request = start_request, .free = free_deployment};

struct deployment *sim_deployment_new(struct sim_driver *driver)
{
    struct sim_deployment *own = memory_allocate(sizeof *own);
    own->deployment.ops = &deployment_ops;
    own->deployment.loop = driver->loop;
    own->driver = driver;
    TAILQ_INIT(&own->errands);
    return &own->deployment;
}
