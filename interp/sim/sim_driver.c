#include "sim/errand.h"

#include "base/duration.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the driver */

static void on_due(void *ctx)
{
    struct sim_driver *driver = ctx;
    sim_driver_catch_up(driver);
    sim_driver_poke(driver);
}

void sim_driver_catch_up(struct sim_driver *driver)
{
    sim_advance(driver->sim, loop_now_us(driver->loop) - driver->began_us);
}

int64_t sim_driver_until(const struct sim_driver *driver, int64_t sim_us)
{
    return driver->began_us + sim_us - loop_now_us(driver->loop);
}

void sim_driver_poke(struct sim_driver *driver)
{
    int64_t next_us = sim_next_event_us(driver->sim);
    if (next_us == INT64_MAX) {
        timer_cancel(&driver->timer);
    } else {
        timer_start(driver->loop, &driver->timer, sim_driver_until(driver, next_us), on_due,
                    driver);
    }
}

struct sim_driver *sim_driver_new(struct sim *sim, struct loop *loop)
{
    struct sim_driver *driver = memory_allocate(sizeof *driver);
    driver->sim = sim;
    driver->loop = loop;
    driver->began_us = loop_now_us(loop);
    sim_driver_poke(driver);
    return driver;
}

void sim_driver_free(struct sim_driver *driver)
{
    if (driver != NULL) {
        timer_cancel(&driver->timer);
        free(driver);
    }
}

/* ---- errands */

static void finish(struct errand *errand, const struct error *err, bool tell)
{
    struct error *failure = errand->failure;
    TAILQ_REMOVE(errand->list, errand, link);
    timer_cancel(&errand->timer);
    errand->failure = NULL;
    errand->end(errand, failure != NULL ? failure : err, tell);
    free(failure);
}

static void set_failure(struct errand *errand, enum error_code code, const char *what)
{
    struct text subject = {0};
    if (errand->failure == NULL) {
        errand->failure = memory_allocate(sizeof *errand->failure);
    }
    errand->describe(errand, &subject);
    error_set(errand->failure, code, "%s: %s", text_string(&subject), what);
    text_clear(&subject);
}

static void on_failure_due(void *ctx)
{
    finish(ctx, NULL, true);
}

static void cancel(struct operation *operation)
{
    struct errand *errand = (struct errand *)operation;
    set_failure(errand, ERROR_CANCELLED, "cancelled");
    timer_start(errand->driver->loop, &errand->timer, 0, on_failure_due, errand);
}

static void drop(struct operation *operation)
{
    finish((struct errand *)operation, NULL, false);
}

static const struct operation_ops errand_ops = {.cancel = cancel, .drop = drop};

void errand_start(struct errand *errand, struct sim_driver *driver, struct errand_list *list,
                  int64_t timeout_us, errand_end_fn *end, errand_describe_fn *describe)
{
    errand->operation.ops = &errand_ops;
    errand->driver = driver;
    errand->list = list;
    errand->timeout_us = timeout_us;
    errand->deadline_us = loop_now_us(driver->loop) + timeout_us;
    errand->end = end;
    errand->describe = describe;
    TAILQ_INSERT_TAIL(list, errand, link);
}

static void on_step(void *ctx)
{
    struct errand *errand = ctx;
    errand->step(errand);
}

static void on_deadline(void *ctx)
{
    struct errand *errand = ctx;
    char what[64];
    char limit[DURATION_TEXT_BYTES];
    snprintf(what, sizeof what, "no reply within %s", duration_format(errand->timeout_us, limit));
    errand_fail(errand, ERROR_TIMEOUT, what);
}

void errand_wait(struct errand *errand, int64_t delay_us, errand_step_fn *step)
{
    struct loop *loop = errand->driver->loop;
    int64_t left_us = errand->deadline_us - loop_now_us(loop);
    errand->step = step;
    if (delay_us <= left_us) {
        timer_start(loop, &errand->timer, delay_us, on_step, errand);
    } else {
        timer_start(loop, &errand->timer, left_us, on_deadline, errand);
    }
}

void errand_wait_for_ever(struct errand *errand)
{
    errand_wait(errand, INT64_MAX, NULL);
}

void errand_end(struct errand *errand)
{
    finish(errand, NULL, true);
}

void errand_fail(struct errand *errand, enum error_code code, const char *what)
{
    set_failure(errand, code, what);
    finish(errand, NULL, true);
}

void errands_drop(struct errand_list *list)
{
    struct errand *errand;
    while ((errand = TAILQ_FIRST(list)) != NULL) {
        finish(errand, NULL, false);
    }
}
