/* What the descriptors say, for people. */
#include "lang/lang.h"

#include "lang/descriptors.h"

#include <stdio.h>
#include <string.h>

static const char *const form_texts[] = {
    [FORM_TABLE] = "%s { ... }",
    [FORM_VALUE] = "%s { ... } or %s value",
    [FORM_LABELLED] = "%s \"label\" { ... } or %s { ... }",
    [FORM_NAMED] = "return %s \"name\" { ... }",
    [FORM_FUNCTION] = "%s \"name\" (function(snapshot) ... end)",
    [FORM_SERVER] = "%s(node) or %s(node) { ... }",
    [FORM_SERVER_TABLE] = "%s(node) { ... }",
    [FORM_SERVER_ONLY] = "%s(node)",
    [FORM_CONDITION_TABLE] = "%s(condition) { ... }",
    [FORM_CONDITION_ONLY] = "%s(condition)",
    [FORM_BASE] = "return %s \"name\" { ... } or return %s(workflow) { ... }",
    [FORM_NOTHING] = "%s()",
};

void descriptor_write_form(const struct descriptor *descriptor, struct text *out)
{
    for (const char *c = form_texts[descriptor->form]; *c != '\0'; c++) {
        if (*c == '%') {
            text_append_string(out, descriptor->name);
            c++;
        } else {
            text_append_char(out, *c);
        }
    }
}

static const char *position_text(const struct field *field)
{
    if ((field->flags & FIRST) != 0) {
        return "item 1: ";
    }
    if ((field->flags & SECOND) != 0) {
        return "item 2: ";
    }
    return (field->flags & REST) != 0 ? "items: " : "";
}

static void write_field(const struct field *field, const char *indent, struct text *out)
{
    text_printf(out, "%s%s%s (%s", indent, position_text(field), field->name,
                field_kind_text(field->kind));
    if ((field->flags & REQUIRED) != 0) {
        text_append_string(out, ", required");
    }
    if (field->fallback != NULL) {
        text_printf(out, ", default %s", field->fallback);
    }
    if ((field->flags & LATER) != 0) {
        text_append_string(out, ", not available yet");
    }
    text_printf(out, ")\n%s    %s\n", indent, field->doc);
    for (size_t i = 0; i < field->row_count; i++) {
        write_field(&field->rows[i], "      ", out);
    }
}

static void write_descriptor(const struct descriptor *descriptor, struct text *out)
{
    const struct field *field;
    descriptor_write_form(descriptor, out);
    text_printf(out, "\n  %s%s\n", descriptor->doc,
                descriptor->later ? " (not available in this version)" : "");
    for (size_t i = 0; (field = descriptor_field(descriptor, i)) != NULL; i++) {
        write_field(field, "  ", out);
    }
    text_printf(out, "  example:\n    %s\n", descriptor->example);
}

bool lang_describe(const char *name, struct text *out, const char **nearest)
{
    const struct descriptor *descriptor = name == NULL ? NULL : descriptor_find(name);
    if (descriptor != NULL) {
        write_descriptor(descriptor, out);
        return true;
    }
    if (name != NULL) {
        *nearest = descriptor_nearest(name);
        return false;
    }
    for (int group = 0; group < GROUP_COUNT; group++) {
        text_printf(out, "%s%s\n", group == 0 ? "" : "\n", group_name((enum group)group));
        for (size_t i = 0; (descriptor = descriptor_at(i)) != NULL; i++) {
            if ((int)descriptor->group == group) {
                text_printf(out, "  %-20s %s%s\n", descriptor->name, descriptor->doc,
                            descriptor->later ? " (not available yet)" : "");
            }
        }
    }
    return true;
}
