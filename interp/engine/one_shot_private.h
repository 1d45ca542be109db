/* engine/one_shot_private.h - one pass of forced proposals, shared by one_shot.c and
 * one_shot_round.c.
 *
 * Floor: engine, these two files alone.
 *
 *   look (the whole cluster) -> batches, each announced by one intention -> rounds -> look again
 *
 * A round reads a few partitions: those whose proposal is under way, to see whether it took effect;
 * or those that are next, together with an answer from each server concerned, and sends at once
 * what still fits. The step is done when a look finds nothing to do. */
#ifndef PEGFLOW_ENGINE_ONE_SHOT_PRIVATE_H
#define PEGFLOW_ENGINE_ONE_SHOT_PRIVATE_H

#include "base/duration.h"
#include "engine/one_shot.h"

/* An unanswered proposal may still be on its way to the meta server: no other one before that is
 * over. */
#define ONE_SHOT_UNHEARD_US (10 * US_PER_SECOND)

enum shot_state {
    SHOT_READY, /* to be read, and sent */
    SHOT_SENT,  /* under way; or found under way */
    SHOT_DONE,
    SHOT_LEFT, /* for the next pass */
};
struct shot {
    struct gpid gpid;
    enum shot_state state;
    int32_t sent_count;
    int64_t again_us; /* of SHOT_SENT: without effect by then it is SHOT_READY again */
};

struct one_shot {
    const struct one_shot_kind *kind;
    struct gatherer *looks;
    const struct evidence *base; /* of the last look */
    struct gatherer *asks;
    const struct evidence *answers; /* of this round */
    struct snapshot fresh;          /* of this round: its partitions alone */
    struct shot *shots;             /* of this pass */
    size_t count;
    size_t batch_begin; /* the batch announced: from here */
    size_t batch_end;   /* to before this */
    int64_t batch_us;   /* when it began */
    size_t *round;      /* the shots of this round, by index */
    size_t round_count;
    struct gpid *gpids; /* the same */
    int64_t round_us;   /* when it began */
    bool sends;         /* this round is of SHOT_READY */
    struct operation *read;
    size_t pending; /* parts of this round */
    bool read_failed;
    struct error read_error;
    struct proposal *proposals;
    size_t *proposed; /* the shot of each */
    size_t proposal_count;
    struct timer timer;
    struct waiting waiting;
    struct text note; /* why partitions of this pass wait */
    size_t note_count;
    int64_t progress_us; /* something was sent or arrived */
    bool guard_told;
    bool others_told; /* that it waits for servers in work */
    bool failed;
    struct error failure; /* ends the step once nothing is under way */
    int64_t give_up_us;   /* after a cancel, what is under way is not waited for longer */
};

struct one_shot *one_shot_of(const struct frame *frame);
/* The replicas of the batch that are ready or under way. */
size_t one_shot_count_state(const struct one_shot *shots, enum shot_state state);
void one_shot_leave(struct one_shot *shots, struct shot *shot, const char *why);
void one_shot_note(struct one_shot *shots, struct gpid gpid, const char *why);
void one_shot_fail(struct one_shot *shots, const struct error *err);
/* What to do next, after a round. */
void one_shot_go_on(struct frame *frame);

/* ---- one_shot_round.c */
/* Of at most `most` shots of the batch in that state, at least one. */
void one_shot_round(struct frame *frame, enum shot_state state, size_t most);
/* No callback of a round that only reads follows. */
void one_shot_round_drop(struct one_shot *shots);
struct shot_view one_shot_view(struct frame *frame, const struct evidence *evidence);

#endif
