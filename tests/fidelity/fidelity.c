/* Prints how the simulation compares with recordings of real clusters, scenario by scenario: orders
 * done, phases and chances taken from the recording, states compared and matched, the largest
 * difference of a wait, and the longest time without reads of a probed partition, both ways.
 * `fidelity NAME` shows each difference of one. Exit code 1: something differs that was not said
 * beforehand. */
#include "comparison.h"

static bool tell(const struct fidelity_row *row, bool details)
{
    struct comparison comparison = {.details = details ? stdout : NULL};
    struct retelling *retelling = retelling_open(row);
    retelling_run(retelling);
    compare(retelling, &comparison);
    int32_t missed = comparison.states - comparison.matched + retelling->refusals;
    bool fine = missed <= row->missed;
    printf("%-15s %6d %6d %7d %8d %6.2f s %9.2f / %-5.2f  %s%s\n", row->name, retelling->operations,
           retelling->phases, comparison.states, comparison.matched,
           (double)comparison.worst_us / 1e6, (double)comparison.recorded_away_us / 1e6,
           (double)comparison.simulated_away_us / 1e6,
           missed == 0 ? "met"
           : fine      ? row->reason
                       : "DIFFERS: ",
           fine                          ? ""
           : comparison.first[0] != '\0' ? comparison.first
                                         : retelling->first_refusal);
    if (details && retelling->refusals > 0) {
        printf("    %d replies differ: %s\n", retelling->refusals, retelling->first_refusal);
    }
    for (size_t i = 0; details && i < sim_violation_count(retelling->lab.sim); i++) {
        printf("    violation: %s\n", sim_violation(retelling->lab.sim, i)->what);
    }
    retelling_close(retelling);
    return fine;
}

static const char *chosen; /* a row's name; NULL: all */

START_TEST(scenario)
{
    const struct fidelity_row *row = &fidelity_rows[_i];
    if (chosen == NULL || strcmp(chosen, row->name) == 0) {
        ck_assert(tell(row, chosen != NULL));
    }
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("fidelity");
    TCase *cases = tcase_create("fidelity");
    chosen = argc > 1 ? argv[1] : NULL;
    printf("%-15s %6s %6s %7s %8s %8s %17s  %s\n", "trace", "orders", "chance", "states", "matched",
           "worst", "reads away (sim)", "verdict");
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, scenario, 0, FIDELITY_ROWS);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_MINIMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
