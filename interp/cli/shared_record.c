#include "cli/shared_record.h"

#include "base/duration.h"
#include "base/files.h"
#include "engine/journal.h"
#include "live/shared_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int64_t end_limit_us = 5 * US_PER_SECOND;
enum { KEPT_MAX = 1000 };

/* One file of the folder, and the stream that has its bytes. */
struct stream {
    struct shared_record *record;
    char *path; /* on disk */
    struct shared_journal *journal;
    bool opened;
    uint64_t offset; /* of what is stored, or handed over to be */
    uint64_t handed; /* the latter, since it was opened */
    uint64_t stored;
};

struct shared_record {
    struct event_sink sink; /* first */
    struct loop *loop;
    struct arena arena;
    struct stream *streams; /* the journal first */
    size_t stream_count;
    bool failed; /* said already */
    bool ending;
    bool removing;
    size_t removed; /* streams */
    struct zookeeper *session;
    const char *run_path;
    struct timer limit;
};

/* ---- which files there are: the journal's header says it */

/* "files/03-ha.lua", and nothing that leads out of the folder. */
static bool is_kept_name(const char *name)
{
    return strncmp(name, "files/", 6) == 0 && name[6] != '\0' && strchr(name + 6, '/') == NULL &&
           strcmp(name + 6, ".") != 0 && strcmp(name + 6, "..") != 0;
}

/* The names of the kept files, NULL-terminated, in `arena`; NULL when the first line is no header.
 */
static const char **kept_names(const char *journal, size_t length, struct arena *arena)
{
    const char *end = length == 0 ? NULL : memchr(journal, '\n', length);
    cJSON *header = end == NULL ? NULL : cJSON_ParseWithLength(journal, (size_t)(end - journal));
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(header, "data");
    const cJSON *files = cJSON_GetObjectItemCaseSensitive(data, "files");
    const char **names = NULL;
    size_t count = 0;
    if (cJSON_IsArray(files) && cJSON_GetArraySize(files) <= KEPT_MAX) {
        names = arena_allocate(arena, (KEPT_MAX + 1) * sizeof *names);
    }
    for (const cJSON *file = names == NULL ? NULL : files->child; file != NULL; file = file->next) {
        const cJSON *kept = cJSON_GetObjectItemCaseSensitive(file, "kept");
        if (!cJSON_IsString(kept) || !is_kept_name(kept->valuestring)) {
            names = NULL;
            break;
        }
        names[count++] = arena_copy_string(arena, kept->valuestring);
    }
    cJSON_Delete(header);
    return names;
}

static const char *stream_path(const char *place, const char *run, const char *name,
                               struct arena *arena)
{
    return arena_printf(arena, "%s/%s", shared_journal_path(place, run, arena),
                        ensemble_escape(name, arena));
}

/* ---- storing */

static void fail(struct shared_record *record, const struct error *err)
{
    if (!record->failed) {
        record->failed = true;
        fprintf(stderr, "pegflow: %s: %s\n",
                record->removing ? "the run's record could not be deleted from ZooKeeper"
                                 : "from here on the run's record is not kept in ZooKeeper",
                err->text);
    }
    if (record->ending) {
        loop_stop(record->loop);
    }
}

/* Hands over what the file has beyond what was handed over: whole lines, or all of it. */
static void follow(struct stream *stream, bool lines)
{
    struct text bytes = {0};
    struct error err;
    if (stream->record->failed || !stream->opened ||
        shared_journal_pending_bytes(stream->journal) > SHARED_JOURNAL_PENDING_BYTES_MAX / 2) {
        return; /* what waits is stored first; the rest is in the file */
    }
    int fd = open(stream->path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0 && bytes.length < SHARED_JOURNAL_PENDING_BYTES_MAX / 2) {
        char *room = text_reserve(&bytes, 65536);
        got = pread(fd, room, 65536, (off_t)(stream->offset + bytes.length));
        bytes.length += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        error_set_errno(&err, errno, "read '%s'", stream->path);
        fail(stream->record, &err);
    } else if (bytes.length > 0) {
        const char *last = lines ? memrchr(bytes.bytes, '\n', bytes.length) : NULL;
        size_t length = last != NULL ? (size_t)(last - bytes.bytes) + 1 : lines ? 0 : bytes.length;
        stream->offset += length;
        stream->handed += length;
        shared_journal_append(stream->journal, (struct slice){bytes.bytes, length});
    }
    if (fd >= 0) {
        close(fd);
    }
    text_clear(&bytes);
}

static void stream_opened(void *ctx, struct slice records, const struct error *err)
{
    struct stream *stream = ctx;
    struct text bytes = {0};
    struct error why;
    if (err != NULL) {
        fail(stream->record, err);
        return;
    }
    bool ok = files_read(stream->path, JOURNAL_LIMIT_BYTES, &bytes, NULL, &why);
    if (ok && (records.length > bytes.length ||
               (records.length > 0 && memcmp(records.bytes, bytes.bytes, records.length) != 0))) {
        ok = false;
        error_set(&why, ERROR_REFUSED, "what is there is not the beginning of '%s'", stream->path);
    }
    text_clear(&bytes);
    if (!ok) {
        fail(stream->record, &why);
        return;
    }
    stream->opened = true;
    stream->offset = records.length;
    follow(stream, stream == stream->record->streams);
    if (stream->record->ending) {
        loop_stop(stream->record->loop);
    }
}

static void stream_moved(void *ctx, uint64_t stored, const struct error *err)
{
    struct stream *stream = ctx;
    stream->stored = stored;
    if (err != NULL) {
        fail(stream->record, err);
        return;
    }
    follow(stream, stream == stream->record->streams);
    if (stream->record->ending) {
        loop_stop(stream->record->loop);
    }
}

static bool sink_take(struct event_sink *sink, const struct event *event, struct error *err)
{
    struct shared_record *record = (struct shared_record *)sink;
    (void)event, (void)err;
    follow(&record->streams[0], true);
    return true;
}

struct event_sink *shared_record_sink(struct shared_record *record)
{
    return &record->sink;
}

static void record_free(struct shared_record *record)
{
    timer_cancel(&record->limit);
    for (size_t i = 0; i < record->stream_count; i++) {
        shared_journal_free(record->streams[i].journal);
        free(record->streams[i].path);
    }
    free(record->streams);
    arena_clear(&record->arena);
    free(record);
}

static void add_stream(struct shared_record *record, struct zookeeper *session, const char *where,
                       const char *folder, const char *name)
{
    struct stream *stream = &record->streams[record->stream_count++];
    struct text path = {0};
    text_printf(&path, "%s/%s", folder, name);
    stream->record = record;
    stream->path = text_take(&path);
    stream->journal =
        shared_journal_open(record->loop, session, where, stream_opened, stream_moved, stream);
}

bool shared_record_begin(struct loop *loop, struct zookeeper *session, const char *place,
                         const char *run, const char *folder, struct shared_record **out,
                         struct error *err)
{
    struct shared_record *record = memory_allocate(sizeof *record);
    struct text journal = {0};
    struct text path = {0};
    size_t count = 0;
    record->sink.take = sink_take;
    record->loop = loop;
    record->session = session;
    arena_init(&record->arena);
    record->run_path = shared_journal_path(place, run, &record->arena);
    text_printf(&path, "%s/%s", folder, JOURNAL_FILE);
    const char **names = NULL;
    bool ok = files_read(text_string(&path), JOURNAL_LIMIT_BYTES, &journal, NULL, err);
    if (ok) {
        names = kept_names(text_string(&journal), journal.length, &record->arena);
    }
    if (ok && names == NULL) {
        error_set(err, ERROR_INVALID_FILE, "'%s' does not begin with a journal's header",
                  text_string(&path));
    }
    text_clear(&journal);
    text_clear(&path);
    if (names == NULL) {
        record_free(record);
        return false;
    }
    while (names[count] != NULL) {
        count++;
    }
    record->streams = memory_allocate((count + 1) * sizeof *record->streams);
    add_stream(record, session, stream_path(place, run, JOURNAL_FILE, &record->arena), folder,
               JOURNAL_FILE);
    for (size_t i = 0; i < count; i++) {
        add_stream(record, session, stream_path(place, run, names[i], &record->arena), folder,
                   names[i]);
    }
    *out = record;
    return true;
}

/* ---- the end */

static bool all_is_stored(const struct shared_record *record)
{
    for (size_t i = 0; i < record->stream_count; i++) {
        const struct stream *stream = &record->streams[i];
        if (!stream->opened || stream->stored < stream->handed) {
            return false;
        }
    }
    return true;
}

static void out_of_time(void *ctx)
{
    struct shared_record *record = ctx;
    struct error err;
    error_set(&err, ERROR_TIMEOUT, "its last lines were not stored in time");
    fail(record, &err);
}

static void stream_removed(void *ctx, const struct error *err)
{
    struct stream *stream = ctx;
    stream->record->removed++;
    if (err != NULL) {
        fail(stream->record, err);
    }
    loop_stop(stream->record->loop);
}

static void run_node_deleted(void *ctx, const struct zookeeper_reply *reply,
                             const struct error *err)
{
    struct shared_record *record = ctx;
    (void)reply;
    record->removed++;
    if (err != NULL) {
        fail(record, err);
    }
    loop_stop(record->loop);
}

/* Until so much was removed, or something failed. */
static void wait_for_removal(struct shared_record *record, size_t wanted)
{
    struct error err;
    while (!record->failed && record->removed < wanted) {
        if (!loop_run(record->loop, &err)) {
            fail(record, &err);
        }
    }
}

static void remove_all(struct shared_record *record)
{
    record->removing = true;
    for (size_t i = 0; i < record->stream_count; i++) {
        shared_journal_remove(record->streams[i].journal, stream_removed, &record->streams[i]);
    }
    wait_for_removal(record, record->stream_count);
    if (!record->failed) {
        zookeeper_delete(record->session, record->run_path, ZOOKEEPER_ANY_VERSION, run_node_deleted,
                         record);
        wait_for_removal(record, record->stream_count + 1);
        zookeeper_forget(record->session, record);
    }
}

void shared_record_end(struct shared_record *record, bool keep)
{
    struct error err;
    if (record == NULL) {
        return;
    }
    record->ending = true;
    follow(&record->streams[0], true);
    timer_start(record->loop, &record->limit, end_limit_us, out_of_time, record);
    while (!record->failed && !all_is_stored(record)) {
        if (!loop_run(record->loop, &err)) {
            fail(record, &err);
        }
    }
    if (!record->failed && !keep) {
        remove_all(record);
    }
    record_free(record);
}

/* ---- bringing it */

struct fetch {
    struct loop *loop;
    bool done;
    bool failed;
    struct text bytes;
    struct error err;
};

static void fetched(void *ctx, struct slice records, const struct error *err)
{
    struct fetch *fetch = ctx;
    fetch->done = true;
    fetch->failed = err != NULL;
    if (err != NULL) {
        fetch->err = *err;
    }
    text_append(&fetch->bytes, records.bytes, records.length);
    loop_stop(fetch->loop);
}

static void nothing_appended(void *ctx, uint64_t stored, const struct error *err)
{
    (void)ctx, (void)stored, (void)err;
}

/* One stream into `bytes`, which is reset first. */
static bool fetch_stream(struct loop *loop, struct zookeeper *session, const char *where,
                         struct text *bytes, struct error *err)
{
    struct fetch fetch = {.loop = loop};
    bool ok = true;
    text_clear(bytes);
    struct shared_journal *journal =
        shared_journal_open(loop, session, where, fetched, nothing_appended, &fetch);
    while (ok && !fetch.done) {
        ok = loop_run(loop, err);
    }
    shared_journal_free(journal);
    if (ok && fetch.failed) {
        *err = fetch.err;
        ok = false;
    }
    *bytes = fetch.bytes;
    return ok;
}

bool shared_record_fetch(struct loop *loop, struct zookeeper *session, const char *place,
                         const char *run, const char *folder, struct error *err)
{
    struct arena arena;
    struct text journal = {0};
    struct text file = {0};
    arena_init(&arena);
    bool ok =
        fetch_stream(loop, session, stream_path(place, run, JOURNAL_FILE, &arena), &journal, err);
    const char **names = ok ? kept_names(text_string(&journal), journal.length, &arena) : NULL;
    if (ok && names == NULL) {
        ok = false;
        error_set(err, ERROR_REFUSED, "nothing of run '%s' is kept below '%s' in ZooKeeper", run,
                  place);
    }
    ok = ok && files_make_folder(arena_printf(&arena, "%s/files", folder), err);
    for (size_t i = 0; ok && names[i] != NULL; i++) {
        ok = fetch_stream(loop, session, stream_path(place, run, names[i], &arena), &file, err) &&
             files_write(arena_printf(&arena, "%s/%s", folder, names[i]), text_string(&file),
                         file.length, err);
    }
    /* Last, for with it the folder is a run's. */
    ok = ok && files_write(arena_printf(&arena, "%s/%s", folder, JOURNAL_FILE),
                           text_string(&journal), journal.length, err);
    if (!ok) {
        error_wrap(err, "bring run '%s' here", run);
    }
    text_clear(&journal);
    text_clear(&file);
    arena_clear(&arena);
    return ok;
}
