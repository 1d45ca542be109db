/* Tales of things that happen one after another while a run is at work, each when the log has a
 * line, after a while. */
#ifndef PEGFLOW_TESTS_ENGINE_TALES_H
#define PEGFLOW_TESTS_ENGINE_TALES_H

#include "turns.h"

#define LIMIT "[\"meta.lb.add_secondary_max_count_for_one_node\"]"

struct tale {
    struct world world;  /* first */
    const char *cluster; /* Lua source */
    const struct turn *turns;
    size_t next;
    size_t count;
    struct timer timer;
};

static inline void tale_go_on(struct world *world);

static inline void tale_turn(void *ctx)
{
    struct tale *tale = ctx;
    misfortune_fn *what = tale->turns[tale->next++].what;
    if (tale->next < tale->count) {
        tale->world.on = tale->turns[tale->next].on;
        tale->world.misfortune = tale_go_on;
    }
    what(&tale->world);
}

static inline void tale_go_on(struct world *world)
{
    struct tale *tale = (struct tale *)world;
    timer_start(world->loop, &tale->timer, tale->turns[tale->next].after_us, tale_turn, tale);
}

static inline void tale_begin(struct tale *tale, const struct model_answer *program)
{
    *tale = (struct tale){.cluster = world_cluster_source};
    world_open(&tale->world, RELEASE_MASTER);
    tale->world.model.programs = program;
    tale->world.model.program_count = program != NULL;
    world_add_obstacle(&tale->world, "there is room again", false);
    world_add_obstacle(&tale->world, "the lock is confirmed again", true);
    world_begin(&tale->world);
}

static inline void tale_run(struct tale *tale, const char *workflow, const struct turn *turns,
                            size_t count)
{
    struct world *world = &tale->world;
    world_plan(world, tale->cluster, workflow);
    tale->turns = turns;
    tale->count = count;
    if (count > 0) {
        world->on = turns[0].on;
        world->misfortune = tale_go_on;
    }
    world_run(world);
    ck_assert_uint_eq(tale->next, count);
}

static inline void tale_close(struct tale *tale)
{
    timer_cancel(&tale->timer);
    world_expect_no_violation(&tale->world);
    world_close(&tale->world);
}

#define EXPECT_CODE(tale, code)                                                                    \
    ck_assert_msg((tale).world.result.exit_code == (code), "%s\n%s",                               \
                  (tale).world.result.error.text, text_string(&(tale).world.log))

/* ---- what may happen */
static inline void a_person_pauses(struct world *world)
{
    run_pause(world->run, "somebody wants to look");
}

static inline void the_operator_continues(struct world *world)
{
    run_continue(world->run);
}

static inline void the_operator_stops(struct world *world)
{
    run_stop(world->run);
}

static inline void the_leader_is_restarted(struct world *world)
{
    world_control(world, world_leader(world), SIM_RESTART);
}

#endif
