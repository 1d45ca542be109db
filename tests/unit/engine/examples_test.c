/* The example of every word that does something, or that is asked something, is performed on a
 * simulated cluster in virtual time. (Those of files and params are loaded: lang/descriptors.) */
#include "world.h"

#include "lang/descriptors.h"

/* A step's example as it stands; a condition is asked; a policy is used. */
static void write_workflow(const struct descriptor *descriptor, struct text *out)
{
    const char *before = "";
    const char *after = "";
    if (descriptor->group == GROUP_CONDITION) {
        before = "wait_until { any_of { ";
        after = ", cluster_is_healthy() }, timeout = \"1m\" }"; /* it need not hold */
    } else if (descriptor->group == GROUP_POLICY) {
        before =
            strncmp(descriptor->example, "order", 5) == 0
                ? "rolling { over = cluster.metas, steps = function(n) return log(n.name) end, "
                : "migrate_node(node) { ";
        after = " }";
    }
    text_printf(out,
                "return workflow \"example\" { api = 1, steps = function(cluster)\n"
                "local node = cluster.replicas[1]\nreturn %s%s%s end }\n",
                before, descriptor->example, after);
}

static void perform(const struct descriptor *descriptor)
{
    struct world world;
    struct text source = {0};
    write_workflow(descriptor, &source);
    world_open(&world, RELEASE_MASTER);
    world.rehearsed = true; /* nobody is there to answer */
    world_begin(&world);
    world_plan(&world, world_cluster_source, text_string(&source));
    world_run(&world);
    ck_assert_msg(world.result.exit_code == 0, "%s: exit code %d: %.300s", descriptor->name,
                  world.result.exit_code, world.result.error.text);
    world_expect_no_violation(&world);
    world_close(&world);
    text_clear(&source);
}

START_TEST(the_example_of_every_word_is_performed)
{
    const struct descriptor *descriptor;
    size_t performed = 0;
    for (size_t i = 0; (descriptor = descriptor_at(i)) != NULL; i++) {
        bool is_part_of_a_run = descriptor->group != GROUP_FILE && descriptor->group != GROUP_PARAM;
        if (is_part_of_a_run && !descriptor->later) {
            perform(descriptor);
            performed++;
        }
    }
    ck_assert_uint_gt(performed, 25);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("examples");
    TCase *tcase = tcase_create("examples");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, the_example_of_every_word_is_performed);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
