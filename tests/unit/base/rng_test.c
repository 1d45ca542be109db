#include "base/rng.h"

#include <check.h>

START_TEST(a_seed_gives_the_published_sequence_of_splitmix64)
{
    struct rng rng;
    rng_init(&rng, 1234567);
    static const uint64_t expected[] = {
        UINT64_C(6457827717110365317), UINT64_C(3203168211198807973), UINT64_C(9817491932198370423),
        UINT64_C(4593380528125082431), UINT64_C(16408922859458223821)};
    for (int i = 0; i < 5; i++) {
        ck_assert_uint_eq(rng_next(&rng), expected[i]);
    }
}
END_TEST

START_TEST(numbers_below_a_limit_stay_below_it_and_reach_all)
{
    struct rng rng;
    rng_init(&rng, 5);
    unsigned counts[7] = {0};
    for (int i = 0; i < 7000; i++) {
        uint64_t value = rng_below(&rng, 7);
        ck_assert_uint_lt(value, 7);
        counts[value]++;
    }
    for (int i = 0; i < 7; i++) {
        ck_assert_uint_gt(counts[i], 850);
        ck_assert_uint_lt(counts[i], 1150);
    }
    ck_assert_uint_eq(rng_below(&rng, 1), 0);
    uint64_t half_and_more = (UINT64_C(1) << 63) + 1; /* nearly each second number is passed over */
    for (int i = 0; i < 100; i++) {
        ck_assert_uint_lt(rng_below(&rng, half_and_more), half_and_more);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rng");
    TCase *tcase = tcase_create("rng");
    tcase_add_test(tcase, a_seed_gives_the_published_sequence_of_splitmix64);
    tcase_add_test(tcase, numbers_below_a_limit_stay_below_it_and_reach_all);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
