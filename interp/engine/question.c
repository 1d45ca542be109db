/* engine/question.c - what only a person can say: asked as an event, answered by run_answer.
 *
 * A question waits for as long as it takes; it is over with an answer, or withdrawn when its step
 * ends. No time makes an answer. */
#include "engine/internal.h"

#include <string.h>

static const char *const yes_or_no[] = {"yes", "no", NULL};
const struct question_text question_yes_or_no = {yes_or_no, "yes"};

static struct question **find_link(struct run *run, const struct question *question)
{
    struct question **link = &run->questions;
    while (*link != NULL && *link != question) {
        link = &(*link)->next;
    }
    return link;
}

bool question_is_open(const struct question *question)
{
    return question->run != NULL && *find_link(question->run, question) != NULL;
}

static void close_question(struct question *question)
{
    struct question **link = find_link(question->run, question);
    if (*link != NULL) {
        *link = question->next;
    }
}

static void tell_asker(void *ctx)
{
    struct question *question = ctx;
    question->answered(question->ctx, question->given);
}

static void give(struct question *question, const char *answer, const char *by)
{
    struct run *run = question->run;
    cJSON *data = cJSON_CreateObject();
    cJSON_AddStringToObject(data, "answer", answer);
    close_question(question);
    question->given = answer;
    run_emit(run, EVENT_ANSWERED, question->step, data, "%s%s", answer, by);
    timer_start(run->setup.loop, &question->timer, 0, tell_asker, question);
}

static void add_choices(const char *const *answers, struct text *out)
{
    for (size_t i = 0; answers[i] != NULL; i++) {
        const char *before = i == 0 ? "" : answers[i + 1] == NULL ? " or " : ", ";
        text_printf(out, "%s%s", before, answers[i]);
    }
}

void question_ask(struct question *question, struct run *run, const struct step *step,
                  const struct question_text *how, answered_fn *answered, void *ctx,
                  const char *format, ...)
{
    struct text text = {0};
    struct text choices = {0};
    va_list args;
    va_start(args, format);
    text_append_va(&text, format, args);
    va_end(args);
    *question = (struct question){
        .run = run,
        .step = step,
        .answers = how->answers,
        .answered = answered,
        .ctx = ctx,
    };
    size_t count = 0;
    while (how->answers[count] != NULL) {
        count++;
    }
    add_choices(how->answers, &choices);
    cJSON *data = event_data_texts("answers", how->answers, count);
    cJSON_AddStringToObject(data, "question", text_string(&text));
    *find_link(run, NULL) = question;
    run_emit(run, EVENT_QUESTION, step, data, "%s (%s)", text_string(&text), text_string(&choices));
    if (run->setup.rehearsed) {
        give(question, how->rehearsed, ", as nobody is asked in a rehearsal");
    }
    text_clear(&text);
    text_clear(&choices);
}

void question_withdraw(struct question *question)
{
    if (question->run != NULL) {
        timer_cancel(&question->timer);
        close_question(question);
    }
}

/* ---- answers */
static struct question *find_question(struct run *run, const char *step_id, struct error *err)
{
    struct question *found = NULL;
    size_t count = 0;
    struct text ids = {0};
    for (struct question *each = run->questions; each != NULL; each = each->next) {
        if (step_id == NULL || strcmp(each->step->id, step_id) == 0) {
            found = each;
            count++;
        }
        text_printf(&ids, "%s%s", ids.length > 0 ? ", " : "", each->step->id);
    }
    if (run->questions == NULL) {
        error_set(err, ERROR_USAGE, "nothing is asked now");
    } else if (count == 0) {
        error_set(err, ERROR_USAGE, "step '%s' asks nothing; these do: %s", step_id,
                  text_string(&ids));
    } else if (count > 1) {
        error_set(err, ERROR_USAGE, "more than one step asks, so name the one that is meant: %s",
                  text_string(&ids));
    }
    text_clear(&ids);
    return count == 1 ? found : NULL;
}

bool run_answer(struct run *run, const char *step_id, const char *answer, struct error *err)
{
    struct question *question = find_question(run, step_id, err);
    struct text choices = {0};
    if (question == NULL) {
        return false;
    }
    for (size_t i = 0; question->answers[i] != NULL; i++) {
        if (strcmp(question->answers[i], answer) == 0) {
            give(question, question->answers[i], "");
            return true;
        }
    }
    add_choices(question->answers, &choices);
    error_set(err, ERROR_USAGE, "'%.60s' is no answer to step '%s': say %s", answer,
              question->step->id, text_string(&choices));
    text_clear(&choices);
    return false;
}

/* ---- confirm */
static void confirm_answered(void *ctx, const char *answer)
{
    struct frame *frame = ctx;
    struct error err;
    if (strcmp(answer, "yes") == 0) {
        frame_finish(frame, NULL);
        return;
    }
    error_set(&err, ERROR_CANCELLED, "stopped: the answer to '%s' was %s", frame->step->as.message,
              answer);
    frame_finish(frame, &err);
}

static void confirm_start(struct frame *frame)
{
    question_ask(frame->state, frame->run, frame->step, &question_yes_or_no, confirm_answered,
                 frame, "%s", frame->step->as.message);
}

static void confirm_cancel(struct frame *frame)
{
    struct question *question = frame->state;
    question_withdraw(question);
    timer_start(frame->run->setup.loop, &question->timer, 0, frame_end, frame);
}

static void confirm_clear(struct frame *frame)
{
    question_withdraw(frame->state);
}

const struct step_ops ops_confirm = {
    .state_bytes = sizeof(struct question),
    .start = confirm_start,
    .cancel = confirm_cancel,
    .clear = confirm_clear,
};
