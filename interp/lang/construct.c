/* Constructors as functions: which arguments, and what they make. */
#include "lang/private.h"

#include <inttypes.h>
#include <string.h>

enum { NO_ARGUMENT = 0 };

static void start_call(lua_State *L, const struct descriptor *descriptor, struct call *call)
{
    *call = (struct call){
        .lang = lang_of(L),
        .constructor = descriptor->name,
        .where = lang_where(L),
    };
    if (call->lang->errors == NULL) {
        luaL_error(L, "%s: nothing can be described while a run goes on", descriptor->name);
    }
}

static struct object *push_made(lua_State *L, enum object_kind kind,
                                const struct descriptor *descriptor, const struct call *call)
{
    struct object *object = object_new(L, kind);
    object->descriptor = descriptor;
    object->where = call->where;
    object->depth = call->depth + 1;
    object->count = call->count + 1;
    return object;
}

/* What a step, condition or file under construction is about, besides its table. */
struct subject {
    const char *label;
    const struct server *server;
    const struct condition *condition;
    const struct variant_draft *variant; /* what it is made from, and nothing else yet */
};

static void check_size(struct call *call, const char *what, int depth_limit, int count_limit)
{
    if (call->depth + 1 > depth_limit) {
        call_complain(call, "%s nest more than %d deep", what, depth_limit);
    }
    if (call->count + 1 > count_limit) {
        call_complain(call, "more than %d %s", count_limit, what);
    }
}

/* ---- names */
static bool fits_label(const char *label)
{
    size_t length = strlen(label);
    bool ok = length > 0 && length <= LABEL_BYTES_LIMIT;
    for (const char *c = label; *c != '\0'; c++) {
        ok = ok && (unsigned char)*c >= 0x20 && *c != 0x7f && *c != '/' && *c != '*';
    }
    return ok;
}

static void check_label(struct call *call, const char *label)
{
    if (label != NULL && !fits_label(label)) {
        call_complain(call, "'%.60s' is no name: from 1 to %d characters, no '/' and no '*'", label,
                      LABEL_BYTES_LIMIT);
    }
}

/* Copies the text at `index`; complains when it cannot be a name. */
static const char *read_label(lua_State *L, struct call *call, int index)
{
    const char *label = value_text(L, call, index, "the name");
    check_label(call, label);
    return label;
}

/* ---- steps */
static int make_step(lua_State *L, struct call *call, const struct descriptor *descriptor,
                     const struct subject *subject, int table)
{
    struct draft draft = {.step = {.timeout_us = -1}};
    call->table = table;
    draft.step.kind = (enum step_kind)descriptor->kind;
    draft.step.where = call->where;
    draft.step.label = subject->label;
    draft.step.server = subject->server;
    if (draft.step.kind == STEP_WHEN) {
        draft.step.as.when = subject->condition;
    }
    fields_read(L, call, table, descriptor->fields, descriptor->field_count, common_step_fields,
                common_step_field_count, &draft);
    if (draft.id != NULL) {
        check_label(call, draft.id);
        draft.step.label = draft.id;
    }
    step_finish(L, call, descriptor, &draft);
    check_size(call, "steps", STEP_DEPTH_LIMIT, STEP_COUNT_LIMIT);
    if (call->tainted) {
        object_push_placeholder(L);
        return 1;
    }
    struct object *object = push_made(L, OBJECT_STEP, descriptor, call);
    object->step = arena_allocate(&call->lang->arena, sizeof *object->step);
    *object->step = draft.step;
    if (descriptor->form == FORM_SERVER) {
        object->server = subject->server;
    }
    return 1;
}

/* ---- conditions */
static void name_parts(struct text *out, const struct condition *condition)
{
    text_append_string(out, condition_kind_name(condition->kind));
    text_append_string(out, condition->kind == COND_NOT ? "(" : " { ");
    for (size_t i = 0; i < condition->part_count && out->length < 300; i++) {
        text_append_string(out, i == 0 ? "" : ", ");
        text_append_string(out, condition->parts[i]->name);
    }
    text_append_string(out, condition->kind == COND_NOT ? ")" : " }");
}

static const char *condition_name(struct lang *lang, const struct condition *condition,
                                  const struct subject *subject)
{
    if (subject->label != NULL) {
        return subject->label;
    }
    const char *kind = condition_kind_name(condition->kind);
    if (condition->server != NULL) {
        return arena_printf(&lang->arena, "%s(%s)", kind, condition->server->name);
    }
    if (condition->kind == COND_SURVIVES_LOSS_OF) {
        return arena_printf(&lang->arena, "%s(%" PRId64 ")", kind, condition->number);
    }
    if (condition->part_count == 0) {
        return arena_printf(&lang->arena, "%s()", kind);
    }
    text_reset(&lang->scratch);
    name_parts(&lang->scratch, condition);
    return arena_copy_string(&lang->arena, text_string(&lang->scratch));
}

static int make_condition(lua_State *L, struct call *call, const struct descriptor *descriptor,
                          const struct subject *subject, int argument)
{
    struct lang *lang = call->lang;
    struct condition condition = {
        .kind = (enum condition_kind)descriptor->kind,
        .where = call->where,
        .server = subject->server,
    };
    char buffer[96];
    if (descriptor->form == FORM_TABLE || descriptor->form == FORM_VALUE) {
        fields_read(L, call, argument, descriptor->fields, descriptor->field_count, NULL, 0,
                    &condition);
        if (!call->tainted && descriptor->form == FORM_TABLE && condition.part_count == 0) {
            call_complain(call, "has no conditions");
        }
    } else if (descriptor->form == FORM_CONDITION_ONLY && subject->condition != NULL) {
        const struct condition **parts = arena_allocate(&lang->arena, sizeof *parts);
        parts[0] = subject->condition;
        condition.parts = parts;
        condition.part_count = 1;
    } else if (descriptor->form == FORM_FUNCTION) {
        if (lua_type(L, argument) == LUA_TFUNCTION) {
            lua_pushvalue(L, argument);
            condition.lua = luaL_ref(L, LUA_REGISTRYINDEX);
        } else if (object_of_kind(L, argument, OBJECT_PLACEHOLDER) != NULL) {
            call->tainted = true;
        } else {
            call_complain(call,
                          "wants a function: condition \"%s\" (function(snapshot) ... end), "
                          "not %s",
                          subject->label, object_describe(L, argument, buffer));
        }
    }
    check_size(call, "conditions", CONDITION_DEPTH_LIMIT, CONDITION_COUNT_LIMIT);
    if (call->tainted) {
        object_push_placeholder(L);
        return 1;
    }
    condition.name = condition_name(lang, &condition, subject);
    struct object *object = push_made(L, OBJECT_CONDITION, descriptor, call);
    struct condition *made = arena_allocate(&lang->arena, sizeof *made);
    *made = condition;
    object->condition = made;
    return 1;
}

/* ---- policies and params */
static int make_policy(lua_State *L, struct call *call, const struct descriptor *descriptor)
{
    push_made(L, OBJECT_POLICY, descriptor, call)->policy = (enum policy_kind)descriptor->kind;
    return 1;
}

/* Does anything more than reading its fields; a placeholder when something is wrong. */
static int make_param(lua_State *L, struct call *call, const struct descriptor *descriptor,
                      int table)
{
    struct param param = {
        .descriptor = descriptor,
        .where = call->where,
        .from = "default",
        .min = INT64_MIN,
        .max = INT64_MAX,
    };
    fields_read(L, call, table, descriptor->fields, descriptor->field_count, NULL, 0, &param);
    if (!call->tainted && param.min > param.max) {
        call_complain(call, "'min' is more than 'max'");
    }
    if (!call->tainted && (param.integer < param.min || param.integer > param.max) &&
        descriptor->kind <= PARAM_INTEGER) {
        call_complain(call, "the default is not within 'min' and 'max'");
    }
    if (call->tainted) {
        object_push_placeholder(L);
        return 1;
    }
    lua_rawgeti(L, table, 1);
    size_t length;
    param.written = arena_copy_string(&call->lang->arena, sandbox_tostring(L, -1, &length));
    struct object *object = push_made(L, OBJECT_PARAM, descriptor, call);
    object->param = arena_allocate(&call->lang->arena, sizeof *object->param);
    *object->param = param;
    return 1;
}

/* ---- files */
static void *read_file_fields(lua_State *L, struct call *call, const struct descriptor *descriptor,
                              const struct subject *subject, int table)
{
    struct arena *arena = &call->lang->arena;
    void *file;
    if (descriptor->kind == FILE_WORKFLOW) {
        struct workflow_draft *draft = arena_allocate(arena, sizeof *draft);
        draft->name = subject->label;
        draft->where = call->where;
        draft->summary = "";
        file = draft;
    } else if (descriptor->kind == FILE_CLUSTER) {
        struct cluster_draft *draft = arena_allocate(arena, sizeof *draft);
        draft->file.name = subject->label;
        draft->where = call->where;
        file = draft;
    } else if (descriptor->kind == FILE_VARIANT) {
        struct variant_draft *draft = arena_allocate(arena, sizeof *draft);
        ASSERT(subject->variant != NULL); /* FORM_BASE makes a partial of nothing else */
        *draft = *subject->variant;
        file = draft;
    } else {
        file = model_draft(L, call, subject->label, table);
    }
    fields_read(L, call, table, descriptor->fields, descriptor->field_count, NULL, 0, file);
    return file;
}

/* A file with mistakes is made all the same: the rest of it is to be looked at too. */
static int make_file(lua_State *L, struct call *call, const struct descriptor *descriptor,
                     const struct subject *subject, int table)
{
    void *file = read_file_fields(L, call, descriptor, subject, table);
    file_finish(call, descriptor, file);
    struct object *object = push_made(L, OBJECT_FILE, descriptor, call);
    object->label = subject->label;
    object->file = file;
    return 1;
}

/* ---- arguments */
static int make(lua_State *L, struct call *call, const struct descriptor *descriptor,
                const struct subject *subject, int argument)
{
    lang_check_arena(L);
    lang_charge(L, 50);
    switch (descriptor->group) {
    case GROUP_ACTION:
    case GROUP_WAIT:
    case GROUP_GROUP:
        return make_step(L, call, descriptor, subject, argument);
    case GROUP_CONDITION:
        return make_condition(L, call, descriptor, subject, argument);
    case GROUP_POLICY:
        return make_policy(L, call, descriptor);
    case GROUP_PARAM:
        return make_param(L, call, descriptor, argument);
    case GROUP_FILE:
        return make_file(L, call, descriptor, subject, argument);
    case GROUP_COUNT:
        break;
    }
    return 0;
}

static int make_partial(lua_State *L, struct call *call, const struct descriptor *descriptor,
                        const struct subject *subject)
{
    if (call->tainted) {
        object_push_placeholder(L);
        return 1;
    }
    struct object *object = push_made(L, OBJECT_PARTIAL, descriptor, call);
    object->label = subject->label;
    object->server = subject->server;
    object->condition = subject->condition;
    object->variant = subject->variant;
    object->depth = call->depth;
    object->count = call->count;
    return 1;
}

static int refuse_argument(lua_State *L, struct call *call, const struct descriptor *descriptor,
                           int index)
{
    char buffer[96];
    struct text *form = &call->lang->scratch;
    text_reset(form);
    descriptor_write_form(descriptor, form);
    if (object_of_kind(L, index, OBJECT_PLACEHOLDER) == NULL) {
        call_complain(call, "is written %s, not with %s", text_string(form),
                      object_describe(L, index, buffer));
    }
    object_push_placeholder(L);
    return 1;
}

/* The bare value of a short form becomes a table of one item. */
static void wrap_value(lua_State *L)
{
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 1);
    lua_replace(L, 1);
}

static bool takes_short_form(lua_State *L)
{
    return lua_type(L, 1) == LUA_TSTRING || lua_type(L, 1) == LUA_TNUMBER ||
           object_of_kind(L, 1, OBJECT_DURATION) != NULL;
}

static int call_with_server(lua_State *L, struct call *call, const struct descriptor *descriptor)
{
    const struct object *object = object_of_kind(L, 1, OBJECT_SERVER);
    if (object == NULL) {
        return refuse_argument(L, call, descriptor, 1);
    }
    struct subject subject = {.server = object->server};
    if (descriptor->form == FORM_SERVER_TABLE) {
        return make_partial(L, call, descriptor, &subject);
    }
    lua_createtable(L, 0, 0);
    return make(L, call, descriptor, &subject, lua_gettop(L));
}

static int call_with_condition(lua_State *L, struct call *call, const struct descriptor *descriptor)
{
    const struct object *object = object_of_kind(L, 1, OBJECT_CONDITION);
    if (object == NULL) {
        return refuse_argument(L, call, descriptor, 1);
    }
    struct subject subject = {.condition = object->condition};
    call->depth = object->depth;
    call->count = object->count;
    return descriptor->form == FORM_CONDITION_TABLE
               ? make_partial(L, call, descriptor, &subject)
               : make(L, call, descriptor, &subject, NO_ARGUMENT);
}

static int call_with_base(lua_State *L, struct call *call, const struct descriptor *descriptor)
{
    struct subject subject = {.variant = variant_begin(L, call, 1)};
    if (subject.variant == NULL) {
        object_push_placeholder(L);
        return 1;
    }
    return make_partial(L, call, descriptor, &subject);
}

static int call_with_label(lua_State *L, struct call *call, const struct descriptor *descriptor)
{
    struct subject subject = {0};
    if (lua_type(L, 1) == LUA_TSTRING) {
        subject.label = read_label(L, call, 1);
        return make_partial(L, call, descriptor, &subject);
    }
    if (descriptor->form == FORM_LABELLED && lua_type(L, 1) == LUA_TTABLE) {
        return make(L, call, descriptor, &subject, 1);
    }
    return refuse_argument(L, call, descriptor, 1);
}

int construct_call(lua_State *L)
{
    const struct descriptor *descriptor = lua_touserdata(L, lua_upvalueindex(1));
    struct call call;
    struct subject nothing = {0};
    start_call(L, descriptor, &call);
    lua_settop(L, 1);
    if (descriptor->later) {
        lang_complain(call.lang, call.where, "%s is not available in this version of pegflow",
                      descriptor->name);
        object_push_placeholder(L);
        return 1;
    }
    switch (descriptor->form) {
    case FORM_TABLE:
    case FORM_VALUE:
        if (descriptor->form == FORM_VALUE && takes_short_form(L)) {
            wrap_value(L);
        }
        if (lua_type(L, 1) != LUA_TTABLE) {
            return refuse_argument(L, &call, descriptor, 1);
        }
        return make(L, &call, descriptor, &nothing, 1);
    case FORM_LABELLED:
    case FORM_NAMED:
    case FORM_FUNCTION:
        return call_with_label(L, &call, descriptor);
    case FORM_SERVER:
    case FORM_SERVER_TABLE:
    case FORM_SERVER_ONLY:
        return call_with_server(L, &call, descriptor);
    case FORM_CONDITION_TABLE:
    case FORM_CONDITION_ONLY:
        return call_with_condition(L, &call, descriptor);
    case FORM_BASE:
        return call_with_base(L, &call, descriptor);
    case FORM_NOTHING:
        if (!lua_isnil(L, 1)) {
            return refuse_argument(L, &call, descriptor, 1);
        }
        return make(L, &call, descriptor, &nothing, NO_ARGUMENT);
    }
    return 0;
}

int construct_apply(lua_State *L, struct object *object)
{
    const struct descriptor *descriptor = object->descriptor;
    struct call call;
    start_call(L, descriptor, &call);
    call.where = object->kind == OBJECT_PARTIAL ? object->where : call.where;
    if (object->kind == OBJECT_PARTIAL) { /* the condition of a `when` counts */
        call.depth = object->depth;
        call.count = object->count;
    }
    lua_settop(L, 2);
    bool wants_function = descriptor->form == FORM_FUNCTION;
    if (!wants_function && lua_type(L, 2) != LUA_TTABLE) {
        return refuse_argument(L, &call, descriptor, 2);
    }
    struct subject subject = {object->label, object->server, object->condition, object->variant};
    return make(L, &call, descriptor, &subject, 2);
}
