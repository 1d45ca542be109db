/* parallel, try, retry, on_failure and questions, on a simulated cluster in virtual time. */
#include "story.h"

#define FAILS      "remote_command { to = \"meta\", \"no.such\" }"
#define HOLD_DELAY "hold { setting = { [\"meta.lb.assign_delay_ms\"] = 1800000 }, "
#define RESTART(server)                                                                            \
    "http { method = \"POST\", url = \"http://x/servers/" server                                   \
    "/update\", timeout = \"500ms\", retry = { times = 3 } }"

static const struct story stories[] = {
    /* ---- parallel */
    {.name = "branches are under way together",
     .workflow = WORKFLOW("parallel { steps \"a\" { sleep \"10s\" }, steps \"b\" { sleep \"20s\" "
                          "}, steps \"c\" { sleep \"1s\" } }, log \"after\","),
     .order = {"step_started a/sleep", "step_started b/sleep", "step_done a/sleep",
               "step_started c/sleep", "step_done c/sleep", "step_done b/sleep",
               "step_done parallel parallel done in 20", "log log after"}},
    {.name = "max bounds them",
     .workflow = WORKFLOW("parallel { max = 1, steps \"a\" { sleep \"10s\" }, steps \"b\" { sleep "
                          "\"1s\" } },"),
     .order = {"step_done a/sleep", "step_started b/sleep"}},
    {.name = "a failure ends the others, and puts back what they hold",
     .workflow =
         WORKFLOW("parallel { steps \"a\" { sleep \"5s\", " FAILS " }, steps \"b\" { " HOLD_DELAY
                  "sleep \"1h\" } }, steps \"c\" { log \"never\" } }, log \"never\","),
     .exit_code = 1,
     .order = {"held b/hold", "step_failed a/remote_command", "step_failed a no.such",
               "step_failed b/sleep ended since 'a' failed: no.such was refused",
               "put_back b/hold meta.lb.assign_delay_ms is back at 600000", "step_failed parallel",
               "run_finished a/remote_command failed"},
     .absent = "never",
     .error = "no.such was refused"},
    {.name = "a stop ends all of them",
     .workflow = WORKFLOW("parallel { steps \"a\" { " HOLD_DELAY
                          "sleep \"1h\" } }, steps \"b\" { sleep \"1h\" } },"),
     .on = "held a/hold",
     .answer = STOP,
     .exit_code = 4,
     .order = {"stopping", "put_back a/hold"},
     .error = "stopped by the operator"},
    {.name = "a stop before the first branch",
     .workflow = WORKFLOW("parallel { log \"never\" },"),
     .on = "step_started parallel",
     .answer = STOP,
     .exit_code = 4},
    {.name = "the same value held side by side is put back by the last",
     .workflow = WORKFLOW("parallel { steps \"a\" { " HOLD_DELAY
                          "sleep \"10s\" } }, steps \"b\" { sleep \"5s\", " HOLD_DELAY
                          "sleep \"10s\" } } },"),
     .order = {"held a/hold meta.lb.assign_delay_ms held at 1800000 (before: 600000)",
               "held b/hold meta.lb.assign_delay_ms held at 1800000 (before: 1800000)",
               "handed_on a/hold meta.lb.assign_delay_ms stays at 1800000: 'b/hold' holds it too, "
               "and puts it back to 600000",
               "put_back b/hold meta.lb.assign_delay_ms is back at 600000"},
     .absent = "put_back a/hold"},
    {.name = "held side by side, the inner one ends first",
     .workflow = WORKFLOW("parallel { steps \"a\" { " HOLD_DELAY
                          "sleep \"20s\" } }, steps \"b\" { sleep \"5s\", " HOLD_DELAY
                          "sleep \"5s\" } } },"),
     .order = {"put_back b/hold meta.lb.assign_delay_ms is back at 1800000",
               "put_back a/hold meta.lb.assign_delay_ms is back at 600000"},
     .absent = "handed_on"},
    {.name = "a stop while held side by side",
     .workflow = WORKFLOW("parallel { steps \"a\" { " HOLD_DELAY
                          "sleep \"20s\" } }, steps \"b\" { sleep \"5s\", " HOLD_DELAY
                          "sleep \"5s\" } } },"),
     .on = "held b/hold",
     .answer = STOP,
     .exit_code = 4,
     .order = {"handed_on a/hold", "put_back b/hold meta.lb.assign_delay_ms is back at 600000"}},
    {.name = "a deploy that has begun is followed when another branch fails",
     .workflow = WORKFLOW("parallel { deploy(cluster.replicas[1]) { \"update\" }, steps \"b\" { "
                          "sleep \"500ms\", " FAILS " } },"),
     .exit_code = 1,
     .order = {"intention deploy", "step_failed b", "has begun and is followed", "outcome deploy",
               "then the run ends all the same", "step_failed deploy", "step_failed parallel"},
     .error = "no.such was refused"},
    /* ---- on_failure, retry */
    {.name = "a failure is passed over",
     .workflow = WORKFLOW("remote_command { to = \"meta\", \"no.such\", on_failure = \"continue\" "
                          "}, log \"after\","),
     .order = {"step_failed remote_command", "passed_over remote_command passed over: no.such",
               "log log after"}},
    {.name = "tried again, in growing pauses",
     .workflow = WORKFLOW("remote_command { to = \"meta\", \"no.such\", retry = { times = 2, every "
                          "= \"10s\", backoff = 3 } },"),
     .exit_code = 1,
     .order = {"step_failed", "retry remote_command once more in 10s (try 2 of 3)", "step_started",
               "step_failed", "once more in 30s (try 3 of 3)", "step_started", "step_failed",
               "run_finished remote_command failed after 4"},
     .error = "no.such was refused"},
    {.name = "no pause is longer than an hour",
     .workflow = WORKFLOW("remote_command { to = \"meta\", \"no.such\", retry = { times = 2, every "
                          "= \"50m\", backoff = 100 } },"),
     .exit_code = 1,
     .order = {"once more in 50m", "once more in 1h (try 3 of 3)"}},
    {.name = "each try has its own time",
     .workflow =
         WORKFLOW("sleep { \"1h\", timeout = \"5s\", retry = { times = 1, every = \"1s\" } },"),
     .exit_code = 1,
     .order = {"step_failed sleep not done within 5s", "retry", "step_started sleep",
               "step_failed sleep not done within 5s"}},
    {.name = "a failed try puts back before the next begins",
     .workflow = WORKFLOW("hold { setting = { [\"meta.lb.assign_delay_ms\"] = 1800000 }, retry = { "
                          "times = 1 }, " FAILS " },"),
     .exit_code = 1,
     .order = {"held hold", "put_back hold", "retry hold", "held hold", "put_back hold"}},
    {.name = "then passed over",
     .workflow = WORKFLOW("remote_command { to = \"meta\", \"no.such\", retry = { times = 1 }, "
                          "on_failure = \"continue\" }, log \"after\","),
     .order = {"retry", "step_failed", "passed_over", "log log after"}},
    {.name = "an answer that says no is an outcome, and tried again",
     .workflow = WORKFLOW("http { method = \"POST\", url = \"http://x/servers/nobody/restart\", "
                          "retry = { times = 1 } },"),
     .exit_code = 1,
     .order = {"retry http once more"}},
    {.name = "a request without an answer is not repeated",
     .workflow = WORKFLOW(RESTART("127.0.0.1:34101") ","),
     .exit_code = 1,
     .order = {"step_failed http", "note http not done again: it may have been done"},
     .absent = "retry http"},
    {.name = "nor is a group with one in it",
     .workflow = WORKFLOW("steps \"g\" { retry = { times = 2 }, http { method = \"POST\", url = "
                          "\"http://x/servers/127.0.0.1:34101/update\", timeout = \"500ms\" } },"),
     .exit_code = 1,
     .order = {"step_failed g", "note g not done again"},
     .absent = "retry g"},
    {.name = "nor a program that was ended",
     .workflow = WORKFLOW("exec { \"ctl\", \"127.0.0.1:34101\", \"update\", timeout = \"500ms\", "
                          "retry = { times = 2 } },"),
     .exit_code = 1,
     .order = {"step_failed exec", "note exec not done again"},
     .absent = "retry exec"},
    {.name = "a stop in the pause",
     .workflow = WORKFLOW("remote_command { to = \"meta\", \"no.such\", retry = { times = 2, every "
                          "= \"1h\" } },"),
     .on = "retry remote_command",
     .answer = STOP,
     .exit_code = 4,
     .error = "stopped by the operator"},
    {.name = "a stop is not tried again, nor passed over",
     .workflow = WORKFLOW("steps \"g\" { retry = { times = 2 }, on_failure = \"continue\", log "
                          "\"x\", sleep \"1h\" }, log \"never\","),
     .on = "log g/log x",
     .answer = STOP,
     .exit_code = 4,
     .order = {"step_failed g"},
     .absent = "retry g"},
    {.name = "a person says retry, and the rehearsal's own answer is stop",
     .workflow = WORKFLOW("remote_command { to = \"meta\", \"no.such\", on_failure = \"ask\" },"),
     .rehearsed = true,
     .exit_code = 1,
     .order = {"question remote_command no.such was refused: unknown command 'no.such'; do it "
               "again, go on without it, or stop? (retry, continue or stop)",
               "answered remote_command stop, as nobody is asked in a rehearsal"}},
    {.name = "a person goes on without it",
     .workflow = WORKFLOW("remote_command { to = \"meta\", \"no.such\", on_failure = \"ask\" }, "
                          "log \"after\","),
     .on = "question",
     .answer = "continue",
     .order = {"question", "answered remote_command continue", "passed_over", "log log after"}},
    {.name = "a person stops",
     .workflow = WORKFLOW("remote_command { to = \"meta\", \"no.such\", on_failure = \"ask\" },"),
     .on = "question",
     .answer = "stop",
     .exit_code = 1,
     .error = "no.such was refused"},
    {.name = "a stop while a person is asked",
     .workflow = WORKFLOW("remote_command { to = \"meta\", \"no.such\", on_failure = \"ask\" },"),
     .on = "question",
     .answer = STOP,
     .exit_code = 4},
    /* ---- try */
    {.name = "a failure is rescued, and said",
     .workflow = WORKFLOW("try { steps = { log \"first\", " FAILS
                          ", log \"never\" }, rescue = { log \"saved\" }, finally = { log "
                          "\"cleaned\" } }, log \"after\","),
     .order = {"log try/log first", "step_failed try/remote_command",
               "note try failed, its rescue is done now: no.such", "log try/rescue/log saved",
               "rescued try rescued: no.such was refused", "log try/finally/log cleaned",
               "step_done try try done", "log log after"},
     .absent = "never"},
    {.name = "nothing to rescue",
     .workflow = WORKFLOW("try { steps = { log \"x\" }, rescue = { log \"never\" }, finally = { "
                          "log \"cleaned\" } },"),
     .order = {"log try/log x", "log try/finally/log cleaned"},
     .absent = "never"},
    {.name = "without a rescue it fails, after its last part",
     .workflow = WORKFLOW("try { steps = { " FAILS " }, finally = { log \"cleaned\" } }, log "
                          "\"never\","),
     .exit_code = 1,
     .order = {"log try/finally/log cleaned", "step_failed try no.such",
               "run_finished try/remote_command failed"},
     .absent = "never"},
    {.name = "a rescue that fails",
     .workflow = WORKFLOW("try { steps = { " FAILS " }, rescue = { sleep { \"1h\", timeout = "
                          "\"1s\" } }, finally = { log \"cleaned\" } },"),
     .exit_code = 1,
     .order = {"step_failed try/rescue", "log try/finally/log cleaned"},
     .error = "rescue: not done within 1s; before that: no.such was refused"},
    {.name = "a last part that fails",
     .workflow = WORKFLOW("try { steps = { log \"x\" }, finally = { " FAILS " } },"),
     .exit_code = 1,
     .error = "finally: no.such was refused"},
    {.name = "the last part comes before what is held around it is put back",
     .workflow = WORKFLOW(HOLD_DELAY "try { steps = { " FAILS
                                     " }, finally = { sleep \"1s\", log \"cleaned\" } } },"),
     .exit_code = 1,
     .order = {"log try/finally/log cleaned", "put_back hold"}},
    {.name = "a stop is not rescued, and the last part is done whole",
     .workflow = WORKFLOW(HOLD_DELAY "try { steps = { log \"x\", sleep \"1h\" }, rescue = { log "
                                     "\"never\" }, finally = { sleep \"20s\", log \"cleaned\" } } "
                                     "},"),
     .on = "note try/sleep",
     .answer = STOP,
     .exit_code = 4,
     .order = {"stopping", "step_failed try/sleep", "note try what is to be done in any case",
               "step_done try/finally/sleep", "log try/finally/log cleaned", "put_back hold"},
     .absent = "never"},
    {.name = "a stop does not end the last part",
     .workflow = WORKFLOW("try { steps = { log \"x\" }, finally = { log \"clean\", sleep \"20s\", "
                          "log \"cleaned\" } }, log \"never\","),
     .on = "log try/finally/log clean",
     .answer = STOP,
     .exit_code = 4,
     .order = {"stopping", "log try/finally/log-2 cleaned"},
     .absent = "never"},
    {.name = "a stop in the rescue ends it, and what failed is told",
     .workflow = WORKFLOW("try { steps = { " FAILS " }, rescue = { log \"saving\", sleep \"1h\" }, "
                          "finally = { log \"cleaned\" } },"),
     .on = "log try/rescue/log saving",
     .answer = STOP,
     .exit_code = 1,
     .order = {"log try/finally/log cleaned"},
     .error = "rescue: stopped by the operator; before that: no.such was refused"},
    {.name = "after a stop a last part that fails is a failure",
     .workflow = WORKFLOW("try { steps = { log \"x\", sleep \"1h\" }, finally = { " FAILS " } },"),
     .on = "log try/log x",
     .answer = STOP,
     .exit_code = 1,
     .error = "finally: no.such was refused"},
    {.name = "its own time limit ends it but for its last part",
     .workflow = WORKFLOW("try { timeout = \"5s\", steps = { sleep \"1h\" }, rescue = { log "
                          "\"never\" }, finally = { log \"cleaned\" } },"),
     .exit_code = 1,
     .order = {"step_failed try/sleep", "log try/finally/log cleaned"},
     .absent = "never",
     .error = "not done within 5s"},
    {.name = "a failure in a branch is rescued around the parallel",
     .workflow = WORKFLOW("try { steps = { parallel { sleep \"1h\", " FAILS
                          " } }, rescue = { log \"saved\" } }, log \"after\","),
     .order = {"step_failed try/sleep ended since", "rescued", "log log after"}},
    {.name = "a stop before a try begins",
     .workflow = WORKFLOW("try { steps = { log \"never\" }, finally = { log \"cleaned\" } },"),
     .on = "step_started try",
     .answer = STOP,
     .exit_code = 4,
     .order = {"log try/finally/log cleaned"},
     .absent = "never"},
    /* ---- confirm */
    {.name = "a person says yes",
     .workflow = WORKFLOW("confirm \"go on?\", log \"after\","),
     .on = "question confirm go on? (yes or no)",
     .answer = "yes",
     .order = {"answered confirm yes", "step_done confirm", "log log after"}},
    {.name = "a person says no: that is a stop",
     .workflow = WORKFLOW(HOLD_DELAY "try { steps = { confirm \"go on?\" }, rescue = { log "
                                     "\"never\" }, finally = { log \"cleaned\" } } },"),
     .on = "question",
     .answer = "no",
     .exit_code = 4,
     .order = {"answered try/confirm no", "log try/finally/log cleaned", "put_back hold"},
     .absent = "never",
     .error = "stopped: the answer to 'go on?' was no"},
    {.name = "a stop while a person is asked to confirm",
     .workflow = WORKFLOW("confirm \"go on?\","),
     .on = "question",
     .answer = STOP,
     .exit_code = 4,
     .error = "stopped by the operator"},
    {.name = "no time makes an answer",
     .workflow = WORKFLOW("confirm { \"go on?\", timeout = \"1h\" },"),
     .exit_code = 1,
     .error = "not done within 1h"},
    {.name = "a rehearsal says yes by itself",
     .workflow = WORKFLOW("confirm \"go on?\", log \"after\","),
     .rehearsed = true,
     .order = {"question", "answered confirm yes, as nobody is asked in a rehearsal",
               "log log after"}},
    /* ---- wait_until that asks */
    {.name = "a wait asks, and waits longer",
     .workflow = WORKFLOW("wait_until { no_primaries(cluster.replicas[1]), timeout = \"10s\", "
                          "on_timeout = \"ask\" },"),
     .on = "question wait_until no_primaries",
     .answer = "yes",
     .exit_code = 4,
     .order = {"more, then a person is asked", "wait for 10s more? (yes or no)",
               "answered wait_until yes", "question wait_until no_primaries", "stopping"}},
    {.name = "a wait asks, and is not to wait",
     .workflow = WORKFLOW("wait_until { no_primaries(cluster.replicas[1]), timeout = \"10s\", "
                          "on_timeout = \"ask\" },"),
     .on = "question",
     .answer = "no",
     .exit_code = 1,
     .error = "did not hold: not done within 10"},
    {.name = "a stop while a wait asks",
     .workflow = WORKFLOW("wait_until { no_primaries(cluster.replicas[1]), timeout = \"10s\", "
                          "on_timeout = \"ask\" },"),
     .on = "question",
     .answer = STOP,
     .exit_code = 4},
    {.name = "a rehearsal does not wait longer",
     .workflow = WORKFLOW("wait_until { no_primaries(cluster.replicas[1]), timeout = \"10s\", "
                          "on_timeout = \"ask\" },"),
     .rehearsed = true,
     .exit_code = 1,
     .order = {"answered wait_until no"}},
};

/* The story of a wait that asks for ever ends with a stop at its second question. */
static void stop_at_the_next_question(struct world *world)
{
    story_act(world);
    story_answer = STOP;
    world->misfortune = story_act;
    world->on = "question";
}

START_TEST(a_group_does_what_it_says)
{
    const struct story *story = &stories[_i];
    struct world world;
    story_begin(&world, story);
    if (story->answer != NULL && strcmp(story->answer, "yes") == 0 && story->exit_code == 4) {
        world.misfortune = stop_at_the_next_question;
    }
    world_run(&world);
    story_check(&world, story);
    world_close(&world);
}
END_TEST

static void the_reply_is_right_now(struct world *world)
{
    world->lie = "jawohl";
}

START_TEST(what_works_at_the_second_try_is_done)
{
    static const struct story story = {
        .name = "second try",
        .workflow = WORKFLOW(
            "remote_command { to = \"meta\", \"meta.dump\", \"f\", retry = { times = 5 }, expect = "
            "function(reply) return reply == \"jawohl\" end }, log \"after\","),
        .on = "retry remote_command",
        .order = {"step_failed", "retry", "step_done remote_command", "log log after"},
        .absent = "try 3",
    };
    struct world world;
    story_begin(&world, &story);
    world.lie_about = "meta.dump";
    world.lie = "nein";
    world.misfortune = the_reply_is_right_now;
    world_run(&world);
    story_check(&world, &story);
    world_close(&world);
}
END_TEST

/* While a wait asks it goes on looking: what it waits for may come. */
static void the_tables_are_back(struct world *world)
{
    world->lie_about = NULL;
}

START_TEST(a_wait_that_asks_ends_when_what_it_waits_for_comes)
{
    static const struct story story = {
        .name = "moot question",
        .workflow = WORKFLOW("wait_until { cluster_is_healthy(), timeout = \"10s\", on_timeout = "
                             "\"ask\" }, log \"after\","),
        .on = "question wait_until",
        .order = {"question", "outcome wait_until", "log log after"},
        .absent = "answered",
    };
    struct world world;
    struct error err;
    story_begin(&world, &story);
    world.lie_about = "tables";
    world.lie = "";
    world.misfortune = the_tables_are_back;
    world_run(&world);
    story_check(&world, &story);
    ck_assert(!run_answer(world.run, NULL, "yes", &err));
    ck_assert_str_eq(err.text, "nothing is asked now");
    world_close(&world);
}
END_TEST

/* What a person may type, in turn; "" ends the story with a stop. */
static void answer_wrongly(struct world *world)
{
    static const struct {
        const char *step;
        const char *answer;
        const char *error;
    } cases[] = {
        {NULL, "yes",
         "more than one step asks, so name the one that is meant: a/confirm, b/confirm"},
        {"c", "yes", "step 'c' asks nothing; these do: a/confirm, b/confirm"},
        {"a/confirm", "maybe", "'maybe' is no answer to step 'a/confirm': say yes or no"},
        {"a/confirm", "", "'' is no answer to step 'a/confirm': say yes or no"},
    };
    struct error err;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert(!run_answer(world->run, cases[i].step, cases[i].answer, &err));
        ck_assert_str_eq(err.text, cases[i].error);
    }
    ck_assert(run_answer(world->run, "b/confirm", "yes", &err));
    ck_assert(!run_answer(world->run, "b/confirm", "yes", &err));
    ck_assert(run_answer(world->run, NULL, "yes", &err));
}

START_TEST(an_answer_must_be_one_of_those_asked_for)
{
    static const struct story story = {
        .name = "answers",
        .workflow = WORKFLOW("parallel { steps \"a\" { confirm \"one?\" }, steps \"b\" { confirm "
                             "\"two?\" } }, log \"after\","),
        .on = "question b/confirm",
        .order = {"question a/confirm", "question b/confirm", "answered b/confirm",
                  "answered a/confirm", "log log after"},
    };
    struct world world;
    story_begin(&world, &story);
    world.misfortune = answer_wrongly;
    world_run(&world);
    story_check(&world, &story);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("groups");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_group_does_what_it_says, 0,
                        (int)(sizeof stories / sizeof stories[0]));
    tcase_add_test(tcase, what_works_at_the_second_try_is_done);
    tcase_add_test(tcase, a_wait_that_asks_ends_when_what_it_waits_for_comes);
    tcase_add_test(tcase, an_answer_must_be_one_of_those_asked_for);
    suite_add_tcase(suite, tcase);
    return story_run_suite(suite);
}
