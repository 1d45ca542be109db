/* cli/describe.c - pegflow describe: the language, from the rows that also check it. */
#include "cli/cli.h"
#include "lang/lang.h"

#include "base/text.h"

#include <stdio.h>

static const struct option_row options[] = {
    {"stubs", 0, OPTION_FLAG, NULL, NULL,
     "print annotations for the Lua language server (stdlib/meta/pegflow.lua)"},
    {"markdown", 0, OPTION_FLAG, NULL, NULL, "print the whole reference (docs/language.md)"},
};

static int run_describe(const struct arguments *arguments, struct error *err)
{
    const char *name =
        arguments_operand_count(arguments) > 0 ? arguments_operand(arguments, 0) : NULL;
    const char *nearest = NULL;
    struct text out = {0};
    bool ok = true;
    if (arguments_flag(arguments, "stubs")) {
        lang_write_editor_stubs(&out);
    } else if (arguments_flag(arguments, "markdown")) {
        lang_write_reference(&out);
    } else {
        ok = lang_describe(name, &out, &nearest);
    }
    if (ok) {
        fputs(text_string(&out), stdout);
    } else {
        error_set(err, ERROR_USAGE, "the language has no '%s'%s%s%s", name,
                  nearest == NULL ? "" : "; did you mean '", nearest == NULL ? "" : nearest,
                  nearest == NULL ? "" : "'?");
    }
    text_clear(&out);
    return ok ? 0 : -1;
}

const struct command command_describe = {
    .name = "describe",
    .summary = "show the words of the language, or all about one of them",
    .operands = "[NAME]",
    .operand_min = 0,
    .operand_max = 1,
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .description = "Lists every constructor by group; with a name, its fields, defaults and an "
                   "example.\n",
    .example = "pegflow describe wait_until\n    what a wait takes",
    .run = run_describe,
};
