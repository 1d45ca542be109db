/* Anything may happen at any time: the invariants hold after each event, the cluster heals in the
 * end, and the same seed tells the same story. */
#include "lab.h"

static const struct model_table tables[] = {
    {.name = "idle", .partition_count = 24, .max_replica_count = 3},
    {.name = "busy", .partition_count = 16, .max_replica_count = 3, .written = true},
    {.name = "pair", .partition_count = 8, .max_replica_count = 2},
    {.name = "solo", .partition_count = 4, .max_replica_count = 1},
};

static void open_soak(struct lab *lab, enum release release, uint64_t seed)
{
    lab_model(lab, release);
    lab->model.seed = seed;
    lab->model.tables = tables;
    lab->model.table_count = sizeof tables / sizeof tables[0];
    lab_start(lab);
}

static void upset_process(struct lab *lab, struct rng *rng)
{
    static const enum sim_control whats[] = {SIM_STOP, SIM_KILL, SIM_START, SIM_RESTART,
                                             SIM_UPDATE};
    int32_t server = (int32_t)rng_below(rng, (uint64_t)lab->sim->server_count);
    int64_t done_us;
    struct error err;
    (void)sim_control(lab->sim, server, whats[rng_below(rng, 5)], NULL, &done_us, &err);
}

static void upset_partition(struct lab *lab, struct rng *rng)
{
    const struct partition *partition =
        &lab->sim->partitions[rng_below(rng, (uint64_t)lab->sim->partition_count)];
    if (lab_leader(lab) == NO_SERVER || partition->primary == NO_SERVER) {
        return;
    }
    if (partition->secondary_count > 0 && rng_below(rng, 2) == 0) {
        lab_move(lab, partition, partition->secondaries[0]);
    } else {
        /* Forced, and so perhaps fatal to a replica server: that is part of the test. */
        int32_t node = (int32_t)rng_below(rng, 5);
        lab_propose(lab, partition, CT_DOWNGRADE_TO_INACTIVE, partition->primary, node,
                    rng_below(rng, 4) == 0);
    }
}

static void upset_settings(struct lab *lab, struct rng *rng)
{
    static const char *const words[] = {
        SETTING_ADD_SECONDARY_LIMIT " 0", SETTING_ADD_SECONDARY_LIMIT " 100",
        SETTING_FLOW_CONTROL " false",    SETTING_ASSIGN_DELAY " 1000",
        SETTING_ASSIGN_DELAY " DEFAULT",  SETTING_BLACK_LIST " clear",
    };
    if (lab->sim->leader.meta != NO_SERVER) {
        lab_set(lab, words[rng_below(rng, 6)]);
    }
    if (lab_leader(lab) != NO_SERVER) {
        lab_level(lab, rng_below(rng, 3) == 0 ? LEVEL_LIVELY : LEVEL_STEADY, NULL);
    }
}

static void upset(struct lab *lab, struct rng *rng)
{
    switch (rng_below(rng, 8)) {
    case 0:
        upset_process(lab, rng);
        return;
    case 1:
        upset_settings(lab, rng);
        return;
    case 2:
        lab_command(lab, (int32_t)rng_below(rng, 5), "replica.kill_partition 1 3");
        return;
    default:
        upset_partition(lab, rng);
    }
}

static void heal(struct lab *lab)
{
    for (int32_t i = 0; i < lab->sim->server_count; i++) {
        int64_t done_us;
        struct error err;
        if (!lab->sim->servers[i].running) {
            (void)sim_control(lab->sim, i, SIM_START, NULL, &done_us, &err);
        }
    }
}

static char *tell_story(enum release release, uint64_t seed)
{
    struct lab lab;
    struct rng rng;
    struct text dump = {0};
    open_soak(&lab, release, seed);
    rng_init(&rng, seed * 31);
    for (int32_t i = 0; i < 120; i++) {
        lab_wait(&lab, (int64_t)rng_below(&rng, 3 * US_PER_SECOND));
        upset(&lab, &rng);
    }
    for (int32_t i = 0; i < 4; i++) {
        heal(&lab);
        lab_wait_ms(&lab, 30000);
    }
    lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " 100");
    lab_set(&lab, SETTING_ASSIGN_DELAY " 1000");
    lab_level(&lab, LEVEL_STEADY, NULL);
    lab_wait_ms(&lab, 90000);
    ck_assert_int_eq(lab_serving_count(&lab), lab.sim->partition_count);
    ck_assert_int_eq(lab_health(&lab).unhealthy, 0);
    struct sim_totals totals = lab_totals(&lab);
    ck_assert_int_ge(totals.writes_away_us, totals.reads_away_us);
    ck_assert_int_ge(totals.reads_away_us, totals.longest_read_us);
    sim_dump(lab.sim, &dump);
    lab_close(&lab);
    return text_take(&dump);
}

START_TEST(cluster_survives_anything_and_heals)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        free(tell_story(seed % 2 == 0 ? RELEASE_2_5 : RELEASE_MASTER, seed));
    }
}
END_TEST

START_TEST(same_seed_tells_the_same_story)
{
    char *once = tell_story(RELEASE_MASTER, 99);
    char *again = tell_story(RELEASE_MASTER, 99);
    char *another = tell_story(RELEASE_MASTER, 100);
    ck_assert_str_eq(once, again);
    ck_assert_str_ne(once, another);
    free(once);
    free(again);
    free(another);
}
END_TEST

START_TEST(steps_of_the_owner_do_not_change_the_story)
{
    struct text fine = {0};
    struct text coarse = {0};
    for (int32_t pass = 0; pass < 2; pass++) {
        struct lab lab;
        open_soak(&lab, RELEASE_MASTER, 5);
        lab_control(&lab, R2, SIM_KILL);
        for (int32_t i = 0; i < 60000; i += pass == 0 ? 100 : 60000) {
            sim_advance(lab.sim, (int64_t)(i + (pass == 0 ? 100 : 60000)) * US_PER_MS);
        }
        sim_dump(lab.sim, pass == 0 ? &fine : &coarse);
        lab_close(&lab);
    }
    ck_assert_str_eq(text_string(&fine), text_string(&coarse));
    text_clear(&fine);
    text_clear(&coarse);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("soak");
    TCase *cases = tcase_create("soak");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, cluster_survives_anything_and_heals);
    tcase_add_test(cases, same_seed_tells_the_same_story);
    tcase_add_test(cases, steps_of_the_owner_do_not_change_the_story);
    suite_add_tcase(suite, cases);
    return lab_run(suite);
}
