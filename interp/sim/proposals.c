#include "sim/sim_state.h"

#include <string.h>

/* Facts: reference behaviour 4.5, 5.2; protocol section 5 and traps 0, 0a, 8, 14. */

/* ---- at the meta server */

static int32_t node_of(const struct sim *sim, struct address address)
{
    if (!address_is_set(address)) {
        return NO_SERVER;
    }
    int32_t server = sim_find_server(sim, address);
    return sim_is_replica_server(sim, server) ? server : UNKNOWN_SERVER;
}

static bool is_group(const struct wire_action *action)
{
    return action->target.kind == ADDRESS_GROUP || action->node.kind == ADDRESS_GROUP ||
           (action->has_hp_target && action->hp_target.kind == ADDRESS_GROUP) ||
           (action->has_hp_node && action->hp_node.kind == ADDRESS_GROUP);
}

/* The cluster's own name for this address, unchanged. A target may be left to the meta server. */
static bool is_named(const struct sim *sim, struct address address, bool has_name,
                     struct host_port name, bool may_be_none)
{
    if (!address_is_set(address)) {
        return may_be_none && (!has_name || name.kind != ADDRESS_IPV4);
    }
    return has_name && name.kind == ADDRESS_IPV4 && name.port == address.port &&
           slice_equals(name.host, sim->model.host_name);
}

/* What aborts the process at once, or makes it abort later. */
enum manners { MANNERS_FINE, MANNERS_UNNAMED, MANNERS_FATAL };

static enum manners judge(struct sim *sim, int32_t server, const struct propose_request *request)
{
    const struct wire_action *actions = request->actions.items;
    enum manners manners = MANNERS_FINE;
    for (uint32_t i = 0; i < request->actions.count; i++) {
        const struct wire_action *action = &actions[i];
        if (is_group(action)) {
            sim_abort_server(sim, server, "proposal for %d.%d names a group address",
                             request->gpid.app_id, request->gpid.partition);
            return MANNERS_FATAL;
        }
        if (!sim->traits->has_host_ports) {
            if (action->has_hp_target || action->has_hp_node) {
                sim_abort_server(sim, server,
                                 "proposal for %d.%d carries host names, unknown to %s",
                                 request->gpid.app_id, request->gpid.partition, sim->traits->name);
                return MANNERS_FATAL;
            }
        } else if (!is_named(sim, action->target, action->has_hp_target, action->hp_target, true) ||
                   !is_named(sim, action->node, action->has_hp_node, action->hp_node, false)) {
            manners = MANNERS_UNNAMED;
        }
    }
    return manners;
}

static bool read_actions(const struct sim *sim, const struct partition *partition,
                         const struct propose_request *request, bool forced,
                         struct action actions[ACTION_MAX])
{
    const struct wire_action *wanted = request->actions.items;
    for (uint32_t i = 0; i < request->actions.count; i++) {
        int32_t target = node_of(sim, wanted[i].target);
        if (target == NO_SERVER && !forced) {
            target = partition->primary;
            if (target == NO_SERVER) {
                return false;
            }
        }
        actions[i] = (struct action){
            .type = wanted[i].type > 0 && wanted[i].type <= CT_REGISTER_CHILD
                        ? (uint8_t)wanted[i].type
                        : CT_INVALID,
            .target = (int16_t)target,
            .node = (int16_t)node_of(sim, wanted[i].node),
        };
    }
    return true;
}

static const char *store(struct sim *sim, struct partition *partition, const struct action *actions,
                         uint32_t count)
{
    /* A list that the order to clear, still queued, will find gone. */
    bool doomed = partition->action_epoch < sim->leader.clear_epoch &&
                  sim->leader.cleared_epoch < sim->leader.clear_epoch;
    if (partition->action_count > 0 && !doomed) {
        return PEGASUS_INVALID_PARAMETERS;
    }
    guardian_clear_actions(sim, partition);
    memcpy(partition->actions, actions, count * sizeof *actions);
    partition->action_count = (uint8_t)count;
    partition->action_epoch = sim->leader.clear_epoch;
    attention_partition(sim, partition);
    return PEGASUS_OK;
}

const char *proposals_register(struct sim *sim, int32_t server,
                               const struct propose_request *request)
{
    struct action actions[ACTION_MAX];
    bool forced = request->has_force && request->force;
    uint32_t count = request->actions.count;
    enum manners manners = judge(sim, server, request);
    if (manners == MANNERS_FATAL) {
        return NULL;
    }
    /* The table is looked up before the question who leads: only a leader knows any (trap 8). */
    bool active = meta_is_active(sim, server);
    const struct table *table = world_table(sim, request->gpid.app_id);
    if (!active || table == NULL || table->dropped) {
        return sim->traits->missing_app_error;
    }
    struct partition *partition = world_partition(sim, request->gpid);
    if (partition == NULL || count > ACTION_MAX ||
        !read_actions(sim, partition, request, forced, actions)) {
        return PEGASUS_INVALID_PARAMETERS;
    }
    if (!forced) {
        const char *answer = store(sim, partition, actions, count);
        if (strcmp(answer, PEGASUS_OK) == 0 && manners == MANNERS_UNNAMED) {
            partition->unnamed = true;
            sim_count_violation(sim, "proposal for %d.%d without the cluster's own host names",
                                request->gpid.app_id, request->gpid.partition);
        }
        return answer;
    }
    if (manners == MANNERS_UNNAMED) {
        sim_abort_server(sim, server,
                         "forced proposal for %d.%d without the cluster's own host names",
                         request->gpid.app_id, request->gpid.partition);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        proposals_send(sim, partition, actions[i]);
    }
    return PEGASUS_OK;
}

/* One way, with the record as the leader knows it now. */
void proposals_send(struct sim *sim, const struct partition *partition, struct action action)
{
    if (!sim_is_replica_server(sim, action.target)) {
        return;
    }
    struct event event = sim_event(sim, EVENT_PROPOSAL, action.target);
    event.partition = partition_index(sim, partition);
    event.node = action.node;
    event.type = action.type;
    event.value = partition->ballot;
    sim_schedule(sim, sim->model.timings.rpc_latency_us, event);
}

/* ---- at the replica server */

static void blame(struct sim *sim, const struct event *event, const char *what)
{
    const struct partition *partition = &sim->partitions[event->partition];
    sim_abort_server(sim, event->server, "proposal for %d.%d: %s %s", partition->gpid.app_id,
                     partition->gpid.partition,
                     event->node < 0 ? "an unknown server" : sim->servers[event->node].label, what);
}

static void take_primary(struct sim *sim, struct replica *replica, const struct event *event)
{
    const struct partition *partition = &sim->partitions[replica->partition];
    if (event->node != event->server) {
        blame(sim, event, "is not the server that is to be primary");
        return;
    }
    if (replica->status == REPLICA_PRIMARY ||
        (event->type == CT_UPGRADE_TO_PRIMARY && replica->status != REPLICA_SECONDARY)) {
        return;
    }
    if (partition->primary != NO_SERVER) {
        sim_count_violation(sim, "forced proposal makes %s primary of %d.%d, which has one",
                            sim->servers[event->server].label, partition->gpid.app_id,
                            partition->gpid.partition);
        return;
    }
    reconfig_begin(sim, replica, (enum config_type)event->type, event->node);
}

static void change_members(struct sim *sim, struct replica *replica, const struct event *event)
{
    const struct partition *partition = &sim->partitions[replica->partition];
    bool is_add = event->type == CT_ADD_SECONDARY || event->type == CT_ADD_SECONDARY_FOR_LB;
    if (replica->status != REPLICA_PRIMARY || event->value != replica->ballot) {
        return;
    }
    if (event->type == CT_DOWNGRADE_TO_SECONDARY) {
        if (event->node != event->server) {
            blame(sim, event, "is not the primary that is to step down");
            return;
        }
    } else if (is_add == partition_has_member(partition, event->node)) {
        blame(sim, event, is_add ? "is a member already" : "is no member");
        return;
    }
    if (is_add) {
        learn_add(sim, replica, event->node, event->type == CT_ADD_SECONDARY_FOR_LB);
    } else {
        reconfig_begin(sim, replica, (enum config_type)event->type, event->node);
    }
}

/* The proposal carries the record, perhaps newer than what the replica knows: a learner whose
 * primary died before it could tell may be a secondary by now. */
static void take_record(struct sim *sim, struct replica *replica, int64_t ballot)
{
    struct partition *partition = &sim->partitions[replica->partition];
    if (replica->status == REPLICA_PRIMARY || ballot == replica->ballot) {
        return;
    }
    replica->ballot = ballot;
    if (replica->status == REPLICA_POTENTIAL_SECONDARY &&
        partition_has_secondary(partition, replica->server)) {
        replica->status = REPLICA_SECONDARY;
        account_update(sim, partition);
    }
}

void proposals_on_arrival(struct sim *sim, const struct event *event)
{
    struct server *server = &sim->servers[event->server];
    const struct partition *partition = &sim->partitions[event->partition];
    struct replica *replica = partition_replica(sim, partition, event->server);
    if (server->stage == STAGE_READY && replica == NULL && event->type == CT_ASSIGN_PRIMARY) {
        replica = world_add_replica(sim, event->partition, event->server); /* of a new table */
    }
    if (server->stage != STAGE_READY || replica == NULL) {
        return;
    }
    if (replica->to_meta || event->value < replica->ballot) {
        return;
    }
    if (event->type == CT_ASSIGN_PRIMARY && replica->place == PLACE_CLOSED) {
        replica_set_place(sim, replica, PLACE_OPEN);
        replica->status = REPLICA_INACTIVE;
        attention_replica(sim, replica);
    }
    if (event->type == CT_UPGRADE_TO_PRIMARY &&
        (replica->place == PLACE_CLOSED || replica->place == PLACE_CLOSING)) {
        /* It has failed here, and the leader does not know: it is to take it away. */
        replica->ballot = event->value;
        reconfig_begin(sim, replica, CT_DOWNGRADE_TO_INACTIVE, replica->server);
        return;
    }
    if (replica->place != PLACE_OPEN) {
        return;
    }
    take_record(sim, replica, event->value);
    switch ((enum config_type)event->type) {
    case CT_ASSIGN_PRIMARY:
    case CT_UPGRADE_TO_PRIMARY:
        take_primary(sim, replica, event);
        return;
    case CT_ADD_SECONDARY:
    case CT_ADD_SECONDARY_FOR_LB:
    case CT_DOWNGRADE_TO_SECONDARY:
    case CT_DOWNGRADE_TO_INACTIVE:
    case CT_REMOVE:
        change_members(sim, replica, event);
        return;
    case CT_INVALID:
    case CT_UPGRADE_TO_SECONDARY:
    case CT_PRIMARY_FORCE_UPDATE_BALLOT:
    case CT_DROP_PARTITION:
    case CT_REGISTER_CHILD:
        blame(sim, event, "is named in a proposal of a type that no server takes");
        return;
    }
}
