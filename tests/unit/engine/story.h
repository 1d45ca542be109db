/* A run told as a story, for tests of groups: what a workflow does on the simulated cluster, what a
 * person does at one of its events, and which events must follow which. */
#ifndef PEGFLOW_TESTS_ENGINE_STORY_H
#define PEGFLOW_TESTS_ENGINE_STORY_H

#include "world.h"

#define WORKFLOW(steps)                                                                            \
    "return workflow \"t\" {\n  api = 1,\n  steps = function(cluster, p)\n    return {\n" steps    \
    "\n    }\n  end,\n}\n"

#define STOP "(stop)" /* in place of an answer */

struct story {
    const char *name;
    const char *workflow;
    const char *cluster;              /* NULL: world_cluster_source */
    const struct model_table *tables; /* NULL: world_tables */
    int32_t table_count;
    const char *on;     /* an event's line has this in it: then ... */
    const char *answer; /* ... this is answered, or STOP */
    bool rehearsed;
    int exit_code;
    const char *order[8]; /* parts of events' lines, in the order in which they come */
    const char *absent;   /* no event's line has this in it; or NULL */
    const char *error;    /* the run's; or NULL */
};

static const char *story_answer;

static inline void story_act(struct world *world)
{
    struct error err;
    if (strcmp(story_answer, STOP) == 0) {
        run_stop(world->run);
    } else {
        ck_assert_msg(run_answer(world->run, NULL, story_answer, &err), "%s", err.text);
    }
}

static inline void story_begin(struct world *world, const struct story *story)
{
    world_open(world, RELEASE_MASTER);
    if (story->tables != NULL) {
        world->model.tables = story->tables;
        world->model.table_count = story->table_count;
    }
    world_begin(world);
    world_plan(world, story->cluster == NULL ? world_cluster_source : story->cluster,
               story->workflow);
    world->rehearsed = story->rehearsed;
    world->on = story->on;
    world->misfortune = story_act;
    story_answer = story->answer;
}

/* Too long for one of Check's messages. */
static inline void story_expect(const struct world *world, const struct story *story, bool holds,
                                const char *what, const char *text)
{
    if (!holds) {
        fprintf(stderr, "%s: %s '%s'; exit code %d: %s\n%s\n", story->name, what, text,
                world->result.exit_code, world->result.error.text, text_string(&world->log));
    }
    ck_assert_msg(holds, "%s: %s '%s'", story->name, what, text);
}

/* The run must have ended; everything is as it was, and nothing broke. */
static inline void story_check(struct world *world, const struct story *story)
{
    const char *at = text_string(&world->log);
    story_expect(world, story, world->result.exit_code == story->exit_code, "another exit code",
                 "");
    for (size_t i = 0; i < 8 && story->order[i] != NULL; i++) {
        const char *found = strstr(at, story->order[i]);
        story_expect(world, story, found != NULL, "not in its place:", story->order[i]);
        at = found + 1;
    }
    story_expect(world, story, story->absent == NULL || world_count(world, story->absent) == 0,
                 "there is", story->absent);
    story_expect(world, story,
                 story->error == NULL || strstr(world->result.error.text, story->error) != NULL,
                 "another error than", story->error);
    world_expect_no_violation(world);
    world_expect_all_put_back(world);
}

static inline void story_tell(const struct story *story)
{
    struct world world;
    story_begin(&world, story);
    world_run(&world);
    story_check(&world, story);
    world_close(&world);
}

static inline int story_run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
