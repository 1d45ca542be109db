#include "cli/cli.h"

#include "base/text.h"
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A new command is a file, a `struct command` and a line here. */
static const struct {
    const char *group;
    const struct command *command;
} commands[] = {
    /* clang-format off */
    {"Look, and change nothing", &command_check},
    {"Look, and change nothing", &command_doctor},
    {"Look, and change nothing", &command_plan},
    {"Look, and change nothing", &command_snapshot},
    {"Look, and change nothing", &command_describe},
    {"Upgrade a cluster", &command_run},
    {"Upgrade a cluster", &command_resume},
    {"Upgrade a cluster", &command_revert},
    {"Upgrade a cluster", &command_fetch},
    {"Upgrade a cluster", &command_pause},
    {"Upgrade a cluster", &command_continue},
    {"Upgrade a cluster", &command_stop},
    {"Upgrade a cluster", &command_answer},
    {"Upgrade a cluster", &command_holds},
    {"Look at runs", &command_status},
    {"Look at runs", &command_watch},
    {"Look at runs", &command_history},
    {"Try it without a cluster", &command_rehearse},
    {"Try it without a cluster", &command_simulate},
    /* clang-format on */
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static const char exit_codes[] =
    "Exit codes:\n"
    "  0  done, everything put back and verified\n"
    "  1  the run failed, and everything was put back\n"
    "  2  wrong usage, or an invalid file\n"
    "  3  refused before any change: a requirement, a guard, the wrong or an unreachable cluster,\n"
    "     or doctor has findings\n"
    "  4  stopped by the operator, and everything was put back\n"
    "  5  something could not be put back; the output says what and how\n"
    "  6  a test or a simulated cluster found what must never happen\n";

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].command->name, name) == 0) {
            return commands[i].command;
        }
    }
    return NULL;
}

static void write_overview(struct text *out)
{
    const char *group = "";

    text_append_string(out, "pegflow upgrades Apache Pegasus clusters without taking them down.\n\n"
                            "usage: pegflow COMMAND [options] [operands]\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(group, commands[i].group) != 0) {
            group = commands[i].group;
            text_printf(out, "\n%s:\n", group);
        }
        text_printf(out, "  %-10s %s\n", commands[i].command->name, commands[i].command->summary);
    }
    text_append_string(out, "\n'pegflow COMMAND --help' shows a command's options with an example; "
                            "'pegflow --version' the version.\n\n");
    text_append_string(out, exit_codes);
}

static void unknown_command(const char *name, struct error *err)
{
    const char *words[COMMAND_COUNT + 3] = {"help", "--help", "--version"};

    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        words[i + 3] = commands[i].command->name;
    }
    const char *nearest = options_nearest(name, words, COMMAND_COUNT + 3);
    const char *kind = name[0] == '-' ? "option" : "command";
    if (nearest != NULL) {
        error_set(err, ERROR_USAGE, "unknown %s '%s': did you mean %s?", kind, name, nearest);
    } else {
        error_set(err, ERROR_USAGE, "unknown %s '%s'", kind, name);
    }
}

/* Says what failed and, for wrong usage, where the right one is shown. */
static int report(const struct command *command, const struct error *err)
{
    fflush(stdout);
    fprintf(stderr, "pegflow%s%s: %s\n", command != NULL ? " " : "",
            command != NULL ? command->name : "", err->text);
    if (err->code == ERROR_USAGE) {
        fprintf(stderr, "'pegflow %s%s--help' shows how it is used\n",
                command != NULL ? command->name : "", command != NULL ? " " : "");
    }
    return error_exit_code(err->code);
}

int cli_report_errors(const struct error_list *errors)
{
    size_t total = errors->count + errors->dropped;

    fflush(stdout);
    for (size_t i = 0; i < errors->count; i++) {
        const struct error_item *item = &errors->items[i];
        if (item->file != NULL && item->line > 0) {
            fprintf(stderr, "%s:%d: %s\n", item->file, item->line, item->text);
        } else if (item->file != NULL) {
            fprintf(stderr, "%s: %s\n", item->file, item->text);
        } else {
            fprintf(stderr, "%s\n", item->text);
        }
    }
    if (errors->dropped > 0) {
        fprintf(stderr, "... and %zu more\n", errors->dropped);
    }
    fprintf(stderr, "%zu error%s\n", total, total == 1 ? "" : "s");
    return error_exit_code(ERROR_INVALID_FILE);
}

static int print_help(const struct command *command)
{
    struct text help = {0};

    if (command != NULL) {
        options_write_help(command, &help);
    } else {
        write_overview(&help);
    }
    fputs(text_string(&help), stdout);
    text_clear(&help);
    return 0;
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct arguments *arguments = NULL;
    struct error err;
    bool wants_help = false;

    if (!options_parse(command, argc, argv, &wants_help, &arguments, &err)) {
        return report(command, &err);
    }
    if (wants_help) {
        return print_help(command);
    }
    int exit_code = command->run(arguments, &err);
    if (exit_code == -1) {
        exit_code = report(command, &err);
    }
    arguments_free(arguments);
    return exit_code;
}

static int run_help(int argc, char **argv)
{
    const struct command *command = NULL;
    struct error err;

    if (argc > 0) {
        command = find_command(argv[0]);
        if (command == NULL) {
            unknown_command(argv[0], &err);
            return report(NULL, &err);
        }
    }
    return print_help(command);
}

static int dispatch(int argc, char **argv)
{
    struct error err;
    const char *word = argv[1];
    const struct command *command = find_command(word);

    if (command != NULL) {
        return run_command(command, argc - 2, argv + 2);
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        return run_help(argc - 2, argv + 2);
    }
    if (strcmp(word, "--version") == 0) {
        printf("pegflow %s\n", PEGFLOW_VERSION);
        return 0;
    }
    unknown_command(word, &err);
    return report(NULL, &err);
}

int cli_main(int argc, char **argv)
{
    struct error err;
    int exit_code = 0;

    if (argc < 2) {
        error_set(&err, ERROR_USAGE, "a command is missing");
        return report(NULL, &err);
    }
    exit_code = dispatch(argc, argv);
    /* A full disk or a closed pipe must not look like a result that was delivered. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && exit_code == 0) {
        error_set_errno(&err, errno, "write to standard output");
        return report(NULL, &err);
    }
    return exit_code;
}
