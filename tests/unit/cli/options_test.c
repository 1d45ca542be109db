#include "cli/options.h"

#include "base/duration.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option_row rows[] = {
    {.name = "cluster", .letter = 'c', .kind = OPTION_TEXT, .value_name = "FILE", .help = "a file"},
    {.name = "count",
     .letter = 'n',
     .kind = OPTION_INTEGER,
     .value_name = "N",
     .fallback = "3",
     .help = "how many"},
    {.name = "wait", .kind = OPTION_DURATION, .value_name = "TIME", .fallback = "90s", .help = "w"},
    {.name = "set", .kind = OPTION_LIST, .value_name = "NAME=VALUE", .help = "a parameter"},
    {.name = "verbose", .letter = 'v', .kind = OPTION_FLAG, .help = "say more"},
    {.name = "quiet", .letter = 'q', .kind = OPTION_FLAG, .help = "say less"},
    {.name = "plain", .kind = OPTION_INTEGER, .value_name = "N", .help = "without a default"},
};
static const struct command command = {
    .name = "try",
    .summary = "tries",
    .operands = "WORKFLOW",
    .operand_min = 1,
    .operand_max = 2,
    .options = rows,
    .option_count = sizeof rows / sizeof rows[0],
    .description = "Tries something.",
    .example = "pegflow try x.lua\n    tries it\n  pegflow try -v x.lua",
};

enum { MOST_WORDS = 12 };

/* Splits at blanks. */
static int split(char *line, char **words)
{
    int count = 0;

    for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " ")) {
        ck_assert_int_lt(count, MOST_WORDS);
        words[count++] = word;
    }
    return count;
}

static bool parse(char *line, bool *wants_help, struct arguments **out, struct error *err)
{
    char *words[MOST_WORDS];
    int count = split(line, words);

    return options_parse(&command, count, words, wants_help, out, err);
}

static const struct {
    const char *line;
    const char *cluster;
    int64_t count;
    int64_t wait_us;
    size_t sets;
    bool verbose;
    const char *first_operand;
    size_t operands;
} good[] = {
    {"w.lua", NULL, 3, 90 * US_PER_SECOND, 0, false, "w.lua", 1},
    {"--cluster a w.lua", "a", 3, 90 * US_PER_SECOND, 0, false, "w.lua", 1},
    {"--cluster=a w.lua", "a", 3, 90 * US_PER_SECOND, 0, false, "w.lua", 1},
    {"--cluster=a=b w.lua", "a=b", 3, 90 * US_PER_SECOND, 0, false, "w.lua", 1},
    {"--cluster= w.lua", "", 3, 90 * US_PER_SECOND, 0, false, "w.lua", 1},
    {"w.lua -c a", "a", 3, 90 * US_PER_SECOND, 0, false, "w.lua", 1},
    {"-ca w.lua", "a", 3, 90 * US_PER_SECOND, 0, false, "w.lua", 1},
    {"-vca w.lua", "a", 3, 90 * US_PER_SECOND, 0, true, "w.lua", 1},
    {"-vq w.lua", NULL, 3, 90 * US_PER_SECOND, 0, true, "w.lua", 1},
    {"--verbose --verbose w.lua", NULL, 3, 90 * US_PER_SECOND, 0, true, "w.lua", 1},
    {"--count -5 w.lua", NULL, -5, 90 * US_PER_SECOND, 0, false, "w.lua", 1},
    {"--wait 1h30m w.lua", NULL, 3, 5400 * US_PER_SECOND, 0, false, "w.lua", 1},
    {"--set a=1 --set=b=2 w.lua --set c=3", NULL, 3, 90 * US_PER_SECOND, 3, false, "w.lua", 1},
    {"-- --cluster", NULL, 3, 90 * US_PER_SECOND, 0, false, "--cluster", 1},
    {"-v -- -c --", NULL, 3, 90 * US_PER_SECOND, 0, true, "-c", 2},
    {"-", NULL, 3, 90 * US_PER_SECOND, 0, false, "-", 1},
};

START_TEST(options_are_read_in_every_usual_form)
{
    char line[200];
    bool wants_help = true;
    struct arguments *arguments = NULL;
    struct error err;
    size_t sets = 99;

    snprintf(line, sizeof line, "%s", good[_i].line);
    ck_assert_msg(parse(line, &wants_help, &arguments, &err), "%s: %s", good[_i].line, err.text);
    ck_assert(!wants_help);
    ck_assert_pstr_eq(arguments_text(arguments, "cluster"), good[_i].cluster);
    ck_assert_int_eq(arguments_integer(arguments, "count"), good[_i].count);
    ck_assert_int_eq(arguments_integer(arguments, "plain"), 0);
    ck_assert_int_eq(arguments_duration_us(arguments, "wait"), good[_i].wait_us);
    const char *const *list = arguments_list(arguments, "set", &sets);
    ck_assert_uint_eq(sets, good[_i].sets);
    ck_assert_ptr_null(list[sets]);
    ck_assert_int_eq(arguments_flag(arguments, "verbose"), good[_i].verbose);
    ck_assert_uint_eq(arguments_operand_count(arguments), good[_i].operands);
    ck_assert_str_eq(arguments_operand(arguments, 0), good[_i].first_operand);
    arguments_free(arguments);
}
END_TEST

START_TEST(a_list_keeps_its_order)
{
    char line[] = "w --set a=1 --set b=2";
    bool wants_help = false;
    struct arguments *arguments = NULL;
    struct error err;

    ck_assert(parse(line, &wants_help, &arguments, &err));
    const char *const *list = arguments_list(arguments, "set", NULL);
    ck_assert_str_eq(list[0], "a=1");
    ck_assert_str_eq(list[1], "b=2");
    arguments_free(arguments);
}
END_TEST

static const struct {
    const char *line;
    const char *error;
} bad[] = {
    {"", "WORKFLOW is missing"},
    {"a b c", "'c' is one argument too many"},
    {"--clutser x w", "unknown option '--clutser': did you mean --cluster?"},
    {"--clutser=x w", "unknown option '--clutser': did you mean --cluster?"},
    {"--hepl w", "unknown option '--hepl': did you mean --help?"},
    {"--elephant w", "unknown option '--elephant'"},
    {"-x w", "unknown option '-x'"},
    {"-vx w", "unknown option '-vx'"},
    {"w --cluster", "option '--cluster' needs a value FILE"},
    {"w -c", "option '--cluster' needs a value FILE"},
    {"w --cluster --verbose", "option '--cluster' needs a value FILE, but '--verbose' follows"},
    {"--verbose=yes w", "option '--verbose' takes no value, but 'yes' is given"},
    {"--cluster a --cluster b w", "option '--cluster' is given twice: 'a' and 'b'"},
    {"--count x w", "option '--count': 'x' is not a whole number"},
    {"--count= w", "option '--count': '' is not a whole number"},
    {"--count 1.5 w", "option '--count': '1.5' is not a whole number"},
    {"--count +1 w", "option '--count': '+1' is not a whole number"},
    {"--count 99999999999999999999 w",
     "option '--count': '99999999999999999999' is not a whole number"},
    {"--wait 90 w", "option '--wait': duration '90' has no unit; write 90s or 90m"},
};

START_TEST(a_wrong_command_line_is_refused_with_one_message)
{
    char line[200];
    bool wants_help = false;
    struct arguments *arguments = NULL;
    struct error err;

    snprintf(line, sizeof line, "%s", bad[_i].line);
    ck_assert(!parse(line, &wants_help, &arguments, &err));
    ck_assert_int_eq(err.code, ERROR_USAGE);
    ck_assert_str_eq(err.text, bad[_i].error);
    ck_assert_ptr_null(arguments);
}
END_TEST

START_TEST(help_is_shown_even_when_operands_are_missing)
{
    static const char *const lines[] = {"--help", "-h", "w --help", "--verbose -h"};
    char line[200];
    bool wants_help = false;
    struct arguments *arguments = (struct arguments *)&wants_help;
    struct error err;

    snprintf(line, sizeof line, "%s", lines[_i]);
    ck_assert(parse(line, &wants_help, &arguments, &err));
    ck_assert(wants_help);
    ck_assert_ptr_null(arguments);
}
END_TEST

START_TEST(help_names_every_option_its_default_and_an_example)
{
    struct text help = {0};

    options_write_help(&command, &help);
    ck_assert_str_eq(text_string(&help),
                     "usage: pegflow try [options] WORKFLOW\n"
                     "\n"
                     "Tries something.\n"
                     "\n"
                     "Options:\n"
                     "  -c, --cluster FILE          a file\n"
                     "  -n, --count N               how many (default: 3)\n"
                     "      --wait TIME             w (default: 90s)\n"
                     "      --set NAME=VALUE        a parameter (may be given many times)\n"
                     "  -v, --verbose               say more\n"
                     "  -q, --quiet                 say less\n"
                     "      --plain N               without a default\n"
                     "  -h, --help                  show this help\n"
                     "\n"
                     "Example:\n"
                     "  pegflow try x.lua\n"
                     "    tries it\n"
                     "  pegflow try -v x.lua\n");
    text_clear(&help);
}
END_TEST

START_TEST(a_command_line_is_written_again)
{
    static const char *const without[] = {"count", "quiet", NULL};
    static const char *const more[] = {"--plain=5", NULL};
    static const char *const wanted[] = {"pegflow",   "try",       "--plain=5", "--cluster=a=b",
                                         "--set=c=3", "--set=d=4", "--verbose", "--",
                                         "w.lua",     "--odd",     NULL};
    char line[] = "-v --set c=3 --cluster a=b -n 7 --set=d=4 -q w.lua -- --odd";
    bool wants_help = false;
    struct arguments *arguments = NULL;
    struct error err;

    ck_assert_msg(parse(line, &wants_help, &arguments, &err), "%s", err.text);
    char **words = arguments_write(arguments, without, more);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        ck_assert_pstr_eq(words[i], wanted[i]);
    }
    arguments_free_words(words);
    arguments_free(arguments);
}
END_TEST

static const struct {
    const char *word;
    const char *nearest;
} near[] = {
    {"rnu", "run"}, {"simlate", "simulate"}, {"chek", "check"}, {"xyzzy", NULL}, {"x", NULL},
};

START_TEST(only_a_near_word_is_suggested)
{
    static const char *const words[] = {"check", "run", "simulate"};

    ck_assert_pstr_eq(options_nearest(near[_i].word, words, 3), near[_i].nearest);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(array)[0])

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tests = tcase_create("options");

    tcase_add_loop_test(tests, options_are_read_in_every_usual_form, 0, COUNT(good));
    tcase_add_test(tests, a_list_keeps_its_order);
    tcase_add_test(tests, a_command_line_is_written_again);
    tcase_add_loop_test(tests, a_wrong_command_line_is_refused_with_one_message, 0, COUNT(bad));
    tcase_add_loop_test(tests, help_is_shown_even_when_operands_are_missing, 0, 4);
    tcase_add_test(tests, help_names_every_option_its_default_and_an_example);
    tcase_add_loop_test(tests, only_a_near_word_is_suggested, 0, COUNT(near));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
