/* tests/fidelity/retelling.h - does a recorded scenario again in the simulation.
 *
 * The simulated cluster starts from the recorded placement, its tick comes when it came, and each
 * recorded operation is done at its recorded time. What happens then is written down: each state
 * of each partition, who lives, who leads, at which level; comparison.h judges it. */
#ifndef PEGFLOW_TESTS_FIDELITY_RETELLING_H
#define PEGFLOW_TESTS_FIDELITY_RETELLING_H

#include "chance.h"

/* ---- the beginning */

static inline void take_initial(struct retelling *retelling, const struct trace_line *line)
{
    struct gpid gpid = line_pid(line);
    int32_t factor = table_shapes[gpid.app_id - 1].max_replica_count;
    int32_t *row = &retelling->placements[gpid.app_id - 1][gpid.partition * factor];
    const cJSON *secondaries = cJSON_GetObjectItemCaseSensitive(line->json, "secondaries");
    row[0] = retelling_server(retelling, line_string(line, "primary"));
    for (int32_t i = 1; i < factor; i++) {
        row[i] = retelling_server(retelling,
                                  cJSON_GetStringValue(cJSON_GetArrayItem(secondaries, i - 1)));
    }
}

static inline void take_ballot(struct retelling *retelling, const struct trace_line *line)
{
    struct sim *sim = retelling->lab.sim;
    struct partition *partition = world_partition(sim, line_pid(line));
    const cJSON *drop;
    partition->ballot = line_number(line, "ballot");
    for (int32_t r = partition->first_replica; r >= 0; r = sim->replicas[r].next_in_partition) {
        sim->replicas[r].ballot = partition->ballot;
    }
    cJSON_ArrayForEach(drop, cJSON_GetObjectItemCaseSensitive(line->json, "drops"))
    {
        partition->last_drops[partition->last_drop_count++] =
            (int16_t)retelling_server(retelling, cJSON_GetStringValue(drop));
    }
}

/* What the machine of the recordings, two cores for all servers, shows in them: 370 replicas are
 * loaded in 5 s, 35 in 0.5 s; about 70 replicas a second learn what they lack. */
static inline void take_machine(struct model_timings *timings)
{
    timings->start_us = 250 * US_PER_MS;
    timings->stale_lock_us = 130 * US_PER_MS;
    timings->load_us = 13500 * LOAD_SLOTS;
    timings->learn_us = 12 * US_PER_MS * LEARN_SLOTS;
}

static inline void note(struct changes *changes, int64_t at_us, int32_t value)
{
    int32_t count = changes->count;
    if (count == 0 || changes->items[count - 1].value != value) {
        ck_assert_int_lt(count, CHANGES_MAX);
        changes->items[changes->count++] = (struct change_of){at_us, value};
    }
}

static inline void watch_cluster(struct retelling *retelling)
{
    const struct sim *sim = retelling->lab.sim;
    int64_t at_us = sim->now_us - retelling->shift_us;
    bool active = sim->leader.active;
    for (int32_t i = 0; i < REPLICA_SERVERS; i++) {
        take_guess(retelling, i);
    }
    note(&retelling->leaders, at_us, active ? sim->leader.meta : NO_SERVER);
    if (!active) {
        return;
    }
    note(&retelling->levels, at_us, meta_effective_level(sim));
    for (int32_t i = 0; i < REPLICA_SERVERS; i++) {
        note(&retelling->nodes[i], at_us, sim->servers[i].status);
    }
}

static inline struct retelling *retelling_open(const struct fidelity_row *row)
{
    struct retelling *retelling = memory_allocate(sizeof *retelling);
    struct lab *lab = &retelling->lab;
    retelling->row = row;
    retelling->trace = trace_read(row->name, row->inferred);
    lab_model(lab, row->release);
    lab->m1 = lab->model.replica_count;
    for (int32_t i = 0; i < lab->model.meta_count; i++) {
        retelling->metas[i] = lab->m1 + i;
    }
    take_machine(&lab->model.timings);
    if (row->start_ms > 0) {
        lab->model.timings.start_us = row->start_ms * US_PER_MS;
    }
    lab->model.table_count = 0;
    for (int32_t i = 0; i < retelling->trace->count; i++) {
        const struct trace_line *line = &retelling->trace->lines[i];
        if (line_is(line, "initial")) {
            take_initial(retelling, line);
            struct model_table *table = &retelling->tables[line_pid(line).app_id - 1];
            if (table->name == NULL) {
                *table = table_shapes[line_pid(line).app_id - 1];
                table->placement = retelling->placements[line_pid(line).app_id - 1];
            }
        }
    }
    int32_t count = 0;
    for (int32_t i = 0; i < TABLES_MAX; i++) {
        if (retelling->tables[i].name != NULL) {
            retelling->tables[count++] = retelling->tables[i];
        }
    }
    lab->model.tables = retelling->tables;
    lab->model.table_count = count;
    lab_start(lab);
    for (int32_t i = 0; i < retelling->trace->count; i++) {
        if (line_is(&retelling->trace->lines[i], "initial")) {
            take_ballot(retelling, &retelling->trace->lines[i]);
        }
    }
    /* The leader's tick comes when it came. */
    retelling->shift_us =
        lab->sim->leader.next_tick_us + 10 * US_PER_SECOND - row->tick_ms * US_PER_MS;
    lab_advance_to(lab, retelling->shift_us);
    take_phases(retelling);
    take_leftovers(retelling);
    size_t partitions = (size_t)lab->sim->partition_count;
    retelling->first_ballots = memory_allocate(partitions * sizeof(int64_t));
    retelling->ballots = memory_allocate(partitions * sizeof(int64_t));
    retelling->away_since_us = memory_allocate(partitions * sizeof(int64_t));
    retelling->longest_away_us = memory_allocate(partitions * sizeof(int64_t));
    retelling->states = memory_allocate(partitions * sizeof *retelling->states);
    for (size_t i = 0; i < partitions; i++) {
        retelling->first_ballots[i] = lab->sim->partitions[i].ballot;
        retelling->ballots[i] = lab->sim->partitions[i].ballot;
        retelling->away_since_us[i] = -1;
    }
    for (int32_t i = 0; i < REPLICA_SERVERS; i++) {
        retelling->stages[i] = STAGE_READY;
    }
    watch_cluster(retelling);
    return retelling;
}

static inline void retelling_close(struct retelling *retelling)
{
    trace_free(retelling->trace);
    free(retelling->first_ballots);
    free(retelling->ballots);
    free(retelling->away_since_us);
    free(retelling->longest_away_us);
    free(retelling->states);
    lab_close(&retelling->lab);
    free(retelling);
}

/* ---- watching */

static inline void add_label(char state[STATE_BYTES], int32_t server)
{
    size_t used = strlen(state);
    if (server < 0) {
        snprintf(state + used, STATE_BYTES - used, " -");
    } else {
        snprintf(state + used, STATE_BYTES - used, " r%d", server + 1);
    }
}

static inline void watch_partition(struct retelling *retelling, int32_t index)
{
    const struct sim *sim = retelling->lab.sim;
    const struct partition *partition = &sim->partitions[index];
    int64_t at_us = sim->now_us - retelling->shift_us;
    int64_t *since_us = &retelling->away_since_us[index];
    if (partition->reads_away && *since_us < 0) {
        *since_us = at_us;
    } else if (!partition->reads_away && *since_us >= 0) {
        if (at_us - *since_us > retelling->longest_away_us[index]) {
            retelling->longest_away_us[index] = at_us - *since_us;
        }
        *since_us = -1;
    }
    if (partition->ballot == retelling->ballots[index]) {
        return;
    }
    retelling->ballots[index] = partition->ballot;
    int64_t nth = partition->ballot - retelling->first_ballots[index];
    ck_assert_int_lt(nth, STATES_MAX);
    struct state *state = &retelling->states[index][nth];
    state->at_us = at_us;
    add_label(state->text, partition->primary);
    for (int32_t s = 0; s < partition->secondary_count; s++) {
        add_label(state->text, partition->secondaries[s]);
    }
    strcat(state->text, " |");
    for (int32_t d = 0; d < partition->last_drop_count; d++) {
        add_label(state->text, partition->last_drops[d]);
    }
}

static inline void watch_until(struct retelling *retelling, int64_t recorded_us)
{
    struct lab *lab = &retelling->lab;
    int64_t end_us = recorded_us + retelling->shift_us;
    while (lab->sim->now_us < end_us) {
        int64_t next_us = sim_next_event_us(lab->sim);
        lab_advance_to(lab, next_us < end_us ? next_us : end_us);
        for (int32_t i = 0; i < lab->sim->partition_count; i++) {
            watch_partition(retelling, i);
        }
        watch_cluster(retelling);
        be_deaf(retelling);
    }
}

/* ---- doing */

static inline void expect_reply(struct retelling *retelling, const struct trace_line *line,
                                const char *reply, const char *recorded)
{
    retelling->operations++;
    if (strcmp(reply, recorded) == 0) {
        return;
    }
    if (retelling->refusals++ == 0) {
        snprintf(retelling->first_refusal, sizeof retelling->first_refusal,
                 "%.3f %s %s: '%.40s' instead of '%.40s'", (double)line->at_us / 1e6,
                 line_string(line, line_is(line, "do") ? "what" : "type"), line_string(line, "pid"),
                 reply, recorded);
    }
}

static inline int32_t leader_of(struct retelling *retelling)
{
    int32_t leader = retelling->lab.sim->leader.meta;
    return leader == NO_SERVER ? retelling->lab.m1 : leader;
}

static inline void control(struct retelling *retelling, int32_t server, enum sim_control what)
{
    lab_control(&retelling->lab, server, what);
    watch_cluster(retelling);
}

/* "process kill1 replica 4": when the order came and when it was reported done differ, and the
 * machine did it in between. */
static inline bool do_process(struct retelling *retelling, const struct trace_line *line)
{
    char verb[16];
    char role[16];
    int32_t number;
    if (sscanf(line_string(line, "what"), "process %15s %15s %d", verb, role, &number) != 3) {
        return false;
    }
    int32_t server = strcmp(role, "replica") == 0 ? number - 1 : retelling->metas[number - 1];
    if (line_is(line, "do")) {
        retelling->operations++;
        watch_until(retelling, line->at_us + KILL_DELAY_MS * US_PER_MS);
        if (strcmp(verb, "start1") == 0) {
            control(retelling, server, SIM_START);
        } else {
            control(retelling, server, SIM_KILL);
            if (server < REPLICA_SERVERS) {
                take_notices(retelling, server, line->at_us);
            }
        }
    } else if (strcmp(verb, "restart1") == 0) {
        watch_until(retelling, line->at_us - START_AGO_MS * US_PER_MS);
        control(retelling, server, SIM_START);
    }
    return true;
}

static inline void do_level(struct retelling *retelling, const struct trace_line *line,
                            int32_t level)
{
    int32_t old_level = 0;
    char reply[64];
    char recorded[64];
    const cJSON *answer = cJSON_GetObjectItemCaseSensitive(line->json, "reply");
    const char *err = lab_level(&retelling->lab, level, &old_level);
    snprintf(reply, sizeof reply, "%s %d", err, old_level);
    snprintf(recorded, sizeof recorded, "%s %d",
             cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "err")),
             (int)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(answer, "old_level")));
    expect_reply(retelling, line, reply, recorded);
    watch_cluster(retelling);
}

static inline void kill_all(struct retelling *retelling)
{
    struct sim *sim = retelling->lab.sim;
    char words[64];
    for (int32_t i = 0; i < sim->partition_count; i++) {
        const struct partition *partition = &sim->partitions[i];
        if (!partition_has_member(partition, retelling->subject)) {
            snprintf(words, sizeof words, "replica.kill_partition %d %d", partition->gpid.app_id,
                     partition->gpid.partition);
            lab_command(&retelling->lab, retelling->subject, words);
        }
    }
}

static inline void do_again(struct retelling *retelling, const struct trace_line *line)
{
    const char *what = line_string(line, "what");
    const char *to = line_string(line, "to");
    if (do_process(retelling, line)) {
        return;
    }
    if (strcmp(what, "replica.kill_partition of all") == 0) {
        retelling->operations++;
        kill_all(retelling);
    } else if (strncmp(what, "set_meta_level ", 15) == 0) {
        do_level(retelling, line, strcmp(what + 15, "lively") == 0 ? LEVEL_LIVELY : LEVEL_STEADY);
    } else if (strcmp(what, "level") == 0) {
        do_level(retelling, line, LEVEL_QUERY);
    } else {
        int32_t server =
            strcmp(to, "leader") == 0 ? leader_of(retelling) : retelling_server(retelling, to);
        expect_reply(retelling, line, lab_command(&retelling->lab, server, what),
                     line_string(line, "reply"));
    }
}

static inline void propose_again(struct retelling *retelling, const struct trace_line *line)
{
    struct lab *lab = &retelling->lab;
    const struct partition *partition = world_partition(lab->sim, line_pid(line));
    const char *type = line_string(line, "type");
    bool forced = line_flag(line, "forced");
    const char *reply;
    if (strcmp(type, "move_primary") == 0) {
        reply = lab_move(lab, partition, retelling_server(retelling, line_string(line, "to")));
    } else if (strcmp(type, "add_secondary") == 0) {
        if (partition->primary == NO_SERVER ||
            partition_has_member(partition, retelling->subject)) {
            return; /* the tool read it before it sent again */
        }
        reply = lab_propose(lab, partition, CT_ADD_SECONDARY, partition->primary,
                            retelling->subject, true);
    } else {
        if (!partition_has_member(partition, retelling->subject)) {
            retelling->refusals++;
            return;
        }
        reply = lab_propose(lab, partition, CT_DOWNGRADE_TO_INACTIVE, partition->primary,
                            retelling->subject, forced);
    }
    const char *recorded = line_string(line, "err");
    expect_reply(retelling, line, reply, recorded[0] == '\0' ? PEGASUS_OK : recorded);
}

/* Which server the next proposals are about: the next line says "no ... on r2". */
static inline int32_t find_subject(const struct retelling *retelling, int32_t from)
{
    for (int32_t i = from; i < retelling->trace->count; i++) {
        const struct trace_line *line = &retelling->trace->lines[i];
        const char *what = line_string(line, "what");
        if (line_is(line, "reached") && strncmp(what, "no ", 3) == 0) {
            return retelling_server(retelling, strstr(what, " on r") + 4);
        }
    }
    return retelling->subject;
}

static inline void retelling_run(struct retelling *retelling)
{
    const struct trace_line *leader = NULL; /* the recorded one */
    for (int32_t i = 0; i < retelling->trace->count; i++) {
        const struct trace_line *line = &retelling->trace->lines[i];
        bool is_add = strcmp(line_string(line, "type"), "add_secondary") == 0;
        if (line_is(line, "propose") && line_string(line, "server")[0] == 'r') {
            retelling->subject = retelling_server(retelling, line_string(line, "server"));
        } else if (line_is(line, "propose") && !is_add) {
            retelling->subject = find_subject(retelling, i);
        }
        if (line->at_us + retelling->shift_us > retelling->lab.sim->now_us) {
            watch_until(retelling, line->at_us);
        }
        if (line_is(line, "do")) {
            take_leader(retelling, leader);
            do_again(retelling, line);
        } else if (line_is(line, "done")) {
            do_process(retelling, line);
        } else if (line_is(line, "leader")) {
            leader = line;
        } else if (line_is(line, "propose")) {
            propose_again(retelling, line);
        }
    }
}

#endif
