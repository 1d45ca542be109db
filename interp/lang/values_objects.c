/* Reads values that constructors made: conditions, steps, nodes, policies. */
#include "lang/values.h"

static void count_in(struct call *call, const struct object *object)
{
    call->depth = object->depth > call->depth ? object->depth : call->depth;
    int64_t sum = (int64_t)call->count + object->count;
    call->count = sum > INT32_MAX ? INT32_MAX : (int32_t)sum;
}

void value_read_condition(lua_State *L, const struct target *target, int index)
{
    const struct object *object = object_of_kind(L, index, OBJECT_CONDITION);
    if (object == NULL) {
        value_complain_kind(L, target, index, "a condition");
        return;
    }
    count_in(target->call, object);
    STORE(target, object->condition);
}

void value_read_conditions(lua_State *L, const struct target *target, int index)
{
    struct call *call = target->call;
    char buffer[96];
    lua_Integer count = value_list_length(L, call, index, target->field->name);
    if (count < 0) {
        return;
    }
    const struct condition **conditions = value_array(call, (size_t)count, sizeof *conditions);
    for (lua_Integer i = 0; i < count; i++) {
        lua_rawgeti(L, index, i + 1);
        const struct object *object = object_of_kind(L, -1, OBJECT_CONDITION);
        if (object != NULL) {
            count_in(call, object);
            conditions[i] = object->condition;
        } else if (!value_is_placeholder(L, call, -1)) {
            call_complain(call, "item %lld of '%s' must be a condition, not %s", (long long)i + 1,
                          target->field->name, object_describe(L, -1, buffer));
        }
        lua_pop(L, 1);
    }
    value_store_count(target, (size_t)count);
    STORE(target, conditions);
}

static struct step *step_at(lua_State *L, struct call *call, int index, const char *what)
{
    char buffer[96];
    const struct object *object = object_at(L, index);
    if (object != NULL && object->kind == OBJECT_STEP) {
        count_in(call, object);
        return object->step;
    }
    if (value_is_placeholder(L, call, index)) {
        return NULL;
    }
    if (object != NULL && object->kind == OBJECT_PARTIAL) {
        call_complain(call, "%s is an unfinished '%s': its { ... } is missing", what,
                      object->descriptor->name);
    } else if (lua_type(L, index) == LUA_TTABLE) {
        call_complain(call, "%s is a list: to put steps together write steps { ... }", what);
    } else {
        call_complain(call, "%s must be a step, not %s", what, object_describe(L, index, buffer));
    }
    return NULL;
}

void value_read_steps(lua_State *L, struct call *call, int index, const char *what,
                      struct step_list *out)
{
    char item[160];
    bool single = lua_type(L, index) != LUA_TTABLE;
    lua_Integer count = single ? 1 : value_list_length(L, call, index, what);
    if (count < 0) {
        return;
    }
    if (count == 0) {
        call_complain(call, "%s has no steps", what);
        return;
    }
    struct step **items = value_array(call, (size_t)count, sizeof *items);
    if (single) {
        items[0] = step_at(L, call, index, what);
    }
    for (lua_Integer i = 0; !single && i < count; i++) {
        lua_rawgeti(L, index, i + 1);
        snprintf(item, sizeof item, "item %lld of %s", (long long)i + 1, what);
        items[i] = step_at(L, call, lua_gettop(L), item);
        lua_pop(L, 1);
    }
    *out = (struct step_list){items, (size_t)count};
}

void value_read_step_list(lua_State *L, const struct target *target, int index)
{
    struct step_list list = {0};
    value_read_steps(L, target->call, index, "the list", &list);
    STORE(target, list);
}

void value_read_action(lua_State *L, const struct target *target, int index)
{
    struct step *step = step_at(L, target->call, index, target->field->name);
    if (step == NULL) {
        return;
    }
    if (step->kind > STEP_LOG) {
        call_complain(target->call, "'%s' must be an action, not %s", target->field->name,
                      step_kind_name(step->kind));
        return;
    }
    STORE(target, step);
}

void value_read_servers(lua_State *L, const struct target *target, int index)
{
    struct call *call = target->call;
    char buffer[96];
    lua_Integer count = value_list_length(L, call, index, target->field->name);
    if (count < 0) {
        return;
    }
    const struct server **servers = value_array(call, (size_t)count, sizeof *servers);
    for (lua_Integer i = 0; i < count; i++) {
        lua_rawgeti(L, index, i + 1);
        const struct object *object = object_of_kind(L, -1, OBJECT_SERVER);
        if (object != NULL) {
            servers[i] = object->server;
        } else if (!value_is_placeholder(L, call, -1)) {
            call_complain(call, "item %lld of '%s' must be a node, not %s", (long long)i + 1,
                          target->field->name, object_describe(L, -1, buffer));
        }
        lua_pop(L, 1);
    }
    value_store_count(target, (size_t)count);
    STORE(target, servers);
}

void value_read_policy(lua_State *L, const struct target *target, int index)
{
    const struct object *object = object_of_kind(L, index, OBJECT_POLICY);
    bool order = target->field->kind == FIELD_ORDER;
    int first = order ? POLICY_AS_LISTED : POLICY_FEWEST_PRIMARIES;
    int last = order ? POLICY_STANDBYS_FIRST : POLICY_RANDOM;
    if (object == NULL || (int)object->policy < first || (int)object->policy > last) {
        value_complain_kind(L, target, index,
                            order ? "as_listed() or standbys_first()"
                                  : "fewest_primaries() or random()");
        return;
    }
    int value = (int)object->policy - first;
    STORE(target, value);
}
_Static_assert(POLICY_STANDBYS_FIRST - POLICY_AS_LISTED == ORDER_STANDBYS_FIRST &&
                   POLICY_RANDOM - POLICY_FEWEST_PRIMARIES == TARGET_RANDOM,
               "value_read_policy maps by difference");

void value_read_to(lua_State *L, const struct target *target, int index)
{
    struct draft *draft = target->base;
    const struct object *object = object_of_kind(L, index, OBJECT_SERVER);
    struct error err;
    static const char *const words[] = {"meta", "metas", "replicas", NULL};
    if (object != NULL) {
        draft->to.kind = TO_SERVER;
        draft->to.server = object->server;
        draft->to.address = object->server->address;
        return;
    }
    if (lua_type(L, index) != LUA_TSTRING) {
        value_complain_kind(L, target, index,
                            "\"meta\", \"metas\", \"replicas\", a node or \"ip:port\"");
        return;
    }
    const char *text = lua_tostring(L, index);
    int word = value_find_word(words, text);
    if (word >= 0) {
        draft->to.kind = (enum command_to)word;
    } else if (strchr(text, ':') == NULL) {
        value_complain_word(target, text, words);
    } else if (address_parse(text, &draft->to.address, &err)) {
        draft->to.kind = TO_SERVER;
    } else {
        call_complain(target->call, "'%s': %s", target->field->name, err.text);
    }
}
_Static_assert(TO_LEADER == 0 && TO_METAS == 1 && TO_REPLICAS == 2, "value_read_to maps by index");
