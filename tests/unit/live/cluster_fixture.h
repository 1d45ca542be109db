/* A cluster over the fake transport, and what an operation on it came to. */
#ifndef TESTS_UNIT_LIVE_CLUSTER_FIXTURE_H
#define TESTS_UNIT_LIVE_CLUSTER_FIXTURE_H

#include "fake.h"

static struct loop *loop;
static struct fake *fake;
static struct cluster *cluster;
static struct cluster_reader *reader;

enum { SECOND = 1000 * 1000 };

struct outcome {
    int calls;
    bool failed;
    struct error err;
    char value[128];
    int64_t at_us;
};

static inline void record(void *ctx, const struct error *err)
{
    struct outcome *outcome = ctx;
    outcome->calls++;
    outcome->failed = err != NULL;
    outcome->at_us = loop_now_us(loop);
    if (err != NULL) {
        outcome->err = *err;
    }
}

static inline void record_value(void *ctx, const char *value, const struct error *err)
{
    struct outcome *outcome = ctx;
    ck_assert((value == NULL) == (err != NULL));
    record(ctx, err);
    snprintf(outcome->value, sizeof outcome->value, "%s", value == NULL ? "" : value);
}

static inline void setup(void)
{
    struct address metas[FAKE_METAS] = {fake_address(1), fake_address(2), fake_address(3)};
    loop = loop_new_virtual(0);
    fake = fake_new(loop);
    cluster = cluster_new(&fake->transport, metas, FAKE_METAS);
    reader = cluster_reader(cluster);
}

static inline void teardown(void)
{
    cluster_free(cluster);
    fake->transport.ops->free(&fake->transport);
    loop_close(loop);
}

/* Until nothing is left to happen: the operation has ended once. */
static inline void run(const struct outcome *outcome)
{
    struct error err;
    ck_assert_int_eq(outcome->calls, 0);
    ck_assert(loop_run(loop, &err));
    ck_assert_int_eq(outcome->calls, 1);
}

static inline void run_well(const struct outcome *outcome)
{
    run(outcome);
    ck_assert_msg(!outcome->failed, "%s", outcome->err.text);
}

static inline void run_to_error(const struct outcome *outcome, enum error_code code,
                                const char *text)
{
    run(outcome);
    ck_assert(outcome->failed);
    ck_assert_str_eq(outcome->err.text, text);
    ck_assert_int_eq(outcome->err.code, code);
}

static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

#endif
