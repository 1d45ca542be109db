#include "cli/options.h"

#include "base/duration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct option_values {
    const char **items; /* NULL-terminated once there is one */
    size_t count;
};

struct arguments {
    const struct command *command;
    struct option_values *values; /* parallel to command->options */
    const char **operands;
    size_t operand_count;
};

/* ---- finding */

static const struct option_row *find_long(const struct command *command, const char *name,
                                          size_t length)
{
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option_row *row = &command->options[i];
        if (strlen(row->name) == length && strncmp(row->name, name, length) == 0) {
            return row;
        }
    }
    return NULL;
}

static const struct option_row *find_letter(const struct command *command, char letter)
{
    for (size_t i = 0; i < command->option_count; i++) {
        if (command->options[i].letter != 0 && command->options[i].letter == letter) {
            return &command->options[i];
        }
    }
    return NULL;
}

const char *options_nearest(const char *word, const char *const *words, size_t count)
{
    const char *nearest = NULL;
    size_t nearest_distance = 0;

    for (size_t i = 0; i < count; i++) {
        size_t distance = text_distance(word, words[i]);
        if (nearest == NULL || distance < nearest_distance) {
            nearest = words[i];
            nearest_distance = distance;
        }
    }
    /* Two slips, or a third of the word: what is further off is another word. */
    size_t most = strlen(word) / 3 > 2 ? strlen(word) / 3 : 2;
    return nearest != NULL && nearest_distance <= most && nearest_distance < strlen(nearest)
               ? nearest
               : NULL;
}

static void unknown_option(const struct command *command, const char *argument, struct error *err)
{
    size_t length = strcspn(argument, "=");
    char *given = memory_copy_string(argument);
    const char **names = memory_allocate((command->option_count + 1) * sizeof *names);
    size_t count = 0;

    given[length] = '\0';
    for (size_t i = 0; i < command->option_count; i++) {
        names[count++] = command->options[i].name;
    }
    names[count++] = "help";
    const char *nearest =
        strncmp(given, "--", 2) == 0 ? options_nearest(given + 2, names, count) : NULL;
    if (nearest != NULL) {
        error_set(err, ERROR_USAGE, "unknown option '%s': did you mean --%s?", given, nearest);
    } else {
        error_set(err, ERROR_USAGE, "unknown option '%s'", given);
    }
    free(names);
    free(given);
}

/* ---- values */

static bool parse_integer(const char *text, int64_t *out)
{
    char *end = NULL;

    if (text[0] != '-' && (text[0] < '0' || text[0] > '9')) {
        return false; /* strtoll would take blanks and '+' */
    }
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') {
        return false;
    }
    *out = value;
    return true;
}

static bool check_value(const struct option_row *row, const char *value, struct error *err)
{
    int64_t number = 0;

    switch (row->kind) {
    case OPTION_FLAG:
    case OPTION_TEXT:
    case OPTION_LIST:
        return true;
    case OPTION_INTEGER:
        if (!parse_integer(value, &number)) {
            error_set(err, ERROR_USAGE, "option '--%s': '%s' is not a whole number", row->name,
                      value);
            return false;
        }
        return true;
    case OPTION_DURATION:
        if (!duration_parse(value, &number, err)) {
            err->code = ERROR_USAGE;
            error_wrap(err, "option '--%s'", row->name);
            return false;
        }
        return true;
    }
    return true;
}

static bool add_value(struct arguments *arguments, const struct option_row *row, const char *value,
                      struct error *err)
{
    struct option_values *values = &arguments->values[row - arguments->command->options];

    if (row->kind != OPTION_LIST && row->kind != OPTION_FLAG && values->count > 0) {
        error_set(err, ERROR_USAGE, "option '--%s' is given twice: '%s' and '%s'", row->name,
                  values->items[0], value);
        return false;
    }
    if (!check_value(row, value, err)) {
        return false;
    }
    values->items = memory_resize(values->items, (values->count + 2) * sizeof *values->items);
    values->items[values->count++] = value;
    values->items[values->count] = NULL;
    return true;
}

/* The value is the rest of the same argument, or the next one. */
static bool take_value(struct arguments *arguments, const struct option_row *row,
                       const char *attached, int argc, char *const *argv, int *index,
                       struct error *err)
{
    const char *value = attached;

    if (value == NULL) {
        if (*index + 1 >= argc) {
            error_set(err, ERROR_USAGE, "option '--%s' needs a value %s", row->name,
                      row->value_name);
            return false;
        }
        value = argv[++*index];
        if (strncmp(value, "--", 2) == 0 &&
            find_long(arguments->command, value + 2, strcspn(value + 2, "=")) != NULL) {
            error_set(err, ERROR_USAGE, "option '--%s' needs a value %s, but '%s' follows",
                      row->name, row->value_name, value);
            return false;
        }
    }
    return add_value(arguments, row, value, err);
}

/* ---- one argument */

static bool parse_long(struct arguments *arguments, int argc, char *const *argv, int *index,
                       struct error *err)
{
    const char *name = argv[*index] + 2;
    size_t length = strcspn(name, "=");
    const char *attached = name[length] == '=' ? name + length + 1 : NULL;
    const struct option_row *row = find_long(arguments->command, name, length);

    if (row == NULL) {
        unknown_option(arguments->command, argv[*index], err);
        return false;
    }
    if (row->kind != OPTION_FLAG) {
        return take_value(arguments, row, attached, argc, argv, index, err);
    }
    if (attached != NULL) {
        error_set(err, ERROR_USAGE, "option '--%s' takes no value, but '%s' is given", row->name,
                  attached);
        return false;
    }
    return add_value(arguments, row, "", err);
}

static bool parse_letters(struct arguments *arguments, int argc, char *const *argv, int *index,
                          struct error *err)
{
    for (const char *letter = argv[*index] + 1; *letter != '\0'; letter++) {
        const struct option_row *row = find_letter(arguments->command, *letter);
        if (row == NULL) {
            unknown_option(arguments->command, argv[*index], err);
            return false;
        }
        if (row->kind != OPTION_FLAG) {
            const char *attached = letter[1] != '\0' ? letter + 1 : NULL;
            return take_value(arguments, row, attached, argc, argv, index, err);
        }
        if (!add_value(arguments, row, "", err)) {
            return false;
        }
    }
    return true;
}

static bool check_operands(const struct command *command, size_t count, const char *extra,
                           struct error *err)
{
    if (count < command->operand_min) {
        error_set(err, ERROR_USAGE, "%s is missing", command->operands);
        return false;
    }
    if (count > command->operand_max) {
        error_set(err, ERROR_USAGE, "'%s' is one argument too many", extra);
        return false;
    }
    return true;
}

bool options_parse(const struct command *command, int argc, char *const *argv, bool *wants_help,
                   struct arguments **out, struct error *err)
{
    struct arguments *arguments = memory_allocate(sizeof *arguments);
    bool options_ended = false;
    bool ok = false;

    arguments->command = command;
    arguments->values = memory_allocate((command->option_count + 1) * sizeof *arguments->values);
    arguments->operands = memory_allocate(((size_t)argc + 1) * sizeof *arguments->operands);
    for (int i = 0; i < argc; i++) {
        const char *argument = argv[i];
        if (options_ended || argument[0] != '-' || argument[1] == '\0') {
            arguments->operands[arguments->operand_count++] = argument;
        } else if (strcmp(argument, "--") == 0) {
            options_ended = true;
        } else if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            *wants_help = true;
            *out = NULL;
            ok = true;
            goto done;
        } else if (argument[1] == '-' ? !parse_long(arguments, argc, argv, &i, err)
                                      : !parse_letters(arguments, argc, argv, &i, err)) {
            goto done;
        }
    }
    if (!check_operands(command, arguments->operand_count,
                        arguments->operand_count > command->operand_max
                            ? arguments->operands[command->operand_max]
                            : "",
                        err)) {
        goto done;
    }
    *wants_help = false;
    *out = arguments;
    arguments = NULL;
    ok = true;
done:
    arguments_free(arguments);
    return ok;
}

void arguments_free(struct arguments *arguments)
{
    if (arguments == NULL) {
        return;
    }
    for (size_t i = 0; i < arguments->command->option_count; i++) {
        free(arguments->values[i].items);
    }
    free(arguments->values);
    free(arguments->operands);
    free(arguments);
}

/* ---- reading */

static const struct option_row *row_of(const struct arguments *arguments, const char *name)
{
    const struct option_row *row = find_long(arguments->command, name, strlen(name));

    ASSERT(row != NULL); /* a command asks only for its own options */
    return row;
}

static const struct option_values *values_of(const struct arguments *arguments, const char *name)
{
    return &arguments->values[row_of(arguments, name) - arguments->command->options];
}

size_t arguments_operand_count(const struct arguments *arguments)
{
    return arguments->operand_count;
}

const char *arguments_operand(const struct arguments *arguments, size_t index)
{
    ASSERT(index < arguments->operand_count);
    return arguments->operands[index];
}

bool arguments_flag(const struct arguments *arguments, const char *name)
{
    return values_of(arguments, name)->count > 0;
}

const char *arguments_text(const struct arguments *arguments, const char *name)
{
    const struct option_values *values = values_of(arguments, name);

    return values->count > 0 ? values->items[0] : row_of(arguments, name)->fallback;
}

int64_t arguments_integer(const struct arguments *arguments, const char *name)
{
    const char *text = arguments_text(arguments, name);
    int64_t value = 0;

    if (text != NULL) {
        bool is_integer = parse_integer(text, &value);
        ASSERT(is_integer); /* checked when parsed; a fallback is ours */
    }
    return value;
}

int64_t arguments_duration_us(const struct arguments *arguments, const char *name)
{
    const char *text = arguments_text(arguments, name);
    int64_t value = 0;
    struct error err;

    if (text != NULL) {
        bool is_duration = duration_parse(text, &value, &err);
        ASSERT(is_duration);
    }
    return value;
}

const char *const *arguments_list(const struct arguments *arguments, const char *name,
                                  size_t *count)
{
    static const char *const none[] = {NULL};
    const struct option_values *values = values_of(arguments, name);

    if (count != NULL) {
        *count = values->count;
    }
    return values->count > 0 ? values->items : none;
}

/* ---- written again */
struct words {
    char **items;
    size_t count;
};

static void add_word(struct words *words, char *word)
{
    words->items = memory_resize(words->items, (words->count + 2) * sizeof *words->items);
    words->items[words->count++] = word;
    words->items[words->count] = NULL;
}

static void add_option(struct words *words, const struct option_row *row, const char *value)
{
    struct text word = {0};

    text_printf(&word, "--%s", row->name);
    if (row->kind != OPTION_FLAG) {
        text_printf(&word, "=%s", value);
    }
    add_word(words, text_take(&word));
}

static bool is_among(const char *name, const char *const *names)
{
    while (*names != NULL && strcmp(*names, name) != 0) {
        names++;
    }
    return *names != NULL;
}

char **arguments_write(const struct arguments *arguments, const char *const *without,
                       const char *const *more)
{
    const struct command *command = arguments->command;
    struct words words = {0};

    add_word(&words, memory_copy_string("pegflow"));
    add_word(&words, memory_copy_string(command->name));
    for (; *more != NULL; more++) {
        add_word(&words, memory_copy_string(*more));
    }
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option_values *values = &arguments->values[i];
        bool wanted = !is_among(command->options[i].name, without);
        for (size_t v = 0; wanted && v < values->count; v++) {
            add_option(&words, &command->options[i], values->items[v]);
        }
    }
    add_word(&words, memory_copy_string("--"));
    for (size_t i = 0; i < arguments->operand_count; i++) {
        add_word(&words, memory_copy_string(arguments->operands[i]));
    }
    return words.items;
}

void arguments_free_words(char **words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        free(words[i]);
    }
    free(words);
}

/* ---- help */

enum { HELP_COLUMN = 30 };

static void write_option(const struct option_row *row, struct text *out)
{
    size_t start = out->length;

    if (row->letter != 0) {
        text_printf(out, "  -%c, --%s", row->letter, row->name);
    } else {
        text_printf(out, "      --%s", row->name);
    }
    if (row->kind != OPTION_FLAG) {
        text_printf(out, " %s", row->value_name);
    }
    if (out->length - start > HELP_COLUMN - 2) {
        text_append_char(out, '\n');
        start = out->length;
    }
    text_printf(out, "%*s%s", (int)(HELP_COLUMN - (out->length - start)), "", row->help);
    if (row->kind == OPTION_LIST) {
        text_append_string(out, " (may be given many times)");
    } else if (row->fallback != NULL) {
        text_printf(out, " (default: %s)", row->fallback);
    }
    text_append_char(out, '\n');
}

/* Each command line set in by two blanks, however it was written. */
static void write_example(const char *example, struct text *out)
{
    text_append_string(out, "\nExample:\n");
    while (*example != '\0') {
        size_t length = strcspn(example, "\n");
        text_append_string(out, *example == ' ' ? "" : "  ");
        text_append(out, example, length);
        text_append_char(out, '\n');
        example += length + (example[length] == '\n' ? 1 : 0);
    }
}

void options_write_help(const struct command *command, struct text *out)
{
    static const struct option_row help = {
        .name = "help", .letter = 'h', .kind = OPTION_FLAG, .help = "show this help"};

    text_printf(out, "usage: pegflow %s [options]%s%s\n\n", command->name,
                command->operands[0] != '\0' ? " " : "", command->operands);
    text_printf(out, "%s\n\nOptions:\n", command->description);
    for (size_t i = 0; i < command->option_count; i++) {
        write_option(&command->options[i], out);
    }
    write_option(&help, out);
    write_example(command->example, out);
}
