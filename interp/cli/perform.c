#include "cli/perform.h"

#include "base/duration.h"
#include "cli/typed.h"
#include "live/remote.h"

#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>

/* What the summary tells of: a sink beside the display. */
struct tally {
    struct event_sink sink;
    struct text put_back;
    struct text left;
    struct text overridden;
    size_t passed_over; /* failures that the workflow let pass */
};

struct performing {
    const struct performance *of;
    struct deployment *deployment;
    struct run *run;
    struct run_obstacle obstacles[RUN_OBSTACLES_MAX];
    struct display display;
    struct typed typed;
    struct remote *remote; /* NULL: nobody can speak to the run */
    struct tally tally;
    int stops_asked;
    bool done;
    struct run_result result;
    int64_t took_us;
};

static bool take_tally(struct event_sink *sink, const struct event *event, struct error *err)
{
    struct tally *tally = (struct tally *)sink;
    struct text *into = event->kind == EVENT_PUT_BACK       ? &tally->put_back
                        : event->kind == EVENT_NOT_PUT_BACK ? &tally->left
                        : event->kind == EVENT_OVERRIDDEN   ? &tally->overridden
                                                            : NULL;
    (void)err;
    tally->passed_over += event->kind == EVENT_PASSED_OVER || event->kind == EVENT_RESCUED;
    if (into != NULL) {
        text_printf(into, "%s%s", into->length > 0 ? "; " : "", event->text);
    }
    return true;
}

/* ---- what comes from outside */
static void run_ended(void *ctx, const struct run_result *result)
{
    struct performing *performing = ctx;
    performing->result = *result;
    performing->done = true;
    loop_stop(performing->of->session->loop);
}

static void stop_asked(struct performing *performing)
{
    if (++performing->stops_asked == 1) {
        run_stop(performing->run);
    } else {
        run_abort(performing->run);
    }
}

static void signal_caught(void *ctx, int signal_number)
{
    struct performing *performing = ctx;
    if (signal_number == SIGWINCH) {
        display_resized(&performing->display);
        return;
    }
    if (signal_number == SIGHUP) {
        return; /* a closed terminal changes nothing */
    }
    if (signal_number == SIGUSR1) {
        run_continue(performing->run);
    } else {
        stop_asked(performing);
    }
}

/* In a pause: continue, or stop. Else "yes", or "STEP yes" where more than one step asks. */
static void line_typed(void *ctx, char *line)
{
    struct performing *performing = ctx;
    struct run *run = performing->run;
    struct error err;
    display_line_was_typed(&performing->display);
    if (run_is_paused(run) && (strcmp(line, "continue") == 0 || strcmp(line, "c") == 0)) {
        run_continue(run);
        return;
    }
    if (run_is_paused(run) && strcmp(line, "stop") == 0) {
        run_stop(run);
        return;
    }
    char *last = strrchr(line, ' ');
    const char *answer = last == NULL ? line : last + 1;
    if (answer[0] == '\0') {
        return;
    }
    if (last != NULL) {
        *last = '\0';
    }
    if (!run_answer(run, last == NULL ? NULL : line, answer, &err)) {
        display_say(&performing->display, err.text);
    }
}

/* Nothing is begun while it is not known to be ours (obstacles_of); once it is lost, the run ends.
 */
static void lock_changed(void *ctx, enum shared_lock_event event, const char *text)
{
    struct performing *performing = ctx;
    struct error why;
    display_say(&performing->display, text);
    if (event == SHARED_LOCK_LOST) {
        error_set(&why, ERROR_STEP, "%s", text);
        run_give_up(performing->run, &why);
    } else if (event == SHARED_LOCK_RESUMED) {
        run_look_at_obstacles(performing->run);
    }
}

static bool journal_is_clear(void *ctx, struct error *why)
{
    return journal_has_room(ctx, why);
}

/* What the run waits for before it begins anything; returns how many. */
static size_t obstacles_of(const struct record *record,
                           struct run_obstacle obstacles[RUN_OBSTACLES_MAX])
{
    size_t count = 0;
    obstacles[count++] = (struct run_obstacle){
        .name = "there is room for the run's journal again",
        .is_clear = journal_is_clear,
        .ctx = record->journal,
    };
    if (record->shared != NULL) {
        obstacles[count++] = (struct run_obstacle){
            .name = "the shared lock is confirmed again",
            .is_clear = held_lock_may_act,
            .ctx = record->shared,
            .stops_all = true,
        };
    }
    return count;
}

static const char no_room_kept[] =
    "this file system cannot keep room ahead for the run's journal: on a full disk what is put "
    "back could not be recorded";

/* ---- what another terminal says */
static bool hear_answer(struct performing *performing, const struct remote_request *request,
                        struct text *reply)
{
    struct error err;
    const char *answer = request->text == NULL ? "" : request->text;
    if (!run_answer(performing->run, request->step, answer, &err)) {
        text_append_string(reply, err.text);
        return false;
    }
    text_printf(reply, "answered %s", answer);
    return true;
}

static bool hear_pause(struct performing *performing, const struct remote_request *request,
                       struct text *reply)
{
    struct text reason = {0};
    text_printf(&reason, "%s asked for a pause%s%s", request->user,
                request->text == NULL ? "" : ": ", request->text == NULL ? "" : request->text);
    run_pause(performing->run, text_string(&reason));
    text_clear(&reason);
    bool paused = run_is_paused(performing->run);
    text_append_string(reply, paused ? "it pauses: nothing more is begun until pegflow continue"
                                     : "it is ending already");
    return paused;
}

static bool heard(void *ctx, const struct remote_request *request, struct text *reply)
{
    struct performing *performing = ctx;
    switch (request->word) {
    case REMOTE_PAUSE:
        return hear_pause(performing, request, reply);
    case REMOTE_CONTINUE:
        if (!run_is_paused(performing->run)) {
            text_append_string(reply, "it is not paused");
            return false;
        }
        run_continue(performing->run);
        text_append_string(reply, "it goes on");
        return true;
    case REMOTE_STOP:
        run_stop(performing->run);
        performing->stops_asked = performing->stops_asked == 0 ? 1 : performing->stops_asked;
        text_append_string(reply, "it stops: a started deploy is followed until its server is "
                                  "alive, and what it holds is put back");
        return true;
    case REMOTE_STOP_NOW:
        text_append_string(reply, "it stops at once; pegflow revert puts back what it holds");
        run_abort(performing->run);
        return true;
    case REMOTE_ANSWER:
        return hear_answer(performing, request, reply);
    }
    return false;
}

/* ---- the run */
static struct run *make_run(struct performing *performing, struct event_sink *const *sinks,
                            size_t sink_count)
{
    const struct performance *of = performing->of;
    struct session *session = of->session;
    struct run_setup setup = {
        .loop = session->loop,
        .cluster = session->cluster,
        .deployment = performing->deployment,
        .lang = session->lang,
        .workflow = of->workflow,
        .cluster_file = session->cluster_file,
        .inventory = &session->inventory,
        .start = &session->snapshot,
        .sinks = sinks,
        .sink_count = sink_count,
        .past = of->past,
        .reverts = of->reverts,
        .resumed_by = of->resumed_by,
        .events_before = of->events_before,
        .at_before_ms = of->at_before_ms,
        .obstacles = performing->obstacles,
        .obstacle_count = obstacles_of(of->record, performing->obstacles),
        .note = journal_keeps_room(of->record->journal) ? NULL : no_room_kept,
        .keep_leftovers = of->keep_leftovers,
    };
    if (of->record->shared != NULL) {
        setup.may_act = held_lock_may_act;
        setup.may_act_ctx = of->record->shared;
        held_lock_watch(of->record->shared, lock_changed, performing);
    }
    return run_new(&setup);
}

static bool listen_to_the_world(struct performing *performing, struct error *err)
{
    struct loop *loop = performing->of->session->loop;
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGWINCH};
    sigset_t signals;
    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaddset(&signals, numbers[i]);
    }
    typed_start(&performing->typed, loop, line_typed, performing);
    return loop_catch_signals(loop, &signals, signal_caught, performing, err) &&
           remote_listen(loop, performing->of->record->folder, heard, performing,
                         &performing->remote, err);
}

static bool perform(struct performing *performing, struct error *err)
{
    const struct performance *of = performing->of;
    struct session *session = of->session;
    /* The journal first: nothing is shown that it does not say. */
    struct event_sink *sinks[RECORD_SINKS + 2];
    size_t sink_count = record_sinks(of->record, sinks);
    sinks[sink_count++] = display_sink(&performing->display);
    sinks[sink_count++] = &performing->tally.sink;
    performing->run = make_run(performing, sinks, sink_count);
    int64_t began_us = loop_now_us(session->loop);
    bool ok = listen_to_the_world(performing, err);
    if (ok) {
        run_start(performing->run, run_ended, performing);
    }
    while (ok && !performing->done) {
        ok = loop_run(session->loop, err);
    }
    typed_stop(&performing->typed);
    remote_close(performing->remote);
    performing->took_us = loop_now_us(session->loop) - began_us;
    if (of->record->shared != NULL) {
        held_lock_watch(of->record->shared, NULL, NULL);
    }
    /* In this order no callback follows; see run_free. */
    cluster_free(session->cluster);
    session->cluster = NULL;
    performing->deployment->ops->free(performing->deployment);
    run_free(performing->run);
    bool is_over = performing->done && (performing->result.outcome == RUN_DONE ||
                                        performing->result.outcome == RUN_REVERTED);
    record_end(of->record, !is_over);
    return ok;
}

/* ---- what is said afterwards */
/* The exact next command: a run that changed something can be gone on with. */
static void print_next(const struct performing *performing)
{
    const struct performance *of = performing->of;
    const char *id = of->record->id;
    const char *file = of->session->cluster_file->file;
    if (performing->result.outcome == RUN_REFUSED || of->reverts) {
        fprintf(stderr, "  next      pegflow doctor -c %s   (what is wrong now)\n", file);
        return;
    }
    fprintf(stderr, "  next      pegflow doctor -c %s   (what is wrong now)\n", file);
    fprintf(stderr, "            pegflow resume %s   (go on where it ended)\n", id);
    if (performing->result.outcome == RUN_NOT_RESTORED) {
        fprintf(stderr, "            pegflow revert %s   (only put back what it holds)\n", id);
    }
}

static void print_failure(const struct performing *performing)
{
    const struct run_result *result = &performing->result;
    const struct tally *tally = &performing->tally;
    fprintf(stderr, "\npegflow: the run ended: %s (exit code %d)\n",
            run_outcome_name(result->outcome), result->exit_code);
    fprintf(stderr, "  what      %s\n", result->error.text);
    if (result->step != NULL && result->step->id[0] != '\0') {
        fprintf(stderr, "  where     %s:%d, step %s\n", result->step->where.file,
                result->step->where.line, result->step->id);
    }
    fprintf(stderr, "  put back  %s\n",
            tally->put_back.length > 0 ? text_string(&tally->put_back) : "nothing had to be");
    fprintf(stderr, "  left      %s\n",
            tally->left.length > 0                ? text_string(&tally->left)
            : result->outcome == RUN_NOT_RESTORED ? "see above"
                                                  : "nothing of the settings");
    if (tally->overridden.length > 0) {
        fprintf(stderr, "  overrides %s\n", text_string(&tally->overridden));
    }
    print_next(performing);
}

static void print_success(const struct performing *performing)
{
    const struct inventory *inventory = &performing->of->session->inventory;
    const struct tally *tally = &performing->tally;
    char text[DURATION_TEXT_BYTES];
    if (performing->of->reverts) {
        printf("\nput back: %s; settings and level as before the run, which is closed\n",
               tally->put_back.length > 0 ? text_string(&tally->put_back) : "nothing had to be");
        return;
    }
    printf("\ndone in %s: %d replica servers, %d meta servers, %d collectors; settings and level "
           "as before\n",
           duration_format(performing->took_us, text), inventory->count[ROLE_REPLICA],
           inventory->count[ROLE_META], inventory->count[ROLE_COLLECTOR]);
    if (tally->overridden.length > 0) {
        printf("overrides used: %s\n", text_string(&tally->overridden));
    }
    if (tally->passed_over > 0) {
        printf("failures passed over or rescued, as the workflow says: %zu, told above\n",
               tally->passed_over);
    }
}

int perform_run(const struct performance *performance, struct error *err)
{
    struct performing performing = {
        .of = performance,
        .tally = {.sink = {.take = take_tally}},
    };
    struct loop *loop = performance->session->loop;
    int code = -1;
    display_open(&performing.display, performance->form, loop,
                 arguments_flag(performance->arguments, "verbose"));
    performing.deployment =
        secrets_deployment_new(programs_new(loop), performance->secrets, performance->secret_count);
    /* A picture begins with what the run did before; lines of it were printed then. */
    bool shows_past = performance->form == DISPLAY_LIVE || performance->past == NULL;
    bool ok = (!shows_past ||
               record_show(performance->record, display_take_record, &performing.display, err)) &&
              perform(&performing, err);
    display_close(&performing.display); /* what is pending comes before the summary */
    if (ok && performing.result.exit_code != 0) {
        print_failure(&performing);
    } else if (ok && performance->form != DISPLAY_JSON) {
        print_success(&performing);
    }
    if (ok) {
        code = performing.result.exit_code;
    }
    if (fflush(stdout) != 0 ||
        ferror(stdout)) { /* nobody reads: the journal tells how it ended, and the exit code */
        __fpurge(stdout);
        clearerr(stdout);
    }
    text_clear(&performing.tally.put_back);
    text_clear(&performing.tally.left);
    text_clear(&performing.tally.overridden);
    return code;
}
