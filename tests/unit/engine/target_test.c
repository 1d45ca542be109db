#include "engine/target.h"

#include "fixture.h"

static const struct {
    const char *name;
    const char *root; /* of the cluster file, or NULL */
    const char *reported_name;
    const char *reported_root;
    const char *error; /* NULL: it is the right cluster */
} clusters[] = {
    {"onebox", NULL, "onebox", "/pegasus/onebox", NULL},
    {"onebox", "/pegasus/onebox", "onebox", "/pegasus/onebox", NULL},
    {"onebox", NULL, NULL, "/pegasus/onebox", NULL}, /* before 2.2 no name is told */
    {"prod", NULL, "onebox", "/pegasus/onebox",
     "the cluster file 'c.lua' is for 'prod', but the primary meta server 127.0.0.1:34601 says "
     "that "
     "its cluster is 'onebox'"},
    {"onebox", "/pegasus/other", "onebox", "/pegasus/onebox",
     "the cluster file 'c.lua' names the ZooKeeper root '/pegasus/other', but the primary meta "
     "server 127.0.0.1:34601 says '/pegasus/onebox'"},
    {"onebox", NULL, "onebox", "/pegasus/other",
     "the cluster file 'c.lua' is for 'onebox', but the ZooKeeper root of the primary meta server "
     "127.0.0.1:34601 is '/pegasus/other'; give zookeeper_root in the cluster file if that is "
     "right"},
    {"prod", NULL, NULL, "/pegasus/onebox",
     "the cluster file 'c.lua' is for 'prod', but the ZooKeeper root of the primary meta server "
     "127.0.0.1:34601 is '/pegasus/onebox'; give zookeeper_root in the cluster file if that is "
     "right"},
};

START_TEST(only_the_right_cluster_is_touched)
{
    struct fixture fixture;
    struct cluster_file file = {
        .file = "c.lua",
        .name = clusters[_i].name,
        .zookeeper_root = clusters[_i].root,
    };
    fixture_open(&fixture);
    fixture.evidence.snapshot.cluster_name = clusters[_i].reported_name;
    fixture.evidence.snapshot.zookeeper_root = clusters[_i].reported_root;
    bool right = target_check(&file, &fixture.evidence.snapshot, &fixture.err);
    ck_assert_int_eq(right, clusters[_i].error == NULL);
    if (!right) {
        ck_assert_str_eq(fixture.err.text, clusters[_i].error);
        ck_assert_int_eq(error_exit_code(fixture.err.code), 3);
    }
    fixture_close(&fixture);
}
END_TEST

START_TEST(the_inventory_has_the_metas_own_list_and_the_files_others)
{
    struct fixture fixture;
    struct address metas[] = {fixture_address(ROLE_META, 0), fixture_address(ROLE_META, 1)};
    struct address collectors[] = {fixture_address(ROLE_COLLECTOR, 0)};
    const char *meta_names[] = {"127.0.0.1:34601", "meta2.example:34602"};
    const char *collector_names[] = {"Collector.example:34101"};
    struct cluster_file file = {
        .file = "c.lua",
        .name = "onebox",
        .metas = metas,
        .meta_names = meta_names,
        .meta_count = 2,
        .collectors = collectors,
        .collector_names = collector_names,
        .collector_count = 1,
    };
    struct inventory inventory;
    fixture_open(&fixture);
    ck_assert(target_inventory(&file, &fixture.evidence.snapshot, &fixture.arena, &inventory,
                               &fixture.err));
    ck_assert_int_eq(inventory.count[ROLE_REPLICA], 5);
    ck_assert_int_eq(inventory.count[ROLE_META], 2);
    ck_assert_int_eq(inventory.count[ROLE_COLLECTOR], 1);
    ck_assert_str_eq(inventory.servers[ROLE_REPLICA][4].name, "127.0.0.1:34805");
    ck_assert_str_eq(inventory.servers[ROLE_META][0].name, "127.0.0.1:34601");
    ck_assert_str_eq(inventory.servers[ROLE_META][1].name, "meta2.example:34602"); /* as written */
    ck_assert_str_eq(inventory.servers[ROLE_COLLECTOR][0].name, "Collector.example:34101");
    ck_assert_ptr_eq(inventory_find(&inventory, metas[1]), &inventory.servers[ROLE_META][1]);
    collectors[0] = fixture_address(ROLE_REPLICA, 2);
    ck_assert(!target_inventory(&file, &fixture.evidence.snapshot, &fixture.arena, &inventory,
                                &fixture.err));
    ck_assert_str_eq(fixture.err.text, "the cluster file 'c.lua' names the collector server "
                                       "Collector.example:34101, but that is the replica server "
                                       "127.0.0.1:34803 of the cluster");
    collectors[0] = metas[1];
    ck_assert(!target_inventory(&file, &fixture.evidence.snapshot, &fixture.arena, &inventory,
                                &fixture.err));
    fixture.evidence.snapshot.listed_count = 0;
    ck_assert(!target_inventory(&file, &fixture.evidence.snapshot, &fixture.arena, &inventory,
                                &fixture.err));
    ck_assert_str_eq(fixture.err.text,
                     "the primary meta server 127.0.0.1:34601 lists no replica servers");
    fixture_close(&fixture);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("target");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, only_the_right_cluster_is_touched, 0,
                        (int)(sizeof clusters / sizeof clusters[0]));
    tcase_add_test(tcase, the_inventory_has_the_metas_own_list_and_the_files_others);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
