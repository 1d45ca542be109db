/* Tables that are created and dropped while the cluster runs. Each event is followed by the
 * invariants (lab.h). */
#include "lab.h"

#include "sim/control.h"
#include "wire/wire.h"

static const enum release releases[] = {RELEASE_2_5, RELEASE_MASTER};

static struct query_config_response query(struct lab *lab, const char *name)
{
    struct query_config_request request = {.app_name = slice_of(name)};
    struct query_config_response response;
    ck_assert(sim_request(lab->sim, lab->m1, RPC_QUERY_CONFIG, 0, &request, &lab->arena,
                          &response) == SIM_ANSWER);
    return response;
}

/* How many tables of the list have this status; `named` of them this name. */
static int32_t listed(struct lab *lab, int32_t status, const char *name, int32_t *named)
{
    struct list_apps_request request = {.status = status};
    struct list_apps_response response;
    ck_assert(sim_request(lab->sim, lab->m1, RPC_LIST_APPS, 0, &request, &lab->arena, &response) ==
              SIM_ANSWER);
    const struct wire_app_info *infos = response.infos.items;
    *named = 0;
    for (uint32_t i = 0; i < response.infos.count; i++) {
        *named += slice_equals(infos[i].app_name, name);
        ck_assert_int_eq(infos[i].drop_second > 0, infos[i].status == APP_DROPPED);
    }
    return (int32_t)response.infos.count;
}

static void create(struct lab *lab, const char *name, int32_t partitions, int32_t replicas)
{
    struct error err;
    ck_assert_msg(sim_create_table(lab->sim, name, partitions, replicas, &err), "%s", err.text);
}

static void drop(struct lab *lab, const char *name)
{
    struct error err;
    ck_assert_msg(sim_drop_table(lab->sim, name, &err), "%s", err.text);
}

START_TEST(a_new_table_gets_all_its_replicas_and_no_outage_is_counted)
{
    struct lab lab;
    struct sim_totals totals;
    const char *name;
    int32_t named;
    lab_open(&lab, releases[_i]);
    lab_advance_to(&lab, 15 * US_PER_SECOND);
    create(&lab, "fresh", 100, 3);
    struct query_config_response response = query(&lab, "fresh");
    const struct wire_partition *partitions = response.partitions.items;
    ck_assert_uint_eq(response.partitions.count, 100);
    ck_assert_int_eq(response.app_id, 2);
    ck_assert(!address_is_set(partitions[0].primary)); /* until the next tick */
    lab_advance_to(&lab, 150 * US_PER_SECOND);
    response = query(&lab, "fresh");
    partitions = response.partitions.items;
    for (uint32_t i = 0; i < response.partitions.count; i++) {
        ck_assert(address_is_set(partitions[i].primary));
        ck_assert_uint_eq(partitions[i].secondaries.count, 2);
    }
    ck_assert_int_eq(listed(&lab, APP_AVAILABLE, "fresh", &named), 2);
    ck_assert_int_eq(named, 1);
    ck_assert(sim_table_totals(lab.sim, 1, &name, &totals));
    ck_assert_str_eq(name, "fresh");
    ck_assert_int_eq(totals.reads_away_us, 0);
    ck_assert_int_eq(totals.writes_away_us, 0);
    ck_assert_int_eq(totals.fewest_live_replicas, 3);
    ck_assert_uint_eq(sim_violation_count(lab.sim), 0);
    lab_close(&lab);
}
END_TEST

START_TEST(a_dropped_table_is_listed_as_such_and_its_replicas_close)
{
    struct lab lab;
    struct sim_totals before, after;
    int32_t named;
    lab_open(&lab, releases[_i]);
    lab_advance_to(&lab, 15 * US_PER_SECOND);
    create(&lab, "other", 10, 3);
    lab_advance_to(&lab, 60 * US_PER_SECOND);
    int32_t open = lab.sim->servers[R1].open_count;
    sim_totals(lab.sim, &before);
    drop(&lab, "temp");
    ck_assert(slice_equals(query(&lab, "temp").err, PEGASUS_OBJECT_NOT_FOUND));
    ck_assert_int_eq(listed(&lab, APP_AVAILABLE, "temp", &named), 1);
    ck_assert_int_eq(named, 0);
    ck_assert_int_eq(listed(&lab, APP_INVALID, "temp", &named), 2);
    ck_assert_int_eq(named, 1);
    ck_assert_int_eq(listed(&lab, APP_DROPPED, "temp", &named), 1);
    ck_assert_int_eq(lab.sim->servers[R1].open_count, open); /* nobody has told it yet */
    lab_advance_to(&lab, 120 * US_PER_SECOND);
    ck_assert_int_lt(lab.sim->servers[R1].open_count, open);
    sim_totals(lab.sim, &after);
    ck_assert_int_eq(after.reads_away_us, before.reads_away_us);
    ck_assert_int_eq(after.writes_away_us, before.writes_away_us);
    create(&lab, "temp", 4, 2); /* the name is free, the number is new */
    lab_advance_to(&lab, 200 * US_PER_SECOND);
    ck_assert_int_eq(query(&lab, "temp").app_id, 3);
    ck_assert_uint_eq(query(&lab, "temp").partitions.count, 4);
    ck_assert_uint_eq(sim_violation_count(lab.sim), 0);
    lab_close(&lab);
}
END_TEST

/* Whatever goes on with its partitions at that moment. */
START_TEST(a_table_may_be_dropped_at_any_moment_of_a_failover)
{
    for (int64_t at_us = 0; at_us < 40 * US_PER_SECOND; at_us += 370 * US_PER_MS) {
        struct lab lab;
        struct error err;
        int64_t done_us;
        lab_open(&lab, releases[_i]);
        lab_advance_to(&lab, 15 * US_PER_SECOND);
        create(&lab, "fresh", 30, 3);
        ck_assert(sim_control(lab.sim, R2, SIM_RESTART, NULL, &done_us, &err));
        ck_assert(sim_control(lab.sim, R4, SIM_KILL, NULL, &done_us, &err));
        lab_advance_to(&lab, 15 * US_PER_SECOND + at_us);
        drop(&lab, "fresh");
        drop(&lab, "temp");
        lab_advance_to(&lab, 120 * US_PER_SECOND);
        ck_assert(sim_control(lab.sim, lab.m1, SIM_KILL, NULL, &done_us, &err));
        lab_advance_to(&lab, 180 * US_PER_SECOND);
        ck_assert_uint_eq(sim_violation_count(lab.sim), 0);
        lab_close(&lab);
    }
}
END_TEST

/* ---- the control endpoint */
static const struct {
    const char *method;
    const char *target;
    int status;
    const char *body; /* part of it */
} requests[] = {
    {"GET", "/tables", 200, "[{\"table\":\"temp\",\"app_id\":\"1\",\"partitions\":\"16\""},
    {"POST", "/tables/t/create", 200, "{\"table\":\"t\",\"action\":\"create\"}"},
    {"POST", "/tables/t/create?partitions=4&replicas=1", 200, "create"},
    {"POST", "/tables/temp/drop", 200, "{\"table\":\"temp\",\"action\":\"drop\"}"},
    {"POST", "/tables/temp/create", 409, "there is a table 'temp' already"},
    {"POST", "/tables/none/drop", 409, "there is no table 'none'"},
    {"POST", "/tables/t/create?replicas=6", 409, "wants 6 replicas of each partition"},
    {"POST", "/tables/t/create?partitions=0", 409, "partition count"},
    {"POST", "/tables/t/create?partitions=x", 400, "'partitions=x' is no number"},
    {"POST", "/tables/t/create?partitions=", 400, "is no number"},
    {"POST", "/tables/t/create?partitions", 400, "is no number"},
    {"POST", "/tables/t/create?shards=3", 400, "no parameter 'shards'"},
    {"POST", "/tables/temp/drop?now=1", 400, "drop takes no parameter"},
    {"POST", "/tables/temp/rename", 400, "no action 'rename': create or drop"},
    {"POST", "/tables//create", 409, "a table needs a name"},
    {"POST", "/tables/temp", 404, "no path '/tables/temp'"},
    {"POST", "/tabels/temp/drop", 404, "no path"},
};

START_TEST(the_control_endpoint_creates_and_drops)
{
    struct lab lab;
    struct text body = {0};
    int status;
    int64_t done_us;
    lab_open(&lab, RELEASE_MASTER);
    lab_advance_to(&lab, 15 * US_PER_SECOND);
    sim_control_request(lab.sim, requests[_i].method, requests[_i].target, &status, &body,
                        &done_us);
    ck_assert_msg(strstr(text_string(&body), requests[_i].body) != NULL, "%s", text_string(&body));
    ck_assert_int_eq(status, requests[_i].status);
    text_clear(&body);
    lab_advance_to(&lab, 60 * US_PER_SECOND);
    lab_close(&lab);
}
END_TEST

START_TEST(without_a_leader_or_while_frozen_it_is_refused)
{
    struct lab lab;
    struct error err;
    int64_t done_us;
    lab_open(&lab, RELEASE_MASTER);
    lab_advance_to(&lab, 15 * US_PER_SECOND);
    meta_set_level(lab.sim, LEVEL_FREEZED);
    ck_assert(!sim_create_table(lab.sim, "t", 4, 3, &err));
    ck_assert_str_eq(err.text, "the cluster is frozen: ERR_STATE_FREEZED");
    drop(&lab, "temp");
    ck_assert(sim_control(lab.sim, lab.m1, SIM_KILL, NULL, &done_us, &err));
    ck_assert(!sim_create_table(lab.sim, "t", 4, 3, &err));
    ck_assert_str_eq(err.text, "no meta server leads now");
    ck_assert(!sim_drop_table(lab.sim, "temp", &err));
    lab_close(&lab);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("tables");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, a_new_table_gets_all_its_replicas_and_no_outage_is_counted, 0, 2);
    tcase_add_loop_test(tcase, a_dropped_table_is_listed_as_such_and_its_replicas_close, 0, 2);
    tcase_add_loop_test(tcase, a_table_may_be_dropped_at_any_moment_of_a_failover, 0, 2);
    tcase_add_loop_test(tcase, the_control_endpoint_creates_and_drops, 0,
                        (int)(sizeof requests / sizeof requests[0]));
    tcase_add_test(tcase, without_a_leader_or_while_frozen_it_is_refused);
    Suite *suite = suite_create("tables");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
