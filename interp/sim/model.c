#include "sim/model.h"

#include "base/duration.h"

#include <string.h>

enum {
    MODEL_SERVER_MAX = 1000,
    MODEL_META_MAX = 9,
    MODEL_COLLECTOR_MAX = 9,
    MODEL_TABLE_MAX = 1000,
    MODEL_PARTITION_MAX = 32767, /* of one table */
    MODEL_REPLICA_MAX = 5,
};

static const struct model_timings default_timings = {
    .tick_us = 10 * US_PER_SECOND,
    .first_tick_us = 10 * US_PER_SECOND,
    .beacon_us = 3 * US_PER_SECOND,
    .fd_check_us = 2 * US_PER_SECOND,
    .config_sync_us = 30 * US_PER_SECOND,
    .rpc_latency_us = 250,
    .zk_write_us = 8 * US_PER_MS,
    .state_change_us = 500,
    .zk_session_us = 10 * US_PER_SECOND,
    .stale_lock_us = 300 * US_PER_MS,
    .leader_load_us = 200 * US_PER_MS,
    .close_us = 50 * US_PER_MS,
    .stop_us = 50 * US_PER_MS,
    .install_us = 2 * US_PER_SECOND,
    .start_us = 600 * US_PER_MS,
    .load_us = 3 * US_PER_MS,
    .replay_us = 20 * US_PER_MS,
    .learn_us = 20 * US_PER_MS,
    .copy_us = 1 * US_PER_SECOND,
    .update_retry_us = 1 * US_PER_SECOND,
};

void model_init(struct model *model, enum release release)
{
    const struct release_traits *traits = release_traits(release);
    *model = (struct model){
        .name = "five-nodes",
        .cluster_name = "onebox",
        .zookeeper_root = "/pegasus/onebox",
        .release = release,
        .version = traits->version,
        .next_version = release == RELEASE_2_5 ? "2.5.1" : "2.6.0",
        .seed = 1,
        .host_name = "localhost",
        .meta_count = 2,
        .replica_count = 5,
        .collector_count = 1,
        .stored_level = LEVEL_STEADY,
        .add_secondary_limit = 20,
        .flow_control = true,
        .assign_delay_ms = 600000,
        .live_percentage = 50,
        .min_live_node_count = 3,
        .mutation_2pc_min_replica_count = 2,
        .stable_running_us = 600 * US_PER_SECOND,
        .unstable_restart_max = 5,
        .timings = default_timings,
    };
    model->timings.lease_us = traits->lease_seconds * US_PER_SECOND;
    model->timings.grace_us = traits->grace_seconds * US_PER_SECOND;
}

static bool check_range(const char *what, int64_t value, int64_t least, int64_t most,
                        struct error *err)
{
    if (value >= least && value <= most) {
        return true;
    }
    error_set(err, ERROR_INVALID_FILE, "%s is %lld, must be %lld to %lld", what, (long long)value,
              (long long)least, (long long)most);
    return false;
}

static bool check_timings(const struct model_timings *timings, struct error *err)
{
    const struct {
        const char *name;
        int64_t us;
        int64_t least;
    } rows[] = {
        {"tick", timings->tick_us, US_PER_MS},
        {"first tick", timings->first_tick_us, US_PER_MS},
        {"beacon interval", timings->beacon_us, US_PER_MS},
        {"failure check interval", timings->fd_check_us, US_PER_MS},
        {"lease", timings->lease_us, 2 * US_PER_MS},
        {"grace", timings->grace_us, 2 * US_PER_MS},
        {"config sync interval", timings->config_sync_us, US_PER_MS},
        {"rpc latency", timings->rpc_latency_us, 0},
        {"zookeeper write", timings->zk_write_us, 0},
        {"state change", timings->state_change_us, 0},
        {"zookeeper session", timings->zk_session_us, US_PER_MS},
        {"stale lock", timings->stale_lock_us, 0},
        {"leader load", timings->leader_load_us, 0},
        {"close", timings->close_us, 0},
        {"stop", timings->stop_us, 0},
        {"install", timings->install_us, 0},
        {"start", timings->start_us, 0},
        {"load", timings->load_us, 0},
        {"replay", timings->replay_us, 0},
        {"learn", timings->learn_us, 0},
        {"copy", timings->copy_us, 0},
        {"update retry", timings->update_retry_us, US_PER_MS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!check_range(rows[i].name, rows[i].us, rows[i].least, 24 * US_PER_HOUR, err)) {
            error_wrap(err, "timing in microseconds");
            return false;
        }
    }
    if (timings->grace_us <= timings->lease_us) {
        error_set(err, ERROR_INVALID_FILE,
                  "grace must be longer than lease, else two primaries could serve");
        return false;
    }
    return true;
}

static bool check_placement(const struct model *model, const struct model_table *table,
                            struct error *err)
{
    for (int32_t p = 0; table->placement != NULL && p < table->partition_count; p++) {
        const int32_t *servers = table->placement + (int64_t)p * table->max_replica_count;
        for (int32_t i = 0; i < table->max_replica_count; i++) {
            if (servers[i] < -1 || servers[i] >= model->replica_count) {
                error_set(err, ERROR_INVALID_FILE,
                          "partition %d is on r%d, but the model has %d replica servers", p,
                          servers[i] + 1, model->replica_count);
                return false;
            }
            for (int32_t j = 0; j < i; j++) {
                if (servers[i] >= 0 && servers[i] == servers[j]) {
                    error_set(err, ERROR_INVALID_FILE, "partition %d is on r%d twice", p,
                              servers[i] + 1);
                    return false;
                }
            }
        }
    }
    return true;
}

static bool check_table(const struct model *model, int32_t index, struct error *err)
{
    const struct model_table *table = &model->tables[index];
    if (table->name == NULL || table->name[0] == '\0') {
        error_set(err, ERROR_INVALID_FILE, "has no name");
        return false;
    }
    for (int32_t other = 0; other < index; other++) {
        if (strcmp(model->tables[other].name, table->name) == 0) {
            error_set(err, ERROR_INVALID_FILE, "there are two of this name");
            return false;
        }
        if (table->app_id != 0 && model->tables[other].app_id == table->app_id) {
            error_set(err, ERROR_INVALID_FILE, "app id %d is that of '%s'", table->app_id,
                      model->tables[other].name);
            return false;
        }
    }
    bool numbered = model->tables[0].app_id != 0;
    if ((table->app_id != 0) != numbered) {
        error_set(err, ERROR_INVALID_FILE, "either all tables have an app id or none has");
        return false;
    }
    return check_range("app id", table->app_id, 0, INT32_MAX, err) &&
           model_check_table(model, table, err);
}

bool model_check_table(const struct model *model, const struct model_table *table,
                       struct error *err)
{
    if (table->max_replica_count > model->replica_count) {
        error_set(err, ERROR_INVALID_FILE,
                  "wants %d replicas of each partition, but the model has %d replica servers",
                  table->max_replica_count, model->replica_count);
        return false;
    }
    return check_range("partition count", table->partition_count, 1, MODEL_PARTITION_MAX, err) &&
           check_range("max replica count", table->max_replica_count, 1, MODEL_REPLICA_MAX, err) &&
           check_placement(model, table, err);
}

bool model_check(const struct model *model, struct error *err)
{
    const struct release_traits *traits = release_traits(model->release);
    if (!check_range("meta count", model->meta_count, 1, MODEL_META_MAX, err) ||
        !check_range("replica server count", model->replica_count, 1, MODEL_SERVER_MAX, err) ||
        !check_range("collector count", model->collector_count, 0, MODEL_COLLECTOR_MAX, err) ||
        !check_range("table count", model->table_count, 0, MODEL_TABLE_MAX, err) ||
        !check_range("add secondary limit", model->add_secondary_limit, 0, INT32_MAX, err) ||
        !check_range("assign delay", model->assign_delay_ms, traits->assign_delay_min,
                     traits->assign_delay_max, err) ||
        !check_range("live percentage", model->live_percentage, 0, 100, err) ||
        !check_range("min live node count", model->min_live_node_count, 0, INT32_MAX, err) ||
        !check_range("mutation 2pc min replica count", model->mutation_2pc_min_replica_count, 0,
                     MODEL_REPLICA_MAX, err) ||
        !check_range("unstable restart max", model->unstable_restart_max, 1, INT32_MAX, err) ||
        !check_timings(&model->timings, err)) {
        return false;
    }
    if (meta_level_name(model->stored_level) == NULL) {
        error_set(err, ERROR_INVALID_FILE, "meta level %d is none", model->stored_level);
        return false;
    }
    for (int32_t i = 0; i < model->table_count; i++) {
        if (!check_table(model, i, err)) {
            error_wrap(err, "table '%s'",
                       model->tables[i].name == NULL ? "" : model->tables[i].name);
            return false;
        }
    }
    return true;
}
