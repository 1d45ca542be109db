/* A recorded drain of a real cluster (tests/data/traces), done again in the simulation: the same
 * orders at the same times must lead to the same configurations, in the same order, about then. */
#include "lab.h"

#include <cjson/cJSON.h>

enum { BALLOTS = 16, PARTITIONS = 64, STATE_BYTES = 96, LATE_US = 300 * 1000 };

static const struct model_table table_shapes[] = {
    {.name = "stat", .partition_count = 4, .max_replica_count = 3, .written = true},
    {.name = "temp", .partition_count = 16, .max_replica_count = 3, .written = true},
    {.name = "users", .partition_count = 32, .max_replica_count = 3},
    {.name = "pair", .partition_count = 8, .max_replica_count = 2},
    {.name = "solo", .partition_count = 4, .max_replica_count = 1},
};
enum { TABLES = sizeof table_shapes / sizeof table_shapes[0] };

struct retelling {
    struct lab lab;
    struct model_table tables[TABLES];
    int32_t placements[TABLES][32 * 3];
    int64_t shift_us; /* simulated time minus recorded time */
    int64_t *watched; /* the ballots as they were last seen */
    struct {
        int64_t at_us; /* recorded time; 0: not seen */
        char state[STATE_BYTES];
    } seen[PARTITIONS][BALLOTS];
};

static cJSON **read_trace(const char *path, int32_t *count)
{
    cJSON **lines = memory_allocate(2000 * sizeof *lines);
    char *line = NULL;
    size_t capacity = 0;
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    *count = 0;
    while (getline(&line, &capacity, file) > 0) {
        ck_assert_int_lt(*count, 2000);
        lines[*count] = cJSON_Parse(line);
        ck_assert_ptr_nonnull(lines[*count]);
        ++*count;
    }
    free(line);
    fclose(file);
    return lines;
}

static const char *string_of(const cJSON *line, const char *key)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, key));
    return value == NULL ? "" : value;
}

static int64_t time_of(const cJSON *line)
{
    return (int64_t)(cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(line, "t")) * 1e6);
}

static int64_t number_of(const cJSON *line, const char *key)
{
    return (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(line, key));
}

static struct gpid pid_of(const cJSON *line)
{
    struct gpid gpid;
    ck_assert_int_eq(sscanf(string_of(line, "pid"), "%d.%d", &gpid.app_id, &gpid.partition), 2);
    return gpid;
}

/* "r3" is server 2. */
static int32_t server_of(const char *label)
{
    return label[0] == 'r' ? label[1] - '1' : NO_SERVER;
}

static void take_initial(struct retelling *retelling, const cJSON *line)
{
    struct gpid gpid = pid_of(line);
    int32_t factor = table_shapes[gpid.app_id - 1].max_replica_count;
    int32_t *row = &retelling->placements[gpid.app_id - 1][gpid.partition * factor];
    const cJSON *secondaries = cJSON_GetObjectItemCaseSensitive(line, "secondaries");
    row[0] = server_of(string_of(line, "primary"));
    for (int32_t i = 1; i < factor; i++) {
        row[i] = server_of(cJSON_GetStringValue(cJSON_GetArrayItem(secondaries, i - 1)));
    }
}

static void open_retelling(struct retelling *retelling, cJSON **lines, int32_t count,
                           int64_t tick_us)
{
    struct lab *lab = &retelling->lab;
    for (int32_t i = 0; i < count; i++) {
        if (strcmp(string_of(lines[i], "kind"), "initial") == 0) {
            take_initial(retelling, lines[i]);
        }
    }
    lab_model(lab, RELEASE_MASTER);
    for (int32_t i = 0; i < TABLES; i++) {
        retelling->tables[i] = table_shapes[i];
        retelling->tables[i].placement = retelling->placements[i];
    }
    lab->model.tables = retelling->tables;
    lab->model.table_count = TABLES;
    lab_start(lab);
    for (int32_t i = 0; i < count; i++) {
        if (strcmp(string_of(lines[i], "kind"), "initial") == 0) {
            struct partition *partition = world_partition(lab->sim, pid_of(lines[i]));
            partition->ballot = number_of(lines[i], "ballot");
            for (int32_t r = partition->first_replica; r >= 0;
                 r = lab->sim->replicas[r].next_in_partition) {
                lab->sim->replicas[r].ballot = partition->ballot;
            }
        }
    }
    /* The leader's tick comes when it came. */
    retelling->shift_us = lab->sim->leader.next_tick_us + 10 * US_PER_SECOND - tick_us;
    lab_advance_to(lab, retelling->shift_us);
    retelling->watched =
        memory_allocate((size_t)lab->sim->partition_count * sizeof *retelling->watched);
    for (int32_t i = 0; i < lab->sim->partition_count; i++) {
        retelling->watched[i] = lab->sim->partitions[i].ballot;
    }
}

/* ---- watching */

static void add_label(char state[STATE_BYTES], int32_t server)
{
    size_t used = strlen(state);
    if (server < 0) {
        snprintf(state + used, STATE_BYTES - used, " -");
    } else {
        snprintf(state + used, STATE_BYTES - used, " r%d", server + 1);
    }
}

static void watch(struct retelling *retelling)
{
    struct sim *sim = retelling->lab.sim;
    for (int32_t i = 0; i < sim->partition_count; i++) {
        const struct partition *partition = &sim->partitions[i];
        if (partition->ballot == retelling->watched[i]) {
            continue;
        }
        retelling->watched[i] = partition->ballot;
        ck_assert_int_lt(partition->ballot, BALLOTS);
        char *state = retelling->seen[i][partition->ballot].state;
        retelling->seen[i][partition->ballot].at_us = sim->now_us - retelling->shift_us;
        add_label(state, partition->primary);
        for (int32_t s = 0; s < partition->secondary_count; s++) {
            add_label(state, partition->secondaries[s]);
        }
        strcat(state, " |");
        for (int32_t d = 0; d < partition->last_drop_count; d++) {
            add_label(state, partition->last_drops[d]);
        }
    }
}

static void watch_until(struct retelling *retelling, int64_t recorded_us)
{
    int64_t end_us = recorded_us + retelling->shift_us;
    while (retelling->lab.sim->now_us < end_us) {
        int64_t step_us = retelling->lab.sim->now_us + 5 * US_PER_MS;
        lab_advance_to(&retelling->lab, step_us < end_us ? step_us : end_us);
        watch(retelling);
    }
}

/* ---- doing */

static void do_again(struct retelling *retelling, const cJSON *line)
{
    struct lab *lab = &retelling->lab;
    const char *what = string_of(line, "what");
    if (strcmp(what, "set_meta_level steady") == 0) {
        ck_assert_str_eq(lab_level(lab, LEVEL_STEADY, NULL), PEGASUS_OK);
    } else if (strcmp(what, "process stop1 replica 1") == 0) {
        lab_control(lab, R1, SIM_STOP);
    } else if (strcmp(what, "process start1 replica 1") == 0) {
        lab_control(lab, R1, SIM_START);
    } else {
        int32_t server = strcmp(string_of(line, "to"), "leader") == 0
                             ? lab->m1
                             : server_of(string_of(line, "to"));
        ck_assert_str_eq(lab_command(lab, server, what), string_of(line, "reply"));
    }
}

static void propose_again(struct retelling *retelling, const cJSON *line)
{
    struct lab *lab = &retelling->lab;
    const struct partition *partition = world_partition(lab->sim, pid_of(line));
    if (strcmp(string_of(line, "type"), "move_primary") == 0) {
        ck_assert_int_eq(partition->primary, R1);
        ck_assert_str_eq(lab_move(lab, partition, server_of(string_of(line, "to"))),
                         string_of(line, "err"));
    } else {
        ck_assert_str_eq(
            lab_propose(lab, partition, CT_DOWNGRADE_TO_INACTIVE, partition->primary, R1, false),
            string_of(line, "err"));
    }
}

static void expect_counts(struct retelling *retelling, const cJSON *line)
{
    const struct server *server = &retelling->lab.sim->servers[R1];
    if (number_of(line, "closing_replicas") == 0) {
        ck_assert_int_eq(server->open_count, number_of(line, "total_replicas"));
        ck_assert_int_eq(server->closing_count, 0);
    }
}

static void expect_partition(struct retelling *retelling, const cJSON *line)
{
    const struct partition *partition = world_partition(retelling->lab.sim, pid_of(line));
    int32_t index = partition_index(retelling->lab.sim, partition);
    int64_t ballot = number_of(line, "ballot");
    const char *pid = string_of(line, "pid");
    char expected[STATE_BYTES] = "";
    const cJSON *item;
    add_label(expected, server_of(string_of(line, "primary")));
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(line, "secondaries"))
    {
        add_label(expected, server_of(cJSON_GetStringValue(item)));
    }
    strcat(expected, " |");
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(line, "drops"))
    {
        add_label(expected, server_of(cJSON_GetStringValue(item)));
    }
    int64_t at_us = retelling->seen[index][ballot].at_us;
    ck_assert_msg(at_us != 0, "%s never had ballot %d", pid, (int)ballot);
    ck_assert_str_eq(retelling->seen[index][ballot].state, expected);
    int64_t late_us = at_us - time_of(line);
    ck_assert_msg(late_us < LATE_US && late_us > -LATE_US, "%s at ballot %d: %lld ms late", pid,
                  (int)ballot, (long long)(late_us / US_PER_MS));
}

START_TEST(recorded_drain_and_return_are_retold)
{
    int32_t count;
    int32_t compared = 0;
    cJSON **lines = read_trace("tests/data/traces/master-drain.jsonl", &count);
    struct retelling *retelling = memory_allocate(sizeof *retelling);
    open_retelling(retelling, lines, count, 6060 * US_PER_MS);
    for (int32_t i = 0; i < count; i++) {
        const char *kind = string_of(lines[i], "kind");
        watch_until(retelling, time_of(lines[i]));
        if (strcmp(kind, "do") == 0) {
            do_again(retelling, lines[i]);
        } else if (strcmp(kind, "propose") == 0) {
            propose_again(retelling, lines[i]);
        } else if (strcmp(kind, "replicas") == 0) {
            expect_counts(retelling, lines[i]);
        }
    }
    for (int32_t i = 0; i < count; i++) {
        if (strcmp(string_of(lines[i], "kind"), "partition") == 0) {
            expect_partition(retelling, lines[i]);
            compared++;
        }
    }
    ck_assert_int_eq(compared, 74);
    ck_assert_int_eq(lab_health(&retelling->lab).unhealthy, 0);
    ck_assert_uint_eq(sim_violation_count(retelling->lab.sim), 0);
    for (int32_t i = 0; i < count; i++) {
        cJSON_Delete(lines[i]);
    }
    free(lines);
    free(retelling->watched);
    lab_close(&retelling->lab);
    free(retelling);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace");
    TCase *cases = tcase_create("trace");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, recorded_drain_and_return_are_retold);
    suite_add_tcase(suite, cases);
    return lab_run(suite);
}
