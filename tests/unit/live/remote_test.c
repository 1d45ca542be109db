/* A run hears what other terminals ask of it, and only what it understands. */
#include "live/remote.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[200];
static struct loop *loop;
static struct remote *remote;
static struct text heard;
static struct timer tick;
static pid_t child;

static void set_up(void)
{
    struct error err;
    snprintf(folder, sizeof folder, "/tmp/pegflow-remote-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert(loop_open_real(&loop, &err));
    remote = NULL;
}

static void tear_down(void)
{
    char command[300];
    timer_cancel(&tick);
    remote_close(remote);
    loop_close(loop);
    text_clear(&heard);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static bool asked(void *ctx, const struct remote_request *request, struct text *reply)
{
    ck_assert_ptr_eq(ctx, &heard);
    text_printf(&heard, "%d %s %s %s;", (int)request->word, request->user,
                request->text == NULL ? "-" : request->text,
                request->step == NULL ? "-" : request->step);
    text_printf(reply, request->word == REMOTE_STOP ? "it is over already" : "pausing");
    return request->word != REMOTE_STOP;
}

static void listen_now(void)
{
    struct error err;
    if (!remote_listen(loop, folder, asked, &heard, &remote, &err)) {
        ck_abort_msg("%s", err.text);
    }
}

static void look_for_child(void *ctx)
{
    (void)ctx;
    if (waitpid(child, NULL, WNOHANG) == child) {
        child = 0;
        loop_stop(loop);
    } else {
        timer_start(loop, &tick, 2000, look_for_child, NULL);
    }
}

/* Runs `ask` in another process, which writes what it got into `said`. */
static void with_asker(void (*ask)(int out), char said[400])
{
    struct error err;
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        ask(ends[1]);
        _exit(0);
    }
    close(ends[1]);
    timer_start(loop, &tick, 0, look_for_child, NULL);
    while (child != 0) {
        ck_assert(loop_run(loop, &err));
    }
    ssize_t got = read(ends[0], said, 399);
    ck_assert_int_ge(got, 0);
    said[got] = '\0';
    close(ends[0]);
}

static void ask_and_tell(int out, const struct remote_request *request)
{
    struct text reply = {0};
    struct error err;
    bool ok = remote_ask(folder, request, &reply, &err);
    dprintf(out, "%s: %s", ok ? "yes" : "no", ok ? text_string(&reply) : err.text);
    text_clear(&reply);
}

static void ask_pause(int out)
{
    ask_and_tell(out, &(struct remote_request){
                          .word = REMOTE_PAUSE, .user = "sre", .text = "lunch", .step = "a/b"});
}

static void ask_stop(int out)
{
    ask_and_tell(out, &(struct remote_request){.word = REMOTE_STOP, .user = "sre"});
}

START_TEST(a_request_arrives_whole_and_its_answer_comes_back)
{
    char said[400];
    listen_now();
    with_asker(ask_pause, said);
    ck_assert_str_eq(said, "yes: pausing");
    with_asker(ask_stop, said);
    ck_assert_str_eq(said, "no: it is over already");
    ck_assert_str_eq(text_string(&heard), "0 sre lunch a/b;2 sre - -;");
}
END_TEST

START_TEST(nobody_there_is_told_at_once)
{
    char said[400];
    with_asker(ask_stop, said);
    ck_assert_str_eq(said, "no: no process works on this run (any more)");
    listen_now();
    remote_close(remote);
    remote = NULL;
    with_asker(ask_stop, said);
    ck_assert_str_eq(said, "no: no process works on this run (any more)");
}
END_TEST

/* Listens under the socket's name in a folder, as a killed run leaves it behind. */
START_TEST(the_socket_of_a_killed_run_is_replaced)
{
    char said[400];
    child = fork();
    if (child == 0) {
        listen_now();
        _exit(0); /* without remote_close */
    }
    waitpid(child, NULL, 0);
    with_asker(ask_stop, said);
    ck_assert_str_eq(said, "no: no process works on this run (any more)");
    listen_now();
    with_asker(ask_pause, said);
    ck_assert_str_eq(said, "yes: pausing");
}
END_TEST

START_TEST(a_folder_deeper_than_a_socket_path_will_do)
{
    char said[400];
    char deep[sizeof folder];
    memset(deep, 'd', 120);
    snprintf(deep + 120, sizeof deep - 120, "XXXXXX");
    char path[sizeof folder + sizeof deep];
    char outer[sizeof folder];
    memcpy(outer, folder, sizeof outer);
    snprintf(path, sizeof path, "%.40s/%.126s", folder, deep);
    ck_assert_ptr_nonnull(mkdtemp(path));
    snprintf(folder, sizeof folder, "%.199s", path);
    listen_now();
    with_asker(ask_pause, said);
    ck_assert_str_eq(said, "yes: pausing");
    memcpy(folder, outer, sizeof folder);
}
END_TEST

/* ---- what is not a request */
static const char *garbage;
static size_t garbage_length;

static void send_garbage(int out)
{
    char line[400];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.80s/control", folder);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        _exit(1);
    }
    ssize_t sent = write(fd, garbage, garbage_length);
    shutdown(fd, SHUT_WR);
    ssize_t got = sent < 0 ? -1 : read(fd, line, sizeof line);
    dprintf(out, "%.*s", got < 0 ? 0 : (int)got, line);
    close(fd);
}

static const struct {
    const char *sent;
    const char *said; /* "" when the connection is only closed */
} wrong[] = {
    {"", ""},
    {"half a line", ""},
    {"\n", "not understood"},
    {"{\"word\":\"explode\",\"user\":\"sre\"}\n", "not understood"},
    {"{\"word\":\"stop\"}\n", "not understood"},
    {"{\"word\":3,\"user\":\"sre\"}\n", "not understood"},
    {"[[[[[[[[\n", "not understood"},
};

START_TEST(what_is_no_request_does_nothing)
{
    char said[400];
    listen_now();
    garbage = wrong[_i].sent;
    garbage_length = strlen(garbage);
    with_asker(send_garbage, said);
    ck_assert_uint_eq(heard.length, 0);
    if (wrong[_i].said[0] == '\0') {
        ck_assert_str_eq(said, "");
    } else {
        ck_assert_msg(strstr(said, wrong[_i].said) != NULL, "%s", said);
    }
}
END_TEST

START_TEST(a_line_without_an_end_is_cut_off)
{
    char said[400];
    static char long_line[10000];
    memset(long_line, 'x', sizeof long_line);
    listen_now();
    garbage = long_line;
    garbage_length = sizeof long_line;
    with_asker(send_garbage, said);
    ck_assert_str_eq(said, "");
    with_asker(ask_pause, said); /* and others are served still */
    ck_assert_str_eq(said, "yes: pausing");
}
END_TEST

START_TEST(a_folder_that_is_gone_is_named)
{
    struct error err;
    ck_assert(!remote_listen(loop, "/nowhere/at/all", asked, &heard, &remote, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "'/nowhere/at/all'"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("remote");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_request_arrives_whole_and_its_answer_comes_back);
    tcase_add_test(tcase, nobody_there_is_told_at_once);
    tcase_add_test(tcase, the_socket_of_a_killed_run_is_replaced);
    tcase_add_test(tcase, a_folder_deeper_than_a_socket_path_will_do);
    tcase_add_loop_test(tcase, what_is_no_request_does_nothing, 0,
                        (int)(sizeof wrong / sizeof wrong[0]));
    tcase_add_test(tcase, a_line_without_an_end_is_cut_off);
    tcase_add_test(tcase, a_folder_that_is_gone_is_named);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
