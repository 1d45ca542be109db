#include "pegasus/ensemble.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- servers */

static bool add_server(struct ensemble *ensemble, const char *name, struct error *err)
{
    struct address address;
    if (!address_parse_or_name(name, &address, err)) {
        return false;
    }
    for (size_t i = 0; i < ensemble->count; i++) {
        if (strcasecmp(ensemble->servers[i].name, name) == 0) {
            error_set(err, ERROR_USAGE, "'%.100s' is there twice", name);
            return false;
        }
    }
    if (ensemble->count == ENSEMBLE_SERVERS_MAX) {
        error_set(err, ERROR_USAGE, "more than %d servers", ENSEMBLE_SERVERS_MAX);
        return false;
    }
    ensemble->servers[ensemble->count++] =
        (struct ensemble_server){.name = name, .address = address};
    return true;
}

bool ensemble_parse(const char *text, struct arena *arena, struct ensemble *out, struct error *err)
{
    struct ensemble ensemble = {.count = 0};
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        size_t first = strspn(at, " \t");
        size_t last = length;
        while (last > first && (at[last - 1] == ' ' || at[last - 1] == '\t')) {
            last--;
        }
        if (first >= last) {
            error_set(err, ERROR_USAGE,
                      "'%.100s' has an empty place; write it as zk1.example:2181,zk2.example:2181",
                      text);
            return false;
        }
        if (!add_server(&ensemble, arena_copy_bytes(arena, at + first, last - first), err)) {
            return false;
        }
        at += length;
        if (*at == '\0') {
            break;
        }
    }
    *out = ensemble;
    return true;
}

/* ---- paths */

/* Up to `path`'s end or the next '/'; a part may not be empty, "." or "..". */
static bool is_part(const char *part, size_t length)
{
    bool dots = length <= 2 && strspn(part, ".") >= length;
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)part[i] < 0x20 || (unsigned char)part[i] == 0x7f) {
            return false;
        }
    }
    return length > 0 && !dots;
}

bool ensemble_check_path(const char *path, const char *what, struct error *err)
{
    size_t length = strlen(path);
    if (path[0] != '/' || length < 2 || length > ENSEMBLE_PATH_BYTES_MAX) {
        error_set(err, ERROR_USAGE,
                  "%s is '%.100s', but must be a path like /pegflow, of at most "
                  "%d bytes",
                  what, path, ENSEMBLE_PATH_BYTES_MAX);
        return false;
    }
    for (const char *at = path; *at != '\0';) {
        size_t part = strcspn(at + 1, "/");
        if (!is_part(at + 1, part)) {
            error_set(err, ERROR_USAGE,
                      "%s is '%.100s', but a part of a path is neither empty nor '.' nor '..', and "
                      "without control characters",
                      what, path);
            return false;
        }
        at += 1 + part;
    }
    if (strcmp(path, "/zookeeper") == 0 || strncmp(path, "/zookeeper/", 11) == 0) {
        error_set(err, ERROR_USAGE, "%s is '%.100s', which is ZooKeeper's own", what, path);
        return false;
    }
    return true;
}

const char *ensemble_escape(const char *name, struct arena *arena)
{
    size_t length = strlen(name);
    bool dots = length <= 2 && strspn(name, ".") == length;
    char *escaped = arena_allocate(arena, 3 * length + 1);
    char *to = escaped;
    for (const char *at = name; *at != '\0'; at++) {
        char c = *at;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '-' || (c == '.' && !dots);
        if (plain) {
            *to++ = c;
        } else {
            to += snprintf(to, 4, "%%%02X", (unsigned)(unsigned char)c);
        }
    }
    return escaped;
}

/* Is `inner` the node `outer` or below it? A '/' at the end of a path says nothing. */
static bool lies_in(const char *inner, const char *outer)
{
    size_t length = strlen(outer);
    while (length > 0 && outer[length - 1] == '/') {
        length--;
    }
    return strncmp(inner, outer, length) == 0 && (inner[length] == '\0' || inner[length] == '/');
}

bool ensemble_own_path(const char *root, const char *cluster_name, const char *pegasus_root,
                       struct arena *arena, const char **out, struct error *err)
{
    const char *own = arena_printf(arena, "%s/%s", root, ensemble_escape(cluster_name, arena));
    if (!ensemble_check_path(root, "the lock's root", err) ||
        !ensemble_check_path(own, "the lock's place", err)) {
        return false;
    }
    if (pegasus_root != NULL && (lies_in(own, pegasus_root) || lies_in(pegasus_root, own))) {
        error_set(
            err, ERROR_REFUSED,
            "the lock's place '%s' and Pegasus's own root '%s' lie inside one another; choose "
            "another root for the lock",
            own, pegasus_root);
        return false;
    }
    *out = own;
    return true;
}
