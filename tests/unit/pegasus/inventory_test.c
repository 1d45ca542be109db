/* Servers of an inventory are found by their address, wherever one looks first. */
#include "pegasus/inventory.h"

#include <check.h>
#include <stdlib.h>

static struct address at(uint16_t port)
{
    return (struct address){0x7f000001, port, ADDRESS_IPV4};
}

START_TEST(a_server_is_found_wherever_it_is_looked_for_first)
{
    struct server replicas[] = {
        {.role = ROLE_REPLICA, .index = 0, .name = "r1", .address = at(34801)},
        {.role = ROLE_REPLICA, .index = 1, .name = "r2", .address = at(34802)},
    };
    struct server metas[] = {{.role = ROLE_META, .name = "m1", .address = at(34601)}};
    struct inventory inventory = {
        .servers = {[ROLE_REPLICA] = replicas, [ROLE_META] = metas},
        .count = {[ROLE_REPLICA] = 2, [ROLE_META] = 1},
    };
    static const int32_t places[] = {0, 1, 2, -1, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        ck_assert_ptr_eq(inventory_find_near(&inventory, at(34801), places[i]), &replicas[0]);
        ck_assert_ptr_eq(inventory_find_near(&inventory, at(34802), places[i]), &replicas[1]);
        ck_assert_ptr_eq(inventory_find_near(&inventory, at(34601), places[i]), &metas[0]);
        ck_assert_ptr_null(inventory_find_near(&inventory, at(34803), places[i]));
    }
    ck_assert_ptr_eq(inventory_find(&inventory, at(34802)), &replicas[1]);
    ck_assert_ptr_null(inventory_find(&inventory, (struct address){0}));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("inventory");
    tcase_add_test(tcase, a_server_is_found_wherever_it_is_looked_for_first);
    Suite *suite = suite_create("inventory");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
