#include "cli/cluster_writer.h"

#include "cli/lua_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the text */

static void append_servers(const char *key, const struct sim *sim, enum role role, struct text *out)
{
    char name[ADDRESS_TEXT_BYTES];
    const char *between = "";

    text_printf(out, "  %s = { ", key);
    for (int32_t i = 0; i < sim_server_count(sim); i++) {
        if (sim_server_role(sim, i) == role) {
            text_printf(out, "%s\"%s\"", between, address_format(sim_server_address(sim, i), name));
            between = ", ";
        }
    }
    text_append_string(out, " },\n");
}

void cluster_writer_compose(const struct model *model, const struct sim *sim,
                            struct address control, struct text *out)
{
    char name[ADDRESS_TEXT_BYTES];

    text_append_string(out, "-- A simulated cluster, written when pegflow began to serve it.\n");
    text_append_string(out, "return cluster ");
    lua_text_append_string(out, model->cluster_name);
    text_append_string(out, " {\n");
    append_servers("metas", sim, ROLE_META, out);
    if (model->collector_count > 0) {
        append_servers("collectors", sim, ROLE_COLLECTOR, out);
    }
    text_append_string(out, "  target = { version = ");
    lua_text_append_string(out, model->next_version);
    text_printf(out, " },\n  deploy = require(\"deploy.simulated\") { control = \"http://%s\" },\n",
                address_format(control, name));
    text_append_string(out, "}\n");
}

/* ---- the file */

static bool write_whole(int fd, const struct text *content, struct error *err)
{
    size_t written = 0;

    while (written < content->length) {
        ssize_t n = write(fd, content->bytes + written, content->length - written);
        if (n < 0 && errno != EINTR) {
            error_set_errno(err, errno, "write");
            return false;
        }
        written += n > 0 ? (size_t)n : 0;
    }
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(fd, 0666 & ~mask) != 0 || fsync(fd) != 0) {
        error_set_errno(err, errno, "write");
        return false;
    }
    return true;
}

bool cluster_writer_save(const char *path, const struct text *content, struct error *err)
{
    struct text temporary = {0};
    bool ok = false;

    text_printf(&temporary, "%s.XXXXXX", path);
    int fd = mkstemp(temporary.bytes);
    if (fd < 0) {
        error_set_errno(err, errno, "create a file beside it");
        goto done;
    }
    ok = write_whole(fd, content, err);
    close(fd);
    if (ok && rename(temporary.bytes, path) != 0) {
        error_set_errno(err, errno, "rename '%s'", temporary.bytes);
        ok = false;
    }
    if (!ok) {
        unlink(temporary.bytes);
    }
done:
    if (!ok) {
        error_wrap(err, "write '%s'", path);
    }
    text_clear(&temporary);
    return ok;
}
