/* engine/journal.h - a run's record on disk: the events of engine/event.h, one JSON object a line.
 *
 * Floor: engine. The format is docs/journal.md. Each line ends with a checksum over itself and the
 * checksum of the line before it, so a line that was changed, added or taken out is noticed, but
 * for lines cut off at the end. The writer is a sink of events: first among them, so that nothing
 * is shown or done that the file does not say. */
#ifndef PEGFLOW_ENGINE_JOURNAL_H
#define PEGFLOW_ENGINE_JOURNAL_H

#include "engine/event.h"

enum {
    JOURNAL_FORMAT = 1,
    JOURNAL_CHECK_CHARS = 16,                 /* hexadecimal digits at the end of each line */
    JOURNAL_LIMIT_BYTES = 1024 * 1024 * 1024, /* a larger file is not read */
    JOURNAL_ROOM_BYTES = 256 * 1024,          /* kept free for putting back on a full disk */
};
#define JOURNAL_FILE "journal.jsonl"

/* Where a journal's last whole line ends. */
struct journal_end {
    uint64_t sequence; /* of the last record */
    int64_t at_ms;     /* of the last record, since the run's start */
    size_t lines;
    int64_t bytes;
    char check[JOURNAL_CHECK_CHARS + 1];
};

/* ---- lines; for the writer, and for journals kept elsewhere than in a file */
/* Appends the record as a line with its checksum, and moves `end` behind it. */
void journal_add_line(struct journal_end *end, const cJSON *record, struct text *out);

/* ---- reading */
/* False (with err) ends the reading. `record` is valid until return; `line` counts from 1. */
typedef bool journal_record_fn(void *ctx, const cJSON *record, size_t line, struct error *err);

/* Reads the lines of `bytes` that follow `end` (zeroed: from the first, which must be a header this
 * program knows) and moves `end` behind the last whole one. What has no end of line is left: a line
 * that is being written, or was torn by a crash. Any other damage is an error that names the line.
 * `name` is for messages. */
bool journal_scan(const char *name, const char *bytes, size_t length, struct journal_end *end,
                  journal_record_fn *take, void *ctx, struct error *err);
/* The whole file. `torn` (may be NULL): there were bytes behind the last whole line. An empty file
 * is an error. */
bool journal_read(const char *path, journal_record_fn *take, void *ctx, struct journal_end *end,
                  bool *torn, struct error *err);

/* ---- writing */
/* What the writer asks of the system, for tests; NULL members are the real ones. Results as of the
 * system calls of these names (reserve: 0, or -1 with errno). */
struct journal_system {
    long (*write)(int fd, const void *bytes, size_t length);
    int (*sync)(int fd);
    int (*reserve)(int fd, int64_t offset, int64_t length);
};
struct journal;
/* Makes `path` (which must not exist) with a header that has `data`, and syncs it and its folder.
 * `data` is taken. `system` may be NULL. */
bool journal_create(const char *path, cJSON *data, int64_t wall_us,
                    const struct journal_system *system, struct journal **out, struct error *err);
/* Opens an existing one to go on behind `end`; a torn line is cut off. */
bool journal_continue(const char *path, const struct journal_end *end,
                      const struct journal_system *system, struct journal **out, struct error *err);
void journal_close(struct journal *journal); /* NULL is fine */
/* Takes events, and syncs those that tell of effects, outcomes and held values before it returns.
 */
struct event_sink *journal_sink(struct journal *journal);
/* Is there room kept for what must still be written when the disk is full? Tries to keep it. The
 * file system may not support keeping room: then this is always true. `err` says what is missing.
 */
bool journal_has_room(struct journal *journal, struct error *err);
/* False: this file system cannot keep room ahead. */
bool journal_keeps_room(const struct journal *journal);
/* A record that is not an event of the run (a resume). Synced. `data` is taken. */
bool journal_note(struct journal *journal, const char *event, const char *text, cJSON *data,
                  int64_t wall_us, struct error *err);

#endif
