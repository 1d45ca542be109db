/* A cluster that was met becomes the model that it was made from. */
#include "cli/shape.h"

#include "base/duration.h"
#include "cli/model_writer.h"
#include "met.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Which simulated server an index of the shape stands for: the meta server lists them in any order.
 */
static int32_t original(const struct met *met, const struct shape *shape, int32_t server)
{
    return server < 0
               ? -1
               : sim_find_server(rehearsal_sim(met->files.rehearsal), shape->addresses[server]);
}

static void take(struct met *met, struct shape *shape)
{
    struct error err;
    shape_add_needs(&met->session.inventory, gatherer_needs(met->gatherer));
    const struct evidence *evidence = met_gather(met);
    ck_assert_msg(shape_take(&met->session, evidence, &met->arena, shape, &err), "%s", err.text);
    ck_assert_str_eq(text_string(&shape->assumed), "");
}

START_TEST(each_replica_is_where_it_was)
{
    static const char *const names[] = {"recorded", "recorded-2.5"};
    for (size_t n = 0; n < 2; n++) {
        struct met met;
        struct shape shape;
        met_open(&met, names[n], NULL);
        take(&met, &shape);
        const struct model *from = &met.files.model;
        ck_assert_int_eq(shape.model.release, from->release);
        ck_assert_int_eq(shape.model.table_count, from->table_count);
        for (int32_t t = 0; t < from->table_count; t++) {
            const struct model_table *was = &from->tables[t];
            const struct model_table *is = &shape.model.tables[t];
            ck_assert_str_eq(is->name, was->name);
            ck_assert_int_eq(is->app_id, was->app_id);
            ck_assert_int_eq(is->partition_count, was->partition_count);
            ck_assert_int_eq(is->max_replica_count, was->max_replica_count);
            for (int32_t i = 0; i < was->partition_count * was->max_replica_count; i++) {
                ck_assert_int_eq(original(&met, &shape, is->placement[i]), was->placement[i]);
            }
        }
        text_clear(&shape.assumed);
        met_close(&met);
    }
}
END_TEST

static void set_values(struct model *model)
{
    model->add_secondary_limit = 7;
    model->flow_control = false;
    model->assign_delay_ms = 5000;
    model->live_percentage = 30;
    model->min_live_node_count = 2;
    model->mutation_2pc_min_replica_count = 1;
    model->stored_level = LEVEL_LIVELY;
    model->timings.tick_us = 4 * US_PER_SECOND;
    model->timings.lease_us = 12 * US_PER_SECOND;
    model->timings.grace_us = 15 * US_PER_SECOND;
}

static void check_values(const struct model *model)
{
    ck_assert_int_eq(model->add_secondary_limit, 7);
    ck_assert(!model->flow_control);
    ck_assert_int_eq(model->assign_delay_ms, 5000);
    ck_assert_int_eq(model->live_percentage, 30);
    ck_assert_int_eq(model->min_live_node_count, 2);
    ck_assert_int_eq(model->mutation_2pc_min_replica_count, 1);
    ck_assert_int_eq(model->stored_level, LEVEL_LIVELY);
    ck_assert_int_eq(model->timings.tick_us, 4 * US_PER_SECOND);
    ck_assert_int_eq(model->timings.first_tick_us, 4 * US_PER_SECOND);
    ck_assert_int_eq(model->timings.lease_us, 12 * US_PER_SECOND);
    ck_assert_int_eq(model->timings.grace_us, 15 * US_PER_SECOND);
    ck_assert_str_eq(model->cluster_name, "onebox");
    ck_assert_str_eq(model->zookeeper_root, "/pegasus/onebox");
}

START_TEST(settings_and_timings_are_those_of_the_cluster)
{
    struct met met;
    struct shape shape;
    met_open(&met, "five-nodes", set_values);
    take(&met, &shape);
    check_values(&shape.model);
    ck_assert_int_eq(shape.model.replica_count, 5);
    ck_assert_int_eq(shape.model.meta_count, 2);
    ck_assert_int_eq(shape.model.collector_count, 1);
    text_clear(&shape.assumed);
    met_close(&met);
}
END_TEST

START_TEST(the_file_that_is_written_loads_as_the_same_model)
{
    struct met met;
    struct shape shape;
    struct text content = {0};
    struct error_list errors;
    const struct model *loaded;
    char path[] = "/tmp/pegflow-shape-XXXXXX";
    error_list_init(&errors);
    met_open(&met, "five-nodes", set_values);
    take(&met, &shape);
    model_writer_compose(&shape.model, &met.session.inventory, &content);
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content.bytes, content.length), (ssize_t)content.length);
    close(fd);
    ck_assert_msg(lang_load_model(met.lang, path, &loaded, &errors), "%s",
                  errors.count > 0 ? errors.items[0].text : "");
    unlink(path);
    check_values(loaded);
    for (int32_t t = 0; t < shape.model.table_count; t++) {
        const struct model_table *was = &shape.model.tables[t];
        ck_assert_mem_eq(loaded->tables[t].placement, was->placement,
                         (size_t)(was->partition_count * was->max_replica_count) * sizeof(int32_t));
    }
    text_clear(&content);
    text_clear(&shape.assumed);
    error_list_clear(&errors);
    met_close(&met);
}
END_TEST

START_TEST(a_cluster_without_evidence_has_no_shape)
{
    struct met met;
    struct shape shape;
    struct error err;
    met_open(&met, "five-nodes", NULL);
    gatherer_needs(met.gatherer)->snapshot = true;
    const struct evidence *evidence = met_gather(&met); /* the guard's values were not asked for */
    struct evidence silent = *evidence;
    silent.guard.known = false;
    error_set(&silent.guard.error, ERROR_UNREACHABLE, "no answer");
    ck_assert(!shape_take(&met.session, &silent, &met.arena, &shape, &err));
    ck_assert_str_eq(err.text, "no answer");
    silent.has_snapshot = false;
    error_set(&silent.snapshot_error, ERROR_TIMEOUT, "no snapshot");
    ck_assert(!shape_take(&met.session, &silent, &met.arena, &shape, &err));
    ck_assert_str_eq(err.text, "no snapshot");
    met_close(&met);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shape");
    TCase *cases = tcase_create("shape");
    tcase_add_test(cases, each_replica_is_where_it_was);
    tcase_add_test(cases, settings_and_timings_are_those_of_the_cluster);
    tcase_add_test(cases, the_file_that_is_written_loads_as_the_same_model);
    tcase_add_test(cases, a_cluster_without_evidence_has_no_shape);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
