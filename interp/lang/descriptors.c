#include "lang/descriptors.h"

#include "lang/lang.h"
#include "lang/nearest.h"

#include <string.h>

static const char *const field_kind_texts[FIELD_KIND_COUNT] = {
    [FIELD_TEXT] = "text",
    [FIELD_INTEGER32] = "integer",
    [FIELD_INTEGER64] = "integer",
    [FIELD_NUMBER] = "number",
    [FIELD_BOOLEAN] = "boolean",
    [FIELD_DURATION] = "duration",
    [FIELD_DURATION_MS] = "duration",
    [FIELD_WORD] = "word",
    [FIELD_TEXTS] = "list of texts",
    [FIELD_NAMES] = "table of texts",
    [FIELD_TABLES] = "\"*\" or list of texts",
    [FIELD_PAIRS] = "table of texts",
    [FIELD_JSON] = "any value",
    [FIELD_FUNCTION] = "function",
    [FIELD_FUNCTIONS] = "table of functions",
    [FIELD_VALUES] = "table of values",
    [FIELD_PARAMS] = "table of params",
    [FIELD_OVERRIDES] = "table of values and params",
    [FIELD_EDITS] = "table of steps by id",
    [FIELD_CONDITION] = "condition",
    [FIELD_CONDITIONS] = "list of conditions",
    [FIELD_STEPS] = "list of steps",
    [FIELD_ACTION] = "action",
    [FIELD_SERVERS] = "list of nodes",
    [FIELD_ORDER] = "order policy",
    [FIELD_TARGETS] = "target policy",
    [FIELD_LEVEL] = "meta level",
    [FIELD_SETTINGS] = "table of settings",
    [FIELD_TO] = "word, node or address",
    [FIELD_ADDRESS_LIST] = "list of \"host:port\"",
    [FIELD_RECORD] = "table",
    [FIELD_RECORDS] = "list of tables",
    [FIELD_PLACEMENT] = "list of texts",
    [FIELD_ANY] = "any value",
};

static const char *const group_names[GROUP_COUNT] = {
    [GROUP_ACTION] = "actions",       [GROUP_WAIT] = "waits",      [GROUP_GROUP] = "groups",
    [GROUP_CONDITION] = "conditions", [GROUP_POLICY] = "policies", [GROUP_PARAM] = "params",
    [GROUP_FILE] = "files",
};

const struct descriptor *descriptor_at(size_t index)
{
    if (index < step_descriptor_count) {
        return &step_descriptors[index];
    }
    index -= step_descriptor_count;
    if (index < word_descriptor_count) {
        return &word_descriptors[index];
    }
    index -= word_descriptor_count;
    return index < file_descriptor_count ? &file_descriptors[index] : NULL;
}

const struct descriptor *descriptor_find(const char *name)
{
    const struct descriptor *descriptor;
    for (size_t i = 0; (descriptor = descriptor_at(i)) != NULL; i++) {
        if (strcmp(descriptor->name, name) == 0) {
            return descriptor;
        }
    }
    return NULL;
}

const char *descriptor_nearest(const char *name)
{
    struct nearest nearest = {.word = name};
    const struct descriptor *descriptor;
    for (size_t i = 0; (descriptor = descriptor_at(i)) != NULL; i++) {
        nearest_offer(&nearest, descriptor->name);
    }
    return nearest.best;
}

bool descriptor_is_step(const struct descriptor *descriptor)
{
    return descriptor->group <= GROUP_GROUP;
}

static bool redefines(const struct descriptor *descriptor, const char *name)
{
    for (size_t i = 0; i < descriptor->field_count; i++) {
        if (strcmp(descriptor->fields[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

const struct field *descriptor_field(const struct descriptor *descriptor, size_t index)
{
    if (index < descriptor->field_count) {
        return &descriptor->fields[index];
    }
    if (!descriptor_is_step(descriptor)) {
        return NULL;
    }
    size_t seen = descriptor->field_count;
    for (size_t i = 0; i < common_step_field_count; i++) {
        if (!redefines(descriptor, common_step_fields[i].name) && seen++ == index) {
            return &common_step_fields[i];
        }
    }
    return NULL;
}

const char *field_kind_text(enum field_kind kind)
{
    return field_kind_texts[kind];
}

const char *group_name(enum group group)
{
    return group_names[group];
}

const char *step_kind_name(enum step_kind kind)
{
    for (size_t i = 0; i < step_descriptor_count; i++) {
        if (step_descriptors[i].kind == (int)kind) {
            return step_descriptors[i].name;
        }
    }
    return "?";
}

const char *condition_kind_name(enum condition_kind kind)
{
    for (size_t i = 0; i < word_descriptor_count; i++) {
        if (word_descriptors[i].group == GROUP_CONDITION && word_descriptors[i].kind == (int)kind) {
            return word_descriptors[i].name;
        }
    }
    return "?";
}
