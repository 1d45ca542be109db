#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool files_write_all(int fd, const void *bytes, size_t length)
{
    const char *next = bytes;
    while (length > 0) {
        ssize_t written = write(fd, next, length);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        next += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

bool files_sync_folder(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        error_set_errno(err, errno, "sync the folder '%s'", path);
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    close(fd);
    return true;
}

bool files_sync_folder_of(const char *path, struct error *err)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL) {
        return files_sync_folder(".", err);
    }
    slash[slash == parent ? 1 : 0] = '\0';
    return files_sync_folder(parent, err);
}

static bool make_one(const char *path, struct error *err)
{
    struct stat status;
    if (mkdir(path, 0700) == 0) {
        return files_sync_folder_of(path, err);
    }
    int why = errno;
    if (why == EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        return true;
    }
    error_set_errno(err, why == EEXIST ? ENOTDIR : why, "make the folder '%s'", path);
    return false;
}

bool files_make_folder(const char *path, struct error *err)
{
    char part[PATH_MAX];
    if (strlen(path) >= sizeof part) {
        error_set(err, ERROR_LIMIT, "the path '%.100s...' is too long", path);
        return false;
    }
    for (const char *c = path + 1; *path != '\0' && *c != '\0'; c++) {
        if (*c == '/') {
            snprintf(part, sizeof part, "%.*s", (int)(c - path), path);
            if (!make_one(part, err)) {
                return false;
            }
        }
    }
    return make_one(path, err);
}

bool files_read(const char *path, size_t limit_bytes, struct text *out, bool *missing,
                struct error *err)
{
    struct stat status;
    bool ok = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe does not hang here */
    text_reset(out);
    if (missing != NULL) {
        *missing = fd < 0 && errno == ENOENT;
    }
    if (fd < 0 || fstat(fd, &status) != 0) {
        error_set_errno(err, errno, "open '%s'", path);
        goto done;
    }
    if (!S_ISREG(status.st_mode)) {
        error_set(err, ERROR_SYSTEM, "'%s' is %s, not a file", path,
                  S_ISDIR(status.st_mode) ? "a folder" : "something special");
        goto done;
    }
    for (;;) {
        char *room = text_reserve(out, 64 * 1024);
        ssize_t got = read(fd, room, 64 * 1024);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            error_set_errno(err, errno, "read '%s'", path);
            goto done;
        }
        out->length += (size_t)got;
        room[got] = '\0';
        if (got == 0) {
            break;
        }
        if (out->length > limit_bytes) {
            error_set(err, ERROR_LIMIT, "'%s' is larger than %zu bytes", path, limit_bytes);
            goto done;
        }
    }
    ok = true;
done:
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

bool files_write(const char *path, const void *bytes, size_t length, struct error *err)
{
    char other[PATH_MAX];
    bool ok = false;
    snprintf(other, sizeof other, "%s.new", path);
    int fd = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || !files_write_all(fd, bytes, length) || fsync(fd) != 0) {
        error_set_errno(err, errno, "write '%s'", other);
        goto done;
    }
    if (rename(other, path) != 0) {
        error_set_errno(err, errno, "rename '%s' to '%s'", other, path);
        goto done;
    }
    ok = files_sync_folder_of(path, err);
done:
    if (fd >= 0) {
        close(fd);
    }
    if (!ok) {
        unlink(other);
    }
    return ok;
}
