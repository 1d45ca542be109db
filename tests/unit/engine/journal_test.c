/* A journal keeps what it was given, in order, and notices whatever was changed in it afterwards.
 */
#include "engine/journal.h"

#include "base/files.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/pegflow-journal-XXXXXX";
static char path[64];

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/pegflow-journal-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/journal.jsonl", folder);
}

static void tear_down(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

static struct journal *create(const struct journal_system *system)
{
    struct journal *journal = NULL;
    struct error err;
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "program", "pegflow test");
    if (!journal_create(path, data, 0, system, &journal, &err)) {
        ck_abort_msg("%s", err.text);
    }
    return journal;
}

static bool take(struct journal *journal, enum event_kind kind, uint64_t sequence, const char *text,
                 struct error *err)
{
    struct event event = {
        .kind = kind, .sequence = sequence, .at_us = (int64_t)sequence * 1000000, .text = text};
    struct event_sink *sink = journal_sink(journal);
    return sink->take(sink, &event, err);
}

static void take_two(struct journal *journal)
{
    struct error err;
    ck_assert(take(journal, EVENT_NOTE, 1, "one", &err));
    ck_assert(take(journal, EVENT_INTENTION, 2, "two \"quoted\"\nand more", &err));
}

/* Appends event and text of each record. */
static bool collect(void *ctx, const cJSON *record, size_t line, struct error *err)
{
    (void)err;
    text_printf(ctx, "%zu %s %s;", line,
                cJSON_GetObjectItemCaseSensitive(record, "event")->valuestring,
                cJSON_GetObjectItemCaseSensitive(record, "text")->valuestring);
    return true;
}

static const char three_records[] =
    "1 journal the record of a run;2 note one;3 intention two \"quoted\"\nand more;";

static void assert_reads(const char *expected, bool torn_expected)
{
    struct text text = {0};
    struct journal_end end;
    struct error err;
    bool torn;
    if (!journal_read(path, collect, &text, &end, &torn, &err)) {
        ck_abort_msg("%s", err.text);
    }
    ck_assert_str_eq(text_string(&text), expected);
    ck_assert_int_eq(torn, torn_expected);
    text_clear(&text);
}

START_TEST(what_was_taken_is_read_back_in_order)
{
    struct journal *journal = create(NULL);
    take_two(journal);
    journal_close(journal);
    assert_reads(three_records, false);
}
END_TEST

START_TEST(a_journal_that_is_there_is_never_written_over)
{
    struct journal *journal = create(NULL);
    struct error err;
    journal_close(journal);
    ck_assert(!journal_create(path, cJSON_CreateObject(), 0, NULL, &journal, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "File exists"));
}
END_TEST

static void append_bytes(const char *bytes, size_t length)
{
    FILE *file = fopen(path, "ab");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

/* A crash in the middle of a write, or a power cut that left the file longer than its data. */
static const struct {
    const char *bytes;
    size_t length;
} tails[] = {{"{\"seq\":3,\"ev", 12}, {"\0\0\0\0", 4}, {"x", 1}};

START_TEST(a_torn_line_is_dropped_and_cut_off_before_the_next_one)
{
    struct journal *journal = create(NULL);
    struct journal_end end;
    struct error err;
    take_two(journal);
    journal_close(journal);
    append_bytes(tails[_i].bytes, tails[_i].length);
    assert_reads(three_records, true);
    ck_assert(journal_read(path, NULL, NULL, &end, NULL, &err));
    ck_assert_uint_eq(end.sequence, 2);
    ck_assert_int_eq(end.at_ms, 2000);
    ck_assert(journal_continue(path, &end, NULL, &journal, &err));
    ck_assert(take(journal, EVENT_OUTCOME, 3, "three", &err));
    journal_close(journal);
    char expected[200];
    snprintf(expected, sizeof expected, "%s4 outcome three;", three_records);
    assert_reads(expected, false);
}
END_TEST

/* ---- damage. The file has three lines; `find` becomes `put` (same length or not). */
static const struct {
    const char *what;
    const char *find;
    const char *put;
    const char *error; /* what the message must say */
} damages[] = {
    {"a changed word", "\"text\":\"one\"", "\"text\":\"two\"", "line 2 of the journal"},
    {"a changed number", "\"at_ms\":1000", "\"at_ms\":1001", "its checksum does not fit"},
    {"a changed header", "pegflow test", "pegflow best", "line 1 of the journal"},
    {"no checksum", ",\"check\":\"", ",\"cheque\":\"", "it does not end with a checksum"},
    {"garbage", "{\"seq\":1", "[\"seq\":1", "line 2 of the journal"},
    {"another kind of file", "\"event\":\"journal\"", "\"event\":\"sonatas\"",
     "is not a journal of pegflow"},
    {"a newer format", "\"format\":1", "\"format\":2",
     "has format 2, this program knows formats up to 1; it was written by pegflow test"},
};

static void replace_in_file(const char *find, const char *put)
{
    struct text text = {0};
    struct error err;
    ck_assert(files_read(path, 100000, &text, NULL, &err));
    char *place = strstr(text.bytes, find);
    ck_assert_ptr_nonnull(place);
    struct text changed = {0};
    text_append(&changed, text.bytes, (size_t)(place - text.bytes));
    text_append_string(&changed, put);
    text_append_string(&changed, place + strlen(find));
    ck_assert(files_write(path, changed.bytes, changed.length, &err));
    text_clear(&text);
    text_clear(&changed);
}

static void assert_refused(const char *with)
{
    struct journal_end end;
    struct error err;
    ck_assert(!journal_read(path, NULL, NULL, &end, NULL, &err));
    if (strstr(err.text, with) == NULL) {
        ck_abort_msg("'%s' does not say '%s'", err.text, with);
    }
    ck_assert_ptr_nonnull(strstr(err.text, path));
}

START_TEST(damage_is_named_and_refused)
{
    struct journal *journal = create(NULL);
    take_two(journal);
    journal_close(journal);
    replace_in_file(damages[_i].find, damages[_i].put);
    assert_refused(damages[_i].error);
}
END_TEST

/* A line taken out, doubled, or moved: each line's own checksum fits still, but not behind that
 * one. */
START_TEST(lines_taken_out_or_moved_are_noticed)
{
    struct text text = {0};
    struct error err;
    struct journal *journal = create(NULL);
    take_two(journal);
    journal_close(journal);
    ck_assert(files_read(path, 100000, &text, NULL, &err));
    char *second = strchr(text.bytes, '\n') + 1;
    char *third = strchr(second, '\n') + 1;
    struct text changed = {0};
    text_append(&changed, text.bytes, (size_t)(second - text.bytes));
    text_append_string(&changed, third);
    ck_assert(files_write(path, changed.bytes, changed.length, &err));
    assert_refused("line 2 of the journal");
    text_reset(&changed);
    text_append(&changed, text.bytes, (size_t)(third - text.bytes));
    text_append_string(&changed, second);
    ck_assert(files_write(path, changed.bytes, changed.length, &err));
    assert_refused("line 3 of the journal");
    text_clear(&text);
    text_clear(&changed);
}
END_TEST

START_TEST(an_empty_file_and_a_folder_are_named)
{
    struct error err;
    ck_assert(files_write(path, "", 0, &err));
    assert_refused("is empty: its run ended before it had done anything");
    ck_assert(files_write(path, "{\"seq\":0", 8, &err));
    assert_refused("holds no whole line");
    unlink(path);
    assert_refused("No such file");
    ck_assert_int_eq(mkdir(path, 0700), 0);
    assert_refused("is a folder, not a file");
    ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

START_TEST(a_reader_follows_a_journal_that_grows)
{
    struct text seen = {0};
    struct text text = {0};
    struct journal_end end = {0};
    struct error err;
    struct journal *journal = create(NULL);
    for (uint64_t i = 1; i <= 3; i++) {
        ck_assert(files_read(path, 100000, &text, NULL, &err));
        text_reset(&seen);
        size_t from = (size_t)end.bytes;
        ck_assert(
            journal_scan(path, text.bytes + from, text.length - from, &end, collect, &seen, &err));
        ck_assert_uint_eq(end.lines, i);
        ck_assert(take(journal, EVENT_NOTE, i, "more", &err));
    }
    ck_assert_str_eq(text_string(&seen), "3 note more;");
    journal_close(journal);
    text_clear(&seen);
    text_clear(&text);
}
END_TEST

/* ---- a disk that fails */
static int syncs;
static int fail_sync_at;
static int count_sync(int fd)
{
    (void)fd;
    syncs++;
    errno = EIO;
    return syncs == fail_sync_at ? -1 : 0;
}

START_TEST(what_decides_is_synced_and_what_only_tells_is_not)
{
    static const struct journal_system system = {.sync = count_sync};
    struct error err;
    fail_sync_at = 0;
    syncs = 0;
    struct journal *journal = create(&system);
    int before = syncs;
    ck_assert(take(journal, EVENT_WAITING, 1, "waits", &err));
    ck_assert_int_eq(syncs, before);
    static const enum event_kind deciding[] = {EVENT_INTENTION, EVENT_OUTCOME,     EVENT_HELD,
                                               EVENT_PUT_BACK,  EVENT_STEP_DONE,   EVENT_BASELINE,
                                               EVENT_PICKED,    EVENT_RUN_FINISHED};
    for (size_t i = 0; i < sizeof deciding / sizeof deciding[0]; i++) {
        ck_assert(take(journal, deciding[i], i + 2, "decides", &err));
        ck_assert_int_eq(syncs, before + (int)i + 1);
    }
    journal_close(journal);
}
END_TEST

/* After a failed sync the next may succeed although pages were lost: nothing more is kept. */
START_TEST(a_failed_sync_is_never_taken_back)
{
    static const struct journal_system system = {.sync = count_sync};
    struct error err;
    fail_sync_at = 0;
    syncs = 0;
    struct journal *journal = create(&system);
    fail_sync_at = syncs + 1;
    ck_assert(!take(journal, EVENT_INTENTION, 1, "acts", &err));
    ck_assert_ptr_nonnull(strstr(err.text, "sync the journal"));
    ck_assert(!take(journal, EVENT_INTENTION, 2, "acts again", &err));
    ck_assert(!journal_has_room(journal, &err));
    journal_close(journal);
}
END_TEST

static int64_t disk_left; /* bytes, as if the disk were full behind them */
static long write_to_full_disk(int fd, const void *bytes, size_t length)
{
    if (disk_left == 0) {
        errno = ENOSPC;
        return -1;
    }
    size_t part = (int64_t)length > disk_left ? (size_t)disk_left : length;
    disk_left -= (int64_t)part;
    return write(fd, bytes, part);
}

START_TEST(half_a_line_on_a_full_disk_is_taken_back)
{
    static const struct journal_system system = {.write = write_to_full_disk};
    struct error err;
    disk_left = 100000;
    struct journal *journal = create(&system);
    take_two(journal);
    disk_left = 20;
    ck_assert(!take(journal, EVENT_OUTCOME, 3, "three", &err));
    ck_assert_ptr_nonnull(strstr(err.text, "No space left on device"));
    journal_close(journal);
    assert_reads(three_records, false);
}
END_TEST

static int reserve_errno;
static int reservations;
static int reserve_or_not(int fd, int64_t offset, int64_t length)
{
    (void)fd;
    (void)offset;
    ck_assert_int_ge(length, JOURNAL_ROOM_BYTES);
    reservations++;
    errno = reserve_errno;
    return reserve_errno == 0 ? 0 : -1;
}

START_TEST(room_is_kept_ahead_and_asked_for_again_when_it_is_used)
{
    static const struct journal_system system = {.reserve = reserve_or_not};
    struct error err;
    char long_text[50001];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    reserve_errno = 0;
    reservations = 0;
    struct journal *journal = create(&system);
    ck_assert_int_eq(reservations, 1);
    ck_assert(journal_has_room(journal, &err));
    ck_assert_int_eq(reservations, 1);
    reserve_errno = ENOSPC;
    for (uint64_t i = 1; i <= 6; i++) { /* more than half of it */
        ck_assert(take(journal, EVENT_NOTE, i, long_text, &err));
    }
    ck_assert(!journal_has_room(journal, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "No space left on device"));
    ck_assert(take(journal, EVENT_PUT_BACK, 7, "back", &err)); /* what is kept is for this */
    reserve_errno = 0;
    ck_assert(journal_has_room(journal, &err));
    journal_close(journal);
}
END_TEST

START_TEST(a_file_system_that_keeps_no_room_is_told_apart_from_a_full_one)
{
    static const struct journal_system system = {.reserve = reserve_or_not};
    struct error err;
    reserve_errno = EOPNOTSUPP;
    struct journal *journal = create(&system);
    ck_assert(journal_has_room(journal, &err));
    ck_assert(!journal_keeps_room(journal));
    journal_close(journal);
}
END_TEST

START_TEST(a_journal_is_not_begun_on_a_full_disk)
{
    static const struct journal_system system = {.reserve = reserve_or_not};
    struct journal *journal = NULL;
    struct error err;
    reserve_errno = ENOSPC;
    ck_assert(!journal_create(path, cJSON_CreateObject(), 0, &system, &journal, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "keep 256 KB free for the journal"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_was_taken_is_read_back_in_order);
    tcase_add_test(tcase, a_journal_that_is_there_is_never_written_over);
    tcase_add_loop_test(tcase, a_torn_line_is_dropped_and_cut_off_before_the_next_one, 0,
                        (int)(sizeof tails / sizeof tails[0]));
    tcase_add_loop_test(tcase, damage_is_named_and_refused, 0,
                        (int)(sizeof damages / sizeof damages[0]));
    tcase_add_test(tcase, lines_taken_out_or_moved_are_noticed);
    tcase_add_test(tcase, an_empty_file_and_a_folder_are_named);
    tcase_add_test(tcase, a_reader_follows_a_journal_that_grows);
    tcase_add_test(tcase, what_decides_is_synced_and_what_only_tells_is_not);
    tcase_add_test(tcase, a_failed_sync_is_never_taken_back);
    tcase_add_test(tcase, half_a_line_on_a_full_disk_is_taken_back);
    tcase_add_test(tcase, room_is_kept_ahead_and_asked_for_again_when_it_is_used);
    tcase_add_test(tcase, a_file_system_that_keeps_no_room_is_told_apart_from_a_full_one);
    tcase_add_test(tcase, a_journal_is_not_begun_on_a_full_disk);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
