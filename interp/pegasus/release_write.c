#include "pegasus/release.h"

#include "pegasus/release_private.h"

#include <string.h>

const char *release_json_key(const char *command)
{
    static const char prefix[] = "meta.lb.";
    enum setting_kind kind;
    bool is_list = setting_kind_of(command, &kind) && kind == SETTING_LIST;
    return is_list && strncmp(command, prefix, sizeof prefix - 1) == 0 ? command + sizeof prefix - 1
                                                                       : command;
}

static void append_json_string(struct text *out, const char *string)
{
    static const char named[] = "\b\f\n\r\t\"\\";
    static const char letters[] = "bfnrt\"\\";
    text_append_char(out, '"');
    for (const char *at = string; *at != '\0'; at++) {
        const char *found = strchr(named, *at);
        if (found != NULL) {
            text_append_char(out, '\\');
            text_append_char(out, letters[found - named]);
        } else if ((unsigned char)*at < 0x20) {
            text_printf(out, "\\u%04x", (unsigned)*at);
        } else {
            text_append_char(out, *at);
        }
    }
    text_append_char(out, '"');
}

static void append_json_pair(struct text *out, const char *key, const char *value, bool quoted)
{
    text_append_string(out, "  ");
    append_json_string(out, key);
    text_append_string(out, ": ");
    if (quoted) {
        append_json_string(out, value);
    } else {
        text_append_string(out, value);
    }
}

/* {"error": ..., key: value}, keys sorted; no second pair when `value` is NULL. */
static void write_json(const char *error, const char *key, const char *value, bool quoted,
                       struct text *out)
{
    bool value_first = value != NULL && strcmp(key, "error") < 0;
    text_append_string(out, "{\n");
    if (value_first) {
        append_json_pair(out, key, value, quoted);
        text_append_string(out, ",\n");
    }
    append_json_pair(out, "error", error, true);
    if (value != NULL && !value_first) {
        text_append_string(out, ",\n");
        append_json_pair(out, key, value, quoted);
    }
    text_append_string(out, "\n}");
}

static void write_json_refusal(enum setting_kind kind, const char *arguments, int argument_count,
                               struct text *out)
{
    struct text error = {0};
    if (kind == SETTING_LIST) {
        text_printf(&error, "invalid argument, bad host:port '%s'", arguments);
    } else if (argument_count > 1) {
        text_printf(&error, "ERR: invalid arguments '%s', only one argument is acceptable",
                    arguments);
    } else if (kind == SETTING_BOOLEAN) {
        text_printf(&error, "ERR: invalid arguments, '%s' is not a boolean", arguments);
    } else {
        text_printf(&error, "ERR: invalid argument '%s', the value is not acceptable", arguments);
    }
    write_json(text_string(&error), NULL, NULL, false, out);
    text_clear(&error);
}

static void write_text(enum setting_kind setting, enum reply_kind reply, const char *value,
                       struct text *out)
{
    bool is_list = setting == SETTING_LIST;
    switch (reply) {
    case REPLY_OK:
        if (!is_list) {
            text_append_string(out, REPLY_TEXT_OK);
        } else {
            text_append_string(out, value != NULL && strcmp(value, "clear") == 0 ? REPLY_LIST_CLEAR
                                                                                 : REPLY_LIST_SET);
        }
        break;
    case REPLY_VALUE:
        text_printf(out, "%s%s", is_list ? REPLY_LIST_QUERY " " : "", value);
        break;
    case REPLY_REFUSED:
        text_append_string(out, is_list ? REPLY_LIST_BAD : REPLY_TEXT_BAD);
        break;
    case REPLY_UNKNOWN_COMMAND:
        break;
    }
}

void release_write_setting_reply(enum release release, const char *command, enum reply_kind kind,
                                 const char *value, int argument_count, bool after_default,
                                 struct text *out)
{
    enum setting_kind setting = SETTING_INTEGER;
    if (kind == REPLY_UNKNOWN_COMMAND) {
        text_printf(out, REPLY_UNKNOWN_PREFIX "%s'", command);
        return;
    }
    (void)setting_kind_of(command, &setting);
    if (!release_traits(release)->json_replies) {
        write_text(setting, kind, value, out);
    } else if (kind == REPLY_REFUSED) {
        write_json_refusal(setting, value, argument_count, out);
    } else if (kind == REPLY_VALUE || after_default) {
        write_json(REPLY_JSON_OK, release_json_key(command), value, kind == REPLY_VALUE, out);
    } else {
        write_json(REPLY_JSON_OK, NULL, NULL, false, out);
    }
}

void release_write_server_info(enum release release, const char *version, const char *commit,
                               const char *start_time, struct text *out)
{
    if (!release_traits(release)->json_replies) {
        text_printf(out, "Pegasus Server %s (%s) Release, Started at %s", version, commit,
                    start_time);
        return;
    }
    text_append_string(out, "{\"build_type\":\"Release\",\"git_SHA\":");
    append_json_string(out, commit);
    text_append_string(out, ",\"start_time\":");
    append_json_string(out, start_time);
    text_append_string(out, ",\"version\":");
    append_json_string(out, version);
    text_append_char(out, '}');
}
