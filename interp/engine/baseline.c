/* engine/baseline.c - the level and the settings an upgrade touches, before and after a run. */
#include "engine/internal.h"
#include "engine/leftovers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    bool is_level;
    const char *name;
} watched[] = {
    {true, "meta level"},          {false, SETTING_ADD_SECONDARY_LIMIT},
    {false, SETTING_FLOW_CONTROL}, {false, SETTING_ASSIGN_DELAY},
    {false, SETTING_BLACK_LIST},
};
_Static_assert(sizeof((struct server_facts *)0)->start_time == 32, "as baseline_process says");
enum { WATCHED_COUNT = sizeof watched / sizeof watched[0] };

struct baseline {
    struct run *run;
    char before[WATCHED_COUNT][SETTING_VALUE_BYTES];
    bool known;
    bool compared;
    struct leader_info leader;   /* who answered before */
    struct server_facts process; /* its start time */
    struct leader_info leader_now;
    struct server_facts process_now;
    size_t next;
    struct setting_task task;
    struct text differences;
    void (*done)(struct run *run, const struct error *err);
};

static void begin(struct baseline *baseline, bool only_read,
                  void (*read)(void *ctx, const struct error *err))
{
    baseline->task = (struct setting_task){
        .run = baseline->run,
        .is_level = watched[baseline->next].is_level,
        .only_read = only_read,
        .puts_back = true,
        .name = watched[baseline->next].name,
        .done = read,
        .ctx = baseline,
    };
    memcpy(baseline->task.wanted, baseline->before[baseline->next], SETTING_VALUE_BYTES);
    setting_start(&baseline->task);
}

/* ---- before */
/* A value that another tool left behind would be put back by us, and stay. */
static bool find_leftover(const struct baseline *baseline, struct error *err)
{
    for (size_t i = 0; i < WATCHED_COUNT; i++) {
        const char *meaning = leftover_meaning(watched[i].name, baseline->before[i]);
        if (meaning != NULL) {
            error_set(err, ERROR_REFUSED,
                      "%s is %s, which looks like another tool's leftover: %s; set it right, or "
                      "say that it is meant with --keep-leftovers",
                      watched[i].name, baseline->before[i], meaning);
            return true;
        }
    }
    return false;
}

static void was_read(void *ctx, const struct error *err)
{
    struct baseline *baseline = ctx;
    if (err != NULL) {
        baseline->done(baseline->run, err);
        return;
    }
    memcpy(baseline->before[baseline->next], baseline->task.before, SETTING_VALUE_BYTES);
    if (++baseline->next < WATCHED_COUNT) {
        begin(baseline, true, was_read);
        return;
    }
    baseline->known = true;
    cJSON *data = cJSON_CreateObject();
    char leader[ADDRESS_TEXT_BYTES];
    for (size_t i = 0; i < WATCHED_COUNT; i++) {
        cJSON_AddStringToObject(data, watched[i].name, baseline->before[i]);
    }
    cJSON_AddStringToObject(data, "leader", address_format(baseline->leader.address, leader));
    cJSON_AddStringToObject(data, "leader_start", baseline->process.start_time);
    run_emit(baseline->run, EVENT_BASELINE, NULL, data, "before: meta level %s, re-adding limit %s",
             baseline->before[0], baseline->before[1]);
    struct error leftover;
    bool decided = baseline->run->setup.keep_leftovers || !find_leftover(baseline, &leftover);
    baseline->done(baseline->run, decided ? NULL : &leftover);
}

static void process_was_read(void *ctx, const struct error *err)
{
    struct baseline *baseline = ctx;
    if (err != NULL) {
        baseline->done(baseline->run, err);
    } else {
        begin(baseline, true, was_read);
    }
}

static void leader_was_read(void *ctx, const struct error *err)
{
    struct baseline *baseline = ctx;
    if (err != NULL) {
        baseline->done(baseline->run, err);
        return;
    }
    cluster_read_server(baseline->run->reader, baseline->leader.address, FACT_START_TIME,
                        &baseline->process, CLUSTER_CALL_TIMEOUT_US, process_was_read, baseline);
}

void baseline_read(struct run *run, void (*done)(struct run *run, const struct error *err))
{
    ASSERT(run->baseline == NULL);
    run->baseline = memory_allocate(sizeof *run->baseline);
    run->baseline->run = run;
    run->baseline->done = done;
    cluster_read_leader(run->reader, &run->baseline->leader, 2 * CLUSTER_CALL_TIMEOUT_US,
                        leader_was_read, run->baseline);
}

static bool recall_text(const cJSON *data, const char *name, char *into, size_t size)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(data, name));
    snprintf(into, size, "%s", text == NULL ? "" : text);
    return text != NULL;
}

bool baseline_recall(struct run *run, struct error *err)
{
    const cJSON *data = past_baseline(run->setup.past);
    struct baseline *baseline = memory_allocate(sizeof *baseline);
    char leader[ADDRESS_TEXT_BYTES];
    run->baseline = baseline;
    baseline->run = run;
    bool ok = recall_text(data, "leader", leader, sizeof leader) &&
              recall_text(data, "leader_start", baseline->process.start_time,
                          sizeof baseline->process.start_time);
    for (size_t i = 0; i < WATCHED_COUNT; i++) {
        ok = ok && recall_text(data, watched[i].name, baseline->before[i], SETTING_VALUE_BYTES);
    }
    if (!ok || !address_parse(leader, &baseline->leader.address, err)) {
        error_set(err, ERROR_INVALID_FILE,
                  "the journal does not say all of level, settings and primary meta server before "
                  "the run");
        return false;
    }
    baseline->known = true;
    return true;
}

void baseline_process(const struct run *run, struct address *leader, char start_time[32])
{
    ASSERT(run->baseline != NULL && run->baseline->known);
    *leader = run->baseline->leader.address;
    memcpy(start_time, run->baseline->process.start_time, sizeof run->baseline->process.start_time);
}

/* ---- after */
static bool is_foreign(const struct baseline *baseline)
{
    const struct hold_item item = {
        .is_level = watched[baseline->next].is_level,
        .name = watched[baseline->next].name,
    };
    return foreign_find(baseline->run, &item) != NULL;
}

static void compare_next(struct baseline *baseline);
static void all_compared(void *ctx);

static void was_compared(void *ctx, const struct error *err)
{
    struct baseline *baseline = ctx;
    struct run *run = baseline->run;
    const char *name = watched[baseline->next].name;
    const char *before = baseline->before[baseline->next];
    if (err != NULL) {
        text_printf(&baseline->differences, "%s%s", baseline->differences.length > 0 ? "; " : "",
                    err->text);
    } else if (baseline->task.changed) {
        run_emit(run, EVENT_PUT_BACK, NULL, NULL,
                 "%s is back at %s (it was lost with the old primary meta server)", name, before);
    } else if (baseline->task.only_read && strcmp(baseline->task.before, before) != 0) {
        text_printf(&baseline->differences, "%s%s was %s and is %s%s",
                    baseline->differences.length > 0 ? "; " : "", name, before,
                    baseline->task.before, is_foreign(baseline) ? ", set by somebody else" : "");
    }
    baseline->next++;
    compare_next(baseline);
}

static void compare_next(struct baseline *baseline)
{
    struct run *run = baseline->run;
    if (baseline->next < WATCHED_COUNT) {
        /* What a new leader lost is put back; what somebody else changed is only reported. */
        begin(baseline, !run->leader_changed || is_foreign(baseline), was_compared);
        return;
    }
    kept_compare(run, &baseline->differences, all_compared, baseline);
}

static void all_compared(void *ctx)
{
    struct baseline *baseline = ctx;
    struct run *run = baseline->run;
    struct error err;
    bool differs = baseline->differences.length > 0;
    baseline->compared = true;
    run_emit(run, EVENT_COMPARED, NULL, NULL, "settings and level against those before: %s",
             differs ? text_string(&baseline->differences) : "no difference");
    if (differs) {
        error_set(&err, ERROR_NOT_RESTORED, "not as before the run: %s",
                  text_string(&baseline->differences));
    }
    baseline->done(run, differs ? &err : NULL);
}

/* A process that was not there before has lost what was set in it, whether the keeper saw it or
 * not. */
static void process_now_read(void *ctx, const struct error *err)
{
    struct baseline *baseline = ctx;
    bool another = err == NULL &&
                   (!address_equal(baseline->leader.address, baseline->leader_now.address) ||
                    strcmp(baseline->process.start_time, baseline->process_now.start_time) != 0);
    baseline->run->leader_changed |= another;
    compare_next(baseline);
}

static void leader_now_read(void *ctx, const struct error *err)
{
    struct baseline *baseline = ctx;
    if (err != NULL) {
        compare_next(baseline); /* which will say that nobody answers */
        return;
    }
    cluster_read_server(baseline->run->reader, baseline->leader_now.address, FACT_START_TIME,
                        &baseline->process_now, CLUSTER_CALL_TIMEOUT_US, process_now_read,
                        baseline);
}

void baseline_compare(struct run *run, void (*done)(struct run *run, const struct error *err))
{
    struct baseline *baseline = run->baseline;
    ASSERT(baseline != NULL && baseline->known);
    baseline->done = done;
    baseline->next = 0;
    cluster_read_leader(run->reader, &baseline->leader_now, 6 * CLUSTER_CALL_TIMEOUT_US,
                        leader_now_read, baseline);
}

bool baseline_report_unknown(struct run *run)
{
    const struct baseline *baseline = run->baseline;
    if (baseline == NULL || !baseline->known || baseline->compared) {
        return false;
    }
    struct text values = {0};
    for (size_t i = run->winding_up ? baseline->next : 0; i < WATCHED_COUNT; i++) {
        text_printf(&values, "%s%s %s", values.length > 0 ? ", " : "", watched[i].name,
                    baseline->before[i][0] == '\0' ? "(empty)" : baseline->before[i]);
    }
    run_emit(run, EVENT_NOT_PUT_BACK, NULL, NULL,
             "what a change of the primary meta server lost was not compared any more; before the "
             "run: %s",
             text_string(&values));
    text_clear(&values);
    return true;
}

void baseline_free(struct run *run)
{
    if (run->baseline != NULL) {
        server_facts_clear(&run->baseline->process);
        server_facts_clear(&run->baseline->process_now);
        text_clear(&run->baseline->differences);
        free(run->baseline);
        run->baseline = NULL;
    }
}
