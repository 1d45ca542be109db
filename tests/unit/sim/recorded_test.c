/* What real clusters answered: asked the same, the simulation answers the same, byte for byte where
 * nothing but the model decides, and alike in shape where the recorded cluster had a past. */
#include "lab.h"

#include "../pegasus/samples.h"
#include "wire/wire.h"

static struct lab lab;      /* of the release under test */
static int32_t exact_count; /* samples compared byte for byte */

/* ---- the recorded cluster */

static struct model_table recorded_tables[] = {
    {.name = "stat", .partition_count = 4, .max_replica_count = 3},
    {.name = "temp", .partition_count = 16, .max_replica_count = 3},
    {.name = "users", .partition_count = 32, .max_replica_count = 3},
    {.name = "pair", .partition_count = 8, .max_replica_count = 2},
    {.name = "solo", .partition_count = 4, .max_replica_count = 1},
};

static void open_recorded(enum release release)
{
    lab_model(&lab, release);
    lab.model.tables = recorded_tables;
    lab.model.table_count = sizeof recorded_tables / sizeof recorded_tables[0];
    lab_start(&lab);
}

static int32_t server_of_role(const char *role)
{
    static const struct {
        const char *role;
        int32_t server;
    } roles[] = {{"leader meta", 5}, {"standby meta", 6}, {"replica server", 0}, {"collector", 8}};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (strcmp(roles[i].role, role) == 0) {
            return roles[i].server;
        }
    }
    ck_abort_msg("no role '%s'", role);
    return -1;
}

/* ---- RPC */

struct exchange {
    int32_t sequence;
    char name[256];
    char *request;
    size_t request_bytes;
    char *response;
    size_t response_bytes;
    int32_t server;
    enum rpc rpc;
    const void *arguments; /* in lab.arena */
};
static struct exchange exchanges[128];
static int32_t exchange_count;

static void note_sample(const struct sample *sample)
{
    struct exchange *exchange = &exchanges[exchange_count];
    struct wire_request request;
    struct error err;
    *exchange = (struct exchange){0};
    snprintf(exchange->name, sizeof exchange->name, "%s", sample->name);
    exchange->request =
        sample_unhex(sample_string(sample->json, "request"), &exchange->request_bytes);
    exchange->response =
        sample_unhex(sample_string(sample->json, "response"), &exchange->response_bytes);
    exchange->server = server_of_role(sample_string(sample->json, "to"));
    ck_assert_msg(wire_decode_request(exchange->request, exchange->request_bytes, &request, &err),
                  "%s", err.text);
    ck_assert(request.known);
    exchange->rpc = request.rpc;
    exchange->sequence = request.sequence;
    void *arguments = arena_allocate(&lab.arena, rpc_request_bytes(request.rpc));
    ck_assert_msg(wire_decode_arguments(request.rpc, request.body, &lab.arena, arguments, &err),
                  "%s", err.text);
    exchange->arguments = arguments;
    exchange_count++;
}

static int by_sequence(const void *a, const void *b)
{
    return ((const struct exchange *)a)->sequence - ((const struct exchange *)b)->sequence;
}

static void read_exchanges(enum release release)
{
    exchange_count = 0;
    samples_visit(release, "", note_sample);
    qsort(exchanges, (size_t)exchange_count, sizeof exchanges[0], by_sequence);
}

static void free_exchanges(void)
{
    for (int32_t i = 0; i < exchange_count; i++) {
        free(exchanges[i].request);
        free(exchanges[i].response);
    }
}

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const void *recorded_response(const struct exchange *exchange)
{
    struct wire_reply reply;
    struct error err;
    void *response = arena_allocate(&lab.arena, rpc_response_bytes(exchange->rpc));
    ck_assert_msg(wire_decode_reply(exchange->response, exchange->response_bytes, &reply, &err),
                  "%s", err.text);
    ck_assert_msg(wire_decode_response(exchange->rpc, reply.body, &lab.arena, response, &err), "%s",
                  err.text);
    return response;
}

/* Gives the simulated partitions the recorded past. */
static int16_t server_at(struct address address)
{
    return (int16_t)sim_find_server(lab.sim, address);
}

static void take_record(const struct exchange *exchange)
{
    const struct query_config_response *response = recorded_response(exchange);
    const struct wire_partition *items = response->partitions.items;
    for (uint32_t i = 0; i < response->partitions.count; i++) {
        struct partition *partition = world_partition(lab.sim, items[i].pid);
        const struct address *secondaries = items[i].secondaries.items;
        const struct address *drops = items[i].last_drops.items;
        partition->ballot = items[i].ballot;
        partition->primary = server_at(items[i].primary);
        partition->last_committed_decree = items[i].last_committed_decree;
        partition->secondary_count = (uint8_t)items[i].secondaries.count;
        partition->last_drop_count = (uint8_t)items[i].last_drops.count;
        for (uint32_t s = 0; s < items[i].secondaries.count; s++) {
            partition->secondaries[s] = server_at(secondaries[s]);
        }
        for (uint32_t d = 0; d < items[i].last_drops.count; d++) {
            partition->last_drops[d] = server_at(drops[d]);
        }
    }
}

static void compare_apps(const struct exchange *exchange, const struct list_apps_response *ours)
{
    const struct list_apps_response *theirs = recorded_response(exchange);
    const struct wire_app_info *mine = ours->infos.items;
    const struct wire_app_info *real = theirs->infos.items;
    ck_assert_uint_ge(theirs->infos.count, ours->infos.count);
    ck_assert_uint_eq(ours->infos.count, 5);
    for (uint32_t i = 0; i < ours->infos.count; i++) {
        struct wire_app_info expected = real[i];
        struct text a = {0};
        struct text b = {0};
        expected.create_second = mine[i].create_second;
        expected.init_partition_count = mine[i].init_partition_count;
        struct list_apps_response left = {ours->err, {&mine[i], 1}, ours->hint_message, false};
        struct list_apps_response right = {
            theirs->err, {&expected, 1}, theirs->hint_message, false};
        ck_assert_int_eq(ours->has_hint_message, theirs->has_hint_message);
        wire_encode_response_body(RPC_LIST_APPS, &left, &a);
        wire_encode_response_body(RPC_LIST_APPS, &right, &b);
        ck_assert_uint_eq(a.length, b.length);
        ck_assert_mem_eq(a.bytes, b.bytes, a.length);
        text_clear(&a);
        text_clear(&b);
    }
}

static void compare_info(const struct exchange *exchange, const struct cluster_info_response *ours)
{
    const struct cluster_info_response *theirs = recorded_response(exchange);
    const struct slice *my_keys = ours->keys.items;
    const struct slice *real_keys = theirs->keys.items;
    const struct slice *my_values = ours->values.items;
    const struct slice *real_values = theirs->values.items;
    ck_assert_uint_eq(ours->keys.count, theirs->keys.count);
    ck_assert_uint_eq(ours->values.count, theirs->values.count);
    for (uint32_t i = 0; i < ours->keys.count; i++) {
        const char *key = lab_string(&lab, real_keys[i]);
        ck_assert(slice_equals(my_keys[i], key));
        if (strcmp(key, "balance_operation_count") != 0 && strstr(key, "stddev") == NULL) {
            ck_assert_str_eq(lab_string(&lab, my_values[i]), lab_string(&lab, real_values[i]));
        }
    }
}

static void compare_replicas(const struct exchange *exchange,
                             const struct replica_info_response *ours)
{
    const struct replica_info_response *theirs = recorded_response(exchange);
    const struct wire_replica_info *mine = ours->replicas.items;
    const struct wire_replica_info *real = theirs->replicas.items;
    ck_assert_uint_gt(ours->replicas.count, 30);
    for (uint32_t i = 0; i < ours->replicas.count; i++) {
        ck_assert(mine[i].status == REPLICA_PRIMARY || mine[i].status == REPLICA_SECONDARY);
        ck_assert(slice_equals(mine[i].app_type, lab_string(&lab, real[0].app_type)));
        ck_assert(slice_equals(mine[i].disk_tag, lab_string(&lab, real[0].disk_tag)));
        ck_assert_int_eq(mine[i].has_manual_compact_status, real[0].has_manual_compact_status);
        ck_assert_int_eq(mine[i].manual_compact_status, real[0].manual_compact_status);
    }
}

/* What depends on the machine, the time or the past, and is compared another way or elsewhere. */
static bool compare_otherwise(const struct exchange *exchange, const void *ours)
{
    if (strstr(exchange->name, "help") != NULL || strstr(exchange->name, "server_info") != NULL ||
        begins(exchange->name, "cli_replica_counters")) {
        return true;
    }
    if (lab.model.release == RELEASE_MASTER && begins(exchange->name, "cli_meta_balance_count")) {
        return true;
    }
    if (begins(exchange->name, "apps_")) {
        compare_apps(exchange, ours);
        return true;
    }
    if (begins(exchange->name, "cluster_info")) {
        compare_info(exchange, ours);
        return true;
    }
    if (begins(exchange->name, "replica_info")) {
        compare_replicas(exchange, ours);
        return true;
    }
    return false;
}

static void ask_again(const struct exchange *exchange)
{
    void *response = arena_allocate(&lab.arena, rpc_response_bytes(exchange->rpc));
    enum sim_answer answer = sim_request(lab.sim, exchange->server, exchange->rpc, 0,
                                         exchange->arguments, &lab.arena, response);
    struct wire_request request;
    struct text out = {0};
    struct error err;
    ck_assert_msg(answer == SIM_ANSWER || answer == SIM_NO_HANDLER, "%s", exchange->name);
    if (answer == SIM_ANSWER && compare_otherwise(exchange, response)) {
        return;
    }
    ck_assert(wire_decode_request(exchange->request, exchange->request_bytes, &request, &err));
    wire_encode_reply(request.name, request.sequence,
                      answer == SIM_ANSWER ? PEGASUS_OK : PEGASUS_HANDLER_NOT_FOUND, exchange->rpc,
                      answer == SIM_ANSWER ? response : NULL, &out);
    ck_assert_msg(out.length == exchange->response_bytes &&
                      memcmp(out.bytes, exchange->response, out.length) == 0,
                  "%s of %s differs", exchange->name, lab.sim->traits->name);
    text_clear(&out);
    exact_count++;
}

START_TEST(recorded_requests_get_the_recorded_replies)
{
    for (int release = 0; release < RELEASE_COUNT; release++) {
        struct error err;
        exact_count = 0;
        open_recorded((enum release)release);
        read_exchanges((enum release)release);
        for (int32_t i = 0; i < exchange_count; i++) {
            bool has_partitions =
                begins(exchanges[i].name, "table_") && !begins(exchanges[i].name, "table_missing");
            if (has_partitions) {
                size_t bytes = (size_t)lab.sim->partition_count * sizeof(struct partition);
                struct partition *before = memory_allocate(bytes);
                memcpy(before, lab.sim->partitions, bytes);
                take_record(&exchanges[i]);
                ask_again(&exchanges[i]);
                memcpy(lab.sim->partitions, before, bytes);
                free(before);
            } else {
                ask_again(&exchanges[i]);
            }
        }
        ck_assert_int_ge(exact_count, 38);
        ck_assert_uint_eq(sim_violation_count(lab.sim), 0);
        ck_assert_msg(sim_check(lab.sim, &err), "%s", err.text);
        free_exchanges();
        lab_close(&lab);
    }
}
END_TEST

/* ---- HTTP */

struct recorded_http {
    char method[8];
    char target[256];
    char role[64];
    int status;
    char location[256];
    const char *body;
    char *content;
};

static bool read_http(enum release release, const char *name, struct recorded_http *out)
{
    char path[1024];
    *out = (struct recorded_http){0};
    snprintf(path, sizeof path, "tests/data/samples/%s/http/%s", release_traits(release)->name,
             name);
    out->content = sample_read_file(path);
    ck_assert_int_eq(
        sscanf(out->content, "> %7s %255s   (%63[^;];", out->method, out->target, out->role), 3);
    const char *head = strstr(out->content, "HTTP/1.1 ");
    const char *end = strstr(out->content, "\r\n\r\n");
    if (head == NULL || end == NULL) {
        free(out->content);
        return false; /* the server closed the connection: no business of the simulation */
    }
    const char *location = strstr(head, "Location: ");
    out->status = atoi(head + strlen("HTTP/1.1 "));
    if (location != NULL) {
        sscanf(location, "Location: %255s", out->location);
    }
    out->body = end + 4;
    return true;
}

/* JSON with every string value and number taken out: what is left is its shape. */
static char *shape_of(const char *json)
{
    struct text out = {0};
    for (const char *at = json; *at != '\0'; at++) {
        if (*at == ':' && (at[1] == '"' || (at[1] == ' ' && at[2] == '"'))) {
            at = strchr(at, '"') + 1;
            while (*at != '"') {
                at += *at == '\\' ? 2 : 1;
            }
            text_append_string(&out, ":\"\"");
        } else if (*at == ':' && at[1] == ' ' && at[2] >= '0' && at[2] <= '9') {
            at += 1 + strspn(at + 2, "0123456789");
            text_append_string(&out, ": 0");
        } else {
            text_append_char(&out, *at);
        }
    }
    return text_take(&out);
}

static void compare_http(enum release release, const char *name)
{
    static const char *const only_shape[] = {
        "meta_app_detail", "meta_apps",  "meta_cluster", "meta_nodes_detail", "metrics_",
        "perf_counter",    "start_time", "version.",     "version_replica",
    };
    struct recorded_http theirs;
    struct sim_http ours = {0};
    bool exact = true;
    if (begins(name, "metrics_meta") && release == RELEASE_MASTER) {
        return; /* most of it is of no use to anybody here */
    }
    if (!read_http(release, name, &theirs)) {
        return;
    }
    ck_assert_int_eq(
        sim_http_request(lab.sim, server_of_role(theirs.role), theirs.method, theirs.target, &ours),
        SIM_ANSWER);
    ck_assert_msg(ours.status == theirs.status, "%s of %s: status %d", name,
                  release_traits(release)->name, ours.status);
    ck_assert_str_eq(text_string(&ours.location), theirs.location);
    for (size_t i = 0; i < sizeof only_shape / sizeof only_shape[0]; i++) {
        exact = exact && !begins(name, only_shape[i]);
    }
    if (exact) {
        ck_assert_str_eq(text_string(&ours.body), theirs.body);
        exact_count++;
    } else {
        char *mine = shape_of(text_string(&ours.body));
        char *real = shape_of(theirs.body);
        ck_assert_msg(strcmp(mine, real) == 0, "%s of %s:\n%s\n%s", name,
                      release_traits(release)->name, mine, real);
        free(mine);
        free(real);
    }
    text_clear(&ours.body);
    text_clear(&ours.location);
    free(theirs.content);
}

START_TEST(recorded_gets_have_the_recorded_bodies)
{
    for (int release = 0; release < RELEASE_COUNT; release++) {
        char path[256];
        snprintf(path, sizeof path, "tests/data/samples/%s/http",
                 release_traits((enum release)release)->name);
        DIR *dir = opendir(path);
        ck_assert_ptr_nonnull(dir);
        exact_count = 0;
        open_recorded((enum release)release);
        for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
            if (entry->d_name[0] != '.') {
                compare_http((enum release)release, entry->d_name);
            }
        }
        closedir(dir);
        ck_assert_int_ge(exact_count, 17);
        lab_close(&lab);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recorded");
    TCase *cases = tcase_create("recorded");
    tcase_add_test(cases, recorded_requests_get_the_recorded_replies);
    tcase_add_test(cases, recorded_gets_have_the_recorded_bodies);
    suite_add_tcase(suite, cases);
    return lab_run(suite);
}
