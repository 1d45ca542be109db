/* A run and what others do to its cluster meanwhile, one after the other, each at an event. */
#ifndef PEGFLOW_TESTS_ENGINE_TURNS_H
#define PEGFLOW_TESTS_ENGINE_TURNS_H

#include "world.h"

#define WORKFLOW(steps)                                                                            \
    "return workflow \"t\" {\n  api = 1,\n  steps = function(cluster, p)\n    return {\n" steps    \
    "\n    }\n  end,\n}\n"

static inline void turns_set(struct world *world, int32_t server, const char *setting,
                             const char *value)
{
    struct remote_command_request request = {.command = slice_of(setting)};
    struct slice argument = slice_of(value);
    struct arena arena = {0};
    struct remote_command_response response;
    request.arguments = (struct wire_list){&argument, 1};
    ck_assert_int_eq(
        sim_request(world->sim, server, RPC_REMOTE_COMMAND, 0, &request, &arena, &response),
        SIM_ANSWER);
    arena_clear(&arena);
}

/* What happens when, in order: on a line of the log, after a while. */
struct turn {
    const char *on;
    misfortune_fn *what;
    int64_t after_us;
};
struct story {
    struct world world;                 /* first */
    const struct model_answer *program; /* or NULL */
    enum release release;
    misfortune_fn *before; /* the run is planned; or NULL */
    const struct turn *turns;
    size_t next;
    size_t count;
    struct timer timer;
};

static inline void story_go_on(struct world *world);

static inline void story_turn(void *ctx)
{
    struct story *story = ctx;
    misfortune_fn *what = story->turns[story->next++].what;
    if (story->next < story->count) {
        story->world.on = story->turns[story->next].on;
        story->world.misfortune = story_go_on;
    }
    what(&story->world);
}

static inline void story_go_on(struct world *world)
{
    struct story *story = (struct story *)world;
    timer_start(world->loop, &story->timer, story->turns[story->next].after_us, story_turn, story);
}

static inline void story_run(struct story *story, const char *workflow, const struct turn *turns,
                             size_t count)
{
    struct world *world = &story->world;
    world_open(world, story->release);
    world->model.programs = story->program;
    world->model.program_count = story->program != NULL;
    world_begin(world);
    world_plan(world, world_cluster_source, workflow);
    if (story->before != NULL) {
        story->before(world);
    }
    story->turns = turns;
    story->count = count;
    story->next = 0;
    world->on = count > 0 ? turns[0].on : NULL;
    world->misfortune = story_go_on;
    world_run(world);
    ck_assert_uint_eq(story->next, count);
}

static inline void story_close(struct story *story)
{
    timer_cancel(&story->timer);
    world_expect_no_violation(&story->world);
    world_close(&story->world);
}

#define TURNS(turns) turns, sizeof turns / sizeof turns[0]

#endif
