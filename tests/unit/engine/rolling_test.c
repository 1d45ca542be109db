/* rolling with several servers in flight, canaries, racks and tolerated failures, and parallel
 * branches that take servers away: on a simulated cluster in virtual time. */
#include "story.h"

#define BACK                                                                                       \
    "wait_until { all_of { is_alive(n), has_restarted(n) }, timeout = \"10m\" }, "                 \
    "wait_until { cluster_is_healthy(), timeout = \"1h\" }"
#define UPDATE "deploy(n) { \"update\" }, " BACK
#define DRAIN                                                                                      \
    "hold { setting = { [\"meta.lb.add_secondary_max_count_for_one_node\"] = 0 }, wait_until { "   \
    "no_primaries(n), nudge = migrate_node(n), timeout = \"10m\" }, wait_until { all_of { "        \
    "no_primaries(n), no_secondaries(n) }, nudge = downgrade_node(n), timeout = \"10m\" }, "       \
    "deploy(n) { \"update\" }, wait_until { all_of { is_alive(n), has_restarted(n) }, timeout = "  \
    "\"10m\" } }, wait_until { cluster_is_healthy(), timeout = \"1h\" }"
#define ROLLING(fields, body)                                                                      \
    WORKFLOW("rolling \"r\" { over = cluster.replicas, " fields                                    \
             ", steps = function(n) return { " body " } end }, log \"after\",")
#define SERVER(n) "localhost:3480" #n

/* Servers 1 and 4 have no partition in common; 1 and 2 have, 4 and 5 have. */
static const int32_t apart_placement[] = {0, 1, 2, 3, 4, 1, 4, 3, 2};
static const struct model_table apart[] = {
    {.name = "t", .partition_count = 3, .max_replica_count = 3, .placement = apart_placement},
};
#define APART .tables = apart, .table_count = 1

static const char racks[] =
    "return cluster \"onebox\" {\n"
    "  metas = { \"127.0.0.1:34601\", \"127.0.0.1:34602\" },\n"
    "  racks = { [\"127.0.0.1:34801\"] = \"a\", [\"127.0.0.1:34802\"] = \"b\",\n"
    "    [\"127.0.0.1:34803\"] = \"a\", [\"127.0.0.1:34804\"] = \"b\", [\"127.0.0.1:34805\"] = 3 "
    "},\n"
    "}\n";

static const struct story stories[] = {
    /* ---- how many, and who */
    {.name = "two in flight, where they have no partition in common",
     .workflow = ROLLING("max_in_flight = 2", UPDATE),
     APART,
     .order = {"picked r/" SERVER(1), "guard r/" SERVER(4) " passed: " SERVER(4) " may go as well",
               "picked r/" SERVER(4), "intention r/" SERVER(4) "/deploy update",
               "step_done r/" SERVER(1) " ", "log log after"}},
    {.name = "two in flight, drained, with one limit held by both",
     .workflow = ROLLING("max_in_flight = 2", DRAIN),
     APART,
     .order = {"picked r/" SERVER(1), "picked r/" SERVER(4), "handed_on r/",
               "add_secondary_max_count_for_one_node is back at 20", "log log after"}},
    {.name = "none in common with nobody: one after the other, and it says why",
     .workflow = ROLLING("max_in_flight = 3", UPDATE),
     .order = {"picked r/" SERVER(1),
               "waiting r no other server is begun: not now: " SERVER(1) " is in work (counted as "
                                                                         "lost): ",
               "step_done r/" SERVER(1) " ", "picked r/" SERVER(2), "step_done r/" SERVER(2) " ",
               "picked r/" SERVER(3), "log log after"},
     .absent = "may go as well"},
    {.name = "what takes nothing away needs no leave",
     .workflow = ROLLING("max_in_flight = 2", "sleep \"10s\""),
     .order = {"picked r/" SERVER(1), "picked r/" SERVER(2), "step_done r/" SERVER(1) " ",
               "picked r/" SERVER(3), "log log after"},
     .absent = "no other server"},
    {.name = "a pause between servers",
     .workflow = ROLLING("pause = \"30s\"", "sleep \"10s\""),
     .order = {"step_done r/" SERVER(1), "pause of 30s before the next server",
               "picked r/" SERVER(2), "step_done r rolling done in 2m50s"}},
    {.name = "one rack after the other",
     .workflow = ROLLING("within = \"rack\", max_in_flight = 2", "sleep \"10s\""),
     .cluster = racks,
     .order = {"picked r/" SERVER(1), "picked r/" SERVER(3), "step_done r/" SERVER(3) " ",
               "picked r/" SERVER(2), "picked r/" SERVER(4), "step_done r/" SERVER(4) " ",
               "picked r/" SERVER(5)}},
    /* ---- failures */
    {.name = "a server may fail",
     .workflow =
         ROLLING("max_failures = 1",
                 "n.index == 2 and remote_command { to = \"meta\", \"no.such\" } or log(n.name)"),
     .exit_code = 1,
     .order = {"passed_over r/" SERVER(2) " " SERVER(2) " failed, as 1 of at most 1: no.such",
               "picked r/" SERVER(3), "step_done r ", "log log after",
               "run_finished r/" SERVER(2) "/remote_command failed"},
     .error = "all else was done, but 1 of the servers failed: no.such was refused"},
    {.name = "but no more than are allowed",
     .workflow =
         ROLLING("max_failures = 1",
                 "n.index > 1 and remote_command { to = \"meta\", \"no.such\" } or log(n.name)"),
     .exit_code = 1,
     .order = {"passed_over r/" SERVER(2), "picked r/" SERVER(3), "step_failed r/" SERVER(3),
               "step_failed r no.such", "run_finished r/" SERVER(3) "/remote_command"},
     .absent = "picked r/" SERVER(4),
     .error = "no.such was refused"},
    {.name = "a failure ends those in flight, whose deploy is followed",
     .workflow = ROLLING("max_in_flight = 2", "n.index == 4 and remote_command { to = \"meta\", "
                                              "\"no.such\" } or deploy(n) { \"update\" }, " BACK),
     APART,
     .exit_code = 1,
     .order = {"picked r/" SERVER(1), "picked r/" SERVER(4), "step_failed r/" SERVER(4) " no.such",
               "has begun and is followed until the server is alive", "then the run ends all the",
               "step_failed r/" SERVER(1) " ended since 'r/" SERVER(4) "' failed",
               "step_failed r no.such"},
     .absent = "log after"},
    {.name = "a stop ends those in flight, whose deploys are followed",
     .workflow = ROLLING("max_in_flight = 2", UPDATE),
     APART,
     .on = "intention r/" SERVER(4) "/deploy update",
     .answer = STOP,
     .exit_code = 4,
     .order = {"stopping", "is followed until", "is followed until", "then the run ends all the",
               "step_failed r stopped by the operator"}},
    {.name = "a stop while none may be begun",
     .workflow = ROLLING("max_in_flight = 2", UPDATE),
     .on = "waiting r no other server",
     .answer = STOP,
     .exit_code = 4},
    {.name = "a stop in the pause",
     .workflow = ROLLING("pause = \"30s\"", "sleep \"10s\""),
     .on = "pause of 30s",
     .answer = STOP,
     .exit_code = 4,
     .absent = "picked r/" SERVER(2)},
    /* ---- the canary */
    {.name = "after the canary a person says yes",
     .workflow = ROLLING("canary = 2, max_in_flight = 5", "sleep \"10s\""),
     .on = "question r ",
     .answer = "yes",
     .order =
         {"picked r/" SERVER(1) " replica 1 of 5: " SERVER(1) ", a canary",
          "step_done r/" SERVER(1) " ", "picked r/" SERVER(2), "step_done r/" SERVER(2) " ",
          "question r the canary is done (2 of 5 servers): go on with the other 3? (yes or no)",
          "picked r/" SERVER(3), "picked r/" SERVER(5), "step_done r/" SERVER(3) " "}},
    {.name = "after the canary a person says no",
     .workflow = ROLLING("canary = 1", "log \"x\""),
     .on = "question r ",
     .answer = "no",
     .exit_code = 4,
     .absent = "picked r/" SERVER(2),
     .error = "stopped after the canary: the answer was no"},
    {.name = "a no is not one of the failures allowed",
     .workflow = ROLLING("canary = 1, max_failures = 3", "log \"x\""),
     .on = "question r ",
     .answer = "no",
     .exit_code = 4,
     .absent = "picked r/" SERVER(2)},
    {.name = "a stop while asked after the canary",
     .workflow = ROLLING("canary = 1", "log \"x\""),
     .on = "question r ",
     .answer = STOP,
     .exit_code = 4},
    {.name = "all are canaries: nobody is asked",
     .workflow = ROLLING("canary = 5, soak = \"1m\"", "log \"x\""),
     .order = {"picked r/" SERVER(5), "waiting r watching the cluster after the canary, 59",
               "log log after"},
     .absent = "question"},
    {.name = "a canary that fails",
     .workflow = ROLLING("canary = 1", "remote_command { to = \"meta\", \"no.such\" }"),
     .exit_code = 1,
     .absent = "question"},
    {.name = "a canary that fails is not one of the failures allowed",
     .workflow =
         ROLLING("canary = 2, max_failures = 5",
                 "n.index == 2 and remote_command { to = \"meta\", \"no.such\" } or log(n.name)"),
     .exit_code = 1,
     .order = {"picked r/" SERVER(2), "step_failed r no.such"},
     .absent = "question"},
    {.name = "but later servers may fail",
     .workflow =
         ROLLING("canary = 1, max_failures = 1",
                 "n.index == 2 and remote_command { to = \"meta\", \"no.such\" } or log(n.name)"),
     .rehearsed = true,
     .exit_code = 1,
     .order = {"answered r yes", "passed_over r/" SERVER(2), "log log after"},
     .error = "1 of the servers failed"},
    {.name = "a soak that is well",
     .workflow = ROLLING("canary = 1, soak = \"10m\"", UPDATE),
     .rehearsed = true,
     .order = {"step_done r/" SERVER(1) " ", "watching the cluster after the canary, 9m5",
               "question r the canary is done", "answered r yes, as nobody",
               "picked r/" SERVER(2)}},
    {.name = "a stop in the soak",
     .workflow = ROLLING("canary = 1, soak = \"10m\"", "log \"x\""),
     .on = "watching the cluster",
     .answer = STOP,
     .exit_code = 4,
     .absent = "picked r/" SERVER(2)},
    {.name = "a stop while the second canary is at work",
     .workflow = ROLLING("canary = 2", "sleep \"1h\""),
     .on = "step_started r/" SERVER(1) "/sleep",
     .answer = STOP,
     .exit_code = 4},
    /* ---- branches that take servers away */
    {.name = "a branch waits for the server of another",
     .workflow = WORKFLOW(
         "parallel { steps \"a\" { deploy(cluster.replicas[1]) { \"update\" }, wait_until { "
         "has_restarted(cluster.replicas[1]), timeout = \"10m\" }, sleep \"5m\", wait_until { "
         "cluster_is_healthy(), timeout = \"1h\" } }, steps \"b\" { deploy(cluster.replicas[2]) { "
         "\"update\" }, wait_until { has_restarted(cluster.replicas[2]), timeout = \"10m\" } } },"),
     .order = {"intention a/deploy", "waiting b/deploy not now: " SERVER(1) " is in work",
               "step_done a ", "guard b/deploy passed", "intention b/deploy"}},
    {.name = "a drain waits for the server of another, and its time stands still",
     .workflow = WORKFLOW(
         "parallel { steps \"a\" { deploy(cluster.replicas[1]) { \"update\" }, wait_until { "
         "has_restarted(cluster.replicas[1]), timeout = \"10m\" }, sleep \"5m\", wait_until { "
         "cluster_is_healthy(), timeout = \"1h\" } }, steps \"b\" { sleep \"100ms\", wait_until { "
         "no_secondaries(cluster.replicas[2]), nudge = downgrade_node(cluster.replicas[2]), "
         "timeout "
         "= \"1m\" } } }, wait_until { cluster_is_healthy(), timeout = \"1h\" },"),
     .order = {"waiting b/wait_until/downgrade_node not now: " SERVER(1) " is in work",
               "step_done a ", "guard b/wait_until/downgrade_node passed",
               "step_done b/wait_until "}},
    {.name = "a drain in one pass waits too",
     .workflow = WORKFLOW(
         "parallel { steps \"a\" { deploy(cluster.replicas[1]) { \"update\" }, wait_until { "
         "has_restarted(cluster.replicas[1]), timeout = \"10m\" }, sleep \"5m\", wait_until { "
         "cluster_is_healthy(), timeout = \"1h\" } }, steps \"b\" { sleep \"100ms\", "
         "drain_node(cluster.replicas[2]) { timeout = \"1m\" } } }, "
         "rejoin_node(cluster.replicas[2]) { "
         "timeout = \"10m\" },"),
     .order = {"waiting b/drain_node not now: " SERVER(1) " is in work", "step_done a ",
               "guard b/drain_node passed", "step_done b/drain_node "}},
    {.name = "a drain by itself waits too",
     .workflow = WORKFLOW(
         "parallel { steps \"a\" { deploy(cluster.replicas[1]) { \"update\" }, wait_until { "
         "has_restarted(cluster.replicas[1]), timeout = \"10m\" }, sleep \"1m\", wait_until { "
         "cluster_is_healthy(), timeout = \"1h\" } }, steps \"b\" { sleep \"100ms\", "
         "downgrade_node(cluster.replicas[2]) } }, wait_until { cluster_is_healthy(), timeout = "
         "\"1h\" },"),
     .order = {"waiting b/downgrade_node not now: " SERVER(1) " is in work", "step_done a ",
               "guard b/downgrade_node passed", "step_done b/downgrade_node "}},
    {.name = "two branches never have the same server in work",
     .workflow = WORKFLOW(
         "parallel { steps \"a\" { deploy(cluster.replicas[1]) { \"update\" }, wait_until { "
         "has_restarted(cluster.replicas[1]), timeout = \"10m\" }, wait_until { "
         "cluster_is_healthy(), timeout = \"1h\" } }, steps \"b\" { sleep \"100ms\", "
         "deploy(cluster.replicas[1]) { \"restart\" }, wait_until { "
         "has_restarted(cluster.replicas[1]), timeout = \"10m\" } } },"),
     .order = {"intention a/deploy",
               "waiting b/deploy not now: " SERVER(1) " is in work in another branch",
               "step_done a ", "intention b/deploy"}},
    {.name = "nor the same collector",
     .workflow = WORKFLOW(
         "parallel { steps \"a\" { deploy(cluster.collectors[1]) { \"update\" }, wait_until { "
         "has_restarted(cluster.collectors[1]), timeout = \"10m\" } }, steps \"b\" { sleep "
         "\"100ms\", deploy(cluster.collectors[1]) { \"restart\" } } },"),
     .order = {"intention a/deploy", "waiting b/deploy not now: ", "step_done a ",
               "intention b/deploy"}},
    {.name = "a replica is not closed while another server with it is in work",
     .workflow = WORKFLOW(
         "parallel { steps \"a\" { deploy(cluster.replicas[1]) { \"update\" }, wait_until { "
         "has_restarted(cluster.replicas[1]), timeout = \"10m\" }, wait_until { "
         "cluster_is_healthy(), timeout = \"1h\" } }, steps \"b\" { sleep \"100ms\", "
         "remote_command { "
         "to = cluster.replicas[2], \"replica.kill_partition\", 1, 0 } } }, wait_until { "
         "cluster_is_healthy(), timeout = \"1h\" },"),
     APART,
     .order = {"intention a/deploy", "waiting b/remote_command not now: " SERVER(1) " is in work",
               "step_done a ", "guard b/remote_command passed", "intention b/remote_command"}},
    {.name = "a stop while a command waits for another branch",
     .workflow = WORKFLOW("parallel { steps \"a\" { deploy(cluster.replicas[1]) { \"update\" }, "
                          "sleep \"1h\" }, steps "
                          "\"b\" { sleep \"100ms\", remote_command { to = cluster.replicas[2], "
                          "\"replica.kill_partition\", 1, 0 } } },"),
     APART,
     .on = "waiting b/remote_command not now",
     .answer = STOP,
     .exit_code = 4,
     .absent = "intention b/remote_command"},
    {.name = "one meta server waits for the other",
     .workflow = WORKFLOW(
         "parallel { steps \"a\" { deploy(cluster.metas[1]) { \"update\" }, wait_until { all_of { "
         "has_restarted(cluster.metas[1]), all_servers_alive() }, timeout = \"10m\" } }, steps "
         "\"b\" { deploy(cluster.metas[2]) { \"update\" }, wait_until { all_of { "
         "has_restarted(cluster.metas[2]), all_servers_alive() }, timeout = \"10m\" } } },"),
     .order = {"intention a/deploy", "waiting b/deploy not now: ",
               " is in work, and another meta server must be there to lead", "step_done a ",
               "intention b/deploy"}},
    {.name = "a stop while a branch waits for another",
     .workflow = WORKFLOW("parallel { steps \"a\" { deploy(cluster.replicas[1]) { \"update\" }, "
                          "sleep \"1h\" }, steps "
                          "\"b\" { deploy(cluster.replicas[2]) { \"update\" } } },"),
     .on = "waiting b/deploy not now",
     .answer = STOP,
     .exit_code = 4,
     .order = {"step_failed b/deploy stopped"},
     .absent = "intention b/deploy"},
};

START_TEST(a_rolling_does_what_it_says)
{
    story_tell(&stories[_i]);
}
END_TEST

#define SWIFT                                                                                      \
    "drain_node(n) { timeout = \"10m\" }, deploy(n) { \"update\" }, wait_until { all_of { "        \
    "is_alive(n), has_restarted(n) }, timeout = \"10m\" }, rejoin_node(n) { timeout = \"10m\" }, " \
    "wait_until { cluster_is_healthy(), timeout = \"1h\" }"

/* However many may be in flight, no partition has fewer live replicas than writes need. */
START_TEST(several_in_flight_never_leave_too_few_replicas)
{
    static const char *const paces[] = {ROLLING("max_in_flight = 5", DRAIN),
                                        ROLLING("max_in_flight = 5", SWIFT)};
    const struct story story = {
        .name = "never too few",
        .workflow = paces[_i],
        .order = {"log log after"},
    };
    struct world world;
    struct sim_totals totals;
    story_begin(&world, &story);
    world_run(&world);
    story_check(&world, &story);
    sim_totals(world.sim, &totals);
    ck_assert_int_ge(totals.fewest_live_replicas, 2);
    for (int32_t i = 0; i < WORLD_SERVERS; i++) {
        ck_assert_str_eq(sim_server_version(world.sim, i), world.model.next_version);
    }
    world_close(&world);
}
END_TEST

/* ---- misfortunes in the soak */
static void the_canary_restarts(struct world *world)
{
    world_control(world, 0, SIM_RESTART);
}

static void another_server_dies(struct world *world)
{
    world_control(world, 3, SIM_KILL);
}

static void a_meta_server_restarts(struct world *world)
{
    world_control(world, world_leader(world), SIM_RESTART);
}

static const struct {
    misfortune_fn *misfortune;
    const char *error; /* NULL: it is done */
} soaks[] = {
    {the_canary_restarts, "while the cluster was watched after the canary: "},
    {another_server_dies, "while the cluster was watched after the canary: "},
    {a_meta_server_restarts, NULL},
};

START_TEST(what_goes_wrong_in_the_soak_stops_the_rolling)
{
    const struct story story = {
        .name = "soak",
        .workflow = ROLLING("canary = 1, soak = \"10m\"", "log \"x\""),
        .on = "watching the cluster",
        .rehearsed = true,
        .exit_code = soaks[_i].error == NULL ? 0 : 1,
        .absent = soaks[_i].error == NULL ? NULL : "picked r/" SERVER(2),
        .error = soaks[_i].error,
    };
    struct world world;
    story_begin(&world, &story);
    world.misfortune = soaks[_i].misfortune;
    world_run(&world);
    story_check(&world, &story);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rolling");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, a_rolling_does_what_it_says, 0,
                        (int)(sizeof stories / sizeof stories[0]));
    tcase_add_loop_test(tcase, several_in_flight_never_leave_too_few_replicas, 0, 2);
    tcase_add_loop_test(tcase, what_goes_wrong_in_the_soak_stops_the_rolling, 0,
                        (int)(sizeof soaks / sizeof soaks[0]));
    suite_add_tcase(suite, tcase);
    return story_run_suite(suite);
}
