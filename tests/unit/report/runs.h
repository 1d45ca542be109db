/* A run's events for the tests of this folder, written by the journal's real writer and read back.
 */
#ifndef PEGFLOW_TESTS_REPORT_RUNS_H
#define PEGFLOW_TESTS_REPORT_RUNS_H

#include "base/duration.h"
#include "engine/journal.h"
#include "report/standing.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 2026-11-23 13:52:50 UTC; the tests run with TZ=UTC. */
#define RUN_WALL_US INT64_C(1795441970000000)

static const char header_members[] =
    "{\"run\":\"20261123-135250-prod\",\"program\":\"pegflow test\",\"cluster\":\"prod\","
    "\"workflow\":\"ha.lua\",\"user\":\"kim\",\"host\":\"ops1\",\"pid\":311,"
    "\"reason\":\"ticket 12\",\"servers\":{\"meta\":[{\"name\":\"m1:34601\"}],"
    "\"replica\":[{\"name\":\"r1:34801\"},{\"name\":\"r2:34801\"},{\"name\":\"r3:34801\"}],"
    "\"collector\":[]}}";

struct written {
    char path[64];
    struct journal *journal;
    uint64_t sequence;
};

static inline void run_begin(struct written *written)
{
    struct error err;
    *written = (struct written){.path = "/tmp/pegflow-standing-XXXXXX"};
    int fd = mkstemp(written->path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    unlink(written->path);
    if (!journal_create(written->path, cJSON_Parse(header_members), RUN_WALL_US, NULL,
                        &written->journal, &err)) {
        ck_abort_msg("%s", err.text);
    }
}

static struct server some_server;
static struct step some_step;

/* An event at `ms`. `id` "-": of no step; `server` NULL: of none; `data` is JSON, or NULL. */
static inline struct event event_at(int64_t ms, enum event_kind kind, enum step_kind step_kind,
                                    const char *id, const char *server, const char *text,
                                    const char *data)
{
    some_server = (struct server){.name = server};
    some_step = (struct step){
        .kind = step_kind, .id = id, .label = id, .where = {"flows/ha.lua", 55}, .timeout_us = -1};
    return (struct event){
        .kind = kind,
        .at_us = ms * US_PER_MS,
        .wall_us = RUN_WALL_US + ms * US_PER_MS,
        .step = strcmp(id, "-") == 0 ? NULL : &some_step,
        .server = server == NULL ? NULL : &some_server,
        .text = text,
        .data = data == NULL ? NULL : cJSON_Parse(data),
    };
}

static inline void run_write(struct written *written, struct event event)
{
    struct event_sink *sink = journal_sink(written->journal);
    struct error err;
    event.sequence = ++written->sequence;
    if (!sink->take(sink, &event, &err)) {
        ck_abort_msg("%s", err.text);
    }
    cJSON_Delete((cJSON *)event.data);
}

/* A record that is no event of this program. */
static inline void run_note(struct written *written, int64_t ms, const char *event,
                            const char *text, const char *data)
{
    struct error err;
    if (!journal_note(written->journal, event, text, cJSON_Parse(data),
                      RUN_WALL_US + ms * US_PER_MS, &err)) {
        ck_abort_msg("%s", err.text);
    }
    written->sequence++;
}

static inline struct standing *run_read(struct written *written)
{
    struct standing *standing = standing_new();
    struct journal_end end;
    struct error err;
    if (!journal_read(written->path, standing_take_record, standing, &end, NULL, &err)) {
        ck_abort_msg("%s", err.text);
    }
    return standing;
}

static inline void run_end(struct written *written)
{
    journal_close(written->journal);
    unlink(written->path);
}

/* ---- a run of the shape of ha.lua, up to the wait for the second server's secondaries */
#define LIMIT "meta.lb.add_secondary_max_count_for_one_node"

static inline void begin_of_a_run(struct written *run)
{
    run_write(run, event_at(0, EVENT_RUN_STARTED, STEP_STEPS, "-", NULL, "'ha' on 'prod'",
                            "{\"name\":\"rolling upgrade\"}"));
    run_write(run, event_at(1, EVENT_STEP_STARTED, STEP_STEPS, "", NULL, "steps", NULL));
    run_write(run, event_at(1, EVENT_STEP_STARTED, STEP_HOLD, "hold", NULL, "hold", NULL));
    run_write(run, event_at(2, EVENT_HELD, STEP_HOLD, "hold", NULL, "held",
                            "{\"name\":\"meta level\",\"before\":\"steady\","
                            "\"value\":\"steady\"}"));
    run_write(run,
              event_at(3, EVENT_STEP_STARTED, STEP_ROLLING, "replicas", NULL, "rolling", NULL));
}

static inline void turn_of(struct written *run, int64_t ms, const char *id, const char *server)
{
    run_write(run, event_at(ms, EVENT_PICKED, STEP_STEPS, id, server, "replica", NULL));
    run_write(run, event_at(ms, EVENT_STEP_STARTED, STEP_STEPS, id, server, "steps", NULL));
}

static inline void hold_limit(struct written *run, int64_t ms, const char *id, const char *server,
                              const char *data)
{
    run_write(run, event_at(ms, EVENT_STEP_STARTED, STEP_HOLD, id, server, "hold", NULL));
    run_write(run, event_at(ms, EVENT_HELD, STEP_HOLD, id, server, "held", data));
}

static inline void run_up_to_a_wait(struct written *run)
{
    begin_of_a_run(run);
    turn_of(run, 1000, "replicas/r1:34801", "r1:34801");
    run_write(run, event_at(61000, EVENT_STEP_DONE, STEP_STEPS, "replicas/r1:34801", "r1:34801",
                            "steps done in 1m", "{\"took_ms\":60000}"));
    turn_of(run, 61000, "replicas/r2:34801", "r2:34801");
    hold_limit(run, 61500, "replicas/r2:34801/hold", "r2:34801",
               "{\"name\":\"" LIMIT "\",\"before\":\"20\",\"value\":\"100\"}");
    hold_limit(run, 62000, "replicas/r2:34801/drain", "r2:34801",
               "{\"name\":\"" LIMIT "\",\"before\":\"100\",\"value\":\"0\"}");
    run_write(run,
              event_at(62000, EVENT_STEP_STARTED, STEP_WAIT_UNTIL,
                       "replicas/r2:34801/drain/wait_until-2", "r2:34801", "wait_until", NULL));
    run_write(run,
              event_at(64000, EVENT_WAITING, STEP_WAIT_UNTIL,
                       "replicas/r2:34801/drain/wait_until-2", "r2:34801", "3 left (for 2s now)",
                       "{\"condition\":\"no_secondaries(r2:34801)\",\"answer\":\"no\","
                       "\"reason\":\"3 secondaries left on r2:34801 (1.0, 1.1, 2.7)\","
                       "\"then\":\"the step fails\",\"waited_ms\":2000,"
                       "\"left_ms\":598000}"));
}

#endif
