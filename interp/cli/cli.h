/* cli/cli.h - commands as rows: name, options, help, what runs.
 *
 * Floor: cli. One file per command, each with one `struct command`; main.c only dispatches. Results
 * go to stdout, messages to stderr. */
#ifndef PEGFLOW_CLI_CLI_H
#define PEGFLOW_CLI_CLI_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_INTEGER,
    OPTION_DURATION, /* "90s"; default text given in `fallback` */
    OPTION_LIST,     /* may be given many times */
};
struct option_row {
    const char *name; /* "cluster": --cluster */
    char letter;      /* 'c' or 0 */
    enum option_kind kind;
    const char *value_name; /* "FILE" */
    const char *fallback;   /* default as text, or NULL */
    const char *help;
};

struct arguments;
struct command {
    const char *name;
    const char *summary;  /* one line for `pegflow --help` */
    const char *operands; /* "WORKFLOW", "" ... */
    size_t operand_min;
    size_t operand_max;
    const struct option_row *options;
    size_t option_count;
    const char *description; /* paragraphs of `pegflow COMMAND --help` */
    const char *example;     /* at least one command line with what it does */
    /* An exit code after having reported everything, or -1: main reports `err` and exits with its
     * code. */
    int (*run)(const struct arguments *arguments, struct error *err);
};

extern const struct command command_check;
extern const struct command command_doctor;
extern const struct command command_run;
extern const struct command command_resume;
extern const struct command command_fetch;
extern const struct command command_revert; /* resume.c */
extern const struct command command_pause; /* speak.c */
extern const struct command command_continue;
extern const struct command command_stop;
extern const struct command command_answer;
extern const struct command command_watch;
extern const struct command command_status;
extern const struct command command_history;
extern const struct command command_holds;
extern const struct command command_simulate;
extern const struct command command_rehearse;
extern const struct command command_plan;
extern const struct command command_snapshot;
extern const struct command command_describe; /* `pegflow describe wait_until`: the language */

size_t arguments_operand_count(const struct arguments *arguments);
const char *arguments_operand(const struct arguments *arguments, size_t index);
bool arguments_flag(const struct arguments *arguments, const char *name);
/* The value given, else the row's fallback, which may be NULL. */
const char *arguments_text(const struct arguments *arguments, const char *name);
/* 0 where neither is there; ask arguments_text to tell the two apart. */
int64_t arguments_integer(const struct arguments *arguments, const char *name);
int64_t arguments_duration_us(const struct arguments *arguments, const char *name);
/* NULL-terminated; `count` may be NULL. */
const char *const *arguments_list(const struct arguments *arguments, const char *name,
                                  size_t *count);

/* Prints every error of a file on stderr, "file:line: text" a line, and a count; returns exit
 * code 2. */
int cli_report_errors(const struct error_list *errors);

/* The dispatcher, apart from main for tests. */
int cli_main(int argc, char **argv);

#endif
