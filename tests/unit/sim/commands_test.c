/* Remote commands of both releases, beyond what was recorded (recorded_test.c). */
#include "lab.h"

#define OK_JSON "{\n  \"error\": \"ok\"\n}"

START_TEST(settings_answer_as_their_release_does)
{
    static const struct {
        enum release release;
        const char *words;
        const char *reply;
    } cases[] = {
        {RELEASE_2_5, SETTING_ADD_SECONDARY_LIMIT " 100", "OK"},
        {RELEASE_2_5, SETTING_ADD_SECONDARY_LIMIT " default", "ERR: invalid arguments"},
        {RELEASE_2_5, SETTING_ADD_SECONDARY_LIMIT " 1x", "ERR: invalid arguments"},
        {RELEASE_2_5, SETTING_ADD_SECONDARY_LIMIT " 99999999999", "ERR: invalid arguments"},
        {RELEASE_2_5, SETTING_ASSIGN_DELAY " 0", "ERR: invalid arguments"},
        {RELEASE_2_5, SETTING_ASSIGN_DELAY " 2147483648", "ERR: invalid arguments"},
        {RELEASE_2_5, SETTING_LIVE_PERCENTAGE " 200", "OK"},
        {RELEASE_2_5, SETTING_LIVE_PERCENTAGE " -1", "ERR: invalid arguments"},
        {RELEASE_2_5, SETTING_BLACK_LIST " nonsense", "invalid arguments"},
        {RELEASE_2_5, SETTING_FLOW_CONTROL " TRUE", "ERR: invalid arguments"},
        {RELEASE_2_5, "replica.kill_partition", "unknown command 'replica.kill_partition'"},
        {RELEASE_MASTER, SETTING_ADD_SECONDARY_LIMIT " default",
         "{\n  \"error\": \"ok\",\n  \"" SETTING_ADD_SECONDARY_LIMIT "\": 20\n}"},
        {RELEASE_MASTER, SETTING_ASSIGN_DELAY " 0", OK_JSON},
        {RELEASE_MASTER, SETTING_ASSIGN_DELAY " 180000000", OK_JSON},
        {RELEASE_MASTER, SETTING_LIVE_PERCENTAGE " 101",
         "{\n  \"error\": \"ERR: invalid argument '101', the value is not acceptable\"\n}"},
        {RELEASE_MASTER, SETTING_FLOW_CONTROL " TRUE", OK_JSON},
        {RELEASE_MASTER, SETTING_BLACK_LIST " localhost:34801,localhost:34802", OK_JSON},
        {RELEASE_MASTER, SETTING_BLACK_LIST " nonsense",
         "{\n  \"error\": \"invalid argument, bad host:port 'nonsense'\"\n}"},
        {RELEASE_MASTER, "meta.lb.only_move_primary true", OK_JSON},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lab lab;
        lab_open(&lab, cases[i].release);
        ck_assert_str_eq(lab_set(&lab, cases[i].words), cases[i].reply);
        lab_close(&lab);
    }
}
END_TEST

/* Reference behaviour 7.2: up to 2.5 unlimited cannot be set again. */
START_TEST(copy_rates_are_each_replica_servers_own_until_it_restarts)
{
    static const struct {
        enum release release;
        const char *words;
        const char *reply;
    } cases[] = {
        {RELEASE_2_5, SETTING_COPY_RATE, "0"},
        {RELEASE_2_5, SETTING_COPY_RATE " 5", "OK"},
        {RELEASE_2_5, SETTING_COPY_RATE " 4", "ERR: invalid arguments"},
        {RELEASE_2_5, SETTING_SEND_RATE " 0", "ERR: invalid arguments"},
        {RELEASE_2_5, SETTING_SEND_RATE " DEFAULT", "ERR: invalid arguments"},
        {RELEASE_MASTER, SETTING_COPY_RATE " 0", OK_JSON},
        {RELEASE_MASTER, SETTING_COPY_RATE " 3", OK_JSON},
        {RELEASE_MASTER, SETTING_SEND_RATE " default",
         "{\n  \"error\": \"ok\",\n  \"" SETTING_SEND_RATE "\": 0\n}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lab lab;
        lab_open(&lab, cases[i].release);
        ck_assert_str_eq(lab_command(&lab, R1, cases[i].words), cases[i].reply);
        lab_close(&lab);
    }
    struct lab lab;
    lab_open(&lab, RELEASE_2_5);
    lab_command(&lab, R1, SETTING_COPY_RATE " 50");
    ck_assert_str_eq(lab_command(&lab, R1, SETTING_COPY_RATE), "50");
    ck_assert_str_eq(lab_command(&lab, R1 + 1, SETTING_COPY_RATE), "0");
    ck_assert_str_eq(lab_set(&lab, SETTING_COPY_RATE), "unknown command '" SETTING_COPY_RATE "'");
    ck_assert_ptr_nonnull(strstr(lab_command(&lab, R1, "help"), SETTING_COPY_RATE "\n"));
    lab_control(&lab, R1, SIM_RESTART);
    lab_wait_ms(&lab, 30000);
    ck_assert_str_eq(lab_command(&lab, R1, SETTING_COPY_RATE), "0");
    lab_close(&lab);
}
END_TEST

START_TEST(refused_values_change_nothing)
{
    struct lab lab;
    lab_open(&lab, RELEASE_2_5);
    lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " 7");
    lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " -1");
    lab_set(&lab, SETTING_BLACK_LIST " 127.0.0.1:34802");
    lab_set(&lab, SETTING_BLACK_LIST " 127.0.0.1:34801,nonsense");
    ck_assert_str_eq(lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT), "7");
    ck_assert_str_eq(lab_set(&lab, SETTING_BLACK_LIST), "get ok: 127.0.0.1:34802");
    lab_set(&lab, SETTING_BLACK_LIST " clear");
    ck_assert_str_eq(lab_set(&lab, SETTING_BLACK_LIST), "get ok: ");
    lab_close(&lab);
}
END_TEST

START_TEST(server_info_tells_version_and_start_of_the_process)
{
    struct lab lab;
    lab_open(&lab, RELEASE_2_5);
    lab_control(&lab, R1, SIM_UPDATE);
    lab_wait_ms(&lab, 8000);
    ck_assert_str_eq(lab_command(&lab, R1, "server-info"),
                     "Pegasus Server 2.5.1 (simulated) Release, Started at 2026-11-23 14:52:07");
    lab_close(&lab);
    lab_open(&lab, RELEASE_MASTER);
    ck_assert_str_eq(lab_command(&lab, R1, "server-info"),
                     "{\"build_type\":\"Release\",\"git_SHA\":\"simulated\","
                     "\"start_time\":\"2026-11-23 13:52:05\",\"version\":\"2.6.0-SNAPSHOT\"}");
    lab_close(&lab);
}
END_TEST

START_TEST(kill_partition_takes_a_table_or_one_replica)
{
    static const struct {
        const char *words;
        const char *reply;
        int32_t open;
    } cases[] = {
        {"replica.kill_partition 99", "ERR_OK", 9},
        {"replica.kill_partition 99 0", "ERR_OBJECT_NOT_FOUND", 9},
        {"replica.kill_partition 1 word", "ERR_OK", 8},
        {"replica.kill_partition 1 1 1", "ERR_INVALID_PARAMETERS", 9},
        {"replica.kill_partition 1", "ERR_OK", 0},
        {"replica.kill_partition -1", "ERR_OK", 0},
        {"replica.kill_partition", "ERR_OK", 0},
    };
    static const struct model_table table = {
        .name = "t", .partition_count = 15, .max_replica_count = 3};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lab lab;
        lab_model(&lab, RELEASE_MASTER);
        lab.model.tables = &table;
        lab_start(&lab);
        int32_t server = lab_partition(&lab, 1, 0)->primary;
        ck_assert_str_eq(lab_command(&lab, server, cases[i].words), cases[i].reply);
        ck_assert_int_eq(lab.sim->servers[server].open_count, cases[i].open);
        lab_close(&lab);
    }
}
END_TEST

START_TEST(counters_of_2_5_come_from_a_snapshot)
{
    /* Recorded: 35 replicas were told for seconds after 31 of them had closed. */
    struct lab lab;
    lab_open(&lab, RELEASE_2_5);
    lab_wait_ms(&lab, 1000);
    const char *before =
        strstr(lab_command(&lab, R1, "perf-counters .*replica(Count)"), "\"counters");
    ck_assert_ptr_nonnull(
        strstr(before, "replica_stub*replica(Count)\",\"type\":\"NUMBER\",\"value\":"));
    lab_command(&lab, R1, "replica.kill_partition");
    lab_wait_ms(&lab, 3000);
    const char *after =
        strstr(lab_command(&lab, R1, "perf-counters .*replica(Count)"), "\"counters");
    ck_assert_str_eq(before, after);
    struct sim_http http = {0};
    sim_http_request(lab.sim, R1, "GET",
                     "/perfCounter?name=replica*eon.replica_stub*replica(Count)", &http);
    ck_assert_str_eq(text_string(&http.body),
                     "{\"name\":\"replica*eon.replica_stub*replica(Count)\",\"value\":\"0.00\","
                     "\"type\":\"NUMBER\",\"description\":\"# in replica_stub._replicas\"}\n");
    text_clear(&http.body);
    lab_wait_ms(&lab, 10000);
    after = strstr(lab_command(&lab, R1, "perf-counters .*replica(Count)"), "\"counters");
    ck_assert_str_ne(before, after);
    lab_close(&lab);
}
END_TEST

START_TEST(help_lists_what_the_process_has)
{
    struct lab lab;
    lab_open(&lab, RELEASE_MASTER);
    ck_assert_ptr_nonnull(strstr(lab_command(&lab, lab.m1, "help"), SETTING_ASSIGN_DELAY "\n"));
    ck_assert_ptr_null(strstr(lab_command(&lab, lab.m1 + 1, "help"), "meta.lb"));
    ck_assert_ptr_nonnull(
        strstr(lab_command(&lab, lab.m1 + 1, "help"), SETTING_LIVE_PERCENTAGE "\n"));
    ck_assert_ptr_nonnull(strstr(lab_command(&lab, R1, "help"), "replica.kill_partition\n"));
    ck_assert_ptr_null(strstr(lab_command(&lab, R1, "help"), "meta."));
    lab_close(&lab);
}
END_TEST

START_TEST(config_shows_the_ini_value_and_updates_one_flag)
{
    struct lab lab;
    struct sim_http http = {0};
    static const struct {
        const char *target;
        int status;
        const char *part;
    } cases[] = {
        {"/config?name=add_secondary_max_count_for_one_node", 200, "\"value\":\"20\""},
        {"/config?name=add_secondary_enable_flow_control", 200, "\"value\":\"true\""},
        {"/config?name=fd_lease_seconds", 200, "\"value\":\"20\""},
        {"/config?name=replica_assign_delay_ms_for_dropouts", 200, "\"value\":\"600000\""},
        {"/config?name=lb_interval_ms", 200, "\"value\":\"10000\""},
        {"/config?name=", 400, ""},
        {"/config?key=x", 400, ""},
        {"/config?name=x&name=y", 400, ""},
        {"/configs", 200, "{\"add_secondary_enable_flow_control\":{\"name\":"},
        {"/updateConfig?min_live_node_count_for_unfreeze=x", 200, "x is invalid"},
        {"/updateConfig?nosuch=1", 200, "ERR_OBJECT_NOT_FOUND: nosuch is not found"},
        {"/updateConfig", 200, "ERR_INVALID_PARAMETERS"},
        {"/updateConfig?min_live_node_count_for_unfreeze=6", 200,
         "{\"update_status\":\"ERR_OK\"}\n"},
        {"/config?name=min_live_node_count_for_unfreeze", 200, "\"value\":\"6\""},
        {"//meta///nodes/", 200, "\"total_node_count\":\"5\""},
        {"/meta/cl%75ster", 200, "\"meta_function_level\":\"freezed\""},
        {"/meta/app", 400, ""},
        {"/metrics?color=red", 400, "error_message"},
    };
    lab_open(&lab, RELEASE_MASTER);
    lab_set(&lab, SETTING_ADD_SECONDARY_LIMIT " 0");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_int_eq(sim_http_request(lab.sim, lab.m1, "GET", cases[i].target, &http),
                         SIM_ANSWER);
        ck_assert_msg(http.status == cases[i].status &&
                          strstr(text_string(&http.body), cases[i].part) != NULL,
                      "%s: %d %s", cases[i].target, http.status, text_string(&http.body));
        text_clear(&http.body);
    }
    ck_assert_int_eq(sim_http_request(lab.sim, lab.m1, "DELETE", "/version", &http), SIM_NO_REPLY);
    lab_close(&lab);
}
END_TEST

START_TEST(partitions_asked_for_over_and_over_are_bounded)
{
    static int32_t indices[100000];
    struct lab lab;
    struct query_config_request request = {.app_name = slice_of("temp"),
                                           .partition_indices = {indices, 100000}};
    struct query_config_response response;
    lab_open(&lab, RELEASE_MASTER);
    sim_request(lab.sim, lab.m1, RPC_QUERY_CONFIG, 0, &request, &lab.arena, &response);
    ck_assert_uint_eq(response.partitions.count, 65536);
    indices[0] = 99; /* out of range: skipped; none valid: all */
    request.partition_indices.count = 1;
    sim_request(lab.sim, lab.m1, RPC_QUERY_CONFIG, 0, &request, &lab.arena, &response);
    ck_assert_uint_eq(response.partitions.count, 16);
    lab_close(&lab);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("commands");
    TCase *cases = tcase_create("commands");
    tcase_add_test(cases, settings_answer_as_their_release_does);
    tcase_add_test(cases, copy_rates_are_each_replica_servers_own_until_it_restarts);
    tcase_add_test(cases, refused_values_change_nothing);
    tcase_add_test(cases, server_info_tells_version_and_start_of_the_process);
    tcase_add_test(cases, kill_partition_takes_a_table_or_one_replica);
    tcase_add_test(cases, counters_of_2_5_come_from_a_snapshot);
    tcase_add_test(cases, help_lists_what_the_process_has);
    tcase_add_test(cases, config_shows_the_ini_value_and_updates_one_flag);
    tcase_add_test(cases, partitions_asked_for_over_and_over_are_bounded);
    suite_add_tcase(suite, cases);
    return lab_run(suite);
}
