/* cli/shared_record.h - a run's folder, kept in ZooKeeper beside its lock, and brought from there.
 *
 * Floor: cli. So that a run can be gone on with from another host: its journal line by line, and
 * the files that it was made from, each a stream of live/shared_journal.h below
 * "<place>/runs/<run>". The folder on disk is the one that counts: whatever fails here is said
 * once, and the run goes on. */
#ifndef PEGFLOW_CLI_SHARED_RECORD_H
#define PEGFLOW_CLI_SHARED_RECORD_H

#include "engine/event.h"
#include "live/zookeeper.h"

struct shared_record;

/* Begins to store what is in `folder`, whose journal has its header; what is there already (the run
 * goes on) must be the beginning of it. `place` is that of the lock. ERROR_INVALID_FILE: the folder
 * is not readable as a run's. */
bool shared_record_begin(struct loop *loop, struct zookeeper *session, const char *place,
                         const char *run, const char *folder, struct shared_record **out,
                         struct error *err);
/* To be asked behind the journal's own sink: stores what that has written. Never fails. */
struct event_sink *shared_record_sink(struct shared_record *record);
/* Waits until all is stored, or, where it is not to be kept, until all of it is deleted: a run that
 * is done with leaves nothing to go on with. 5 s at most; what fails is said on stderr. Frees it.
 * Before the session's end; NULL is fine. */
void shared_record_end(struct shared_record *record, bool keep);

/* Writes what is stored of a run into `folder`, which is made. Blocks; ERROR_REFUSED when nothing
 * is stored of it. What was written is checked by whoever reads it (cli/recorded.h). */
bool shared_record_fetch(struct loop *loop, struct zookeeper *session, const char *place,
                         const char *run, const char *folder, struct error *err);

#endif
