/* cli/speak.c - pegflow pause, continue, stop and answer: said to a run from another terminal. */
#include "cli/record.h"
#include "live/remote.h"

#include <stdio.h>

/* Finds the run, says it, and prints what the run answered. */
static int say(const struct arguments *arguments, struct remote_request request, struct error *err)
{
    struct state state;
    struct lock_holder us;
    char id[RUN_ID_BYTES];
    char folder[STATE_PATH_BYTES];
    struct text reply = {0};
    if (!state_open(arguments_text(arguments, "state"), &state, err) ||
        !state_find_run(&state, arguments_operand(arguments, 0), id, err) ||
        !state_run_path(&state, id, "", folder, err)) {
        return -1;
    }
    lock_holder_of_us(id, 0, &us);
    request.user = us.user;
    bool ok = remote_ask(folder, &request, &reply, err);
    if (ok) {
        printf("run %s: %s\n", id, text_string(&reply));
    } else {
        error_wrap(err, "run %s", id);
    }
    text_clear(&reply);
    return ok ? 0 : -1;
}

static int run_pause_command(const struct arguments *arguments, struct error *err)
{
    const struct remote_request request = {
        .word = REMOTE_PAUSE,
        .text = arguments_text(arguments, "reason"),
    };
    return say(arguments, request, err);
}

static int run_continue_command(const struct arguments *arguments, struct error *err)
{
    return say(arguments, (struct remote_request){.word = REMOTE_CONTINUE}, err);
}

static int run_stop_command(const struct arguments *arguments, struct error *err)
{
    bool now = arguments_flag(arguments, "now");
    return say(arguments, (struct remote_request){.word = now ? REMOTE_STOP_NOW : REMOTE_STOP},
               err);
}

static int run_answer_command(const struct arguments *arguments, struct error *err)
{
    const struct remote_request request = {
        .word = REMOTE_ANSWER,
        .text = arguments_operand(arguments, 1),
        .step = arguments_text(arguments, "step"),
    };
    return say(arguments, request, err);
}

static const struct option_row pause_options[] = {
    {"reason", 'r', OPTION_TEXT, "TEXT", NULL, "why: shown and kept in the run's record"},
    STATE_OPTION,
};
static const struct option_row continue_options[] = {STATE_OPTION};
static const struct option_row stop_options[] = {
    {"now", 0, OPTION_FLAG, NULL, NULL,
     "stop at once and leave what is held, as a second Ctrl-C does"},
    STATE_OPTION,
};
static const struct option_row answer_options[] = {
    {"step", 0, OPTION_TEXT, "ID", NULL, "whose question, where several are open"},
    STATE_OPTION,
};

#define OPTIONS(rows) .options = rows, .option_count = sizeof rows / sizeof rows[0]
#define RUN_WORDS                                                                                  \
    "RUN is a run's id, any beginning of it that is unique, or `last`.\n"                          \
    "Exit codes: 0 it was heard; 2 there is no such run; 3 nobody works on it, or it cannot be "   \
    "done\n"                                                                                       \
    "now."

const struct command command_pause = {
    .name = "pause",
    .summary = "let a run begin nothing more for now",
    .operands = "RUN",
    .operand_min = 1,
    .operand_max = 1,
    OPTIONS(pause_options),
    .description =
        "What is under way is done to its end: a started deploy is followed until its server is\n"
        "alive. Then the run begins nothing until `pegflow continue`. What it holds it goes on\n"
        "holding, time limits stand still, and it never goes on by itself.\n" RUN_WORDS,
    .example = "  pegflow pause last --reason \"incident on the storage network\"",
    .run = run_pause_command,
};

const struct command command_continue = {
    .name = "continue",
    .summary = "let a paused run go on",
    .operands = "RUN",
    .operand_min = 1,
    .operand_max = 1,
    OPTIONS(continue_options),
    .description = "Ends a pause, whether a person asked for it or the run paused by itself since "
                   "somebody else\n"
                   "changed what it holds: what it holds is then set again.\n" RUN_WORDS,
    .example = "  pegflow continue last",
    .run = run_continue_command,
};

const struct command command_stop = {
    .name = "stop",
    .summary = "end a run as Ctrl-C does, from another terminal",
    .operands = "RUN",
    .operand_min = 1,
    .operand_max = 1,
    OPTIONS(stop_options),
    .description =
        "Waits end at once, a started deploy is followed until its server is alive, and what is\n"
        "held is put back. `pegflow resume` goes on with it later.\n" RUN_WORDS,
    .example = "  pegflow stop 20260131-22",
    .run = run_stop_command,
};

const struct command command_answer = {
    .name = "answer",
    .summary = "answer what a run asks a person",
    .operands = "RUN ANSWER",
    .operand_min = 2,
    .operand_max = 2,
    OPTIONS(answer_options),
    .description = "Answers a `confirm` step, or a wait that asks what to do; `pegflow status` "
                   "shows the question\n"
                   "and the answers it allows.\n" RUN_WORDS,
    .example = "  pegflow answer last yes",
    .run = run_answer_command,
};
