/* Models: their defaults, and those that cannot be; the event queue's order. */
#include "lab.h"

START_TEST(defaults_are_those_of_the_release)
{
    static const struct {
        enum release release;
        const char *version;
        int64_t lease_s;
        int64_t grace_s;
    } cases[] = {{RELEASE_2_5, "2.5.0", 9, 10}, {RELEASE_MASTER, "2.6.0-SNAPSHOT", 20, 22}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model model;
        struct error err;
        model_init(&model, cases[i].release);
        ck_assert_str_eq(model.version, cases[i].version);
        ck_assert_str_ne(model.version, model.next_version);
        ck_assert_int_eq(model.timings.lease_us, cases[i].lease_s * US_PER_SECOND);
        ck_assert_int_eq(model.timings.grace_us, cases[i].grace_s * US_PER_SECOND);
        ck_assert_int_eq(model.replica_count, 5);
        ck_assert_msg(model_check(&model, &err), "%s", err.text);
    }
}
END_TEST

static const int32_t beyond[] = {0, 1, 5};
static const int32_t twice[] = {0, 1, 0};
static const int32_t holes[] = {-1, 1, -1};

static void set_metas(struct model *model)
{
    model->meta_count = 0;
}
static void set_grace(struct model *model)
{
    model->timings.grace_us = model->timings.lease_us;
}
static void set_tick(struct model *model)
{
    model->timings.tick_us = 0;
}
static void set_level(struct model *model)
{
    model->stored_level = 450;
}
static void set_servers(struct model *model)
{
    model->replica_count = 2;
}
static void set_delay(struct model *model)
{
    model->assign_delay_ms = 0;
}
static void set_nothing(struct model *model)
{
    (void)model;
}

START_TEST(impossible_models_are_refused_with_a_reason)
{
    static const struct {
        struct model_table table;
        void (*change)(struct model *model);
        const char *error; /* NULL: possible */
    } cases[] = {
        {{.name = "t", .partition_count = 1, .max_replica_count = 3, .placement = holes},
         set_nothing,
         NULL},
        {{.name = "t", .partition_count = 1, .max_replica_count = 3},
         set_metas,
         "meta count is 0, must be 1 to 9"},
        {{.name = "t", .partition_count = 1, .max_replica_count = 3},
         set_grace,
         "grace must be longer than lease, else two primaries could serve"},
        {{.name = "t", .partition_count = 1, .max_replica_count = 3},
         set_tick,
         "timing in microseconds: tick is 0, must be 1000 to 86400000000"},
        {{.name = "t", .partition_count = 1, .max_replica_count = 3},
         set_level,
         "meta level 450 is none"},
        {{.name = "t", .partition_count = 1, .max_replica_count = 3},
         set_servers,
         "table 't': wants 3 replicas of each partition, but the model has 2 replica servers"},
        {{.name = "t", .partition_count = 1, .max_replica_count = 3},
         set_delay,
         "assign delay is 0, must be 1 to 2147483647"},
        {{.name = "", .partition_count = 1, .max_replica_count = 3},
         set_nothing,
         "table '': has no name"},
        {{.name = "t", .partition_count = 40000, .max_replica_count = 3},
         set_nothing,
         "table 't': partition count is 40000, must be 1 to 32767"},
        {{.name = "t", .partition_count = 1, .max_replica_count = 3, .placement = beyond},
         set_nothing,
         "table 't': partition 0 is on r6, but the model has 5 replica servers"},
        {{.name = "t", .partition_count = 1, .max_replica_count = 3, .placement = twice},
         set_nothing,
         "table 't': partition 0 is on r1 twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model model;
        struct error err;
        model_init(&model, RELEASE_2_5);
        model.tables = &cases[i].table;
        model.table_count = 1;
        cases[i].change(&model);
        bool possible = model_check(&model, &err);
        ck_assert_int_eq(possible, cases[i].error == NULL);
        if (!possible) {
            ck_assert_str_eq(err.text, cases[i].error);
        }
    }
}
END_TEST

START_TEST(tables_with_the_same_name_or_id_are_refused)
{
    static const struct {
        struct model_table tables[2];
        const char *error;
    } cases[] = {
        {{{.name = "a", .partition_count = 1, .max_replica_count = 1},
          {.name = "a", .partition_count = 1, .max_replica_count = 1}},
         "table 'a': there are two of this name"},
        {{{.name = "a", .app_id = 3, .partition_count = 1, .max_replica_count = 1},
          {.name = "b", .app_id = 3, .partition_count = 1, .max_replica_count = 1}},
         "table 'b': app id 3 is that of 'a'"},
        {{{.name = "a", .app_id = 3, .partition_count = 1, .max_replica_count = 1},
          {.name = "b", .partition_count = 1, .max_replica_count = 1}},
         "table 'b': either all tables have an app id or none has"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model model;
        struct error err;
        model_init(&model, RELEASE_MASTER);
        model.tables = cases[i].tables;
        model.table_count = 2;
        ck_assert(!model_check(&model, &err));
        ck_assert_str_eq(err.text, cases[i].error);
    }
}
END_TEST

START_TEST(placement_is_even_without_one_and_exact_with_one)
{
    static const int32_t placement[] = {4, 2, 0, 1, 3, -1};
    struct model_table tables[] = {
        {.name = "even", .partition_count = 50, .max_replica_count = 3},
        {.name = "given",
         .app_id = 0,
         .partition_count = 2,
         .max_replica_count = 3,
         .placement = placement},
    };
    struct lab lab;
    lab_model(&lab, RELEASE_MASTER);
    lab.model.tables = tables;
    lab.model.table_count = 2;
    lab_start(&lab);
    for (int32_t i = 0; i < 5; i++) {
        ck_assert_int_eq(lab.sim->tables[0].shares[i].primaries, 10);
    }
    const struct partition *first = lab_partition(&lab, 2, 0);
    const struct partition *second = lab_partition(&lab, 2, 1);
    ck_assert_int_eq(first->primary, 4);
    ck_assert_int_eq(first->secondaries[0], 2);
    ck_assert_int_eq(first->secondaries[1], 0);
    ck_assert_int_eq(first->ballot, 3);
    ck_assert_int_eq(second->secondary_count, 1);
    ck_assert_int_eq(second->ballot, 2);
    lab_close(&lab);
}
END_TEST

START_TEST(events_of_one_time_come_in_the_order_they_were_added)
{
    struct event_queue queue = {0};
    struct event event;
    struct rng rng;
    rng_init(&rng, 7);
    for (int32_t i = 0; i < 5000; i++) {
        events_add(&queue, (struct event){.at_us = (int64_t)rng_below(&rng, 50), .partition = i});
    }
    int64_t last_us = -1;
    int32_t last = -1;
    ck_assert_int_eq(events_next_us(&queue), 0);
    ck_assert(!events_take(&queue, -1, &event));
    for (int32_t i = 0; i < 5000; i++) {
        ck_assert(events_take(&queue, 50, &event));
        ck_assert(event.at_us > last_us || (event.at_us == last_us && event.partition > last));
        last_us = event.at_us;
        last = event.partition;
    }
    ck_assert(!events_take(&queue, INT64_MAX, &event));
    ck_assert_int_eq(events_next_us(&queue), INT64_MAX);
    events_clear(&queue);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *cases = tcase_create("model");
    tcase_add_test(cases, defaults_are_those_of_the_release);
    tcase_add_test(cases, impossible_models_are_refused_with_a_reason);
    tcase_add_test(cases, tables_with_the_same_name_or_id_are_refused);
    tcase_add_test(cases, placement_is_even_without_one_and_exact_with_one);
    tcase_add_test(cases, events_of_one_time_come_in_the_order_they_were_added);
    suite_add_tcase(suite, cases);
    return lab_run(suite);
}
