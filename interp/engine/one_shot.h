/* engine/one_shot.h - forced proposals, paced, under the one-shot rule.
 *
 * Floor: engine; for drain_node and rejoin_node alone. A forced proposal is not validated by the
 * meta server, and one that no longer fits brings a replica server down (protocol trap 0a). So its
 * partition is read, and every server that it concerns is asked, right before it is sent; it is
 * never repeated unread; one is under way for a partition. What cannot be sent now waits, and the
 * step says why, until its timeout.
 * Facts: reference behaviour 4.5, 5.2, 12.1; protocol traps 0, 0a, 18. */
#ifndef PEGFLOW_ENGINE_ONE_SHOT_H
#define PEGFLOW_ENGINE_ONE_SHOT_H

#include "engine/internal.h"

/* What a partition is judged by: a snapshot, whole or of a few partitions, and who answered. */
struct shot_view {
    struct frame *frame;
    const struct evidence *evidence;
    const struct server_evidence *own; /* of the step's server */
    int32_t node;                      /* the step's server in the snapshot, or SNAPSHOT_NO_NODE */
};

enum shot_verdict {
    SHOT_NOTHING, /* it is as wanted */
    SHOT_SEND,    /* `proposal` is filled */
    SHOT_MOVING,  /* a change is under way that leads there: look again */
    SHOT_WAIT,    /* it cannot be sent now: `why` is appended to */
};

/* The words make "take 12 replicas away from S", "12 of 12 replicas have left S", "3 replicas are
 * still on S: ..." and "no replica is left on S". */
struct one_shot_kind {
    bool takes_away;    /* guarded; tables whose outage is accepted are left alone; all that have a
                           replica are concerned, else the primary and the step's server */
    bool asks_replicas; /* `own` has the server's own list of replicas */
    const char *verb;
    const char *where;
    const char *done;
    const char *not_done;
    const char *nothing;
    int64_t look_us;  /* how soon to look whether a proposal took effect */
    int64_t again_us; /* after so long without effect the partition is read, and it is sent again */
    enum shot_verdict (*judge)(const struct shot_view *view,
                               const struct snapshot_partition *partition,
                               struct proposal *proposal, struct text *why);
    void (*arrived)(struct frame *frame, struct gpid gpid); /* seen as wanted; or NULL */
};

/* The frame's state is a pointer to one. */
struct one_shot;
void one_shot_start(struct frame *frame, const struct one_shot_kind *kind);
void one_shot_cancel(struct frame *frame);
void one_shot_clear(struct frame *frame);

/* ---- for judging */
/* Has the server behind the node answered for itself just now? No: `why` says who did not. */
bool shot_answers(const struct shot_view *view, int32_t node, struct text *why);
/* The same of the partition's primary; there must be one. */
bool shot_primary_answers(const struct shot_view *view, const struct snapshot_partition *partition,
                          struct text *why);

#endif
