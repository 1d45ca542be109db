/* live/shared_journal.h - the records of a run's journal, kept in ZooKeeper too.
 *
 * Floor: live; in the session of a shared lock, which outlives it. So that a run can be gone on
 * with from another host. Knows nothing of what a record is: the records are one stream of bytes,
 * cut into nodes "<path>/000000", "<path>/000001", each written once. What is appended while a node
 * is being written goes into the next one, whole; a record larger than a node goes into several, so
 * that after a crash the stream may end within it, as a file does.
 *
 * Nothing here is waited for: the journal on disk is the one that counts, and what was not stored
 * is missing for the other host alone, which looks at the cluster before it believes a journal. */
#ifndef PEGFLOW_LIVE_SHARED_JOURNAL_H
#define PEGFLOW_LIVE_SHARED_JOURNAL_H

#include "live/zookeeper.h"

struct shared_journal;

enum {
    SHARED_JOURNAL_PART_BYTES_MAX = 512 * 1024, /* a node may have 1 MB where nobody raised it */
    SHARED_JOURNAL_PARTS_MAX = 50000,           /* their names are one answer, of at most 1 MB */
    SHARED_JOURNAL_PENDING_BYTES_MAX = 8 * 1024 * 1024,
    SHARED_JOURNAL_BYTES_MAX = 64 * 1024 * 1024, /* of the whole journal */
};

/* "<own path of the cluster>/runs/<run>". Lives in `arena`. */
const char *shared_journal_path(const char *own_path, const char *run, struct arena *arena);

/* What is stored there, valid during the call; empty for a new run. Or `err`: unreadable, and then
 * nothing can be appended. */
typedef void shared_journal_opened_fn(void *ctx, struct slice records, const struct error *err);
/* So many bytes of those appended are stored, in all. Or `err`, once: the journal has failed, and
 * nothing more is stored (shared_journal_failed). */
typedef void shared_journal_progress_fn(void *ctx, uint64_t stored_bytes, const struct error *err);

/* Reads what is there; what is appended from then on comes behind it. While the session is
 * suspended it waits, for 2 min at most. `opened` is called once, `progress` as often as there is
 * any. Both may call anything, shared_journal_free too. */
struct shared_journal *shared_journal_open(struct loop *loop, struct zookeeper *session,
                                           const char *path, shared_journal_opened_fn *opened,
                                           shared_journal_progress_fn *progress, void *ctx);

/* Once opened. Copies; never blocks. What cannot be taken (bounds, or failed before) is a failure,
 * told by `progress`. */
void shared_journal_append(struct shared_journal *journal, struct slice record);
bool shared_journal_failed(const struct shared_journal *journal, struct error *why);
uint64_t shared_journal_pending_bytes(const struct shared_journal *journal);

/* Deletes all that is there; nothing can be appended afterwards, what is pending is dropped. Once
 * opened. */
typedef void shared_journal_removed_fn(void *ctx, const struct error *err);
void shared_journal_remove(struct shared_journal *journal, shared_journal_removed_fn *removed,
                           void *ctx);

/* No callback follows; what is pending is not stored. Before the session's end. NULL is fine. */
void shared_journal_free(struct shared_journal *journal);

#endif
