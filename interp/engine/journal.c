/* engine/journal.c - the writer.
 *
 * A line goes out in one write. What tells of an effect, its outcome or a held value is on disk
 * before the run goes on. Room for putting back is kept behind the end of the file: when the disk
 * is full it is there, and whoever asks journal_has_room waits until it could be kept again. A sync
 * that failed is never repeated: what it should have written may be lost although the next one
 * succeeds. */
#include "engine/journal.h"

#include "base/duration.h"
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct journal {
    struct event_sink sink; /* first */
    struct journal_system system;
    char *path;
    int fd;
    struct journal_end end;
    int64_t reserved_to; /* the file may grow to this size on a full disk */
    bool cannot_reserve; /* the file system has no such thing */
    bool broken;         /* a write or sync failed: nothing can be kept any more */
    struct error why;
    struct text line;
};

static long real_write(int fd, const void *bytes, size_t length)
{
    return write(fd, bytes, length);
}

static int real_reserve(int fd, int64_t offset, int64_t length)
{
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, length);
}

static struct journal *journal_new(const char *path, const struct journal_system *system)
{
    struct journal *journal = memory_allocate(sizeof *journal);
    journal->path = memory_copy_string(path);
    journal->fd = -1;
    journal->system = (struct journal_system){real_write, fdatasync, real_reserve};
    if (system != NULL && system->write != NULL) {
        journal->system.write = system->write;
    }
    if (system != NULL && system->sync != NULL) {
        journal->system.sync = system->sync;
    }
    if (system != NULL && system->reserve != NULL) {
        journal->system.reserve = system->reserve;
    }
    return journal;
}

void journal_close(struct journal *journal)
{
    if (journal != NULL) {
        if (journal->fd >= 0) {
            close(journal->fd);
        }
        text_clear(&journal->line);
        free(journal->path);
        free(journal);
    }
}

/* ---- one line */
static bool give_up(struct journal *journal, int errno_value, const char *what, struct error *err)
{
    journal->broken = true;
    error_set_errno(&journal->why, errno_value, "%s the journal '%s'", what, journal->path);
    *err = journal->why;
    return false;
}

/* Half a line must not stay in front of the next one. */
static bool write_line(struct journal *journal, struct error *err)
{
    const char *bytes = text_string(&journal->line);
    size_t left = journal->line.length;
    while (left > 0) {
        long written = journal->system.write(journal->fd, bytes, left);
        if (written < 0 && errno != EINTR) {
            int why = errno;
            if (ftruncate(journal->fd, journal->end.bytes) != 0) {
                why = errno;
            }
            return give_up(journal, why, "write to", err);
        }
        bytes += written > 0 ? written : 0;
        left -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

static bool keep(struct journal *journal, const cJSON *record, bool synced, struct error *err)
{
    struct journal_end end = journal->end;
    if (journal->broken) {
        *err = journal->why;
        return false;
    }
    text_reset(&journal->line);
    journal_add_line(&end, record, &journal->line);
    if (!write_line(journal, err)) {
        return false;
    }
    journal->end = end;
    if (synced && journal->system.sync(journal->fd) != 0) {
        return give_up(journal, errno, "sync", err);
    }
    return true;
}

/* What may be lost in a power cut: it decides nothing afterwards. */
static bool only_tells(enum event_kind kind)
{
    return kind == EVENT_WAITING || kind == EVENT_NOTE || kind == EVENT_LOG ||
           kind == EVENT_OUTPUT || kind == EVENT_GUARD || kind == EVENT_REQUIREMENT ||
           kind == EVENT_STEP_STARTED;
}

static bool take_event(struct event_sink *sink, const struct event *event, struct error *err)
{
    struct journal *journal = (struct journal *)sink;
    cJSON *record = event_to_json(event);
    bool kept = keep(journal, record, !only_tells(event->kind), err);
    cJSON_Delete(record);
    return kept;
}

struct event_sink *journal_sink(struct journal *journal)
{
    return &journal->sink;
}

bool journal_note(struct journal *journal, const char *event, const char *text, cJSON *data,
                  int64_t wall_us, struct error *err)
{
    char time_text[WALL_TEXT_BYTES];
    cJSON *record = cJSON_CreateObject();
    uint64_t sequence = journal->end.lines == 0 ? 0 : journal->end.sequence + 1;
    cJSON_AddNumberToObject(record, "seq", (double)sequence);
    cJSON_AddStringToObject(record, "time", wall_format_utc(wall_us, time_text));
    cJSON_AddNumberToObject(record, "at_ms", (double)journal->end.at_ms);
    cJSON_AddStringToObject(record, "event", event);
    cJSON_AddStringToObject(record, "text", text);
    cJSON_AddItemToObject(record, "data", data);
    bool kept = keep(journal, record, true, err);
    cJSON_Delete(record);
    return kept;
}

/* ---- room */
bool journal_keeps_room(const struct journal *journal)
{
    return !journal->cannot_reserve;
}

bool journal_has_room(struct journal *journal, struct error *err)
{
    if (journal->broken) {
        *err = journal->why;
        return false;
    }
    if (journal->cannot_reserve ||
        journal->reserved_to >= journal->end.bytes + JOURNAL_ROOM_BYTES) {
        return true;
    }
    /* Twice as much: not asked for at each record. */
    if (journal->system.reserve(journal->fd, journal->end.bytes, 2 * JOURNAL_ROOM_BYTES) == 0) {
        journal->reserved_to = journal->end.bytes + 2 * JOURNAL_ROOM_BYTES;
        return true;
    }
    if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL) {
        journal->cannot_reserve = true;
        return true;
    }
    error_set_errno(err, errno, "keep %d KB free for the journal '%s'", JOURNAL_ROOM_BYTES / 1024,
                    journal->path);
    return false;
}

/* ---- beginning */
static bool open_at(struct journal *journal, int flags, struct error *err)
{
    journal->fd = open(journal->path, flags | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (journal->fd < 0) {
        error_set_errno(err, errno, "open the journal '%s'", journal->path);
        return false;
    }
    journal->sink.take = take_event;
    return true;
}

bool journal_create(const char *path, cJSON *data, int64_t wall_us,
                    const struct journal_system *system, struct journal **out, struct error *err)
{
    struct journal *journal = journal_new(path, system);
    cJSON_AddNumberToObject(data, "format", JOURNAL_FORMAT);
    bool ok = open_at(journal, O_CREAT | O_EXCL, err);
    if (!ok) {
        cJSON_Delete(data);
        goto done;
    }
    ok = journal_note(journal, "journal", "the record of a run", data, wall_us, err) &&
         files_sync_folder_of(path, err) && journal_has_room(journal, err);
    if (ok) {
        *out = journal;
        journal = NULL;
    }
done:
    journal_close(journal);
    return ok;
}

bool journal_continue(const char *path, const struct journal_end *end,
                      const struct journal_system *system, struct journal **out, struct error *err)
{
    struct journal *journal = journal_new(path, system);
    bool ok = open_at(journal, 0, err);
    if (ok && (ftruncate(journal->fd, end->bytes) != 0 || journal->system.sync(journal->fd) != 0)) {
        error_set_errno(err, errno, "cut the torn line off the journal '%s'", path);
        ok = false;
    }
    if (ok) {
        journal->end = *end;
        ok = journal_has_room(journal, err);
    }
    if (ok) {
        *out = journal;
        journal = NULL;
    }
    journal_close(journal);
    return ok;
}
