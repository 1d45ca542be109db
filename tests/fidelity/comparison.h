/* tests/fidelity/comparison.h - the judge: is what the simulation did what was recorded?
 *
 * Compared are each recorded state of a partition (members in order, dropped ones, ballot), who is
 * alive, who leads, the effective level, and that nothing else happened. A wait begins with the
 * operation or the state before, whichever came later; it may differ by 0.3 s or by 20 %, whichever
 * is more. The longest time without reads of a probed partition is compared in the same way. */
#ifndef PEGFLOW_TESTS_FIDELITY_COMPARISON_H
#define PEGFLOW_TESTS_FIDELITY_COMPARISON_H

#include "retelling.h"

#include <stdarg.h>

enum { TOLERANCE_US = 300 * 1000, DIFFERENCES_SHOWN = 400 };

struct comparison {
    int32_t states;
    int32_t matched;
    int32_t late; /* the state matches, the wait does not */
    int64_t worst_us;
    int64_t recorded_away_us; /* the longest of a probed partition */
    int64_t simulated_away_us;
    FILE *details; /* differences, a line each; NULL: not wanted */
    char first[200];
};

static inline void __attribute__((format(printf, 2, 3)))
differ(struct comparison *comparison, const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (comparison->first[0] == '\0') {
        memcpy(comparison->first, text, sizeof text);
    }
    if (comparison->details != NULL) {
        fprintf(comparison->details, "    %s\n", text);
    }
}

/* One wait: since `cause` until `at`, recorded and simulated. */
static inline void judge_wait(struct comparison *comparison, const char *what, int64_t recorded_us,
                              int64_t recorded_cause_us, int64_t simulated_us,
                              int64_t simulated_cause_us)
{
    int64_t wait_us = recorded_us - recorded_cause_us;
    int64_t difference_us = simulated_us - simulated_cause_us - wait_us;
    int64_t allowed_us = wait_us / 5 > TOLERANCE_US ? wait_us / 5 : TOLERANCE_US;
    int64_t size_us = difference_us < 0 ? -difference_us : difference_us;
    if (size_us > allowed_us) {
        comparison->late++;
        differ(comparison, "%.3f %s: after %.2f s instead of %.2f s", (double)recorded_us / 1e6,
               what, (double)(wait_us + difference_us) / 1e6, (double)wait_us / 1e6);
        return;
    }
    comparison->matched++;
    if (size_us > comparison->worst_us) {
        comparison->worst_us = size_us;
    }
}

/* ---- partitions */

struct course {
    int64_t recorded_us; /* the state before */
    int64_t simulated_us;
    int64_t operation_us; /* the last one about this partition */
    int64_t ballot;
};

static inline void judge_partition(const struct retelling *retelling, struct comparison *comparison,
                                   const struct trace_line *line, struct course *course,
                                   int64_t operation_us)
{
    struct sim *sim = retelling->lab.sim;
    int32_t index = partition_index(sim, world_partition(sim, line_pid(line)));
    int64_t nth = line_number(line, "ballot") - retelling->first_ballots[index];
    char expected[STATE_BYTES] = "";
    char what[160];
    const cJSON *item;
    add_label(expected, retelling_server(retelling, line_string(line, "primary")));
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(line->json, "secondaries"))
    {
        add_label(expected, retelling_server(retelling, cJSON_GetStringValue(item)));
    }
    strcat(expected, " |");
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(line->json, "drops"))
    {
        add_label(expected, retelling_server(retelling, cJSON_GetStringValue(item)));
    }
    comparison->states++;
    course->ballot = nth;
    ck_assert_int_lt(nth, STATES_MAX);
    const struct state *state = &retelling->states[index][nth];
    snprintf(what, sizeof what, "%s%s", line_string(line, "pid"), expected);
    if (strcmp(state->text, expected) != 0) {
        differ(comparison, "%.3f %s: simulated%s", (double)line->at_us / 1e6, what,
               state->at_us == 0 ? " never changed so often" : state->text);
    } else {
        int64_t cause_us =
            course->operation_us > operation_us ? course->operation_us : operation_us;
        bool by_state = course->recorded_us > cause_us;
        judge_wait(comparison, what, line->at_us, by_state ? course->recorded_us : cause_us,
                   state->at_us, by_state ? course->simulated_us : cause_us);
    }
    course->recorded_us = line->at_us;
    course->simulated_us = state->at_us;
}

/* ---- the cluster: the nth recorded change of something is the nth simulated one */

struct judged {
    const struct changes *changes;
    int32_t next;
    int32_t last;
};

static inline void judge_change(struct comparison *comparison, const struct trace_line *line,
                                const char *what, struct judged *judged, int32_t value,
                                bool any_value, int64_t operation_us)
{
    if (judged->last == value) {
        return;
    }
    judged->last = value;
    comparison->states++;
    if (judged->next >= judged->changes->count) {
        differ(comparison, "%.3f %s: never was", (double)line->at_us / 1e6, what);
        return;
    }
    const struct change_of *change = &judged->changes->items[judged->next++];
    if (change->value != value && !(any_value && change->value != NO_SERVER)) {
        differ(comparison, "%.3f %s: was another", (double)line->at_us / 1e6, what);
        return;
    }
    judge_wait(comparison, what, line->at_us, operation_us, change->at_us, operation_us);
}

static inline int32_t level_value(const char *name)
{
    static const struct {
        const char *name;
        int32_t level;
    } rows[] = {{"freezed", LEVEL_FREEZED}, {"steady", LEVEL_STEADY}, {"lively", LEVEL_LIVELY}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(name, rows[i].name) == 0) {
            return rows[i].level;
        }
    }
    return 0;
}

struct judgement {
    struct course *courses;
    struct judged nodes[REPLICA_SERVERS];
    struct judged leader;
    struct judged level;
    int64_t operation_us;               /* the last one about everything */
    int64_t server_us[REPLICA_SERVERS]; /* ... and about this server's process */
    int64_t leader_us;
};

static inline void note_operation(const struct retelling *retelling, struct judgement *judgement,
                                  const struct trace_line *line)
{
    struct sim *sim = retelling->lab.sim;
    if (line_is(line, "propose")) {
        int32_t index = partition_index(sim, world_partition(sim, line_pid(line)));
        judgement->courses[index].operation_us = line->at_us;
        return;
    }
    int32_t number;
    judgement->operation_us = line->at_us;
    if (sscanf(line_string(line, "what"), "process %*s replica %d", &number) == 1) {
        judgement->server_us[number - 1] = line->at_us;
    }
}

static inline void judge_line(const struct retelling *retelling, struct comparison *comparison,
                              struct judgement *judgement, const struct trace_line *line)
{
    struct sim *sim = retelling->lab.sim;
    if (line_is(line, "do") || line_is(line, "done") || line_is(line, "propose")) {
        note_operation(retelling, judgement, line);
    } else if (line_is(line, "partition")) {
        int32_t index = partition_index(sim, world_partition(sim, line_pid(line)));
        judge_partition(retelling, comparison, line, &judgement->courses[index],
                        judgement->operation_us);
    } else if (line_is(line, "nodes")) {
        for (int32_t i = 0; i < REPLICA_SERVERS; i++) {
            char label[16];
            char what[32];
            snprintf(label, sizeof label, "r%d", i + 1);
            const char *status = line_string(line, label);
            snprintf(what, sizeof what, "%s %s", label, status);
            judge_change(comparison, line, what, &judgement->nodes[i],
                         strcmp(status, "alive") == 0 ? NODE_ALIVE : NODE_UNALIVE, false,
                         judgement->server_us[i]);
        }
    } else if (line_is(line, "leader")) {
        const char *leader = line_string(line, "leader");
        char what[32];
        snprintf(what, sizeof what, "leader %s", leader[0] == '\0' ? "none" : leader);
        if (line->order > 0) {
            judge_change(comparison, line, what, &judgement->leader,
                         leader[0] == '\0' ? NO_SERVER : leader[1], true, judgement->operation_us);
        }
    } else if (line_is(line, "level")) {
        char what[32];
        snprintf(what, sizeof what, "level %s", line_string(line, "level"));
        judge_change(comparison, line, what, &judgement->level,
                     level_value(line_string(line, "level")), false, judgement->operation_us);
    }
}

/* ---- probes */

static inline void judge_probes(const struct retelling *retelling, struct comparison *comparison)
{
    struct sim *sim = retelling->lab.sim;
    int64_t *since_us = memory_allocate((size_t)sim->partition_count * sizeof *since_us);
    for (int32_t i = 0; i < retelling->trace->count; i++) {
        const struct trace_line *line = &retelling->trace->lines[i];
        if (!line_is(line, "probe") || strcmp(line_string(line, "op"), "read") != 0) {
            continue;
        }
        int32_t index = partition_index(sim, world_partition(sim, line_pid(line)));
        bool works = strcmp(line_string(line, "result"), "ERR_OK") == 0;
        if (!works && since_us[index] == 0) {
            since_us[index] = line->at_us;
        } else if (works && since_us[index] != 0) {
            int64_t away_us = line->at_us - since_us[index];
            since_us[index] = 0;
            if (away_us > comparison->recorded_away_us) {
                comparison->recorded_away_us = away_us;
            }
            if (retelling->longest_away_us[index] > comparison->simulated_away_us) {
                comparison->simulated_away_us = retelling->longest_away_us[index];
            }
        }
    }
    free(since_us);
    if (comparison->recorded_away_us > 0) {
        comparison->states++;
        judge_wait(comparison, "longest time without reads", comparison->recorded_away_us, 0,
                   comparison->simulated_away_us, 0);
    }
}

static inline void compare(const struct retelling *retelling, struct comparison *comparison)
{
    struct sim *sim = retelling->lab.sim;
    struct judgement judgement = {0};
    judgement.courses = memory_allocate((size_t)sim->partition_count * sizeof *judgement.courses);
    for (int32_t i = 0; i < REPLICA_SERVERS; i++) {
        judgement.nodes[i] = (struct judged){&retelling->nodes[i], 1, NODE_ALIVE};
    }
    judgement.leader = (struct judged){&retelling->leaders, 1, retelling->lab.m1};
    judgement.level = (struct judged){&retelling->levels, 1, LEVEL_STEADY};
    for (int32_t i = 0; i < retelling->trace->count; i++) {
        judge_line(retelling, comparison, &judgement, &retelling->trace->lines[i]);
    }
    /* Nothing may have happened that was not recorded. */
    for (int32_t i = 0; i < sim->partition_count; i++) {
        const struct partition *partition = &sim->partitions[i];
        int64_t nth = partition->ballot - retelling->first_ballots[i];
        comparison->states++;
        if (nth == judgement.courses[i].ballot) {
            comparison->matched++;
        } else {
            differ(comparison, "%d.%d ends at ballot +%d instead of +%d", partition->gpid.app_id,
                   partition->gpid.partition, (int)nth, (int)judgement.courses[i].ballot);
        }
    }
    judge_probes(retelling, comparison);
    free(judgement.courses);
}

#endif
