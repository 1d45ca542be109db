/* cli/doctor.c - pegflow doctor: looks at a cluster and says what would stop an upgrade.
 *
 * Gets a reader only: calls that change something do not exist here. */
#include "cli/metas.h"
#include "cli/session.h"

#include "engine/condition.h"
#include "engine/guard.h"
#include "engine/leftovers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct doctor {
    struct session session;
    struct gatherer *gatherer;
    const struct evidence *evidence;
    int findings;
};

static void say(const char *topic, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const char *topic, const char *format, ...)
{
    va_list args;
    printf("%-12s  ", topic);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

static void finding(struct doctor *doctor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void finding(struct doctor *doctor, const char *format, ...)
{
    va_list args;
    doctor->findings++;
    printf("%-12s  ", "FINDING");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

static const struct server_evidence *evidence_of(const struct doctor *doctor,
                                                 const struct server *server)
{
    return &doctor->evidence->servers[inventory_slot(&doctor->session.inventory, server)];
}

static void look_at_cluster(struct doctor *doctor)
{
    const struct snapshot *snapshot = &doctor->session.snapshot;
    const char *level = meta_level_name(snapshot->level);
    const char *stored = meta_level_name(snapshot->stored_level);
    say("cluster", "%s, ZooKeeper root %s", doctor->session.cluster_file->name,
        snapshot->zookeeper_root);
    say("leader", "%s", snapshot->leader_name);
    say("level", "%s%s%s", level == NULL ? "unknown" : level,
        snapshot->level == snapshot->stored_level ? "" : ", stored ",
        snapshot->level == snapshot->stored_level ? ""
        : stored == NULL                          ? "unknown"
                                                  : stored);
    if (snapshot->level < LEVEL_STEADY) {
        finding(doctor, "the meta level is '%s': nothing heals and no replica can be moved",
                level == NULL ? "unknown" : level);
    }
}

/* Metas that only one side knows. */
static void compare_metas(struct doctor *doctor)
{
    struct text difference = {0};
    if (!metas_compare(doctor->session.cluster_file, &doctor->session.snapshot, &difference)) {
        finding(doctor, "%s", text_string(&difference));
    }
    text_clear(&difference);
}

static void look_at_role(struct doctor *doctor, enum role role)
{
    const struct session *session = &doctor->session;
    const char *target = session->cluster_file->target_version;
    for (int32_t i = 0; i < session->inventory.count[role]; i++) {
        const struct server *server = &session->inventory.servers[role][i];
        const struct server_evidence *seen = evidence_of(doctor, server);
        int32_t node = snapshot_find_node(&session->snapshot, server->address);
        bool leads = address_equal(server->address, session->snapshot.leader);
        if (!seen->answered) {
            say(role_name(role), "%-21s  no answer", server->name);
            finding(doctor, "%s %s does not answer: %s", role_name(role), server->name,
                    seen->error.text);
            continue;
        }
        char replicas[64] = "";
        if (role == ROLE_REPLICA && node >= 0) {
            snprintf(replicas, sizeof replicas, ", %d primaries, %d secondaries",
                     session->snapshot.nodes[node].primaries,
                     session->snapshot.nodes[node].secondaries);
        }
        say(role_name(role), "%-21s  %s%s, started %s%s%s", server->name,
            seen->facts.version[0] == '\0' ? "shows no version" : seen->facts.version,
            target != NULL && strcmp(target, seen->facts.version) == 0 ? " (the target)" : "",
            seen->facts.start_time, replicas, leads ? ", leads" : "");
        if (role == ROLE_REPLICA && node >= 0 &&
            session->snapshot.nodes[node].status != NODE_ALIVE) {
            finding(doctor, "replica server %s answers, but the leader shows it as UNALIVE",
                    server->name);
        }
    }
}

static void look_at_tables(struct doctor *doctor)
{
    const struct snapshot *snapshot = &doctor->session.snapshot;
    struct condition healthy = {.kind = COND_CLUSTER_IS_HEALTHY, .name = "cluster_is_healthy"};
    struct condition_context context = {.inventory = &doctor->session.inventory};
    struct text reason = {0};
    struct error err;
    enum answer answer = ANSWER_UNKNOWN;
    for (int32_t t = 0; t < snapshot->table_count; t++) {
        const struct snapshot_table *table = &snapshot->tables[t];
        if (table->partitions != NULL) {
            say("table", "%-21s  %d partitions, %d replicas each", table->name,
                table->partition_count, table->max_replica_count);
        }
    }
    condition_evaluate(&healthy, &context, doctor->evidence, &answer, &reason, &err);
    say("health", "%s", text_string(&reason));
    if (answer != ANSWER_YES) {
        finding(doctor, "the cluster is not healthy: %s", text_string(&reason));
    }
    text_clear(&reason);
}

/* Could each server be taken away, one at a time? One line per distinct answer would hide which. */
static void look_at_guards(struct doctor *doctor)
{
    const struct inventory *inventory = &doctor->session.inventory;
    int32_t refused = 0;
    for (int32_t i = 0; i < inventory->count[ROLE_REPLICA]; i++) {
        const struct server *server = &inventory->servers[ROLE_REPLICA][i];
        struct text reason = {0};
        if (guard_survives_loss(doctor->evidence, inventory, server, NULL, true,
                                doctor->session.cluster_file, &reason) != ANSWER_YES) {
            refused++;
            finding(doctor, "%s cannot be taken away: %s", server->name, text_string(&reason));
        }
        text_clear(&reason);
    }
    if (refused == 0) {
        say("guards", "each replica server can be taken away, one at a time");
    }
}

static void look_at_settings(struct doctor *doctor)
{
    static const char *const names[] = {SETTING_ADD_SECONDARY_LIMIT, SETTING_FLOW_CONTROL,
                                        SETTING_ASSIGN_DELAY, SETTING_BLACK_LIST};
    struct text value = {0};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct error err;
        text_reset(&value);
        if (!session_read_setting(&doctor->session, (struct address){0}, names[i], &value, &err)) {
            finding(doctor, "%s could not be read: %s", names[i], err.text);
            continue;
        }
        say("setting", "%s = %s", names[i], value.length == 0 ? "(empty)" : text_string(&value));
        const char *meaning = leftover_meaning(names[i], text_string(&value));
        if (meaning != NULL) {
            finding(doctor, "%s is %s, which looks like another tool's leftover: %s", names[i],
                    text_string(&value), meaning);
        }
    }
    text_clear(&value);
}

static bool gather_all(struct doctor *doctor, struct error *err)
{
    struct inventory *inventory = &doctor->session.inventory;
    doctor->gatherer = gatherer_new(&doctor->session.gatherers);
    struct needs *needs = gatherer_needs(doctor->gatherer);
    guard_add_needs(&inventory->servers[ROLE_REPLICA][0], inventory, needs);
    for (int role = 0; role < ROLE_COUNT; role++) {
        for (int32_t i = 0; i < inventory->count[role]; i++) {
            needs->parts[inventory_slot(inventory, &inventory->servers[role][i])] |=
                FACT_VERSION | FACT_START_TIME | (role == ROLE_COLLECTOR ? 0 : FACT_COMMANDS);
        }
    }
    doctor->evidence = session_gather(&doctor->session, doctor->gatherer, err);
    return doctor->evidence != NULL;
}

static int examine(struct doctor *doctor, struct error *err)
{
    if (!session_meet(&doctor->session, err) || !gather_all(doctor, err)) {
        return -1;
    }
    look_at_cluster(doctor);
    look_at_role(doctor, ROLE_META);
    compare_metas(doctor);
    look_at_role(doctor, ROLE_REPLICA);
    look_at_role(doctor, ROLE_COLLECTOR);
    look_at_tables(doctor);
    look_at_guards(doctor);
    look_at_settings(doctor);
    if (doctor->findings == 0) {
        printf("\nnothing found that would stop an upgrade\n");
        return 0;
    }
    printf("\n%d finding%s; an upgrade would stop or be refused\n", doctor->findings,
           doctor->findings == 1 ? "" : "s");
    return error_exit_code(ERROR_REFUSED);
}

static int run_doctor(const struct arguments *arguments, struct error *err)
{
    struct doctor doctor = {0};
    int code = session_load(&doctor.session, arguments);
    if (code < 0) {
        code = examine(&doctor, err);
    }
    gatherer_free(doctor.gatherer);
    session_close(&doctor.session);
    return code;
}

static const struct option_row options[] = {SESSION_OPTIONS};

const struct command command_doctor = {
    .name = "doctor",
    .summary = "look at a cluster and say what would stop an upgrade; changes nothing",
    .operands = "",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .description =
        "Finds the primary meta server, checks that it is the cluster the file means, and looks "
        "at\n"
        "every server itself: versions, start times, health of all partitions, the guards that an\n"
        "upgrade would meet, and settings that look like another tool's leftovers.\n"
        "Exit code 0: nothing found; 3: findings, or the cluster could not be met.",
    .example = "  pegflow doctor -c examples/demo/cluster.lua",
    .run = run_doctor,
};
