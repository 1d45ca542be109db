#include "live/shared_journal.h"

#include "base/duration.h"
#include "live/zookeeper_path.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const int64_t again_us = 250 * US_PER_MS; /* while there is no connection */
static const int64_t suspended_limit_us = 120 * US_PER_SECOND;
enum { WINDOW = 32, NAME_DIGITS = 6 };

enum journal_state {
    JOURNAL_OPENING,
    JOURNAL_IDLE,
    JOURNAL_WRITING,
    JOURNAL_REMOVING,
    JOURNAL_OVER, /* failed or removed */
};

struct shared_journal {
    struct loop *loop;
    struct zookeeper *session;
    enum journal_state state;
    char *path;
    shared_journal_opened_fn *opened;
    shared_journal_progress_fn *progress;
    shared_journal_removed_fn *removed;
    void *ctx;
    void *removed_ctx;
    struct path_maker maker;
    struct timer timer;    /* the next try */
    struct timer failure;  /* of an append, to be told */
    int64_t unanswered_us; /* since when nothing succeeds; -1: it does */
    struct error why;      /* of JOURNAL_OVER */

    struct text all;    /* what is read */
    int32_t part_count; /* that are there */
    int32_t next;       /* to be asked for: read or deleted */
    int32_t in_flight;
    bool failed_in_flight; /* one of those: begin again when all are answered */

    size_t read_bytes; /* that were there when it was opened */
    struct text pending;
    uint64_t appended_bytes;
    uint64_t stored_bytes;
    size_t part_bytes; /* of `pending`: in the part that is written */
    uint64_t *ends;    /* of the records that are not stored whole, in what was appended in all */
    size_t end_count;
    size_t end_capacity;
};

static void begin_reading(void *ctx);
static void write_part(void *ctx);
static void ask_window(struct shared_journal *journal);

const char *shared_journal_path(const char *own_path, const char *run, struct arena *arena)
{
    return arena_printf(arena, "%s/runs/%s", own_path, ensemble_escape(run, arena));
}

/* ---- ends */

/* Each calls back, as the last act of a callback. */
static void fail(struct shared_journal *journal, const struct error *err)
{
    bool opening = journal->state == JOURNAL_OPENING;
    bool removing = journal->state == JOURNAL_REMOVING;
    timer_cancel(&journal->timer);
    timer_cancel(&journal->failure);
    journal->state = JOURNAL_OVER;
    journal->why = *err;
    error_wrap(&journal->why, "the journal in ZooKeeper");
    text_clear(&journal->all);
    text_clear(&journal->pending);
    journal->end_count = 0;
    if (opening) {
        journal->opened(journal->ctx, slice_of(""), &journal->why);
    } else if (removing) {
        journal->removed(journal->removed_ctx, &journal->why);
    } else {
        journal->progress(journal->ctx, journal->stored_bytes, &journal->why);
    }
}

/* An answer that is no yes: tried again as long as that may help. */
static void retry(struct shared_journal *journal, const struct zookeeper_reply *reply,
                  const struct error *err, timer_fn *again)
{
    int64_t now_us = loop_now_us(journal->loop);
    if (journal->unanswered_us < 0) {
        journal->unanswered_us = now_us;
    }
    if (reply->outcome != ZOOKEEPER_UNSURE ||
        now_us - journal->unanswered_us > suspended_limit_us) {
        fail(journal, err);
        return;
    }
    timer_start(journal->loop, &journal->timer, again_us, again, journal);
}

static char *part_path(const struct shared_journal *journal, int32_t part)
{
    struct text path = {0};
    text_printf(&path, "%s/%0*" PRId32, journal->path, NAME_DIGITS, part);
    return text_take(&path);
}

/* ---- reading */

static void finish_reading(struct shared_journal *journal)
{
    struct text all = journal->all;
    journal->all = (struct text){0};
    journal->read_bytes = all.length;
    journal->state = JOURNAL_IDLE;
    journal->opened(journal->ctx, (struct slice){text_string(&all), all.length}, NULL);
    text_clear(&all); /* the journal is perhaps gone */
}

/* One of the parts asked for is answered. True: go on with the next; else it was dealt with, or
 * will be when all of them are answered. */
static bool go_on(struct shared_journal *journal, const struct zookeeper_reply *reply, bool ok,
                  const struct error *err, timer_fn *again)
{
    if (!ok && reply->outcome != ZOOKEEPER_UNSURE) {
        fail(journal, err);
        return false;
    }
    journal->failed_in_flight |= !ok;
    if (journal->failed_in_flight && journal->in_flight == 0) {
        struct zookeeper_reply unsure = {.outcome = ZOOKEEPER_UNSURE};
        struct error why;
        error_set(&why, ERROR_UNREACHABLE, "the connection is lost");
        retry(journal, &unsure, err == NULL ? &why : err, again);
    }
    return !journal->failed_in_flight;
}

static void part_read(void *ctx, const struct zookeeper_reply *reply, const struct error *err)
{
    struct shared_journal *journal = ctx;
    struct error why;
    journal->in_flight--;
    if (journal->state != JOURNAL_OPENING ||
        !go_on(journal, reply, reply->outcome == ZOOKEEPER_OK, err, begin_reading)) {
        return;
    }
    if (reply->data.length > SHARED_JOURNAL_BYTES_MAX - journal->all.length) {
        error_set(&why, ERROR_LIMIT, "what is stored at '%s' is larger than %d MB", journal->path,
                  SHARED_JOURNAL_BYTES_MAX / 1024 / 1024);
        fail(journal, &why);
        return;
    }
    text_append(&journal->all, reply->data.bytes, reply->data.length); /* answers come in order */
    ask_window(journal);
}

static bool count_parts(const struct zookeeper_reply *reply, int32_t *count)
{
    int32_t highest = -1;
    for (size_t i = 0; i < reply->name_count; i++) {
        const char *name = reply->names[i];
        if (strlen(name) != NAME_DIGITS || strspn(name, "0123456789") != NAME_DIGITS) {
            return false;
        }
        int32_t part = (int32_t)strtol(name, NULL, 10);
        highest = part > highest ? part : highest;
    }
    *count = (int32_t)reply->name_count;
    return highest + 1 == *count;
}

static void parts_listed(void *ctx, const struct zookeeper_reply *reply, const struct error *err)
{
    struct shared_journal *journal = ctx;
    struct error why;
    if (reply->outcome == ZOOKEEPER_NO_NODE) {
        finish_reading(journal);
        return;
    }
    if (reply->outcome != ZOOKEEPER_OK) {
        retry(journal, reply, err, begin_reading);
        return;
    }
    if (!count_parts(reply, &journal->part_count)) {
        error_set(
            &why, ERROR_REFUSED,
            "parts are missing below '%s', or something else is there: not all of the journal "
            "can be read",
            journal->path);
        fail(journal, &why);
        return;
    }
    ask_window(journal);
}

static void begin_reading(void *ctx)
{
    struct shared_journal *journal = ctx;
    text_reset(&journal->all);
    journal->next = 0;
    journal->part_count = 0;
    journal->failed_in_flight = false;
    zookeeper_children(journal->session, journal->path, parts_listed, journal);
}

/* ---- removing: the parts, then the run's own node */

static void begin_removing(void *ctx)
{
    struct shared_journal *journal = ctx;
    journal->next = 0;
    journal->failed_in_flight = false;
    ask_window(journal);
}

static void run_deleted(void *ctx, const struct zookeeper_reply *reply, const struct error *err)
{
    struct shared_journal *journal = ctx;
    if (reply->outcome != ZOOKEEPER_OK && reply->outcome != ZOOKEEPER_NO_NODE) {
        retry(journal, reply, err, begin_removing);
        return;
    }
    journal->state = JOURNAL_OVER;
    error_set(&journal->why, ERROR_REFUSED, "the journal in ZooKeeper was removed");
    journal->removed(journal->removed_ctx, NULL);
}

static void part_deleted(void *ctx, const struct zookeeper_reply *reply, const struct error *err)
{
    struct shared_journal *journal = ctx;
    journal->in_flight--;
    bool ok = reply->outcome == ZOOKEEPER_OK || reply->outcome == ZOOKEEPER_NO_NODE;
    if (journal->state == JOURNAL_REMOVING && go_on(journal, reply, ok, err, begin_removing)) {
        ask_window(journal);
    }
}

/* ---- reading and removing: so many parts at a time */

static void ask_window(struct shared_journal *journal)
{
    bool opening = journal->state == JOURNAL_OPENING;
    while (journal->in_flight < WINDOW && journal->next < journal->part_count) {
        char *path = part_path(journal, journal->next++);
        journal->in_flight++;
        if (opening) {
            zookeeper_get(journal->session, path, part_read, journal);
        } else {
            zookeeper_delete(journal->session, path, ZOOKEEPER_ANY_VERSION, part_deleted, journal);
        }
        free(path);
    }
    if (journal->in_flight == 0) {
        journal->unanswered_us = -1;
        if (opening) {
            finish_reading(journal);
        } else {
            zookeeper_delete(journal->session, journal->path, ZOOKEEPER_ANY_VERSION, run_deleted,
                             journal);
        }
    }
}

/* ---- writing */

/* As many whole records as fit; of one that does not fit, what does. */
static size_t next_part_bytes(const struct shared_journal *journal)
{
    size_t bytes = 0;
    for (size_t i = 0; i < journal->end_count; i++) {
        uint64_t from_here = journal->ends[i] - journal->stored_bytes;
        if (from_here > SHARED_JOURNAL_PART_BYTES_MAX) {
            break;
        }
        bytes = (size_t)from_here;
    }
    return bytes > 0 ? bytes : SHARED_JOURNAL_PART_BYTES_MAX;
}

static void part_stored(struct shared_journal *journal)
{
    size_t done = 0;
    journal->unanswered_us = -1;
    journal->part_count++;
    journal->stored_bytes += journal->part_bytes;
    text_drop_front(&journal->pending, journal->part_bytes);
    while (done < journal->end_count && journal->ends[done] <= journal->stored_bytes) {
        done++;
    }
    journal->end_count -= done;
    memmove(journal->ends, journal->ends + done, journal->end_count * sizeof *journal->ends);
    journal->part_bytes = 0;
    journal->state = JOURNAL_IDLE;
    if (journal->pending.length > 0) {
        journal->state = JOURNAL_WRITING;
        timer_start(journal->loop, &journal->timer, 0, write_part, journal);
    }
    journal->progress(journal->ctx, journal->stored_bytes, NULL);
}

/* The part is there already: made by us before the connection was lost, or by another. */
static void part_compared(void *ctx, const struct zookeeper_reply *reply, const struct error *err)
{
    struct shared_journal *journal = ctx;
    struct error why;
    if (journal->state != JOURNAL_WRITING) {
        return;
    }
    if (reply->outcome != ZOOKEEPER_OK) {
        retry(journal, reply, err, write_part);
    } else if (reply->data.length == journal->part_bytes &&
               memcmp(reply->data.bytes, journal->pending.bytes, journal->part_bytes) == 0) {
        part_stored(journal);
    } else {
        error_set(&why, ERROR_REFUSED,
                  "part %" PRId32
                  " of '%s' was written by another process: it goes on with this run",
                  journal->part_count, journal->path);
        fail(journal, &why);
    }
}

static void part_written(void *ctx, const struct zookeeper_reply *reply, const struct error *err)
{
    struct shared_journal *journal = ctx;
    if (journal->state != JOURNAL_WRITING) {
        return;
    }
    if (reply->outcome == ZOOKEEPER_OK) {
        part_stored(journal);
    } else if (reply->outcome == ZOOKEEPER_NODE_EXISTS) {
        char *path = part_path(journal, journal->part_count);
        zookeeper_get(journal->session, path, part_compared, journal);
        free(path);
    } else {
        retry(journal, reply, err, write_part);
    }
}

static void create_part(struct shared_journal *journal)
{
    char *path = part_path(journal, journal->part_count);
    zookeeper_create(journal->session, path,
                     (struct slice){journal->pending.bytes, journal->part_bytes},
                     ZOOKEEPER_PERSISTENT, part_written, journal);
    free(path);
}

static void path_made(void *ctx, const struct zookeeper_reply *reply, const struct error *err)
{
    struct shared_journal *journal = ctx;
    if (journal->state != JOURNAL_WRITING) {
        return;
    }
    if (reply->outcome == ZOOKEEPER_OK) {
        create_part(journal);
    } else {
        retry(journal, reply, err, write_part);
    }
}

/* A part keeps its bytes until it is stored, so that it can be compared. */
static void write_part(void *ctx)
{
    struct shared_journal *journal = ctx;
    if (journal->part_bytes == 0) {
        journal->part_bytes = next_part_bytes(journal);
    }
    if (journal->part_count == 0) {
        path_maker_start(&journal->maker, journal->session, journal->path, path_made, journal);
    } else {
        create_part(journal);
    }
}

static void tell_failure(void *ctx)
{
    struct shared_journal *journal = ctx;
    struct error why = journal->why;
    fail(journal, &why);
}

void shared_journal_append(struct shared_journal *journal, struct slice record)
{
    ASSERT(journal->state != JOURNAL_OPENING);
    bool open = journal->state == JOURNAL_IDLE || journal->state == JOURNAL_WRITING;
    if (!open || journal->why.text[0] != '\0' || record.length == 0) {
        return; /* told, or about to be */
    }
    if (journal->pending.length + record.length > SHARED_JOURNAL_PENDING_BYTES_MAX) {
        error_set(&journal->why, ERROR_LIMIT,
                  "more than %d MB wait for ZooKeeper, which does not take them",
                  SHARED_JOURNAL_PENDING_BYTES_MAX / 1024 / 1024);
    } else if (journal->read_bytes + journal->appended_bytes + record.length >
                   SHARED_JOURNAL_BYTES_MAX ||
               journal->part_count >= SHARED_JOURNAL_PARTS_MAX) {
        error_set(&journal->why, ERROR_LIMIT, "it would have more than %d MB or %d parts",
                  SHARED_JOURNAL_BYTES_MAX / 1024 / 1024, SHARED_JOURNAL_PARTS_MAX);
    }
    if (journal->why.text[0] != '\0') {
        timer_start(journal->loop, &journal->failure, 0, tell_failure, journal);
        return;
    }
    if (journal->end_count == journal->end_capacity) {
        journal->end_capacity = journal->end_capacity == 0 ? 64 : journal->end_capacity * 2;
        journal->ends = memory_resize(journal->ends, journal->end_capacity * sizeof *journal->ends);
    }
    text_append(&journal->pending, record.bytes, record.length);
    journal->appended_bytes += record.length;
    journal->ends[journal->end_count++] = journal->appended_bytes;
    if (journal->state == JOURNAL_IDLE) {
        journal->state = JOURNAL_WRITING;
        timer_start(journal->loop, &journal->timer, 0, write_part, journal);
    }
}

bool shared_journal_failed(const struct shared_journal *journal, struct error *why)
{
    if (journal->why.text[0] != '\0') {
        *why = journal->why;
    }
    return journal->why.text[0] != '\0';
}

uint64_t shared_journal_pending_bytes(const struct shared_journal *journal)
{
    return journal->pending.length;
}

/* ---- life */

struct shared_journal *shared_journal_open(struct loop *loop, struct zookeeper *session,
                                           const char *path, shared_journal_opened_fn *opened,
                                           shared_journal_progress_fn *progress, void *ctx)
{
    struct shared_journal *journal = memory_allocate(sizeof *journal);
    journal->loop = loop;
    journal->session = session;
    journal->path = memory_copy_string(path);
    journal->opened = opened;
    journal->progress = progress;
    journal->ctx = ctx;
    journal->unanswered_us = -1;
    begin_reading(journal);
    return journal;
}

void shared_journal_remove(struct shared_journal *journal, shared_journal_removed_fn *removed,
                           void *ctx)
{
    ASSERT(journal->state != JOURNAL_OPENING && journal->state != JOURNAL_REMOVING);
    timer_cancel(&journal->failure);
    journal->removed = removed;
    journal->removed_ctx = ctx;
    journal->state = JOURNAL_REMOVING;
    journal->part_count += journal->part_bytes > 0 ? 1 : 0; /* one is perhaps on its way */
    text_clear(&journal->pending);
    journal->end_count = 0;
    timer_start(journal->loop, &journal->timer, 0, begin_removing, journal);
}

void shared_journal_free(struct shared_journal *journal)
{
    if (journal == NULL) {
        return;
    }
    timer_cancel(&journal->timer);
    timer_cancel(&journal->failure);
    zookeeper_forget(journal->session, journal);
    zookeeper_forget(journal->session, &journal->maker);
    text_clear(&journal->all);
    text_clear(&journal->pending);
    free(journal->ends);
    free(journal->path);
    free(journal);
}
