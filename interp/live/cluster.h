/* live/cluster.h - a Pegasus cluster as the interpreter sees it: observe and act.
 *
 * Floor: live. Finds the primary meta server among the given ones (standbys refuse inside an OK
 * reply; dead or silent ones are passed over), follows it when it changes, and asks again within
 * the deadline. Acts are repeated by themselves only when a server said that it did not do them
 * (ERR_FORWARD_TO_OTHERS); after a timeout the outcome is unknown and the error says so.
 *
 * A cluster_reader can only observe: commands that must not change anything get nothing else. */
#ifndef PEGFLOW_LIVE_CLUSTER_H
#define PEGFLOW_LIVE_CLUSTER_H

#include "live/transport.h"
#include "pegasus/release.h"
#include "pegasus/snapshot.h"

struct cluster;
struct cluster_reader;

/* `metas` are copied. The transport stays the caller's and must outlive the cluster. */
struct cluster *cluster_new(struct transport *transport, const struct address *metas,
                            size_t meta_count);
void cluster_free(struct cluster *cluster); /* cancels all that is under way; no callback runs */
struct cluster_reader *cluster_reader(struct cluster *cluster);

enum { CLUSTER_CALL_TIMEOUT_US = 5 * 1000 * 1000 };

typedef void cluster_done_fn(void *ctx, const struct error *err);

/* ---- observe */
/* One whole snapshot (reset first): info, level, nodes, tables, partitions of each AVAILABLE table,
 * then info and level again. A changed leader or level in between starts it over within the
 * deadline. Requests are pipelined. `into` is valid only after success. An empty list of tables or
 * nodes is what the cluster said; it is the caller's to doubt. With ERROR_UNREACHABLE or
 * ERROR_NOT_LEADER the text lists each meta server with what it said. */
struct operation *cluster_read_snapshot(struct cluster_reader *reader, struct snapshot *into,
                                        int64_t timeout_us, cluster_done_fn *done, void *ctx);

/* Reads only the partitions in `gpids`, of AVAILABLE tables of `base`, from the meta server that
 * was found to lead last (found anew when it does not): one request a table, pipelined, so that an
 * answer is one round trip old. `into` is reset; then it has the nodes of `base` at the same
 * indices, as they were listed there, and of each table only the partitions asked for. What is not
 * there any more is left out. `base` stays in place as long as `into` is used; they differ. */
struct operation *cluster_read_partitions(struct cluster_reader *reader,
                                          const struct snapshot *base, const struct gpid *gpids,
                                          size_t count, struct snapshot *into, int64_t timeout_us,
                                          cluster_done_fn *done, void *ctx);

/* Only who leads and the effective and stored level: two calls, for the keeper of holds. */
struct leader_info {
    struct address address;
    char name[300];
    int32_t level;
    int32_t stored_level;
};
struct operation *cluster_read_leader(struct cluster_reader *reader, struct leader_info *into,
                                      int64_t timeout_us, cluster_done_fn *done, void *ctx);
/* The leader found last; ADDRESS_NONE before. */
struct address cluster_known_leader(const struct cluster_reader *reader);

/* What one server says of itself. Parts that were asked and not answered make the call fail. */
enum {
    FACT_VERSION = 1,    /* HTTP /version */
    FACT_START_TIME = 2, /* HTTP /recentStartTime */
    FACT_REPLICAS = 4,   /* RPC_QUERY_REPLICA_INFO */
    FACT_COUNTS = 8,     /* opening and closing replicas: /metrics, or /perfCounter on 2.x */
    FACT_COMMANDS = 16,  /* it serves remote commands (server-info): its start-up is over */
};
struct server_replica {
    struct gpid gpid;
    int64_t ballot;
    int32_t status; /* enum replica_status */
};
struct server_facts {
    unsigned parts;   /* FACT_* that are valid */
    int64_t taken_us; /* when the first request was sent */
    char version[64]; /* "" for a collector */
    char start_time[32];
    char command_start[32]; /* with FACT_COMMANDS: the same in server-info's own words */
    struct replica_counts counts;
    struct server_replica *replicas; /* owned; reused from read to read */
    size_t replica_count;
    size_t replica_capacity;
    struct text info; /* owned: the reply to server-info that was understood last */
};
void server_facts_clear(struct server_facts *facts); /* frees */
struct operation *cluster_read_server(struct cluster_reader *reader, struct address server,
                                      unsigned parts, struct server_facts *into, int64_t timeout_us,
                                      cluster_done_fn *done, void *ctx);

/* The value of a configuration flag by HTTP /config: what the ini file says, not what a remote
 * command set. ERROR_REPLY when the server does not know it. `value` is valid until return. */
typedef void cluster_value_fn(void *ctx, const char *value, const struct error *err);
struct operation *cluster_read_config(struct cluster_reader *reader, struct address server,
                                      const char *name, int64_t timeout_us, cluster_value_fn *done,
                                      void *ctx);

/* The current value of a setting (a remote command without argument). `server` ADDRESS_NONE: the
 * leader, found anew. Only names that setting_kind_of knows. */
struct operation *cluster_read_setting(struct cluster_reader *reader, struct address server,
                                       const char *name, int64_t timeout_us, cluster_value_fn *done,
                                       void *ctx);

/* ---- act */
/* Sets a setting and reads nothing back. An empty list is set by the word for it, "clear". */
struct operation *cluster_set_setting(struct cluster *cluster, struct address server,
                                      const char *name, const char *value, int64_t timeout_us,
                                      cluster_done_fn *done, void *ctx);
struct operation *cluster_set_level(struct cluster *cluster, int32_t level, int64_t timeout_us,
                                    cluster_done_fn *done, void *ctx);
/* Any remote command to one server; the reply's text is not judged. ADDRESS_NONE: the leader. */
struct operation *cluster_remote_command(struct cluster *cluster, struct address server,
                                         const char *command, const char *const *arguments,
                                         size_t argument_count, int64_t timeout_us,
                                         cluster_value_fn *done, void *ctx);

/* A proposal names its servers by index into a snapshot's nodes, so that the cluster's own names go
 * back with it (trap 0); where the cluster gave no names none are sent. */
struct proposal_action {
    int32_t target; /* node index */
    int32_t node;   /* node index */
    enum config_type type;
};
struct proposal {
    struct gpid gpid;
    struct proposal_action actions[3];
    int32_t action_count;
    bool force;
    int32_t balance_type; /* enum balance_type, or -1: left unset */
    /* filled when done: */
    bool answered;
    char answer[48]; /* "ERR_OK" or the refusal */
};
/* Sends all of them to the leader, pipelined. Done without error when each was answered; a refusal
 * is in `answer`. First asks who leads, since a standby's refusal of a proposal does not look like
 * one (trap 8). `proposals` stays the caller's and in place until done. */
struct operation *cluster_propose(struct cluster *cluster, const struct snapshot *snapshot,
                                  struct proposal *proposals, size_t count, int64_t timeout_us,
                                  cluster_done_fn *done, void *ctx);
/* The same, but straight to the meta server that `snapshot` was read from, and each only once:
 * what it did not take is a refusal in `answer` too, and goes to no other. For forced proposals,
 * which are not validated there: before one is sent again its partition is read again (trap 0a). */
struct operation *cluster_propose_once(struct cluster *cluster, const struct snapshot *snapshot,
                                       struct proposal *proposals, size_t count, int64_t timeout_us,
                                       cluster_done_fn *done, void *ctx);

#endif
