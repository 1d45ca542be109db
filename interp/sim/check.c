#include "sim/sim_state.h"

#include <stdlib.h>

/* ---- invariants (reference behaviour 16.3) */

static bool broken(struct error *err, const struct partition *partition, const char *what)
{
    error_set(err, ERROR_VIOLATION, "partition %d.%d: %s", partition->gpid.app_id,
              partition->gpid.partition, what);
    return false;
}

static bool members_are_sound(struct sim *sim, const struct partition *partition, struct error *err)
{
    int32_t most = sim->tables[partition->table].model->max_replica_count + 1;
    int32_t members = partition->secondary_count + (partition->primary != NO_SERVER);
    if (members > most) {
        return broken(err, partition, "has more members than its factor and one");
    }
    for (int32_t i = 0; i < partition->secondary_count; i++) {
        int32_t node = partition->secondaries[i];
        if (node == partition->primary) {
            return broken(err, partition, "has a primary that is a secondary too");
        }
        for (int32_t j = 0; j < i; j++) {
            if (partition->secondaries[j] == node) {
                return broken(err, partition, "has a secondary twice");
            }
        }
        if (partition_replica(sim, partition, node) == NULL) {
            return broken(err, partition, "has a member without a replica");
        }
    }
    return partition->primary == NO_SERVER ||
           partition_replica(sim, partition, partition->primary) != NULL ||
           broken(err, partition, "has a primary without a replica");
}

static bool serving_is_sound(const struct sim *sim, const struct partition *partition,
                             struct error *err)
{
    int32_t serving = NO_SERVER;
    for (int32_t r = partition->first_replica; r >= 0; r = sim->replicas[r].next_in_partition) {
        const struct replica *replica = &sim->replicas[r];
        if (replica->ballot > partition->ballot) {
            return broken(err, partition, "has a replica with a ballot that was never written");
        }
        if (!replica_is_live(sim, replica) || replica->status != REPLICA_PRIMARY) {
            continue;
        }
        if (serving != NO_SERVER) {
            return broken(err, partition, "is served by two primaries");
        }
        serving = replica->server;
        if (sim->servers[serving].link == LINK_LOST) {
            return broken(err, partition, "is served by a server without a lease");
        }
        if (replica->ballot == partition->ballot && partition->primary != serving) {
            return broken(err, partition, "is served by a server that is not its primary");
        }
    }
    return serving == partition->serving || broken(err, partition, "is accounted wrongly");
}

struct tally {
    int32_t primaries;
    int32_t secondaries;
    int32_t proposed;
    int32_t proposed_replicas;
    int32_t shares; /* of all tables */
    int32_t places[PLACE_CLOSED + 1];
};

static bool counts_are_sound(const struct sim *sim, struct tally *tallies, struct error *err)
{
    for (int32_t i = 0; i < sim->partition_count; i++) {
        const struct partition *partition = &sim->partitions[i];
        if (partition->primary != NO_SERVER) {
            tallies[partition->primary].primaries++;
        }
        if (partition->proposed_node != NO_SERVER) {
            struct tally *tally = &tallies[partition->proposed_node];
            tally->proposed += partition->proposed_type != CT_ADD_SECONDARY;
            tally->proposed_replicas += partition->proposed_type != CT_UPGRADE_TO_PRIMARY;
        }
        for (int32_t s = 0; s < partition->secondary_count; s++) {
            tallies[partition->secondaries[s]].secondaries++;
        }
    }
    for (int32_t t = 0; t < sim->table_count; t++) {
        for (int32_t i = 0; i < sim->model.replica_count; i++) {
            tallies[i].shares += sim->tables[t].shares[i].replicas;
        }
    }
    for (int32_t i = 0; i < sim->replica_count; i++) {
        tallies[sim->replicas[i].server].places[sim->replicas[i].place]++;
    }
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        const struct server *server = &sim->servers[i];
        const struct tally *tally = &tallies[i];
        if (server->primaries != tally->primaries || server->secondaries != tally->secondaries ||
            server->proposed != tally->proposed ||
            server->proposed_replicas != tally->proposed_replicas ||
            server->primaries + server->secondaries != tally->shares ||
            server->open_count != tally->places[PLACE_OPEN] ||
            server->opening_count != tally->places[PLACE_OPENING] ||
            server->closing_count != tally->places[PLACE_CLOSING]) {
            error_set(err, ERROR_VIOLATION, "server %s: its counts are not those of its replicas",
                      server->label);
            return false;
        }
        if (!process_is_up(sim, i) && tally->places[PLACE_OPEN] > 0) {
            error_set(err, ERROR_VIOLATION, "server %s: is down with open replicas", server->label);
            return false;
        }
    }
    return true;
}

/* What is not marked is passed over: it must be at rest. */
static bool attention_is_sound(const struct sim *sim, struct error *err)
{
    for (int32_t i = 0; i < sim->partition_count; i++) {
        if (!attention_partition_is_marked(sim, i) &&
            !attention_partition_rests(sim, &sim->partitions[i])) {
            return broken(err, &sim->partitions[i], "would be passed over by the tick");
        }
    }
    for (int32_t i = 0; i < sim->replica_count; i++) {
        const struct replica *replica = &sim->replicas[i];
        if (!replica->marked && !attention_replica_rests(sim, replica)) {
            return broken(err, &sim->partitions[replica->partition],
                          "has a replica that a config sync would pass over");
        }
    }
    return true;
}

bool sim_check(const struct sim *constant, struct error *err)
{
    struct sim *sim = (struct sim *)constant; /* lookups hand out pointers; nothing is written */
    for (int32_t i = 0; i < sim->partition_count; i++) {
        if (!members_are_sound(sim, &sim->partitions[i], err) ||
            !serving_is_sound(sim, &sim->partitions[i], err)) {
            return false;
        }
    }
    if (!attention_is_sound(sim, err)) {
        return false;
    }
    struct tally *tallies = memory_allocate((size_t)sim->model.replica_count * sizeof *tallies);
    bool sound = counts_are_sound(sim, tallies, err);
    free(tallies);
    return sound;
}

/* ---- everything as text */

static void dump_servers(const struct sim *sim, struct text *out)
{
    for (int32_t i = 0; i < sim->server_count; i++) {
        const struct server *server = &sim->servers[i];
        text_printf(out,
                    "%s %s stage %d run %u started %lld link %d guess %d status %d beacon %lld",
                    server->label, server->version, (int)server->stage, server->incarnation,
                    (long long)server->started_us, (int)server->link, server->guess,
                    (int)server->status, (long long)server->beacon_us);
        for (int32_t m = 0; server->stability != NULL && m < sim->model.replica_count; m++) {
            text_printf(out, " %d", server->stability[m].restarts);
        }
        text_printf(out, " primaries %d secondaries %d open %d opening %d closing %d\n",
                    server->primaries, server->secondaries, server->open_count,
                    server->opening_count, server->closing_count);
    }
}

static void dump_partition(const struct sim *sim, const struct partition *partition,
                           struct text *out)
{
    text_printf(out, "%d.%d ballot %lld primary %d secondaries", partition->gpid.app_id,
                partition->gpid.partition, (long long)partition->ballot, partition->primary);
    for (int32_t i = 0; i < partition->secondary_count; i++) {
        text_printf(out, " %d", partition->secondaries[i]);
    }
    text_append_string(out, " drops");
    for (int32_t i = 0; i < partition->last_drop_count; i++) {
        text_printf(out, " %d", partition->last_drops[i]);
    }
    text_printf(out, " pending %d actions %d preferred %d fresh %d dropped %d replicas",
                partition->pending, partition->action_count, partition->preferred_drop,
                partition->fresh, sim->tables[partition->table].dropped);
    for (int32_t r = partition->first_replica; r >= 0; r = sim->replicas[r].next_in_partition) {
        const struct replica *replica = &sim->replicas[r];
        text_printf(out, " %d:%s/%d/%lld", replica->server, replica_status_name(replica->status),
                    replica->place, (long long)replica->ballot);
    }
    text_append_char(out, '\n');
}

void sim_dump(const struct sim *sim, struct text *out)
{
    struct sim_totals totals;
    sim_totals(sim, &totals);
    text_printf(out, "now %lld events %llu rng %llx leader %d active %d level %d\n",
                (long long)sim->now_us, (unsigned long long)sim->queue.next_sequence,
                (unsigned long long)sim->rng.state, sim->leader.meta, sim->leader.active,
                sim->leader.stored_level);
    text_printf(
        out, "away reads %lld writes %lld longest %lld %lld fewest %d moved %lld changes %lld\n",
        (long long)totals.reads_away_us, (long long)totals.writes_away_us,
        (long long)totals.longest_read_us, (long long)totals.longest_write_us,
        totals.fewest_live_replicas, (long long)totals.primaries_moved, (long long)totals.changes);
    dump_servers(sim, out);
    for (int32_t i = 0; i < sim->partition_count; i++) {
        dump_partition(sim, &sim->partitions[i], out);
    }
}
