/* cli/session.h - the files of a command loaded and its cluster met, for commands that need both.
 *
 * Floor: cli. Blocks in session_* calls on a loop of its own: used before a run begins. */
#ifndef PEGFLOW_CLI_SESSION_H
#define PEGFLOW_CLI_SESSION_H

#include "cli/cli.h"
#include "engine/evidence.h"
#include "lang/lang.h"
#include "live/cluster.h"
#include "live/secrets.h"

struct session {
    struct lang *lang;
    const struct cluster_file *cluster_file; /* as loaded; once met, with names resolved */
    struct cluster_file resolved;
    struct loop *loop;
    struct log log; /* to stderr, where PEGFLOW_LOG asks for it */
    struct transport *transport;
    struct cluster *cluster;
    struct arena arena;
    struct snapshot snapshot; /* of the first meeting */
    struct inventory inventory;
    struct gatherer_pool gatherers;
    bool borrows; /* loop and cluster are somebody else's */
};

/* Options every command with a cluster has. */
#define SESSION_OPTIONS                                                                            \
    {"cluster", 'c', OPTION_TEXT, "FILE", NULL, "the cluster file"},                               \
    {                                                                                              \
        "lib", 'L', OPTION_LIST, "DIR", NULL,                                                      \
            "look for required files there too (as PEGFLOW_PATH, a list parted by ':')"            \
    }

/* A Lua state that looks in --lib and PEGFLOW_PATH. */
struct lang *session_lang_new(const struct arguments *arguments);

/* Loads the cluster file (-c). Returns -1 for success, else the exit code, with everything said. */
int session_load(struct session *session, const struct arguments *arguments);
/* The operand, else the one that the cluster file (or NULL) names; ERROR_USAGE where neither is. */
bool session_workflow_path(const struct arguments *arguments, const struct cluster_file *file,
                           const char **out, struct error *err);
/* False, with an error for each, when an override of the workflow has ended by now. */
bool session_check_overrides(const struct workflow *workflow, struct error_list *errors);
/* Loads a workflow against the inventory (NULL: stand-in servers) with the params of --set. Returns
 * -1 for success, else the exit code, with everything said. */
int session_load_workflow(struct lang *lang, const struct arguments *arguments, const char *path,
                          const struct inventory *inventory, const struct workflow **out);
/* The value of one, the environment's own; NULL with `err` where it is not set, or too short to be
 * kept out of what is shown. */
const char *session_read_secret(const struct lang_secret *named, struct error *err);
/* The secrets that the files loaded so far name, with their values from the environment; both in
 * the session's arena. Returns -1 for success, else the exit code, with everything said: one that
 * is not set, or too short to be kept out of what is shown. */
int session_secrets(struct session *session, const struct secret **out, size_t *count);
/* The same with such params given, "name=value", NULL-terminated. */
int session_load_workflow_with(struct lang *lang, const char *const *given, const char *path,
                               const struct inventory *inventory, const struct workflow **out);
/* Resolves the names in the cluster file, finds the primary meta server and reads a snapshot; then
 * checks that it is the right cluster and lists its servers. A failure has a code that ends with
 * exit code 3. */
bool session_meet(struct session *session, struct error *err);
/* The same on a cluster that is there already, a simulated one: loop and cluster stay the caller's
 * and outlive the session. The file's servers have their addresses. */
bool session_meet_on(struct session *session, struct loop *loop, struct cluster *cluster,
                     struct error *err);
/* Gathers evidence; `needs` were filled by gatherer_needs. */
const struct evidence *session_gather(struct session *session, struct gatherer *gatherer,
                                      struct error *err);
/* The current value of a setting of a server; ADDRESS_NONE: of the leader. */
bool session_read_setting(struct session *session, struct address server, const char *name,
                          struct text *value, struct error *err);
/* The value of a flag in a server's configuration. */
bool session_read_config(struct session *session, struct address server, const char *name,
                         struct text *value, struct error *err);
/* Sets one at the leader, for commands that change. What came of it is the caller's to read. */
bool session_set_setting(struct session *session, const char *name, const char *value,
                         struct error *err);
void session_close(struct session *session); /* fine for a zeroed one */

#endif
