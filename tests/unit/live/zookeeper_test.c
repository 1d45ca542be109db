/* A session with ZooKeeper: with a real one where there is one, and with servers that are none. */
#include "peer.h"
/* behind it, for it has names of its own */
#include "zookeeper_fixture.h"

static struct told told;
static struct peer peer;

static void tear_down(void)
{
    zookeeper_free(told.zookeeper);
    told.zookeeper = NULL;
    tear_down_loop();
}

/* ---- identities */

START_TEST(an_identity_is_read_as_it_was_written)
{
    struct zookeeper_identity identity = {.session_id = -2, .password = {0, 1, 0xfe, 0xff}};
    struct zookeeper_identity again;
    char text[ZOOKEEPER_IDENTITY_TEXT_BYTES];
    struct error err;
    zookeeper_identity_format(&identity, text);
    ck_assert_str_eq(text, "fffffffffffffffe:0001feff000000000000000000000000");
    ck_assert(zookeeper_identity_parse(text, &again, &err));
    ck_assert_int_eq(again.session_id, -2);
    ck_assert_mem_eq(again.password, identity.password, 16);
}
END_TEST

static const char *const no_identities[] = {
    "",
    "fffffffffffffffe",
    "fffffffffffffffe:0001feff00000000000000000000000",
    "fffffffffffffffe:0001feff0000000000000000000000000",
    "fffffffffffffffe-0001feff000000000000000000000000",
    "Fffffffffffffffe:0001feff000000000000000000000000",
    "fffffffffffffffe:0001feff00000000000000000000000g",
};

START_TEST(what_is_no_identity_is_refused)
{
    struct zookeeper_identity identity;
    struct error err;
    ck_assert(!zookeeper_identity_parse(no_identities[_i], &identity, &err));
    ck_assert_str_eq(err.text,
                     arena_printf(&arena, "'%s' is not a ZooKeeper session", no_identities[_i]));
}
END_TEST

#ifdef HAVE_ZOOKEEPER

/* ---- servers that are none */

static const char *peer_address(void)
{
    char text[ADDRESS_TEXT_BYTES];
    return arena_copy_string(&arena, address_format(peer.address, text));
}

static void stay_silent(struct peer_link *link)
{
    (void)link;
}

static void hang_up(struct peer_link *link)
{
    peer_shut(link);
}

static void reset(struct peer_link *link)
{
    peer_reset(link);
}

static void answer_http(struct peer_link *link)
{
    static const char answer[] =
        "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nConnection: close\r\n"
        "Content-Length: 12\r\n\r\nBad Request\n";
    peer_send(link, answer, sizeof answer - 1);
}

/* A session is granted, and then come bytes that are no answer. */
static const uint8_t handshake[41] = {0, 0, 0, 37, 0, 0, 0, 0, 0, 0, 0x0f, 0xa0,
                                      1, 2, 3, 4,  5, 6, 7, 8, 0, 0, 0,    16};
static void grant_then_garbage(struct peer_link *link)
{
    static const uint8_t garbage[] = {0x80, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9};
    peer_send(link, handshake, sizeof handshake);
    peer_send(link, garbage, sizeof garbage);
}

/* The same as an answer to nothing, on which the library would abort. */
static void grant_then_answer(struct peer_link *link)
{
    static const uint8_t answer[] = {0, 0, 0, 16, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    peer_send(link, handshake, sizeof handshake);
    peer_send(link, answer, sizeof answer);
}

static void half_a_grant(struct peer_link *link)
{
    peer_send(link, handshake, 20);
}

static void half_a_grant_and_hang_up(struct peer_link *link)
{
    peer_send(link, handshake, 20);
    peer_shut(link);
}

static const struct {
    peer_fn *react;
    const char *failure; /* behind "127.0.0.1:<port>: " */
    int64_t connect_us;
} strangers[] = {
    {stay_silent, "no answer for 2.6s", 2900 * US_PER_MS},
    {hang_up, "it closed the connection", 300 * US_PER_MS},
    {reset, "connection reset by peer", 300 * US_PER_MS},
    {answer_http,
     "what it sends is not ZooKeeper's protocol: 'HTTP/1.1 400 Bad Request  Server: "
     "nginx  Connection: close  Cont'",
     300 * US_PER_MS},
    {half_a_grant, "no answer for 2.6s", 2900 * US_PER_MS},
    {half_a_grant_and_hang_up, "it closed the connection", 300 * US_PER_MS},
};

START_TEST(a_server_that_is_no_zookeeper_is_told_by_its_address)
{
    peer_open(&peer, loop, strangers[_i].react, NULL);
    int64_t began_us = loop_now_us(loop);
    start_session(&told, peer_address(), NULL, strangers[_i].connect_us);
    ck_assert(run_until(&told.ended, 10 * US_PER_SECOND));
    int64_t took_us = loop_now_us(loop) - began_us;
    ck_assert_int_ge(took_us, strangers[_i].connect_us);
    ck_assert_int_le(took_us, strangers[_i].connect_us + 2 * US_PER_SECOND);
    ck_assert_str_eq(told.why.text,
                     arena_printf(&arena, "ZooKeeper '%s': no session in time: %s: %s",
                                  peer_address(), peer_address(), strangers[_i].failure));
    ck_assert_int_eq(told.why.code, ERROR_UNREACHABLE);
    ck_assert_int_eq(told.count, 1);
    ck_assert(!told.connected);
    ck_assert_int_le(peer.accepted, 15);
    peer_close(&peer);
}
END_TEST

static peer_fn *const liars[] = {grant_then_garbage, grant_then_answer};

START_TEST(bytes_that_answer_nothing_end_the_connection_and_not_the_program)
{
    peer_open(&peer, loop, liars[_i], NULL);
    start_session(&told, peer_address(), NULL, 2 * US_PER_SECOND);
    ck_assert(run_until(&told.suspended, 5 * US_PER_SECOND));
    ck_assert_ptr_nonnull(strstr(told.why.text, "the connection is lost: "));
    ck_assert_ptr_nonnull(strstr(told.why.text, "what it sends is not ZooKeeper's protocol: "));
    zookeeper_free(told.zookeeper);
    told.zookeeper = NULL;
    peer_close(&peer);
}
END_TEST

/* It grants sessions and answers nothing else. */
static void grant_alone(struct peer_link *link)
{
    if (link->in.length >= 44 && link->in.bytes[0] == 0) {
        peer_send(link, handshake, sizeof handshake);
        link->in.bytes[0] = 1; /* once */
    }
}

START_TEST(a_request_that_nobody_answers_ends_in_a_sessions_time)
{
    peer_open(&peer, loop, grant_alone, NULL);
    start_session(&told, peer_address(), NULL, 2 * US_PER_SECOND);
    ck_assert(run_until(&told.connected, 5 * US_PER_SECOND));
    int64_t began_us = loop_now_us(loop);
    struct asked asked = {0};
    zookeeper_get(told.zookeeper, "/a", record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_UNSURE);
    ck_assert_int_le(loop_now_us(loop) - began_us, 4500 * US_PER_MS);
    ck_assert_str_eq(
        asked.err.text,
        arena_printf(&arena, "ZooKeeper '%s': read /a: no answer in time", peer_address()));
    ck_assert_int_eq(asked.err.code, ERROR_UNREACHABLE);
    peer_close(&peer);
}
END_TEST

START_TEST(nobody_listens)
{
    peer_open(&peer, loop, stay_silent, NULL);
    peer_close(&peer);
    start_session(&told, peer_address(), NULL, 300 * US_PER_MS);
    ck_assert(run_until(&told.ended, 5 * US_PER_SECOND));
    ck_assert_str_eq(told.why.text, arena_printf(&arena,
                                                 "ZooKeeper '%s': no session in time: %s: "
                                                 "connection refused",
                                                 peer_address(), peer_address()));
    struct asked asked = {0};
    zookeeper_get(told.zookeeper, "/a", record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_GONE);
    ck_assert_str_eq(
        asked.err.text,
        arena_printf(&arena, "ZooKeeper '%s': read /a: the session has ended", peer_address()));
}
END_TEST

START_TEST(a_name_that_does_not_resolve_is_told)
{
    struct ensemble ensemble = ensemble_of("no-such-host.invalid:2181");
    struct zookeeper_options options = {.ensemble = &ensemble, .session_us = US_PER_SECOND};
    struct error err;
    ck_assert(!zookeeper_start(loop, &options, record_state, &told, &told.zookeeper, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "ZooKeeper 'no-such-host.invalid:2181': no server to "
                                           "connect to: no-such-host.invalid:2181: the name "
                                           "'no-such-host.invalid' does not resolve: "));
    ck_assert_int_eq(err.code, ERROR_UNREACHABLE);
    ck_assert_ptr_null(told.zookeeper);
}
END_TEST

START_TEST(freeing_a_session_that_is_still_connecting_leaves_nothing)
{
    peer_open(&peer, loop, stay_silent, NULL);
    start_session(&told, peer_address(), NULL, 5 * US_PER_SECOND);
    run_for(50 * US_PER_MS);
    zookeeper_free(told.zookeeper);
    told.zookeeper = NULL;
    run_for(20 * US_PER_MS);
    ck_assert_int_eq(told.count, 0);
    peer_close(&peer);
}
END_TEST

/* ---- a real one */

START_TEST(nodes_are_made_read_written_listed_and_deleted)
{
    struct asked asked = {0};
    connect_session(&told, NULL);
    struct zookeeper *zookeeper = told.zookeeper;
    const char *top = fresh_path();
    ck_assert_int_eq(create_node(zookeeper, top, "first"), ZOOKEEPER_OK);
    ck_assert_int_eq(create_node(zookeeper, top, "again"), ZOOKEEPER_NODE_EXISTS);

    zookeeper_get(zookeeper, top, record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_OK);
    ck_assert_str_eq(asked.data, "first");
    ck_assert_int_eq(asked.version, 0);
    ck_assert_int_eq(asked.owner, 0);

    asked = (struct asked){0};
    zookeeper_set(zookeeper, top, slice_of("second"), 0, record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_OK);
    ck_assert_int_eq(asked.version, 1);
    asked = (struct asked){0};
    zookeeper_set(zookeeper, top, slice_of("third"), 0, record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_BAD_VERSION);

    const char *below = arena_printf(&arena, "%s/n-", top);
    asked = (struct asked){0};
    zookeeper_create(zookeeper, below, slice_of(""), ZOOKEEPER_EPHEMERAL_SEQUENTIAL, record_answer,
                     &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_OK);
    ck_assert_str_eq(asked.path, arena_printf(&arena, "%s/n-0000000000", top));
    asked = (struct asked){0};
    zookeeper_get(zookeeper, arena_printf(&arena, "%s/n-0000000000", top), record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_OK);
    ck_assert_int_eq(asked.owner, zookeeper_identity(zookeeper).session_id);
    ck_assert_uint_eq(asked.data_bytes, 0);
    asked = (struct asked){0};
    zookeeper_children(zookeeper, top, record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_OK);
    ck_assert_str_eq(asked.names, "n-0000000000,");

    asked = (struct asked){0};
    zookeeper_delete(zookeeper, top, ZOOKEEPER_ANY_VERSION, record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_NOT_EMPTY);
    asked = (struct asked){0};
    zookeeper_delete(zookeeper, arena_printf(&arena, "%s/n-0000000000", top), ZOOKEEPER_ANY_VERSION,
                     record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_OK);
    asked = (struct asked){0};
    zookeeper_delete(zookeeper, top, 1, record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_OK);
    asked = (struct asked){0};
    zookeeper_get(zookeeper, top, record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_NO_NODE);
    ck_assert_str_eq(asked.err.text,
                     arena_printf(&arena, "ZooKeeper '%s': read %s: there is no such node",
                                  real_address(), top));
    asked = (struct asked){0};
    zookeeper_get(zookeeper, "no/path", record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_OTHER);
}
END_TEST

/* Larger than a socket holds unasked: the guard waits until it is whole. */
START_TEST(a_node_as_large_as_may_be_comes_back_whole)
{
    struct text large = {0};
    struct asked asked = {0};
    connect_session(&told, NULL);
    while (large.length < ZOOKEEPER_DATA_BYTES_MAX) {
        text_append_string(&large, "0123456789abcdef");
    }
    const char *path = fresh_path();
    zookeeper_create(told.zookeeper, path, (struct slice){large.bytes, ZOOKEEPER_DATA_BYTES_MAX},
                     ZOOKEEPER_PERSISTENT, record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_OK);
    for (int i = 0; i < 3; i++) {
        asked = (struct asked){0};
        zookeeper_get(told.zookeeper, path, record_answer, &asked);
        ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_OK);
        ck_assert_uint_eq(asked.data_bytes, ZOOKEEPER_DATA_BYTES_MAX);
        ck_assert_int_eq(memcmp(asked.data, large.bytes, sizeof asked.data - 1), 0);
    }
    text_clear(&large);
}
END_TEST

START_TEST(a_session_outlives_its_process_and_is_gone_on_with)
{
    struct asked asked = {0};
    connect_session(&told, NULL);
    const char *top = fresh_path();
    const char *node = arena_printf(&arena, "%s/n-0000000000", top);
    ck_assert_int_eq(create_node(told.zookeeper, top, ""), ZOOKEEPER_OK);
    zookeeper_create(told.zookeeper, arena_printf(&arena, "%s/n-", top), slice_of(""),
                     ZOOKEEPER_EPHEMERAL_SEQUENTIAL, record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_OK);
    struct zookeeper_identity identity = zookeeper_identity(told.zookeeper);
    zookeeper_abandon(told.zookeeper);

    connect_session(&told, &identity);
    ck_assert_int_eq(zookeeper_identity(told.zookeeper).session_id, identity.session_id);
    asked = (struct asked){0};
    zookeeper_get(told.zookeeper, node, record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_OK);
    ck_assert_int_eq(asked.owner, identity.session_id);
    zookeeper_free(told.zookeeper);

    /* Ended in good order: its node is gone at once, and the session cannot be gone on with. */
    start_session(&told, real_address(), &identity, 10 * US_PER_SECOND);
    ck_assert(run_until(&told.ended, 10 * US_PER_SECOND));
    ck_assert_int_eq(told.why.code, ERROR_REFUSED);
    ck_assert_str_eq(told.why.text, arena_printf(&arena, "ZooKeeper '%s': the session has expired",
                                                 real_address()));
    zookeeper_free(told.zookeeper);
    connect_session(&told, NULL);
    asked = (struct asked){0};
    zookeeper_get(told.zookeeper, node, record_answer, &asked);
    ck_assert_int_eq(answer_of(&asked), ZOOKEEPER_NO_NODE);
}
END_TEST

START_TEST(a_server_that_stops_and_goes_on_suspends_the_session_and_no_more)
{
    struct asked asked = {0};
    connect_session(&told, NULL);
    struct zookeeper_identity identity = zookeeper_identity(told.zookeeper);
    told.connected = false;
    kill(real_pid(), SIGSTOP);
    zookeeper_get(told.zookeeper, "/zookeeper", record_answer, &asked);
    bool suspended = run_until(&told.suspended, 10 * US_PER_SECOND);
    kill(real_pid(), SIGCONT);
    ck_assert(suspended);
    ck_assert(run_until(&asked.done, 5 * US_PER_SECOND));
    ck_assert_int_eq(asked.outcome, ZOOKEEPER_UNSURE);
    ck_assert_ptr_nonnull(strstr(told.why.text, ": the connection is lost: "));
    run_until(&told.connected, 10 * US_PER_SECOND);
    /* Stopped, the server let no time pass for its sessions. */
    ck_assert(told.connected || told.ended);
    if (told.connected) {
        ck_assert_int_eq(zookeeper_identity(told.zookeeper).session_id, identity.session_id);
    }
}
END_TEST

START_TEST(a_process_that_slept_too_long_learns_that_its_session_has_expired)
{
    connect_session(&told, NULL);
    sleep(6); /* as SIGSTOP would */
    ck_assert(run_until(&told.ended, 10 * US_PER_SECOND));
    ck_assert_int_eq(told.why.code, ERROR_REFUSED);
    ck_assert_ptr_nonnull(strstr(told.why.text, ": the session has expired"));
}
END_TEST

static void add_session_tests(TCase *tests)
{
    tcase_add_loop_test(tests, a_server_that_is_no_zookeeper_is_told_by_its_address, 0,
                        sizeof strangers / sizeof strangers[0]);
    tcase_add_loop_test(tests, bytes_that_answer_nothing_end_the_connection_and_not_the_program, 0,
                        sizeof liars / sizeof liars[0]);
    tcase_add_test(tests, a_request_that_nobody_answers_ends_in_a_sessions_time);
    tcase_add_test(tests, nobody_listens);
    tcase_add_test(tests, a_name_that_does_not_resolve_is_told);
    tcase_add_test(tests, freeing_a_session_that_is_still_connecting_leaves_nothing);
    if (real_address() == NULL) {
        printf("skipped, for lack of PEGFLOW_TEST_ZOOKEEPER: what needs a real ZooKeeper\n");
        return;
    }
    tcase_add_test(tests, nodes_are_made_read_written_listed_and_deleted);
    tcase_add_test(tests, a_node_as_large_as_may_be_comes_back_whole);
    tcase_add_test(tests, a_session_outlives_its_process_and_is_gone_on_with);
    tcase_add_test(tests, a_server_that_stops_and_goes_on_suspends_the_session_and_no_more);
    tcase_add_test(tests, a_process_that_slept_too_long_learns_that_its_session_has_expired);
}

#else

START_TEST(without_the_library_it_says_how_to_get_it)
{
    struct ensemble ensemble = ensemble_of("127.0.0.1:2181");
    struct zookeeper_options options = {.ensemble = &ensemble, .session_us = US_PER_SECOND};
    struct error err;
    ck_assert(!zookeeper_start(loop, &options, record_state, &told, &told.zookeeper, &err));
    ck_assert_str_eq(err.text, "this pegflow was built without ZooKeeper; install "
                               "libzookeeper-st-dev and build again");
    ck_assert_int_eq(err.code, ERROR_REFUSED);
    (void)peer_open, (void)peer;
}
END_TEST

static void add_session_tests(TCase *tests)
{
    tcase_add_test(tests, without_the_library_it_says_how_to_get_it);
}

#endif

int main(void)
{
    Suite *suite = suite_create("zookeeper");
    TCase *tests = tcase_create("zookeeper");
    tcase_add_checked_fixture(tests, set_up_loop, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, an_identity_is_read_as_it_was_written);
    tcase_add_loop_test(tests, what_is_no_identity_is_refused, 0,
                        sizeof no_identities / sizeof no_identities[0]);
    add_session_tests(tests);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
