#include "serve/httpd.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])

static const struct {
    const char *bytes;
    enum httpd_scan scan;
    size_t rest; /* bytes behind the request */
    const char *method;
    const char *target;
} cases[] = {
    {"GET / HTTP/1.1\r\n\r\n", HTTPD_COMPLETE, 0, "GET", "/"},
    {"GET /version HTTP/1.0\r\nHost: x\r\n\r\n", HTTPD_COMPLETE, 0, "GET", "/version"},
    {"GET /meta/app?name=a&detail HTTP/1.1\nHost:x\n\n", HTTPD_COMPLETE, 0, "GET",
     "/meta/app?name=a&detail"},
    {"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n", HTTPD_COMPLETE, 19, "GET", "/a"},
    {"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcd", HTTPD_COMPLETE, 1, "POST", "/a"},
    {"POST /a HTTP/1.1\r\ncontent-length:3 \r\n\r\nabc", HTTPD_COMPLETE, 0, "POST", "/a"},
    {"HEAD /a HTTP/1.1\r\n\r\n", HTTPD_COMPLETE, 0, "HEAD", "/a"},
    {"", HTTPD_INCOMPLETE, 0, NULL, NULL},
    {"GET /a HT", HTTPD_INCOMPLETE, 0, NULL, NULL},
    {"GET /a HTTP/1.1\r\n", HTTPD_INCOMPLETE, 0, NULL, NULL},
    {"GET /a HTTP/1.1\r\nHost: x\r\n", HTTPD_INCOMPLETE, 0, NULL, NULL},
    {"GET /a HTTP/1.1\r\nHost: x\r\n\r", HTTPD_INCOMPLETE, 0, NULL, NULL},
    {"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", HTTPD_INCOMPLETE, 0, NULL, NULL},
    {"\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"GET\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"GET /a\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"GET  /a HTTP/1.1\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"GET /a b HTTP/1.1\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"GET a HTTP/1.1\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"GET http://x/a HTTP/1.1\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"GET /a HTTP/2.0\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"GET /a http/1.1\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"GET /\x01 HTTP/1.1\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"GET /a HTTP/1.1\r\nno colon\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"GET /a HTTP/1.1\r\n: x\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"GET /a HTTP/1.1\r\nA: b\r\n folded: x\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"GET /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"POST /a HTTP/1.1\r\nContent-Length: -1\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"POST /a HTTP/1.1\r\nContent-Length:\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"POST /a HTTP/1.1\r\nContent-Length: 1x\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"POST /a HTTP/1.1\r\nContent-Length: 1048577\r\n", HTTPD_BROKEN, 0, NULL, NULL},
    {"POST /a HTTP/1.1\r\nContent-Length: 99999999999999999999999999\r\n", HTTPD_BROKEN, 0, NULL,
     NULL},
    {"POST /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n", HTTPD_BROKEN, 0, NULL, NULL},
};

START_TEST(requests_are_told_whole_from_partial_from_broken)
{
    size_t length = strlen(cases[_i].bytes);
    char *bytes = malloc(length + 1); /* so that a sanitizer sees a read behind the end */
    struct httpd_request request = {0};

    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, cases[_i].bytes, length);
    ck_assert_int_eq(httpd_scan_request(bytes, length, &request), cases[_i].scan);
    if (cases[_i].scan == HTTPD_COMPLETE) {
        ck_assert(slice_equals(request.method, cases[_i].method));
        ck_assert(slice_equals(request.target, cases[_i].target));
        ck_assert_uint_eq(request.bytes, length - cases[_i].rest);
    }
    free(bytes);
}
END_TEST

START_TEST(every_beginning_of_a_request_waits_for_the_rest)
{
    static const char whole[] = "POST /servers/r1/update HTTP/1.1\r\nHost: x\r\n"
                                "Content-Length: 5\r\nAccept: */*\r\n\r\nabcde";
    struct httpd_request request = {0};

    for (size_t length = 0; length < sizeof whole - 1; length++) {
        ck_assert_int_eq(httpd_scan_request(whole, length, &request), HTTPD_INCOMPLETE);
    }
    ck_assert_int_eq(httpd_scan_request(whole, sizeof whole - 1, &request), HTTPD_COMPLETE);
}
END_TEST

START_TEST(a_head_without_end_is_refused_at_the_limit)
{
    struct text head = {0};
    struct httpd_request request = {0};

    text_append_string(&head, "GET /");
    while (head.length < HTTPD_HEAD_LIMIT_BYTES) {
        text_append_char(&head, 'a');
    }
    ck_assert_int_eq(httpd_scan_request(head.bytes, head.length, &request), HTTPD_INCOMPLETE);
    text_append_char(&head, 'a');
    ck_assert_int_eq(httpd_scan_request(head.bytes, head.length, &request), HTTPD_BROKEN);
    text_append_string(&head, " HTTP/1.1\r\n\r\n");
    ck_assert_int_eq(httpd_scan_request(head.bytes, head.length, &request), HTTPD_BROKEN);
    text_clear(&head);
}
END_TEST

static const struct {
    struct httpd_reply reply;
    const char *bytes;
} replies[] = {
    {{.status = 200, .content_type = "text/plain", .body = {"{}\n", 3}},
     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\n{}\n"},
    {{.status = 307, .content_type = "text/plain", .location = "http://localhost:34601/meta/nodes"},
     "HTTP/1.1 307 Temporary Redirect\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n"
     "Location: http://localhost:34601/meta/nodes\r\n\r\n"},
    {{.status = 400, .content_type = "text/plain"},
     "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n"},
    {{.status = 409, .content_type = "application/json", .closes = true, .body = {"{}", 2}},
     "HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
     "Connection: close\r\n\r\n{}"},
};

START_TEST(replies_have_upstreams_bytes)
{
    struct text out = {0};

    httpd_write_reply(&replies[_i].reply, &out);
    ck_assert_str_eq(text_string(&out), replies[_i].bytes);
    text_clear(&out);
}
END_TEST

static const struct {
    const char *target;
    const char *key;
    const char *value; /* NULL: not there */
} queries[] = {
    {"/a", "k", NULL},
    {"/a?", "k", NULL},
    {"/a?k", "k", NULL},
    {"/a?kk=1", "k", NULL},
    {"/a?k=", "k", ""},
    {"/a?k=1", "k", "1"},
    {"/a?x=2&k=1&k=3", "k", "1"},
    {"/a?k=%31%2f%2F", "k", "1//"},
    {"/a?k=1%", "k", "1%"},
    {"/a?k=1%2", "k", "1%2"},
    {"/a?k=%zz&x", "k", "%zz"},
};

START_TEST(a_query_is_split_and_decoded)
{
    struct text value = {0};

    ck_assert_int_eq(httpd_query_value(queries[_i].target, queries[_i].key, &value),
                     queries[_i].value != NULL);
    ck_assert_str_eq(text_string(&value), queries[_i].value != NULL ? queries[_i].value : "");
    text_clear(&value);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("httpd");
    TCase *tests = tcase_create("httpd");

    tcase_add_loop_test(tests, requests_are_told_whole_from_partial_from_broken, 0, COUNT(cases));
    tcase_add_test(tests, every_beginning_of_a_request_waits_for_the_rest);
    tcase_add_test(tests, a_head_without_end_is_refused_at_the_limit);
    tcase_add_loop_test(tests, replies_have_upstreams_bytes, 0, COUNT(replies));
    tcase_add_loop_test(tests, a_query_is_split_and_decoded, 0, COUNT(queries));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
