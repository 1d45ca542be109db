/* cli/fetch.c - pegflow fetch: brings a run that another host kept in ZooKeeper into the state
 * folder.
 *
 * It only reads there. Whether the run's process still lives is asked by who goes on with it: the
 * shared lock is taken, or waited out, by resume and revert. */
#include "cli/record.h"
#include "cli/shared_record.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fetching {
    struct session session;
    struct zookeeper *zookeeper;
    enum zookeeper_state state;
    struct error why; /* unless connected */
};

static void state_changed(void *ctx, enum zookeeper_state state, const struct error *why)
{
    struct fetching *fetching = ctx;
    fetching->state = state;
    if (why != NULL) {
        fetching->why = *why;
    }
    loop_stop(fetching->session.loop);
}

static bool connect_to_zookeeper(struct fetching *fetching, struct error *err)
{
    const struct cluster_file *file = fetching->session.cluster_file;
    const struct zookeeper_options options = {
        .ensemble = &file->lock.ensemble,
        .session_us = file->lock.session_us,
    };
    if (!loop_open_real(&fetching->session.loop, err) ||
        !zookeeper_start(fetching->session.loop, &options, state_changed, fetching,
                         &fetching->zookeeper, err)) {
        return false;
    }
    while (fetching->state == ZOOKEEPER_CONNECTING) {
        if (!loop_run(fetching->session.loop, err)) {
            return false;
        }
    }
    if (fetching->state != ZOOKEEPER_CONNECTED) {
        *err = fetching->why;
        err->code = ERROR_UNREACHABLE;
    }
    return fetching->state == ZOOKEEPER_CONNECTED;
}

/* A run that is here is not written over: what it has here may be more. */
static bool find_place(const struct arguments *arguments, const char *run,
                       char folder[STATE_PATH_BYTES], struct error *err)
{
    struct state state;
    struct stat status;
    if (run[0] == '\0' || run[0] == '.' || strchr(run, '/') != NULL ||
        strlen(run) >= RUN_ID_BYTES) {
        error_set(err, ERROR_USAGE, "'%.80s' is no run's id: give it whole, as its host showed it",
                  run);
        return false;
    }
    if (!state_open(arguments_text(arguments, "state"), &state, err) ||
        !state_run_path(&state, run, "", folder, err)) {
        return false;
    }
    if (stat(folder, &status) == 0) {
        error_set(err, ERROR_REFUSED, "run %s is here already, in %s", run, folder);
        return false;
    }
    return true;
}

static int fetch(struct fetching *fetching, const struct arguments *arguments, struct error *err)
{
    char folder[STATE_PATH_BYTES];
    const char *run = arguments_operand(arguments, 0);
    const char *place;
    int code = session_load(&fetching->session, arguments);
    if (code >= 0) {
        return code;
    }
    const struct cluster_file *file = fetching->session.cluster_file;
    if (file->lock.zookeeper == NULL) {
        error_set(err, ERROR_USAGE, "%s names no ZooKeeper: lock = { zookeeper = \"host:port\" }",
                  file->file);
        return -1;
    }
    if (!find_place(arguments, run, folder, err) ||
        !ensemble_own_path(file->lock.root, file->name, file->zookeeper_root,
                           &fetching->session.arena, &place, err) ||
        !connect_to_zookeeper(fetching, err)) {
        return -1;
    }
    if (!shared_record_fetch(fetching->session.loop, fetching->zookeeper, place, run, folder,
                             err)) {
        rmdir(folder); /* only where nothing was written into it */
        return -1;
    }
    printf("run %s is here now, in %s\n"
           "pegflow resume %s goes on with it, pegflow revert %s puts back what it holds\n",
           run, folder, run, run);
    return 0;
}

static int run_fetch(const struct arguments *arguments, struct error *err)
{
    struct fetching fetching = {.state = ZOOKEEPER_CONNECTING};
    int code = fetch(&fetching, arguments, err);
    zookeeper_free(fetching.zookeeper);
    session_close(&fetching.session);
    return code;
}

static const struct option_row options[] = {SESSION_OPTIONS, STATE_OPTION};

const struct command command_fetch = {
    .name = "fetch",
    .summary = "bring a run that another host began from ZooKeeper to this one",
    .operands = "RUN",
    .operand_min = 1,
    .operand_max = 1,
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .description =
        "Where the cluster file has `lock`, a run's folder is kept in ZooKeeper too while it is "
        "at\n"
        "work and until it has ended well. This writes it into the state folder of this host, so "
        "that\n"
        "`pegflow resume` goes on with it here when its own host is gone. If its process still "
        "lives\n"
        "there, resume is refused, or waits until the lock of a dead one has run out.\n"
        "RUN is its whole id, as its host showed it.\n"
        "Exit codes: 0 it is here; 2 wrong usage or file; 3 nothing is kept of it, it is here\n"
        "already, or ZooKeeper does not answer.",
    .example = "  pegflow fetch 20260131-220000-prod -c prod.lua\n"
               "  pegflow resume 20260131-220000-prod",
    .run = run_fetch,
};
