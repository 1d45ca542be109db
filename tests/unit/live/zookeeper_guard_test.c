/* Nothing reaches ZooKeeper's client library that could hurt it. */
#include "live/zookeeper_guard.h"

#include "base/text.h"

#include <check.h>
#include <stdlib.h>

/* Bytes written as a ZooKeeper would: integers by put_int, the rest as it is. */
static struct text bytes;

static void set_up(void)
{
    bytes = (struct text){0};
}

static void tear_down(void)
{
    text_clear(&bytes);
}

static void put_int(int64_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        text_append_char(&bytes, (char)((uint64_t)value >> shift & 0xff));
    }
}

static void put_zeros(int count)
{
    for (int i = 0; i < count; i++) {
        text_append_char(&bytes, '\0');
    }
}

static void put_handshake(int64_t length, int64_t version, int64_t session_ms, int64_t id,
                          int64_t password_bytes)
{
    put_int(length);
    put_int(version);
    put_int(session_ms);
    put_int(0);
    put_int(id);
    put_int(password_bytes);
    put_zeros(17);
}

static const struct {
    int64_t length, version, session_ms, id, password_bytes;
    enum guard_verdict verdict;
} handshakes[] = {
    {37, 0, 10000, 5, 16, GUARD_PASS},       {36, 0, 10000, 5, 16, GUARD_PASS},
    {37, 0, 0, 0, 16, GUARD_PASS}, /* the session asked for has expired */
    {38, 0, 10000, 5, 16, GUARD_WRONG},      {-1, 0, 10000, 5, 16, GUARD_WRONG},
    {37, 1, 10000, 5, 16, GUARD_WRONG},      {37, 0, 0, 5, 16, GUARD_WRONG},
    {37, 0, -5, 5, 16, GUARD_WRONG},         {37, 0, -5, 0, 16, GUARD_WRONG},
    {37, 0, 0x48545450, 5, 16, GUARD_WRONG}, {37, 0, 10000, 5, 17, GUARD_WRONG},
};

START_TEST(a_handshake_passes_only_as_zookeeper_writes_it)
{
    struct error err;
    size_t wanted;
    put_handshake(handshakes[_i].length, handshakes[_i].version, handshakes[_i].session_ms,
                  handshakes[_i].id, handshakes[_i].password_bytes);
    enum guard_verdict verdict =
        zookeeper_guard_handshake(bytes.bytes, bytes.length, &wanted, &err);
    ck_assert_int_eq(verdict, handshakes[_i].verdict);
    if (verdict == GUARD_PASS) {
        ck_assert_uint_eq(wanted, 4 + (size_t)handshakes[_i].length);
        ck_assert_int_eq(zookeeper_guard_handshake(bytes.bytes, 3, &wanted, &err), GUARD_MORE);
        ck_assert_uint_eq(wanted, 4);
        ck_assert_int_eq(zookeeper_guard_handshake(bytes.bytes, 39, &wanted, &err), GUARD_MORE);
        ck_assert_uint_eq(wanted, 4 + (size_t)handshakes[_i].length);
    }
}
END_TEST

START_TEST(another_servers_words_are_shown)
{
    struct error err;
    size_t wanted;
    text_append_string(&bytes, "HTTP/1.1 400 Bad Request\r\nServer: x\r\n");
    ck_assert_int_eq(zookeeper_guard_handshake(bytes.bytes, bytes.length, &wanted, &err),
                     GUARD_WRONG);
    ck_assert_str_eq(
        err.text,
        "what it sends is not ZooKeeper's protocol: 'HTTP/1.1 400 Bad Request  Server: x'");
    ck_assert_int_eq(err.code, ERROR_PEER);
}
END_TEST

/* ---- frames: each is a body; the length and the header are put before it */

enum { NOBODY = -1 };
struct frame {
    int oldest; /* enum zookeeper_body, or NOBODY */
    int64_t xid, failure;
    int64_t ints[4]; /* then `zeros` */
    int int_count, zeros;
    enum guard_verdict verdict;
};
static const struct frame frames[] = {
    {NOBODY, -2, 0, {0}, 0, 0, GUARD_PASS},     /* an answer to a ping */
    {NOBODY, -2, 0, {0}, 0, 4, GUARD_WRONG},    /* with something behind */
    {NOBODY, -1, 0, {0}, 0, 12, GUARD_WRONG},   /* a watch; none is set */
    {NOBODY, -4, -115, {0}, 0, 0, GUARD_WRONG}, /* authentication; none was sent */
    {ZOOKEEPER_BODY_EMPTY, -4, 0, {0}, 0, 0, GUARD_WRONG},
    {NOBODY, 7, 0, {0}, 0, 0, GUARD_WRONG}, /* an answer to nothing: the library would abort */
    {ZOOKEEPER_BODY_EMPTY, 7, 0, {0}, 0, 0, GUARD_PASS},
    {ZOOKEEPER_BODY_EMPTY, 7, 0, {0}, 0, 1, GUARD_WRONG},
    {ZOOKEEPER_BODY_DATA, 7, -101, {0}, 0, 0, GUARD_PASS}, /* a no has no body */
    {ZOOKEEPER_BODY_STAT, 7, 0, {0}, 0, 68, GUARD_PASS},
    {ZOOKEEPER_BODY_STAT, 7, 0, {0}, 0, 67, GUARD_WRONG},
    {ZOOKEEPER_BODY_PATH, 7, 0, {3}, 1, 3, GUARD_PASS},
    {ZOOKEEPER_BODY_PATH, 7, 0, {4}, 1, 3, GUARD_WRONG},
    {ZOOKEEPER_BODY_PATH, 7, 0, {2}, 1, 3, GUARD_WRONG},
    {ZOOKEEPER_BODY_PATH, 7, 0, {-1}, 1, 0, GUARD_WRONG},
    {ZOOKEEPER_BODY_PATH, 7, 0, {0}, 0, 3, GUARD_WRONG},
    {ZOOKEEPER_BODY_DATA, 7, 0, {5}, 1, 5 + 68, GUARD_PASS},
    {ZOOKEEPER_BODY_DATA, 7, 0, {-1}, 1, 68, GUARD_PASS},
    {ZOOKEEPER_BODY_DATA, 7, 0, {-2}, 1, 68, GUARD_WRONG},
    {ZOOKEEPER_BODY_DATA, 7, 0, {0x7fffffff}, 1, 68, GUARD_WRONG},
    {ZOOKEEPER_BODY_NAMES, 7, 0, {2, 0, 3}, 3, 3, GUARD_PASS},
    {ZOOKEEPER_BODY_NAMES, 7, 0, {0}, 1, 0, GUARD_PASS},
    {ZOOKEEPER_BODY_NAMES, 7, 0, {-1}, 1, 0, GUARD_WRONG},
    {ZOOKEEPER_BODY_NAMES, 7, 0, {0x7fffffff}, 1, 0, GUARD_WRONG},
    {ZOOKEEPER_BODY_NAMES, 7, 0, {1, 9}, 2, 3, GUARD_WRONG},
    {ZOOKEEPER_BODY_NAMES, 7, 0, {1, 2}, 2, 3, GUARD_WRONG},
    {ZOOKEEPER_BODY_NAMES, 7, 0, {0}, 0, 2, GUARD_WRONG},
};

START_TEST(a_frame_passes_only_when_it_answers_what_was_asked)
{
    const struct frame *frame = &frames[_i];
    enum zookeeper_body oldest = (enum zookeeper_body)frame->oldest;
    struct error err;
    size_t wanted;
    put_int(16 + 4 * frame->int_count + frame->zeros);
    put_int(frame->xid);
    put_zeros(8);
    put_int(frame->failure);
    for (int i = 0; i < frame->int_count; i++) {
        put_int(frame->ints[i]);
    }
    put_zeros(frame->zeros);
    const enum zookeeper_body *asked = frame->oldest == NOBODY ? NULL : &oldest;
    ck_assert_int_eq(zookeeper_guard_frame(bytes.bytes, bytes.length, asked, &wanted, &err),
                     frame->verdict);
    ck_assert_uint_eq(wanted, bytes.length);
    ck_assert_int_eq(zookeeper_guard_frame(bytes.bytes, bytes.length - 1, asked, &wanted, &err),
                     GUARD_MORE);
    ck_assert_uint_eq(wanted, bytes.length);
    ck_assert_int_eq(zookeeper_guard_frame(bytes.bytes, 2, asked, &wanted, &err), GUARD_MORE);
    ck_assert_uint_eq(wanted, 4);
}
END_TEST

START_TEST(a_length_beyond_its_bounds_is_wrong_before_anything_follows)
{
    static const int64_t lengths[] = {0,        15, -1, INT32_MIN, ZOOKEEPER_FRAME_BYTES_MAX + 1,
                                      INT32_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct error err;
        size_t wanted;
        text_reset(&bytes);
        put_int(lengths[i]);
        ck_assert_int_eq(zookeeper_guard_frame(bytes.bytes, bytes.length, NULL, &wanted, &err),
                         GUARD_WRONG);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zookeeper_guard");
    TCase *tests = tcase_create("zookeeper_guard");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_handshake_passes_only_as_zookeeper_writes_it, 0,
                        sizeof handshakes / sizeof handshakes[0]);
    tcase_add_test(tests, another_servers_words_are_shown);
    tcase_add_loop_test(tests, a_frame_passes_only_when_it_answers_what_was_asked, 0,
                        sizeof frames / sizeof frames[0]);
    tcase_add_test(tests, a_length_beyond_its_bounds_is_wrong_before_anything_follows);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
