/* The simulated cluster behind the client's interfaces, under the virtual clock. */
#include "lab.h"

#include "live/cluster.h"
#include "sim/sim_world.h"

struct world {
    struct loop *loop;
    struct lab lab;
    struct sim_driver *driver;
    struct transport *transport;
    struct deployment *deployment;
    /* what a callback has left */
    int32_t calls;
    bool failed;
    enum error_code code;
    char text[ERROR_TEXT_BYTES];
    int status;
    bool assumed;
    int64_t at_us;
};

static void open_world(struct world *world, enum release release)
{
    *world = (struct world){0};
    world->loop = loop_new_virtual(LAB_WALL_US);
    lab_open(&world->lab, release);
    world->driver = sim_driver_new(world->lab.sim, world->loop);
    world->transport = sim_transport_new(world->driver);
    world->deployment = sim_deployment_new(world->driver);
}

static void close_world(struct world *world)
{
    world->transport->ops->free(world->transport);
    world->deployment->ops->free(world->deployment);
    sim_driver_free(world->driver);
    lab_close(&world->lab);
    loop_close(world->loop);
}

static void run_world(struct world *world)
{
    struct error err;
    ck_assert_msg(loop_run(world->loop, &err), "%s", err.text);
}

static void note(struct world *world, const struct error *err, const char *text)
{
    world->calls++;
    world->failed = err != NULL;
    world->code = err == NULL ? 0 : err->code;
    world->at_us = loop_now_us(world->loop);
    snprintf(world->text, sizeof world->text, "%s", err == NULL ? text : err->text);
    loop_stop(world->loop);
}

static void on_nodes(void *ctx, const void *response, const struct error *err)
{
    char text[64] = "";
    const struct list_nodes_response *nodes = response;
    if (err == NULL) {
        snprintf(text, sizeof text, "%u nodes, %.*s", nodes->infos.count, (int)nodes->err.length,
                 nodes->err.bytes);
    }
    note(ctx, err, text);
}

static void on_http(void *ctx, const struct http_reply *reply, const struct error *err)
{
    struct world *world = ctx;
    ck_assert_int_eq(reply == NULL, err != NULL);
    world->status = reply == NULL ? 0 : reply->status;
    world->assumed = reply != NULL && reply->assumed;
    ck_assert(reply == NULL || strlen(reply->body) == reply->body_bytes);
    note(world, err, reply == NULL ? "" : reply->body);
}

static void on_program(void *ctx, const struct process_result *result, const struct error *err)
{
    struct world *world = ctx;
    world->status = result->exit_code;
    world->assumed = result->assumed;
    note(world, err, text_string(&result->output));
}

static struct operation *ask_nodes(struct world *world, int32_t server, int64_t timeout_us)
{
    struct list_nodes_request request = {0};
    return transport_call(world->transport, sim_server_address(world->lab.sim, server),
                          RPC_LIST_NODES, &request, timeout_us, on_nodes, world);
}

START_TEST(call_takes_the_latency_there_and_back)
{
    struct world world;
    open_world(&world, RELEASE_MASTER);
    ask_nodes(&world, world.lab.m1, US_PER_SECOND);
    ck_assert_int_eq(world.calls, 0);
    run_world(&world);
    ck_assert_int_eq(world.calls, 1);
    ck_assert_str_eq(world.text, "5 nodes, ERR_OK");
    ck_assert_int_eq(world.at_us, 500);
    close_world(&world);
}
END_TEST

START_TEST(failures_say_which_server_and_what_it_said)
{
    static const struct {
        const char *name;
        int32_t server; /* -1: none of the model */
        enum stage stage;
        enum error_code code;
        int64_t at_us;
        const char *text;
    } cases[] = {
        {"down", 5, STAGE_DOWN, ERROR_UNREACHABLE, 500,
         "127.0.0.1:34601: RPC_CM_LIST_NODES: connection refused"},
        {"silent", 5, STAGE_BOUND, ERROR_TIMEOUT, 1500000,
         "127.0.0.1:34601: RPC_CM_LIST_NODES: no reply within 1.5s"},
        {"wrong role", 0, STAGE_READY, ERROR_REPLY, 500,
         "127.0.0.1:34801: RPC_CM_LIST_NODES: ERR_HANDLER_NOT_FOUND"},
        {"no server", -1, STAGE_DOWN, ERROR_UNREACHABLE, 500,
         "127.0.0.1:9: RPC_CM_LIST_NODES: connection refused"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        open_world(&world, RELEASE_MASTER);
        if (cases[i].server < 0) {
            struct list_nodes_request request = {0};
            transport_call(world.transport, (struct address){0x7f000001, 9, ADDRESS_IPV4},
                           RPC_LIST_NODES, &request, 1500000, on_nodes, &world);
        } else {
            enum stage before = world.lab.sim->servers[cases[i].server].stage;
            world.lab.sim->servers[cases[i].server].stage = cases[i].stage;
            ask_nodes(&world, cases[i].server, 1500000);
            run_world(&world);
            world.lab.sim->servers[cases[i].server].stage = before;
        }
        if (cases[i].server < 0) {
            run_world(&world);
        }
        ck_assert_int_eq(world.calls, 1);
        ck_assert_str_eq(world.text, cases[i].text);
        ck_assert_int_eq(world.code, cases[i].code);
        ck_assert_int_eq(world.at_us, cases[i].at_us);
        close_world(&world);
    }
}
END_TEST

START_TEST(cancelled_call_ends_once_and_dropped_one_never)
{
    struct world world;
    open_world(&world, RELEASE_MASTER);
    struct operation *operation = ask_nodes(&world, world.lab.m1, US_PER_SECOND);
    operation_cancel(operation);
    ck_assert_int_eq(world.calls, 0);
    run_world(&world);
    ck_assert_int_eq(world.calls, 1);
    ck_assert_int_eq(world.code, ERROR_CANCELLED);
    operation_drop(ask_nodes(&world, world.lab.m1, US_PER_SECOND));
    ask_nodes(&world, world.lab.m1, US_PER_SECOND);
    run_world(&world);
    ck_assert_int_eq(world.calls, 2);
    ask_nodes(&world, world.lab.m1, US_PER_SECOND); /* freed with the transport */
    close_world(&world);
    ck_assert_int_eq(world.calls, 2);
}
END_TEST

START_TEST(server_that_dies_of_a_request_closes_the_connection)
{
    struct world world;
    open_world(&world, RELEASE_2_5);
    struct wire_action action = lab_action(&world.lab, CT_DOWNGRADE_TO_INACTIVE, R1, R2);
    action.has_hp_node = true;
    struct propose_request request = {.gpid = {1, 0}, .actions = {&action, 1}};
    transport_call(world.transport, sim_server_address(world.lab.sim, world.lab.m1), RPC_PROPOSE,
                   &request, US_PER_SECOND, on_nodes, &world);
    run_world(&world);
    ck_assert_int_eq(world.code, ERROR_UNREACHABLE);
    ck_assert_str_eq(world.text, "127.0.0.1:34601: RPC_CM_PROPOSE_BALANCER: the connection was "
                                 "closed without a reply");
    ck_assert_int_eq(sim_server_process(world.lab.sim, world.lab.m1), SIM_DOWN);
    close_world(&world);
}
END_TEST

START_TEST(get_gives_status_and_body)
{
    struct world world;
    open_world(&world, RELEASE_2_5);
    transport_get(world.transport, sim_server_address(world.lab.sim, R1), "/version", US_PER_SECOND,
                  on_http, &world);
    run_world(&world);
    ck_assert_int_eq(world.status, 200);
    ck_assert_str_eq(world.text, "{\"Version\":\"2.5.0\",\"GitCommit\":\"simulated\"}\n");
    transport_get(world.transport, sim_server_address(world.lab.sim, R1), "/nothing", US_PER_SECOND,
                  on_http, &world);
    run_world(&world);
    ck_assert_int_eq(world.status, 404);
    world.lab.sim->servers[R1].stage = STAGE_DOWN;
    transport_get(world.transport, sim_server_address(world.lab.sim, R1), "/version", US_PER_SECOND,
                  on_http, &world);
    run_world(&world);
    ck_assert_str_eq(world.text, "127.0.0.1:34801: GET /version: connection refused");
    world.lab.sim->servers[R1].stage = STAGE_READY;
    close_world(&world);
}
END_TEST

START_TEST(deployment_answers_when_the_process_was_started)
{
    struct world world;
    open_world(&world, RELEASE_2_5);
    struct http_request request = {
        .method = "POST",
        .url = "http://10.9.9.9:1/servers/127.0.0.1:34802/update?version=2.5.7",
        .timeout_us = 60 * US_PER_SECOND,
    };
    world.deployment->ops->request(world.deployment, &request, on_http, &world);
    run_world(&world);
    ck_assert_int_eq(world.status, 200);
    ck_assert_str_eq(world.text, "{\"server\":\"127.0.0.1:34802\",\"action\":\"update\","
                                 "\"version\":\"2.5.7\"}\n");
    ck_assert_int_eq(world.at_us, 2050 * US_PER_MS + 500);
    ck_assert_str_eq(sim_server_version(world.lab.sim, R2), "2.5.7");
    request.url = "http://10.9.9.9:1/servers/r9/update";
    world.deployment->ops->request(world.deployment, &request, on_http, &world);
    run_world(&world);
    ck_assert_int_eq(world.status, 404);
    ck_assert_str_eq(world.text, "{\"error\":\"no server 'r9'\"}\n");
    request.url = "http://example.test/hook";
    world.deployment->ops->request(world.deployment, &request, on_http, &world);
    run_world(&world);
    ck_assert_int_eq(world.status, 200);
    request.url = "http://10.9.9.9:1/servers/r2/update";
    request.timeout_us = US_PER_SECOND;
    world.deployment->ops->request(world.deployment, &request, on_http, &world);
    run_world(&world);
    ck_assert_int_eq(world.code, ERROR_TIMEOUT);
    ck_assert_str_eq(world.text, "POST http://10.9.9.9:1/servers/r2/update: no reply within 1s");
    close_world(&world);
}
END_TEST

START_TEST(programs_act_by_their_arguments)
{
    static const struct {
        const char *argv[5];
        int exit_code;
        const char *output;
        int64_t took_us;
        bool down;
    } cases[] = {
        {{"deploy", "--now", "restart", "r3", NULL}, 0, "", 50 * US_PER_MS, true},
        {{"deploy", "127.0.0.1:34803", "stop", NULL}, 0, "", 50 * US_PER_MS, true},
        {{"deploy", "r3", "start", NULL}, 1, "r3: runs already\n", 0, false},
        {{"true", NULL}, 0, "", 1000, false},
        {{"deploy", "r3", NULL}, 0, "", 1000, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        open_world(&world, RELEASE_MASTER);
        struct process_spec spec = {.argv = cases[i].argv, .timeout_us = 60 * US_PER_SECOND};
        world.deployment->ops->run(world.deployment, &spec, on_program, &world);
        run_world(&world);
        ck_assert_int_eq(world.status, cases[i].exit_code);
        ck_assert_str_eq(world.text, cases[i].output);
        ck_assert_int_eq(world.at_us, cases[i].took_us);
        ck_assert_int_eq(sim_server_process(world.lab.sim, R3) == SIM_DOWN, cases[i].down);
        close_world(&world);
    }
}
END_TEST

/* A job that is asked after: the rows of one place in turn; and a program that fails. */
START_TEST(the_model_declares_what_programs_and_requests_are_answered)
{
    static const struct model_answer programs[] = {
        {.match = "deploy.sh", .takes_us = 20 * US_PER_SECOND, .code = 3, .text = "no space\n"},
        {.match = "ssh", .text = "fine\n", .takes_us = 90 * US_PER_SECOND},
    };
    static const struct model_answer requests[] = {
        {.match = "POST http://d/jobs", .code = 202, .location = "/jobs/7", .text = "{}"},
        {.match = "GET http://d/jobs/7", .code = 503, .times = 1},
        {.match = "GET http://d/jobs", .code = 200, .text = "running", .times = 2},
        {.match = "GET http://d/jobs/7", .code = 200, .text = "done"},
    };
    static const struct {
        const char *method; /* NULL: a program */
        const char *what;
        int status;
        const char *text;
        int64_t took_us;
    } cases[] = {
        {NULL, "deploy.sh", 3, "no space\n", 20 * US_PER_SECOND},
        {NULL, "ssh", 0, "fine\n", 90 * US_PER_SECOND},
        {"POST", "http://d/jobs?x=1", 202, "{}", 1000},
        {"GET", "http://d/jobs/7", 503, "", 1000},
        {"GET", "http://d/jobs/7", 200, "running", 1000},
        {"GET", "http://d/jobs/7", 200, "running", 1000},
        {"GET", "http://d/jobs/7", 200, "done", 1000},
        {"GET", "http://d/jobs/7", 503, "", 1000},
        {"GET", "http://d/jobs/8", 200, "running", 1000},
        {"GET", "http://d/jobs/8", 200, "running", 1000},
        {"GET", "http://d/jobs/8", 200, "running", 1000}, /* the only row: it begins anew */
    };
    struct world world;
    open_world(&world, RELEASE_MASTER);
    struct model *model = &world.lab.sim->model;
    model->programs = programs;
    model->program_count = sizeof programs / sizeof programs[0];
    model->requests = requests;
    model->request_count = sizeof requests / sizeof requests[0];
    struct deployment *deployment = sim_deployment_new(world.driver);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *argv[] = {cases[i].what, "restart", "r2", NULL};
        struct process_spec spec = {.argv = argv, .timeout_us = 100 * US_PER_SECOND};
        struct http_request request = {
            .method = cases[i].method, .url = cases[i].what, .timeout_us = US_PER_SECOND};
        int64_t began_us = loop_now_us(world.loop);
        if (cases[i].method == NULL) {
            deployment->ops->run(deployment, &spec, on_program, &world);
        } else {
            deployment->ops->request(deployment, &request, on_http, &world);
        }
        run_world(&world);
        ck_assert_int_eq(world.status, cases[i].status);
        ck_assert_str_eq(world.text, cases[i].text);
        ck_assert_int_eq(loop_now_us(world.loop) - began_us, cases[i].took_us);
        ck_assert(!world.assumed);
        if (i == 0) { /* the failed program restarted nothing */
            ck_assert_int_eq(sim_server_process(world.lab.sim, R2), SIM_UP);
        }
    }
    deployment->ops->free(deployment);
    close_world(&world);
}
END_TEST

START_TEST(an_order_is_carried_out_by_whatever_is_asked_next)
{
    struct world world;
    open_world(&world, RELEASE_MASTER);
    struct http_request request = {
        .method = "POST", .url = "http://example.test/x", .timeout_us = 60 * US_PER_SECOND};
    sim_deployment_order(world.deployment, R3, SIM_STOP);
    world.deployment->ops->request(world.deployment, &request, on_http, &world);
    run_world(&world);
    ck_assert_int_eq(world.status, 200);
    ck_assert(world.assumed);
    ck_assert_int_eq(sim_server_process(world.lab.sim, R3), SIM_DOWN);
    sim_deployment_order(world.deployment, R2, SIM_START);
    world.deployment->ops->request(world.deployment, &request, on_http, &world);
    run_world(&world);
    ck_assert_int_eq(world.status, 409);
    ck_assert(!world.assumed);
    ck_assert_str_eq(world.text, "r2: runs already\n");
    world.deployment->ops->request(world.deployment, &request, on_http, &world);
    run_world(&world);
    ck_assert_int_eq(world.status, 200);
    close_world(&world);
}
END_TEST

static void on_done(void *ctx, const struct error *err)
{
    note(ctx, err, "done");
}

START_TEST(client_reads_a_whole_snapshot_of_either_release)
{
    for (int release = 0; release < RELEASE_COUNT; release++) {
        struct world world;
        struct snapshot snapshot;
        struct address metas[3];
        open_world(&world, (enum release)release);
        for (int32_t i = 0; i < 3; i++) { /* standbys first */
            metas[i] = sim_server_address(world.lab.sim, world.lab.m1 + 2 - i);
        }
        struct cluster *cluster = cluster_new(world.transport, metas, 3);
        snapshot_init(&snapshot);
        cluster_read_snapshot(cluster_reader(cluster), &snapshot, CLUSTER_CALL_TIMEOUT_US, on_done,
                              &world);
        run_world(&world);
        ck_assert_msg(!world.failed, "%s", world.text);
        ck_assert(snapshot.valid);
        ck_assert_int_eq(snapshot.listed_count, 5);
        ck_assert_int_eq(snapshot.partition_count, 16);
        ck_assert_int_eq(snapshot.level, LEVEL_STEADY);
        ck_assert_str_eq(snapshot.nodes[0].name,
                         release == RELEASE_MASTER ? "localhost:34801" : "127.0.0.1:34801");
        ck_assert(address_equal(snapshot.leader, metas[2]));
        snapshot_clear(&snapshot);
        cluster_free(cluster);
        close_world(&world);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sim_world");
    TCase *cases = tcase_create("sim_world");
    tcase_add_test(cases, call_takes_the_latency_there_and_back);
    tcase_add_test(cases, failures_say_which_server_and_what_it_said);
    tcase_add_test(cases, cancelled_call_ends_once_and_dropped_one_never);
    tcase_add_test(cases, server_that_dies_of_a_request_closes_the_connection);
    tcase_add_test(cases, get_gives_status_and_body);
    tcase_add_test(cases, deployment_answers_when_the_process_was_started);
    tcase_add_test(cases, programs_act_by_their_arguments);
    tcase_add_test(cases, the_model_declares_what_programs_and_requests_are_answered);
    tcase_add_test(cases, an_order_is_carried_out_by_whatever_is_asked_next);
    tcase_add_test(cases, client_reads_a_whole_snapshot_of_either_release);
    suite_add_tcase(suite, cases);
    return lab_run(suite);
}
