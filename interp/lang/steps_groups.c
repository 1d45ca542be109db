/* What rolling and try need beyond their rows: the steps that they make. */
#include "lang/private.h"

#include <string.h>

/* ---- racks */
static bool is_new_rack(const struct cluster_file *file, size_t index)
{
    ASSERT(file->racks[index].value != NULL);
    for (size_t before = 0; before < index; before++) {
        ASSERT(file->racks[before].value != NULL);
        if (strcmp(file->racks[before].value, file->racks[index].value) == 0) {
            return false;
        }
    }
    return true;
}

/* One of the file's racks: the servers of a simulation stand in them in turn. */
static const char *deal_rack(const struct cluster_file *file, const struct server *server)
{
    size_t count = 0;
    size_t seen = 0;
    for (size_t i = 0; i < file->rack_count; i++) {
        count += is_new_rack(file, i);
    }
    for (size_t i = 0; i < file->rack_count; i++) {
        if (is_new_rack(file, i) && seen++ == (size_t)server->index % count) {
            return file->racks[i].value;
        }
    }
    return NULL;
}

/* NULL: none is given, or more than one (then that was reported). */
static const char *rack_of(struct call *call, const struct server *server)
{
    const struct cluster_file *file = &call->lang->cluster->file;
    const char *rack = NULL;
    for (size_t i = 0; i < file->rack_count; i++) {
        const struct name_value *row = &file->racks[i];
        if (row->value == NULL || !server_is_named(server, row->name)) {
            continue;
        }
        if (rack != NULL && strcmp(rack, row->value) != 0) {
            call_complain(call, "'within': %s gives %s two racks, '%.60s' and '%.60s'", file->file,
                          server->name, rack, row->value);
            return NULL;
        }
        rack = row->value;
    }
    if (rack == NULL && call->lang->deals_racks) {
        rack = deal_rack(file, server);
    }
    if (rack == NULL) {
        call_complain(call, "'within': %s gives %s no rack", file->file, server->name);
    }
    return rack;
}

/* Each server's steps are a group under its name. */
static void add_server_steps(lua_State *L, struct call *call, struct draft *draft, size_t index,
                             struct step **out)
{
    const struct server *server = draft->servers[index];
    struct step *group = arena_allocate(&call->lang->arena, sizeof *group);
    group->kind = STEP_STEPS;
    group->where = call->where;
    group->timeout_us = -1;
    group->server = server;
    lua_rawgeti(L, LUA_REGISTRYINDEX, draft->function);
    if (server == NULL) {
        object_push_placeholder(L); /* the item was wrong, and reported */
    } else {
        const struct cluster_draft *cluster = call->lang->cluster;
        bool racked = draft->step.as.rolling.within_rack && cluster != NULL &&
                      cluster->file.rack_count > 0 && !call->lang->stand_in;
        group->label = server->name;
        group->as.group.rack = racked ? rack_of(call, server) : NULL;
        object_push_server(L, server);
    }
    if (!lang_call(L, 1, 1)) {
        call->tainted = true;
        return;
    }
    value_read_steps(L, call, lua_gettop(L), "what the function 'steps' returns", &group->body);
    lua_pop(L, 1);
    *out = group;
}

static enum role role_of(lua_State *L, struct call *call, const struct draft *draft)
{
    enum role role = ROLE_REPLICA;
    for (size_t i = 0; i < draft->server_count; i++) {
        if (draft->servers[i] == NULL) {
            return role;
        }
        if (i > 0 && draft->servers[i]->role != role) {
            call_complain(call, "'over' mixes servers of different roles");
            return role;
        }
        role = draft->servers[i]->role;
        for (size_t j = 0; j < i; j++) {
            if (draft->servers[j] == draft->servers[i]) {
                call_complain(call, "'over' names %s twice", draft->servers[i]->name);
            }
        }
    }
    if (draft->server_count > 0) {
        return role;
    }
    /* An empty list: of which role can only be told when it is one of the cluster's own. */
    lua_getfield(L, call->table, "over");
    for (int known = 0; known < ROLE_COUNT; known++) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, call->lang->server_lists[known]);
        if (lua_rawequal(L, -1, -2)) {
            role = (enum role)known;
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return role;
}

/* Stand-ins are one of each role and have no racks: what only the real servers tell is not asked of
 * them. */
static void check_rolling(struct call *call, const struct draft *draft)
{
    const struct step *step = &draft->step;
    const struct lang *lang = call->lang;
    int32_t canary = step->as.rolling.canary;
    bool within = step->as.rolling.within_rack;
    if (step->as.rolling.order == ORDER_STANDBYS_FIRST && step->as.rolling.role != ROLE_META) {
        call_complain(call, "standbys_first() is an order of metas");
    }
    if (step->as.rolling.order == ORDER_STANDBYS_FIRST && within) {
        call_complain(call, "'within' and standbys_first() cannot both say who is next");
    }
    if (step->as.rolling.max_in_flight > 1 && step->as.rolling.role == ROLE_META &&
        draft->server_count > 0) {
        call_complain(call,
                      "'max_in_flight' is %d, but meta servers go one at a time: one of them must "
                      "lead",
                      step->as.rolling.max_in_flight);
    }
    if (step->as.rolling.soak_us > 0 && canary == 0) {
        call_complain(call, "'soak' is the time after the canary: give 'canary' too");
    }
    if (!lang->stand_in && draft->server_count > 0 && (size_t)canary > draft->server_count) {
        call_complain(call, "'canary' is %d, but 'over' has only %zu servers", canary,
                      draft->server_count);
    }
    if (within && lang->cluster != NULL && lang->cluster->file.rack_count == 0) {
        call_complain(call, "'within': %s has no 'racks'", lang->cluster->file.file);
    }
}

/* The body is called even when another field is wrong, so that its mistakes are reported too. */
void step_finish_rolling(lua_State *L, struct call *call, struct draft *draft)
{
    struct lang *lang = call->lang;
    struct step *step = &draft->step;
    if (draft->function == LUA_NONE) {
        return;
    }
    if (draft->servers == NULL) { /* wrong, and reported: a placeholder takes a server's place */
        draft->servers = arena_allocate(&lang->arena, sizeof *draft->servers);
        draft->server_count = 1;
    }
    step->as.rolling.role = role_of(L, call, draft);
    step->as.rolling.within_rack = draft->within == 1;
    check_rolling(call, draft);
    struct step **items = arena_allocate(&lang->arena, (draft->server_count + 1) * sizeof *items);
    for (size_t i = 0; i < draft->server_count; i++) {
        add_server_steps(L, call, draft, i, &items[i]);
        lang_check_arena(L);
    }
    call->depth++; /* the group made for each server */
    call->count += (int32_t)draft->server_count;
    step->body = (struct step_list){items, draft->server_count};
}

/* ---- try */
/* A group for each part that is there. That of the steps has no name: their ids are the try's. */
void step_finish_try(struct call *call, struct draft *draft)
{
    static const char *const labels[] = {NULL, "rescue", "finally"};
    const struct step_list parts[] = {draft->step.body, draft->rescue, draft->finally};
    struct arena *arena = &call->lang->arena;
    struct step **items = arena_allocate(arena, 3 * sizeof *items);
    size_t count = 0;
    if (!call->tainted && draft->rescue.count == 0 && draft->finally.count == 0) {
        call_complain(call, "has neither 'rescue' nor 'finally': write steps { ... }");
    }
    for (int part = TRY_STEPS; part <= TRY_FINALLY; part++) {
        if (parts[part].count == 0) {
            continue;
        }
        struct step *group = arena_allocate(arena, sizeof *group);
        *group = (struct step){
            .kind = STEP_STEPS,
            .label = labels[part],
            .where = call->where,
            .timeout_us = -1,
            .body = parts[part],
            .as.group.part = (enum try_part)part,
        };
        items[count++] = group;
    }
    draft->step.body = (struct step_list){items, count};
    call->depth++;
    call->count += (int32_t)count;
}
