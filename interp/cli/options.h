/* cli/options.h - the command line of one command, read by its option rows.
 *
 * Floor: cli. Pure: reads argv, prints nothing. Long options as `--name value` or `--name=value`,
 * letters as `-c value` or `-cvalue`; flags take no value; `--` ends the options. Values are
 * checked here (integers, durations), so a command only asks for them. */
#ifndef PEGFLOW_CLI_OPTIONS_H
#define PEGFLOW_CLI_OPTIONS_H

#include "base/text.h"
#include "cli/cli.h"

/* `argv` holds what follows the command's name and must outlive the result. On success free `out`
 * with arguments_free. ERROR_USAGE names the option and, for an unknown one, the nearest known.
 * After `--help` or `-h` nothing else is looked at: *wants_help is set and `out` is NULL. */
bool options_parse(const struct command *command, int argc, char *const *argv, bool *wants_help,
                   struct arguments **out, struct error *err);
void arguments_free(struct arguments *arguments);

/* The command line that gives the same arguments, from the program's name on: `more` first, without
 * the options that `without` names (both NULL-terminated). Free with arguments_free_words. */
char **arguments_write(const struct arguments *arguments, const char *const *without,
                       const char *const *more);
void arguments_free_words(char **words);

/* Usage, description, options with their defaults, example. */
void options_write_help(const struct command *command, struct text *out);

/* The word nearest to `word`, or NULL when none is near enough to be meant. */
const char *options_nearest(const char *word, const char *const *words, size_t count);

#endif
