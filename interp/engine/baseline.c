/* engine/baseline.c - the level and the settings an upgrade touches, before and after a run. */
#include "engine/internal.h"
#include "engine/leftovers.h"

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
enum { WATCHED_COUNT = sizeof watched / sizeof watched[0] };

struct baseline {
    struct run *run;
    char before[WATCHED_COUNT][SETTING_VALUE_BYTES];
    bool known;
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
    for (size_t i = 0; i < WATCHED_COUNT; i++) {
        cJSON_AddStringToObject(data, watched[i].name, baseline->before[i]);
    }
    run_emit(baseline->run, EVENT_BASELINE, NULL, data, "before: meta level %s, re-adding limit %s",
             baseline->before[0], baseline->before[1]);
    struct error leftover;
    bool decided = baseline->run->setup.keep_leftovers || !find_leftover(baseline, &leftover);
    baseline->done(baseline->run, decided ? NULL : &leftover);
}

void baseline_read(struct run *run, void (*done)(struct run *run, const struct error *err))
{
    ASSERT(run->baseline == NULL);
    run->baseline = memory_allocate(sizeof *run->baseline);
    run->baseline->run = run;
    run->baseline->done = done;
    begin(run->baseline, true, was_read);
}

/* ---- after */
static void compare_next(struct baseline *baseline);

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
        text_printf(&baseline->differences, "%s%s was %s and is %s",
                    baseline->differences.length > 0 ? "; " : "", name, before,
                    baseline->task.before);
    }
    baseline->next++;
    compare_next(baseline);
}

static void compare_next(struct baseline *baseline)
{
    struct run *run = baseline->run;
    if (baseline->next < WATCHED_COUNT) {
        /* What a new leader lost is put back; what somebody else changed is only reported. */
        begin(baseline, !run->leader_changed, was_compared);
        return;
    }
    struct error err;
    bool differs = baseline->differences.length > 0;
    run_emit(run, EVENT_COMPARED, NULL, NULL, "settings and level against those before: %s",
             differs ? text_string(&baseline->differences) : "no difference");
    if (differs) {
        error_set(&err, ERROR_NOT_RESTORED, "not as before the run: %s",
                  text_string(&baseline->differences));
    }
    baseline->done(run, differs ? &err : NULL);
}

void baseline_compare(struct run *run, void (*done)(struct run *run, const struct error *err))
{
    ASSERT(run->baseline != NULL && run->baseline->known);
    run->baseline->done = done;
    run->baseline->next = 0;
    compare_next(run->baseline);
}

void baseline_free(struct run *run)
{
    if (run->baseline != NULL) {
        text_clear(&run->baseline->differences);
        free(run->baseline);
        run->baseline = NULL;
    }
}
