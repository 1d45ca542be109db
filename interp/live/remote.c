#include "live/remote.h"

#include "base/duration.h"
#include "base/files.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME "control"
enum { LINE_LIMIT_BYTES = 4096, PEER_LIMIT = 8 };

static const int64_t patience_us = 5 * US_PER_SECOND; /* with one who connects and says nothing */

static const char *const words[] = {
    [REMOTE_PAUSE] = "pause",       [REMOTE_CONTINUE] = "continue", [REMOTE_STOP] = "stop",
    [REMOTE_STOP_NOW] = "stop now", [REMOTE_ANSWER] = "answer",
};
enum { WORD_COUNT = sizeof words / sizeof words[0] };

/* A socket's path has room for 107 characters and a state folder may be deeper: so it goes by a
 * descriptor of the folder, which stays open as long as the address is used. -1: errno. */
static int socket_address(const char *folder, struct sockaddr_un *address)
{
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", fd, SOCKET_NAME);
    return fd;
}

/* ---- the run's side */
struct peer {
    struct remote *remote;
    int fd; /* -1: free */
    struct watch watch;
    struct timer patience;
    size_t length;
    char line[LINE_LIMIT_BYTES];
};

struct remote {
    struct loop *loop;
    int fd;
    int folder_fd;
    struct watch watch;
    remote_fn *asked;
    void *ctx;
    struct peer peers[PEER_LIMIT];
};

static void let_go(void *ctx)
{
    struct peer *peer = ctx;
    watch_stop(&peer->watch);
    timer_cancel(&peer->patience);
    if (peer->fd >= 0) {
        close(peer->fd);
    }
    peer->fd = -1;
}

static bool read_request(const char *line, size_t length, cJSON **json, struct remote_request *out)
{
    *json = cJSON_ParseWithLength(line, length);
    const cJSON *word = cJSON_GetObjectItemCaseSensitive(*json, "word");
    *out = (struct remote_request){
        .user = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(*json, "user")),
        .text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(*json, "text")),
        .step = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(*json, "step")),
    };
    for (size_t i = 0; cJSON_IsString(word) && i < WORD_COUNT; i++) {
        if (strcmp(word->valuestring, words[i]) == 0) {
            out->word = (enum remote_word)i;
            return out->user != NULL;
        }
    }
    return false;
}

/* What cannot be written at once to one who just asked is not waited for. */
static void answer(struct peer *peer)
{
    cJSON *json;
    struct remote_request request;
    struct text reply = {0};
    bool done = false;
    if (read_request(peer->line, peer->length, &json, &request)) {
        done = peer->remote->asked(peer->remote->ctx, &request, &reply);
    } else {
        text_append_string(&reply, "the request was not understood: is it of another version?");
    }
    cJSON_Delete(json);
    cJSON *said = cJSON_CreateObject();
    cJSON_AddBoolToObject(said, "done", done);
    cJSON_AddStringToObject(said, "text", text_string(&reply));
    char *printed = cJSON_PrintUnformatted(said);
    ASSERT(printed != NULL);
    cJSON_Delete(said);
    text_reset(&reply);
    text_printf(&reply, "%s\n", printed);
    cJSON_free(printed);
    ssize_t sent = send(peer->fd, reply.bytes, reply.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* one who does not listen any more has lost nothing: the journal says it */
    text_clear(&reply);
}

static void peer_ready(void *ctx, unsigned ready)
{
    struct peer *peer = ctx;
    (void)ready;
    ssize_t got = read(peer->fd, peer->line + peer->length, sizeof peer->line - peer->length);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    peer->length += got > 0 ? (size_t)got : 0;
    bool whole = memchr(peer->line, '\n', peer->length) != NULL;
    if (whole) {
        answer(peer);
    }
    if (whole || got <= 0 || peer->length == sizeof peer->line) {
        let_go(peer);
    }
}

static void someone_connects(void *ctx, unsigned ready)
{
    struct remote *remote = ctx;
    (void)ready;
    int fd = accept4(remote->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    for (size_t i = 0; i < PEER_LIMIT; i++) {
        struct peer *peer = &remote->peers[i];
        if (peer->fd < 0) {
            peer->fd = fd;
            peer->length = 0;
            watch_start(remote->loop, &peer->watch, fd, WATCH_READ, peer_ready, peer);
            timer_start(remote->loop, &peer->patience, patience_us, let_go, peer);
            return;
        }
    }
    close(fd); /* too many at once: they ask again */
}

bool remote_listen(struct loop *loop, const char *folder, remote_fn *asked, void *ctx,
                   struct remote **out, struct error *err)
{
    struct sockaddr_un address;
    struct remote *remote = memory_allocate(sizeof *remote);
    *remote = (struct remote){.loop = loop, .asked = asked, .ctx = ctx};
    for (size_t i = 0; i < PEER_LIMIT; i++) {
        remote->peers[i] = (struct peer){.remote = remote, .fd = -1};
    }
    remote->folder_fd = socket_address(folder, &address);
    remote->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (remote->folder_fd >= 0) {
        unlinkat(remote->folder_fd, SOCKET_NAME, 0); /* of a run that was killed */
    }
    if (remote->folder_fd < 0 || remote->fd < 0 ||
        bind(remote->fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(remote->fd, PEER_LIMIT) != 0) {
        error_set_errno(err, errno, "listen for other terminals in '%s'", folder);
        remote_close(remote);
        return false;
    }
    watch_start(loop, &remote->watch, remote->fd, WATCH_READ, someone_connects, remote);
    *out = remote;
    return true;
}

void remote_close(struct remote *remote)
{
    if (remote == NULL) {
        return;
    }
    watch_stop(&remote->watch);
    for (size_t i = 0; i < PEER_LIMIT; i++) {
        let_go(&remote->peers[i]);
    }
    if (remote->fd >= 0) {
        close(remote->fd);
    }
    if (remote->folder_fd >= 0) {
        unlinkat(remote->folder_fd, SOCKET_NAME, 0);
        close(remote->folder_fd);
    }
    free(remote);
}

/* ---- the asker's side */
static int connect_to(const char *folder)
{
    struct sockaddr_un address;
    const struct timeval patience = {.tv_sec = 10};
    int folder_fd = socket_address(folder, &address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (folder_fd < 0 || fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        int why = errno;
        if (fd >= 0) {
            close(fd);
        }
        fd = -1;
        errno = why;
    }
    int why = errno;
    if (folder_fd >= 0) {
        close(folder_fd);
    }
    errno = why;
    return fd;
}

static bool send_request(int fd, const struct remote_request *request)
{
    cJSON *json = cJSON_CreateObject();
    struct text line = {0};
    cJSON_AddStringToObject(json, "word", words[request->word]);
    cJSON_AddStringToObject(json, "user", request->user);
    if (request->text != NULL) {
        cJSON_AddStringToObject(json, "text", request->text);
    }
    if (request->step != NULL) {
        cJSON_AddStringToObject(json, "step", request->step);
    }
    char *printed = cJSON_PrintUnformatted(json);
    ASSERT(printed != NULL);
    cJSON_Delete(json);
    text_printf(&line, "%s\n", printed);
    cJSON_free(printed);
    bool ok = line.length <= LINE_LIMIT_BYTES && files_write_all(fd, line.bytes, line.length);
    text_clear(&line);
    return ok;
}

static bool read_reply(int fd, struct text *line)
{
    while (memchr(text_string(line), '\n', line->length) == NULL) {
        char *room = text_reserve(line, LINE_LIMIT_BYTES);
        ssize_t got = read(fd, room, LINE_LIMIT_BYTES);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        line->length += (size_t)got;
        room[got] = '\0';
    }
    return true;
}

bool remote_ask(const char *folder, const struct remote_request *request, struct text *reply,
                struct error *err)
{
    struct text line = {0};
    int fd = connect_to(folder);
    bool ok = false;
    if (fd < 0) {
        bool nobody = errno == ENOENT || errno == ECONNREFUSED;
        if (nobody) {
            error_set(err, ERROR_REFUSED, "no process works on this run (any more)");
        } else {
            error_set_errno(err, errno, "reach the run's process");
        }
        return false;
    }
    if (!send_request(fd, request) || !read_reply(fd, &line)) {
        error_set(
            err, ERROR_REFUSED,
            "the run's process gave no answer: it may be stopped (SIGSTOP), or has just ended");
    } else {
        cJSON *json = cJSON_ParseWithLength(line.bytes, line.length);
        const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "text"));
        ok = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "done"));
        if (ok) {
            text_append_string(reply, text == NULL ? "" : text);
        } else {
            error_set(err, ERROR_REFUSED, "%s", text == NULL ? "it said nothing" : text);
        }
        cJSON_Delete(json);
    }
    text_clear(&line);
    close(fd);
    return ok;
}
