/* What the descriptors say, as annotations for the Lua language server. */
#include "lang/lang.h"

#include "lang/descriptors.h"

static const char *stub_type(enum field_kind kind)
{
    switch (kind) {
    case FIELD_TEXT:
    case FIELD_WORD:
    case FIELD_LEVEL:
        return "string";
    case FIELD_INTEGER32:
    case FIELD_INTEGER64:
        return "integer";
    case FIELD_NUMBER:
        return "number";
    case FIELD_BOOLEAN:
        return "boolean";
    case FIELD_DURATION:
    case FIELD_DURATION_MS:
        return "string|pegflow.duration";
    case FIELD_TEXTS:
    case FIELD_ADDRESS_LIST:
    case FIELD_PLACEMENT:
        return "string[]";
    case FIELD_TABLES:
        return "string|string[]";
    case FIELD_PAIRS:
    case FIELD_NAMES:
        return "table<string, string>";
    case FIELD_FUNCTION:
        return "function";
    case FIELD_FUNCTIONS:
        return "table<string, fun(node: pegflow.node, version?: string): any>";
    case FIELD_VALUES:
    case FIELD_SETTINGS:
        return "table<string, string|number|boolean>";
    case FIELD_PARAMS:
        return "table<string, pegflow.param>";
    case FIELD_OVERRIDES:
        return "table<string, pegflow.param|string|number|boolean>";
    case FIELD_EDITS:
        return "table<string, pegflow.step|pegflow.step[]|fun(node: pegflow.node, p: any, cluster: "
               "pegflow.cluster): any>";
    case FIELD_CONDITION:
        return "pegflow.condition";
    case FIELD_CONDITIONS:
        return "pegflow.condition[]";
    case FIELD_STEPS:
        return "pegflow.step[]";
    case FIELD_ACTION:
        return "pegflow.step";
    case FIELD_SERVERS:
        return "pegflow.node[]";
    case FIELD_ORDER:
    case FIELD_TARGETS:
        return "pegflow.policy";
    case FIELD_TO:
        return "string|pegflow.node";
    case FIELD_RECORD:
        return "table";
    case FIELD_RECORDS:
        return "table[]";
    case FIELD_JSON:
    case FIELD_ANY:
    case FIELD_KIND_COUNT:
        break;
    }
    return "any";
}

static bool is_common(const struct field *field)
{
    return field >= common_step_fields && field < common_step_fields + common_step_field_count;
}

static void write_stub_field(const char *owner, const struct field *field, struct text *out)
{
    owner = is_common(field) ? "step" : owner; /* its class is written once */
    const char *needed = (field->flags & REQUIRED) != 0 ? "" : "?";
    if ((field->flags & LATER) != 0) {
        return;
    }
    if ((field->flags & (FIRST | SECOND)) != 0) {
        text_printf(out, "---@field [%d] %s %s\n", (field->flags & FIRST) != 0 ? 1 : 2,
                    stub_type(field->kind), field->doc);
    } else if ((field->flags & REST) != 0) {
        text_printf(out, "---@field [integer] any %s\n", field->doc);
    } else if (field->rows != NULL) {
        text_printf(out, "---@field %s%s pegflow.%s.%s%s %s\n", field->name, needed, owner,
                    field->name, field->kind == FIELD_RECORDS ? "[]" : "", field->doc);
    } else {
        text_printf(out, "---@field %s%s %s %s\n", field->name, needed, stub_type(field->kind),
                    field->doc);
    }
}

/* A table within a table has a class of its own, and none within it. */
static void write_stub_record(const char *owner, const struct field *field, struct text *out)
{
    text_printf(out, "---@class pegflow.%s.%s\n", owner, field->name);
    for (size_t i = 0; i < field->row_count; i++) {
        write_stub_field(owner, &field->rows[i], out);
    }
    text_append_string(out, "\n");
}

static void write_stub_fields(const struct descriptor *descriptor, struct text *out)
{
    const struct field *field;
    for (size_t i = 0; (field = descriptor_field(descriptor, i)) != NULL; i++) {
        if (field->rows != NULL && !is_common(field)) {
            write_stub_record(descriptor->name, field, out);
        }
    }
    text_printf(out, "---@class pegflow.%s.fields\n", descriptor->name);
    for (size_t i = 0; (field = descriptor_field(descriptor, i)) != NULL; i++) {
        write_stub_field(descriptor->name, field, out);
    }
    text_append_string(out, "\n");
}

static void write_stub_function(const struct descriptor *descriptor, struct text *out)
{
    static const char *const made[] = {
        [GROUP_ACTION] = "pegflow.step",   [GROUP_WAIT] = "pegflow.step",
        [GROUP_GROUP] = "pegflow.step",    [GROUP_CONDITION] = "pegflow.condition",
        [GROUP_POLICY] = "pegflow.policy", [GROUP_PARAM] = "pegflow.param",
        [GROUP_FILE] = "pegflow.file",
    };
    const char *name = descriptor->name;
    const char *result = made[descriptor->group];
    text_printf(out, "---%s\n", descriptor->doc);
    switch (descriptor->form) {
    case FORM_TABLE:
        text_printf(out, "---@param fields pegflow.%s.fields\n---@return %s\n", name, result);
        break;
    case FORM_VALUE:
        text_printf(out, "---@param fields pegflow.%s.fields|any\n---@return %s\n", name, result);
        break;
    case FORM_LABELLED:
        text_printf(out, "---@overload fun(fields: pegflow.%s.fields): %s\n", name, result);
        text_printf(out,
                    "---@param fields string\n"
                    "---@return fun(fields: pegflow.%s.fields): %s\n",
                    name, result);
        break;
    case FORM_NAMED:
        text_printf(out,
                    "---@param fields string\n"
                    "---@return fun(fields: pegflow.%s.fields): %s\n",
                    name, result);
        break;
    case FORM_FUNCTION:
        text_printf(out,
                    "---@param fields string\n"
                    "---@return fun(predicate: fun(snapshot: pegflow.snapshot): boolean?, "
                    "string?): %s\n",
                    result);
        break;
    case FORM_SERVER:
    case FORM_SERVER_TABLE:
        text_printf(out,
                    "---@param fields pegflow.node\n"
                    "---@return fun(fields: pegflow.%s.fields): %s\n",
                    name, result);
        break;
    case FORM_SERVER_ONLY:
        text_printf(out, "---@param fields pegflow.node\n---@return %s\n", result);
        break;
    case FORM_CONDITION_TABLE:
        text_printf(out,
                    "---@param fields pegflow.condition\n"
                    "---@return fun(fields: pegflow.%s.fields): %s\n",
                    name, result);
        break;
    case FORM_CONDITION_ONLY:
        text_printf(out, "---@param fields pegflow.condition\n---@return %s\n", result);
        break;
    case FORM_BASE:
        text_printf(out,
                    "---@param fields string|pegflow.file\n"
                    "---@return fun(fields: pegflow.%s.fields): %s\n",
                    name, result);
        break;
    case FORM_NOTHING:
        text_printf(out, "---@return %s\n", result);
        break;
    }
    text_printf(out, "function %s(%s) end\n\n", name,
                descriptor->form == FORM_NOTHING ? "" : "fields");
}

void lang_write_editor_stubs(struct text *out)
{
    const struct descriptor *descriptor;
    text_append_string(
        out, "---@meta\n"
             "-- Written from the program's own descriptors: `pegflow describe --stubs`.\n"
             "\n"
             "---@class pegflow.step\n"
             "---@class pegflow.condition\n"
             "---@class pegflow.policy\n"
             "---@class pegflow.param\n"
             "---@class pegflow.file\n"
             "---@class pegflow.duration\n"
             "---@operator add(pegflow.duration|string): pegflow.duration\n"
             "---@operator mul(number): pegflow.duration\n"
             "\n"
             "---@class pegflow.node\n"
             "---@field name string the cluster's own name for it\n"
             "---@field host string\n"
             "---@field ip string\n"
             "---@field port integer\n"
             "---@field address string ip:port\n"
             "---@field role \"replica\"|\"meta\"|\"collector\"\n"
             "---@field index integer\n"
             "\n"
             "---@class pegflow.cluster\n"
             "---@field name string\n"
             "---@field replicas pegflow.node[]\n"
             "---@field metas pegflow.node[]\n"
             "---@field collectors pegflow.node[]\n"
             "\n"
             "---@class pegflow.reply what functions about an http step get\n"
             "---@field status integer\n"
             "---@field body string\n"
             "---@field json any the body as a value, nil where it is not JSON\n"
             "---@field location string? of the header of that name\n"
             "---@field url string what was asked\n"
             "\n"
             "---@class pegflow.snapshot.node\n"
             "---@field name string\n"
             "---@field address string\n"
             "---@field status \"ALIVE\"|\"UNALIVE\"|\"unknown\"\n"
             "---@field primaries integer\n"
             "---@field secondaries integer\n"
             "\n"
             "---@class pegflow.snapshot.partition\n"
             "---@field index integer\n"
             "---@field ballot integer\n"
             "---@field primary pegflow.snapshot.node?\n"
             "---@field secondaries pegflow.snapshot.node[]\n"
             "---@field max_replica_count integer\n"
             "---@field healthy boolean\n"
             "\n"
             "---@class pegflow.snapshot.table\n"
             "---@field name string\n"
             "---@field app_id integer\n"
             "---@field status string\n"
             "---@field max_replica_count integer\n"
             "---@field partitions pegflow.snapshot.partition[]\n"
             "\n"
             "---@class pegflow.snapshot\n"
             "---@field nodes pegflow.snapshot.node[]\n"
             "---@field tables pegflow.snapshot.table[]\n"
             "---@field level string\n"
             "---@field stored_level string\n"
             "---@field leader string\n"
             "---@field cluster_name string?\n"
             "\n");
    for (size_t i = 0; i < common_step_field_count; i++) {
        if (common_step_fields[i].rows != NULL) {
            write_stub_record("step", &common_step_fields[i], out);
        }
    }
    text_append_string(out, "---the place of a secret: a variable of the environment\n"
                            "---@param name string\n"
                            "---@return string\n"
                            "function env(name) end\n"
                            "\n");
    for (size_t i = 0; (descriptor = descriptor_at(i)) != NULL; i++) {
        if (descriptor->later) {
            continue;
        }
        if (descriptor_field(descriptor, 0) != NULL) {
            write_stub_fields(descriptor, out);
        }
        write_stub_function(descriptor, out);
    }
}
