/* What the descriptors say, as a page: docs/language.md. */
#include "lang/lang.h"

#include "lang/descriptors.h"

#include <ctype.h>
#include <string.h>

static const char introduction[] =
    "# The language\n"
    "\n"
    "Every word a file of a site can use, with its fields, and an example of each. The page is "
    "written\n"
    "from the rows that also check the files, so it says what this version does\n"
    "(`pegflow describe --markdown`); `pegflow describe WORD` shows one word on the terminal.\n"
    "\n"
    "## What a file is\n"
    "\n"
    "A file returns one thing: a `workflow`, a `variant` of one, a `cluster`, a `model`. It "
    "describes\n"
    "and does nothing: whatever happens to a cluster is a step, and the interpreter performs "
    "steps.\n"
    "So a whole upgrade can be read, checked and shown before anything is done.\n"
    "\n"
    "- Words are functions that take a table: `wait_until { ... }`. A field that is known by its "
    "place\n"
    "  stands first, without its name. Where `sleep { \"30s\", id = \"nap\" }` has nothing to say "
    "but the\n"
    "  one value, `sleep \"30s\"` is enough.\n"
    "- A duration is a text with its unit: `\"90s\"`, `\"10m\"`, `\"1h30m\"`. A bare number is "
    "refused.\n"
    "- A list of steps has no holes. To leave a step out, write `when(condition) { ... }`.\n"
    "- A function of a file gets values and returns values. It does not read, wait or draw lots, "
    "there\n"
    "  is no `io`, `os` or `math.random`, and one that does not end is stopped with its file and "
    "line.\n"
    "- `require \"name\"` finds `name.lua` in the folder of the file that is loaded, then in the "
    "folders\n"
    "  of `--lib` and `PEGFLOW_PATH`, then in the standard library (`deploy.exec`, `deploy.http`,\n"
    "  `deploy.simulated`).\n"
    "- All mistakes of a file are told at once, each with its line and the nearest right word.\n"
    "\n"
    "## What functions get\n"
    "\n"
    "`steps` of a workflow gets `cluster`, with `name` and the lists `replicas`, `metas` and\n"
    "`collectors`, and `p`, the params. A server of these lists, `node` in the examples, has "
    "`name`\n"
    "(the cluster's own for it), `host`, `ip`, `port`, `address` (ip:port), `role` and `index`. A "
    "param\n"
    "of kind duration is a value that knows `*`, `+` and comparison. A site's own `condition` gets "
    "a\n"
    "snapshot: `nodes`, `tables` with their `partitions`, `level`, `leader`.\n"
    "\n"
    "`expect`, `done`, `failed` and `next_url` of an `http` get the reply: `status`, `body`, "
    "`json` (the\n"
    "body as a value, nil where it is not JSON; null is nil in it), `location` (of the header of "
    "that\n"
    "name) and `url` (what was asked). `expect` of an `exec` gets `exit_code` and `output`.\n"
    "\n"
    "## Secrets\n"
    "\n"
    "`env \"TOKEN\"` stands for the value of a variable of the environment, in a text of `http`, "
    "`notify`\n"
    "or `exec`: `headers = { Authorization = \"Bearer \" .. env \"TOKEN\" }`. It is a text and can "
    "be put\n"
    "together with others, not taken apart: the value comes in right before a request is sent or a "
    "program\n"
    "started, and what these say is shown with `***` in its place. `run` wants the variable to be "
    "set, of\n"
    "four characters at least; `check`, `plan` and `rehearse` do not look at it. Arguments of a "
    "program can\n"
    "be seen by others on the same machine: a variable of its own (`env = { TOKEN = env \"TOKEN\" "
    "}`) cannot.\n"
    "\n"
    "## Programs and services in a rehearsal\n"
    "\n"
    "Nothing is executed and nothing is sent. What a model declares in `programs` and `http` is "
    "the\n"
    "answer, and functions are asked about it. What it does not declare is taken to have worked, "
    "without\n"
    "asking a function; and the last program, or the last request but GET, of a `deploy` does in "
    "the\n"
    "model what the step is for. A row with a failure (`exit_code`, `status`) does nothing there.\n"
    "\n"
    "## Ids of steps\n"
    "\n"
    "Each step has a path that stays the same from run to run: "
    "`replicas/10.0.0.3:34801/drain/deploy`.\n"
    "Its parts are the named groups around the step: labels, `id`s, servers as the cluster names "
    "them.\n"
    "A step without a name is called by its kind, and numbered among those of its kind in the "
    "same\n"
    "named group: `wait_until`, `wait_until-2`. A group without a name (`hold { ... }`) leaves no "
    "part in\n"
    "the paths of its steps. In a `variant`, `*` stands for any server: "
    "`replicas/*/drain/deploy`;\n"
    "`replicas/*` is all that is done for one server. What a variant adds gets numbers that were "
    "not\n"
    "given yet, a replacement of the same kind keeps the id, and no other id changes. A `try` has "
    "a\n"
    "name of its own; what it does besides its steps is in `try/rescue` and `try/finally`.\n"
    "\n"
    "## When a step fails\n"
    "\n"
    "A step that fails ends the run: what is held is put back, and the run says what it saw last.\n"
    "Four things change that, the innermost first.\n"
    "\n"
    "- `retry` does the step again after a pause, from its beginning, with its whole time. An "
    "action\n"
    "  that may have been done although it failed (a program that was ended, a request or a "
    "command\n"
    "  without an answer) is not done again: nor is a group with one in it.\n"
    "- `on_failure` says what becomes of the failure then.\n"
    "- `try` does other steps, its `rescue`, and the failure is over.\n"
    "- `max_failures` of a `rolling` lets the other servers go on. The run ends as failed all the "
    "same:\n"
    "  not every server was done.\n"
    "\n"
    "None of them touches a stop, a person's no, or a value that could not be put back.\n"
    "\n"
    "## What a person is asked\n"
    "\n"
    "`confirm`, a canary, `on_timeout = \"ask\"` and `on_failure = \"ask\"` wait for a person's "
    "word,\n"
    "on the run's terminal; no time makes an answer. A rehearsal says yes to `confirm` and after "
    "a\n"
    "canary, no and stop to the others, and tells what it would have asked.\n"
    "\n"
    "## Several servers at once\n"
    "\n"
    "A server that one turn of a `rolling` or one branch of a `parallel` takes away counts as lost "
    "for\n"
    "the guard of every other, until that turn or branch has ended. So `max_in_flight` is a wish: "
    "a\n"
    "turn begins only when every partition keeps enough replicas without all servers in work, and\n"
    "the run says which ones it waits for. In a `parallel`, where it cannot be known beforehand, "
    "the\n"
    "action itself waits: a branch should hold nothing then that keeps the others from healing.\n"
    "Values that two hold at once must be the same; the last to end puts them back.\n"
    "\n"
    "## What is held, and what must always hold\n"
    "\n"
    "Of two holds of the same setting the inner one wins. Where two could be at work at the same "
    "time (the\n"
    "branches of a `parallel`, the turns of a `rolling` with `max_in_flight` above 1) they must "
    "want the same\n"
    "value, and what is inside a hold cannot set what it keeps: both are refused when the workflow "
    "is\n"
    "planned.\n"
    "\n"
    "A held value that somebody else changes pauses the run, as does a replica server that "
    "restarts by\n"
    "itself. In a pause nothing is begun: no step, no nudge. Waits go on looking, a deploy that "
    "has begun is\n"
    "followed, what is still as held is kept, and time limits stand still (not that of a program "
    "which runs). It ends when the value "
    "reads as\n"
    "held again, or when a person continues: then held values are set again first, and at the end "
    "they go\n"
    "back to what they were before the run, not to what somebody else set. A person who stops the "
    "run\n"
    "leaves the other's value as it is: the run says so, and ends with exit code 5. No time ends a "
    "pause. A\n"
    "rehearsal, where nobody can answer, ends there as stopped.\n"
    "\n"
    "`always` is asked with `requires`, and every two seconds from then on, whatever step is under "
    "way. A\n"
    "no ends the run as failed, and held values are put back. So does an unknown that lasts for a "
    "minute; a\n"
    "shorter one is no more than an election. What an upgrade itself breaks for a while (a server "
    "away, a\n"
    "partition one replica short) is no condition for it.\n"
    "\n"
    "## When a guard says no\n"
    "\n"
    "`override` lifts the guard's no for one step, with a reason, until it expires:\n"
    "\n"
    "```lua\n"
    "deploy(node) { \"update\", override = { guard = true, reason = \"lab, may lose data\", "
    "expires = \"2026-12-01\" } }\n"
    "```\n"
    "\n"
    "An unknown still stops the step. Once it has expired no command takes the workflow any more, "
    "nor does a\n"
    "run that is under way when it ends. Each use is told, at the end too. For what is so for good "
    "(a table\n"
    "of one replica, a cluster of three servers) there is `accept` in the cluster file.\n";

/* '|' would end the cell of a table. */
static void append_cell(struct text *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '|') {
            text_append_char(out, '\\');
        }
        text_append_char(out, *c);
    }
}

static const char *position(const struct field *field)
{
    if ((field->flags & FIRST) != 0) {
        return " (item 1)";
    }
    if ((field->flags & SECOND) != 0) {
        return " (item 2)";
    }
    return (field->flags & REST) != 0 ? " (items)" : "";
}

static void write_row(const struct field *field, const char *within, struct text *out)
{
    text_printf(out, "| `%s%s%s`%s | ", within, within[0] == '\0' ? "" : ".", field->name,
                position(field));
    append_cell(out, field_kind_text(field->kind));
    if ((field->flags & LATER) != 0) {
        text_append_string(out, " | not available yet | ");
    } else if ((field->flags & REQUIRED) != 0) {
        text_append_string(out, " | required | ");
    } else if (field->fallback != NULL) {
        text_printf(out, " | `%s` | ", field->fallback);
    } else {
        text_append_string(out, " | | ");
    }
    append_cell(out, field->doc);
    text_append_string(out, " |\n");
    for (size_t i = 0; i < field->row_count; i++) {
        write_row(&field->rows[i], field->name, out);
    }
}

static void write_rows(const struct field *fields, size_t count, struct text *out)
{
    if (count > 0) {
        text_append_string(out, "\n| field | what | default | meaning |\n"
                                "| --- | --- | --- | --- |\n");
    }
    for (size_t i = 0; i < count; i++) {
        write_row(&fields[i], "", out);
    }
}

/* Each way to write the word is code of its own: "`sleep { ... }` or `sleep value`". */
static void write_form(const struct descriptor *descriptor, struct text *out)
{
    static const char parting[] = " or ";
    struct text form = {0};
    descriptor_write_form(descriptor, &form);
    const char *from = text_string(&form);
    const char *end;
    while ((end = strstr(from, parting)) != NULL) {
        text_printf(out, "`%.*s`%s", (int)(end - from), from, parting);
        from = end + sizeof parting - 1;
    }
    text_printf(out, "`%s`", from);
    text_clear(&form);
}

static void write_word(const struct descriptor *descriptor, struct text *out)
{
    text_printf(out, "\n### %s\n\n", descriptor->name);
    write_form(descriptor, out);
    text_printf(out, ": %s.%s\n", descriptor->doc,
                descriptor->later ? " Not available in this version." : "");
    write_rows(descriptor->fields, descriptor->field_count, out);
    text_printf(out, "\n```lua\n%s\n```\n", descriptor->example);
}

void lang_write_reference(struct text *out)
{
    text_append_string(out, introduction);
    text_append_string(out, "\n## Fields of every step\n\n"
                            "Besides its own fields, each action, wait and group takes these.\n");
    write_rows(common_step_fields, common_step_field_count, out);
    for (int group = 0; group < GROUP_COUNT; group++) {
        const struct descriptor *descriptor;
        const char *name = group_name((enum group)group);
        const char *separator = "";
        text_printf(out, "\n## %c%s\n\n", toupper((unsigned char)name[0]), name + 1);
        for (size_t i = 0; (descriptor = descriptor_at(i)) != NULL; i++) {
            if ((int)descriptor->group == group) {
                text_printf(out, "%s[%s](#%s)", separator, descriptor->name, descriptor->name);
                separator = " ·\n";
            }
        }
        text_append_string(out, "\n");
        for (size_t i = 0; (descriptor = descriptor_at(i)) != NULL; i++) {
            if ((int)descriptor->group == group) {
                write_word(descriptor, out);
            }
        }
    }
}
