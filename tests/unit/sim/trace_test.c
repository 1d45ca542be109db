/* Recorded scenarios of real clusters (tests/data/traces), done again in the simulation: the same
 * orders at the same times must lead to the same configurations, in the same order, about then. */
#include "../../fidelity/comparison.h"

START_TEST(recorded_scenarios_are_retold)
{
    const struct fidelity_row *row = &fidelity_rows[_i];
    struct comparison comparison = {0};
    struct retelling *retelling = retelling_open(row);
    retelling_run(retelling);
    compare(retelling, &comparison);
    ck_assert_msg(retelling->refusals == 0, "%s: %s", row->name, retelling->first_refusal);
    ck_assert_int_gt(comparison.states, retelling->lab.sim->partition_count);
    ck_assert_msg(comparison.states - comparison.matched <= row->missed, "%s: %s", row->name,
                  comparison.first);
    ck_assert_uint_eq(sim_violation_count(retelling->lab.sim), 0);
    retelling_close(retelling);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace");
    TCase *cases = tcase_create("trace");
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, recorded_scenarios_are_retold, 0, FIDELITY_ROWS);
    suite_add_tcase(suite, cases);
    return lab_run(suite);
}
