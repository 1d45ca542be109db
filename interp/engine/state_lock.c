/* engine/state_lock.c - one upgrade for each cluster on this host, by flock.
 *
 * The kernel lets go of it when the process ends, however it ends; the file stays and says who held
 * it last. A file system where two opens of one file both get the lock gives no protection: that is
 * tried each time. */
#include "base/duration.h"
#include "base/files.h"
#include "engine/state.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { HOLDER_LIMIT_BYTES = 4096 };

struct state_lock {
    int fd;
};

void lock_holder_of_us(const char *run, int64_t wall_us, struct lock_holder *out)
{
    *out = (struct lock_holder){.pid = (long)getpid()};
    const char *sudo = getenv("SUDO_USER");
    const struct passwd *user = getpwuid(getuid());
    snprintf(out->run, sizeof out->run, "%s", run);
    snprintf(out->user, sizeof out->user, "%s",
             sudo != NULL && getuid() == 0 ? sudo
             : user != NULL                ? user->pw_name
                                           : "unknown");
    if (gethostname(out->host, sizeof out->host - 1) != 0) {
        snprintf(out->host, sizeof out->host, "unknown");
    }
    wall_format_utc(wall_us, out->since);
}

void lock_refuse(const char *cluster, const struct lock_holder *holder, struct error *err)
{
    error_set(err, ERROR_REFUSED,
              "run %s works on cluster '%s' since %s (%s on %s, pid %ld); see what it does: "
              "pegflow watch %s",
              holder->run, cluster, holder->since, holder->user, holder->host, holder->pid,
              holder->run);
}

static bool lock_path(const struct state *state, const char *cluster, char path[STATE_PATH_BYTES],
                      struct error *err)
{
    char name[256];
    snprintf(name, sizeof name, "%s", cluster);
    for (char *c = name; *c != '\0'; c++) {
        *c = *c == '/' ? '_' : *c;
    }
    if (snprintf(path, STATE_PATH_BYTES, "%s/locks/%s.lock", state->path, name) >=
        STATE_PATH_BYTES) {
        error_set(err, ERROR_LIMIT, "the path of the lock is too long: '%.80s...'", path);
        return false;
    }
    return true;
}

static void copy_member(const cJSON *json, const char *name, char *to, size_t size)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, name);
    snprintf(to, size, "%s", cJSON_IsString(member) ? member->valuestring : "?");
}

static void read_holder(const char *path, struct lock_holder *out)
{
    struct text text = {0};
    struct error ignored; /* who it is cannot be said then; that it is held is known */
    files_read(path, HOLDER_LIMIT_BYTES, &text, NULL, &ignored);
    cJSON *json = cJSON_ParseWithLength(text_string(&text), text.length);
    const cJSON *pid = cJSON_GetObjectItemCaseSensitive(json, "pid");
    *out = (struct lock_holder){.pid = cJSON_IsNumber(pid) ? (long)pid->valuedouble : 0};
    copy_member(json, "run", out->run, sizeof out->run);
    copy_member(json, "user", out->user, sizeof out->user);
    copy_member(json, "host", out->host, sizeof out->host);
    copy_member(json, "since", out->since, sizeof out->since);
    cJSON_Delete(json);
    text_clear(&text);
}

static bool write_holder(int fd, const char *path, const struct lock_holder *us, struct error *err)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "run", us->run);
    cJSON_AddStringToObject(json, "user", us->user);
    cJSON_AddStringToObject(json, "host", us->host);
    cJSON_AddStringToObject(json, "since", us->since);
    cJSON_AddNumberToObject(json, "pid", (double)us->pid);
    char *printed = cJSON_PrintUnformatted(json);
    ASSERT(printed != NULL);
    cJSON_Delete(json);
    bool ok =
        ftruncate(fd, 0) == 0 && files_write_all(fd, printed, strlen(printed)) && fsync(fd) == 0;
    if (!ok) {
        error_set_errno(err, errno, "write the lock '%s'", path);
    }
    cJSON_free(printed);
    return ok;
}

static int open_lock(const char *path, int flags)
{
    return open(path, flags | O_RDWR | O_CLOEXEC, 0600);
}

/* True when another open of the same file is kept out, as it must be. */
static bool excludes_others(const char *path)
{
    int other = open_lock(path, 0);
    bool kept_out = other >= 0 && flock(other, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (other >= 0) {
        close(other);
    }
    return kept_out;
}

/* Who only looks (state_is_locked) holds it for a moment: that is no run. */
static bool lock_now(int fd)
{
    static const struct timespec moment = {.tv_nsec = 20 * 1000 * 1000};
    for (int tries = 0; tries < 5; tries++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return true;
        }
        if (errno != EWOULDBLOCK) {
            return false;
        }
        nanosleep(&moment, NULL);
    }
    errno = EWOULDBLOCK;
    return false;
}

bool state_lock(const struct state *state, const char *cluster, const struct lock_holder *us,
                struct state_lock **out, struct error *err)
{
    char path[STATE_PATH_BYTES];
    struct lock_holder holder;
    snprintf(path, sizeof path, "%s/locks", state->path);
    if (!files_make_folder(path, err) || !lock_path(state, cluster, path, err)) {
        error_wrap(err, "lock the cluster (another state folder: --state DIR)");
        return false;
    }
    int fd = open_lock(path, O_CREAT);
    if (fd < 0) {
        error_set_errno(err, errno, "open the lock '%s'", path);
        return false;
    }
    if (!lock_now(fd) && errno == EWOULDBLOCK) {
        read_holder(path, &holder);
        lock_refuse(cluster, &holder, err);
    } else if (!excludes_others(path)) {
        error_set(err, ERROR_REFUSED,
                  "locks do not work in '%s/locks' (flock keeps nobody out there, as on some "
                  "network file systems), so two runs could work at once; give a local folder "
                  "with --state DIR",
                  state->path);
    } else if (write_holder(fd, path, us, err)) {
        *out = memory_allocate(sizeof **out);
        (*out)->fd = fd;
        return true;
    }
    close(fd);
    return false;
}

void state_unlock(struct state_lock *lock)
{
    if (lock != NULL) {
        close(lock->fd);
        free(lock);
    }
}

bool state_is_locked(const struct state *state, const char *cluster, struct lock_holder *holder)
{
    char path[STATE_PATH_BYTES];
    struct error ignored;
    if (!lock_path(state, cluster, path, &ignored)) {
        return false;
    }
    int fd = open_lock(path, 0);
    if (fd < 0) {
        return false;
    }
    bool locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (locked) {
        read_holder(path, holder);
    }
    close(fd);
    return locked;
}
