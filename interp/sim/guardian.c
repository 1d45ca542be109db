#include "sim/sim_state.h"

/* Facts: reference behaviour 4.3, 4.4. */

static bool is_alive(const struct sim *sim, int32_t node)
{
    return sim_is_replica_server(sim, node) && sim->servers[node].status == NODE_ALIVE;
}

/* ---- the list of actions a partition waits for */

/* What a proposal under way will make counts already when the next node is chosen (upstream
 * newly_partitions): an upgrade one primary, an assignment a replica besides, a secondary a
 * replica. */
static void count_proposed(struct sim *sim, struct partition *partition, int32_t by)
{
    struct server *node = &sim->servers[partition->proposed_node];
    struct share *share = &sim->tables[partition->table].shares[partition->proposed_node];
    if (partition->proposed_type != CT_ADD_SECONDARY) {
        node->proposed += by;
        share->proposed += by;
    }
    if (partition->proposed_type != CT_UPGRADE_TO_PRIMARY) {
        node->proposed_replicas += by;
        share->proposed_replicas += by;
    }
}

static void release_proposed(struct sim *sim, struct partition *partition)
{
    if (partition->proposed_node != NO_SERVER) {
        count_proposed(sim, partition, -1);
        partition->proposed_node = NO_SERVER;
    }
}

void guardian_clear_actions(struct sim *sim, struct partition *partition)
{
    release_proposed(sim, partition);
    partition->action_count = 0;
    partition->unnamed = false;
}

void guardian_pop_action(struct sim *sim, struct partition *partition)
{
    release_proposed(sim, partition);
    if (partition->action_count > 0) {
        partition->action_count--;
        for (int32_t i = 0; i < partition->action_count; i++) {
            partition->actions[i] = partition->actions[i + 1];
        }
    }
    if (partition->action_count == 0) {
        guardian_clear_actions(sim, partition);
    }
}

static void assign_cure(struct sim *sim, struct partition *partition, struct action action)
{
    guardian_clear_actions(sim, partition);
    partition->actions[0] = action;
    partition->action_count = 1;
    attention_partition(sim, partition);
    partition->action_epoch = sim->leader.cleared_epoch;
    if (action.type == CT_UPGRADE_TO_PRIMARY || action.type == CT_ASSIGN_PRIMARY ||
        action.type == CT_ADD_SECONDARY) {
        partition->proposed_node = action.node;
        partition->proposed_type = action.type;
        count_proposed(sim, partition, 1);
    }
}

static bool head_is_valid(const struct sim *sim, const struct partition *partition)
{
    const struct action *head = &partition->actions[0];
    if (!is_alive(sim, head->target) || !is_alive(sim, head->node)) {
        return false;
    }
    bool by_primary = head->target == partition->primary;
    switch ((enum config_type)head->type) {
    case CT_ASSIGN_PRIMARY:
        return partition->primary == NO_SERVER && partition->secondary_count == 0 &&
               head->target == head->node;
    case CT_UPGRADE_TO_PRIMARY:
        return partition->primary == NO_SERVER && head->target == head->node &&
               partition_has_secondary(partition, head->node);
    case CT_ADD_SECONDARY:
    case CT_ADD_SECONDARY_FOR_LB:
        return by_primary && !partition_has_member(partition, head->node);
    case CT_DOWNGRADE_TO_SECONDARY:
        return by_primary && head->node == head->target;
    case CT_DOWNGRADE_TO_INACTIVE:
    case CT_REMOVE:
        return by_primary && partition_has_member(partition, head->node);
    case CT_INVALID:
    case CT_UPGRADE_TO_SECONDARY:
    case CT_PRIMARY_FORCE_UPDATE_BALLOT:
    case CT_DROP_PARTITION:
    case CT_REGISTER_CHILD:
        return false;
    }
    return false;
}

/* ---- dropped replicas */

static void remove_dropped(struct partition *partition, int32_t index)
{
    partition->dropped_count--;
    for (int32_t i = index; i < partition->dropped_count; i++) {
        partition->dropped[i] = partition->dropped[i + 1];
    }
}

static void forget_drop(struct partition *partition, int32_t node)
{
    for (int32_t i = 0; i < partition->dropped_count; i++) {
        if (partition->dropped[i].node == node) {
            remove_dropped(partition, i);
            return;
        }
    }
}

void guardian_note_drop(struct sim *sim, struct partition *partition, int32_t node)
{
    forget_drop(partition, node);
    if (partition->dropped_count == DROPPED_MAX) {
        remove_dropped(partition, 0);
    }
    partition->dropped[partition->dropped_count++] = (struct dropped){(int16_t)node, sim->now_us};
    partition->preferred_drop = (int8_t)(partition->dropped_count - 1);
}

void guardian_note_add(struct sim *sim, struct partition *partition, int32_t node)
{
    int32_t replicas = partition->secondary_count + (partition->primary != NO_SERVER);
    int32_t kept = sim->tables[partition->table].model->max_replica_count - replicas;
    forget_drop(partition, node);
    while (partition->dropped_count > 0 && partition->dropped_count > kept) {
        remove_dropped(partition, 0);
    }
}

/* ---- cure: no primary (4.4.1) */

enum { LOAD_KEYS = 4 };

/* Fewer primaries, then fewer replicas; of the table first, then of all (less_primaries). */
static bool has_fewer_primaries(const struct sim *sim, const struct partition *partition, int32_t a,
                                int32_t b)
{
    const struct share *shares = sim->tables[partition->table].shares;
    const struct server *servers = sim->servers;
    const int32_t nodes[2] = {a, b};
    int32_t keys[2][LOAD_KEYS];
    for (int32_t i = 0; i < 2; i++) {
        const struct share *share = &shares[nodes[i]];
        const struct server *node = &servers[nodes[i]];
        keys[i][0] = share->primaries + share->proposed;
        keys[i][1] = share->replicas + share->proposed_replicas;
        keys[i][2] = node->primaries + node->proposed;
        keys[i][3] = node->primaries + node->secondaries + node->proposed_replicas;
    }
    for (int32_t k = 0; k < LOAD_KEYS; k++) {
        if (keys[0][k] != keys[1][k]) {
            return keys[0][k] < keys[1][k];
        }
    }
    return false;
}

static int32_t fewest_primaries(const struct sim *sim, const struct partition *partition)
{
    int32_t best = NO_SERVER;
    for (int32_t i = 0; i < partition->secondary_count; i++) {
        int32_t node = partition->secondaries[i];
        if (is_alive(sim, node) && (best < 0 || has_fewer_primaries(sim, partition, node, best))) {
            best = node;
        }
    }
    return best;
}

/* A partition that never had a replica. */
static int32_t fewest_primaries_of_all(const struct sim *sim, const struct partition *partition)
{
    int32_t best = NO_SERVER;
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        if (is_alive(sim, i) && (best < 0 || has_fewer_primaries(sim, partition, i, best))) {
            best = i;
        }
    }
    return best;
}

/* Both of the last two to leave must be there and have reported: the one that knows more wins. */
static int32_t survivor(struct sim *sim, const struct partition *partition)
{
    int32_t count = partition->last_drop_count;
    int32_t last = partition->last_drops[count - 1];
    if (!is_alive(sim, last) || sim->servers[last].link != LINK_UP) {
        return NO_SERVER;
    }
    if (count == 1) {
        return last;
    }
    int32_t before = partition->last_drops[count - 2];
    if (!is_alive(sim, before) || sim->servers[before].link != LINK_UP) {
        return NO_SERVER;
    }
    const struct replica *a = partition_replica(sim, partition, last);
    const struct replica *b = partition_replica(sim, partition, before);
    if (a == NULL || b == NULL) {
        return NO_SERVER;
    }
    return b->ballot > a->ballot ? before : last;
}

static bool cure_primary(struct sim *sim, struct partition *partition)
{
    int32_t node = NO_SERVER;
    enum config_type type = CT_UPGRADE_TO_PRIMARY;
    if (partition->secondary_count > 0) {
        node = fewest_primaries(sim, partition);
    } else if (partition->last_drop_count > 0) {
        type = CT_ASSIGN_PRIMARY;
        node = survivor(sim, partition);
    } else {
        type = CT_ASSIGN_PRIMARY;
        node = fewest_primaries_of_all(sim, partition);
    }
    if (node == NO_SERVER) {
        return false;
    }
    assign_cure(sim, partition, (struct action){(uint8_t)type, (int16_t)node, (int16_t)node});
    return true;
}

/* ---- cure: too few secondaries (4.4.2) */

static bool is_emergency(const struct sim *sim, const struct partition *partition)
{
    const struct table *table = &sim->tables[partition->table];
    const struct settings *settings = meta_settings(sim);
    if (table->model->max_replica_count > table->min_replicas &&
        1 + partition->secondary_count < table->min_replicas) {
        return true;
    }
    if (partition->dropped_count == 0) {
        return true;
    }
    const struct dropped *newest = &partition->dropped[partition->dropped_count - 1];
    return (sim->now_us - newest->at_us) / 1000 > settings->assign_delay_ms ||
           settings->black_list[newest->node];
}

/* Of the table first, then of all (less_partitions). */
static bool has_fewer_replicas(const struct sim *sim, const struct partition *partition, int32_t a,
                               int32_t b)
{
    const struct share *x = &sim->tables[partition->table].shares[a];
    const struct share *y = &sim->tables[partition->table].shares[b];
    const struct server *p = &sim->servers[a];
    const struct server *q = &sim->servers[b];
    int32_t in_table = x->replicas + x->proposed_replicas - y->replicas - y->proposed_replicas;
    int32_t in_all = p->primaries + p->secondaries + p->proposed_replicas - q->primaries -
                     q->secondaries - q->proposed_replicas;
    return in_table != 0 ? in_table < 0 : in_all < 0;
}

static int32_t least_loaded(const struct sim *sim, const struct partition *partition)
{
    const struct settings *settings = meta_settings(sim);
    int32_t best = NO_SERVER;
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        if (is_alive(sim, i) && !settings->black_list[i] && !partition_has_member(partition, i) &&
            (best < 0 || has_fewer_replicas(sim, partition, i, best))) {
            best = i;
        }
    }
    return best;
}

/* An emergency takes the newest dropped node that lives; the next attempt goes on with the one
 * dropped before, and at the end begins anew. */
static int32_t walk_dropped(const struct sim *sim, struct partition *partition)
{
    if (partition->preferred_drop < 0 || partition->preferred_drop >= partition->dropped_count) {
        partition->preferred_drop = (int8_t)(partition->dropped_count - 1);
    }
    while (partition->preferred_drop >= 0) {
        int32_t node = partition->dropped[partition->preferred_drop--].node;
        if (is_alive(sim, node)) {
            return node;
        }
    }
    return NO_SERVER;
}

static int32_t choose_secondary(const struct sim *sim, struct partition *partition)
{
    if (!is_emergency(sim, partition)) {
        int32_t node = partition->dropped[partition->dropped_count - 1].node;
        return is_alive(sim, node) ? node : NO_SERVER;
    }
    int32_t node = walk_dropped(sim, partition);
    bool refused = node == NO_SERVER || meta_settings(sim)->black_list[node];
    return refused ? least_loaded(sim, partition) : node;
}

static bool cure_secondary(struct sim *sim, struct partition *partition)
{
    int32_t node = choose_secondary(sim, partition);
    if (node == NO_SERVER || partition_has_member(partition, node)) {
        return false;
    }
    assign_cure(sim, partition,
                (struct action){CT_ADD_SECONDARY, partition->primary, (int16_t)node});
    return true;
}

static bool cure_surplus(struct sim *sim, struct partition *partition)
{
    int32_t worst = partition->secondaries[0];
    for (int32_t i = 1; i < partition->secondary_count; i++) {
        const struct server *node = &sim->servers[partition->secondaries[i]];
        const struct server *chosen = &sim->servers[worst];
        if (node->primaries + node->secondaries > chosen->primaries + chosen->secondaries) {
            worst = partition->secondaries[i];
        }
    }
    assign_cure(sim, partition, (struct action){CT_REMOVE, partition->primary, (int16_t)worst});
    return true;
}

/* What the partition needs next is then its first action. */
static bool cure(struct sim *sim, struct partition *partition)
{
    int32_t wanted = sim->tables[partition->table].model->max_replica_count;
    if (partition->action_count > 0) {
        if (head_is_valid(sim, partition)) {
            return true;
        }
        guardian_clear_actions(sim, partition);
    }
    if (partition->primary == NO_SERVER) {
        return cure_primary(sim, partition);
    }
    if (1 + partition->secondary_count < wanted) {
        return cure_secondary(sim, partition);
    }
    return 1 + partition->secondary_count > wanted && cure_surplus(sim, partition);
}

static bool adds(const struct partition *partition)
{
    return partition->actions[0].type == CT_ADD_SECONDARY ||
           partition->actions[0].type == CT_ADD_SECONDARY_FOR_LB;
}

void guardian_cure_one(struct sim *sim, struct partition *partition)
{
    if (cure(sim, partition) && !(adds(partition) && meta_settings(sim)->flow_control)) {
        proposals_send(sim, partition, partition->actions[0]);
    }
}

/* ---- the tick (4.3) */

static void send_add(struct sim *sim, const struct partition *partition)
{
    const struct settings *settings = meta_settings(sim);
    struct server *node = &sim->servers[partition->actions[0].node];
    if (settings->flow_control && node->added_in_tick >= settings->add_secondary_limit) {
        return;
    }
    node->added_in_tick++;
    proposals_send(sim, partition, partition->actions[0]);
}

/* Cures one table's partitions. False: the leader died of it. */
static bool cure_table(struct sim *sim, const struct table *table, int32_t *deferred_count)
{
    int32_t end = table->first_partition + table->model->partition_count;
    for (int32_t index = attention_next(sim, table->first_partition, end); index < end;
         index = attention_next(sim, index + 1, end)) {
        struct partition *partition = &sim->partitions[index];
        if (attention_partition_rests(sim, partition)) {
            attention_forget(sim, index);
            continue;
        }
        if (partition->pending) {
            continue;
        }
        if (partition->unnamed) {
            process_end(sim, sim->leader.meta); /* counted when it was proposed */
            return false;
        }
        if (!cure(sim, partition)) {
            continue;
        }
        if (adds(partition)) {
            sim->deferred[(*deferred_count)++] = index;
        } else {
            proposals_send(sim, partition, partition->actions[0]);
        }
    }
    return true;
}

/* Seen: table by table in the order of their names. */
static bool cure_all(struct sim *sim, int32_t *deferred_count)
{
    for (int32_t t = 0; t < sim->table_count; t++) {
        if (!cure_table(sim, &sim->tables[sim->tables_by_name[t]], deferred_count)) {
            return false;
        }
    }
    return true;
}

void guardian_tick(struct sim *sim)
{
    int32_t deferred_count = 0;
    if (meta_effective_level(sim) <= LEVEL_FREEZED) {
        return;
    }
    for (int32_t i = 0; i < sim->model.replica_count; i++) {
        sim->servers[i].added_in_tick = 0;
    }
    if (!cure_all(sim, &deferred_count)) {
        return;
    }
    /* Pass A: those without any secondary; pass B: the rest. */
    for (int32_t pass = 0; pass < 2; pass++) {
        for (int32_t i = 0; i < deferred_count; i++) {
            const struct partition *partition = &sim->partitions[sim->deferred[i]];
            if ((partition->secondary_count > 0) == (pass == 1)) {
                send_add(sim, partition);
            }
        }
    }
    if (balancer_tick(sim)) {
        cure_all(sim, &deferred_count); /* its first actions go at once */
    }
}
