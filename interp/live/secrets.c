#include "live/secrets.h"

#include "base/arena.h"
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* ---- texts */

static void append_json(struct text *out, const char *value)
{
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            text_append_char(out, '\\');
            text_append_char(out, *c);
        } else if ((unsigned char)*c < ' ') {
            text_printf(out, "\\u%04x", (unsigned)(unsigned char)*c);
        } else {
            text_append_char(out, *c);
        }
    }
}

static const char *find_value(const struct secret *secrets, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(secrets[i].name, name) == 0) {
            return secrets[i].value;
        }
    }
    return NULL;
}

bool secrets_put_in(const struct secret *secrets, size_t count, const char *text, struct text *out,
                    struct error *err)
{
    char name[SECRET_NAME_BYTES];
    bool in_json = false;
    while (*text != '\0') {
        size_t length = secret_read_mark(text, name, &in_json);
        const char *value = length == 0 ? NULL : find_value(secrets, count, name);
        if (length == 0 && secret_is_in((const char[]){*text, '\0'})) {
            error_set(err, ERROR_USAGE,
                      "a text has a piece of an env \"...\" in it: it can be put "
                      "together with others, but not changed");
            return false;
        }
        if (length > 0 && value == NULL) {
            error_set(err, ERROR_USAGE, "env \"%s\" is not known here", name);
            return false;
        }
        if (length == 0) {
            text_append_char(out, *text++);
        } else if (in_json) {
            append_json(out, value);
        } else {
            text_append_string(out, value);
        }
        text += length;
    }
    return true;
}

/* How many bytes of `bytes` are the value, its end (at the very beginning) or its beginning (at the
 * very end). */
static size_t match(const char *value, const char *bytes, size_t left, bool at_start)
{
    size_t length = strlen(value);
    if (bytes[0] == value[0] && length <= left && memcmp(bytes, value, length) == 0) {
        return length;
    }
    if (left < length && left >= SECRET_VALUE_MIN_BYTES && memcmp(bytes, value, left) == 0) {
        return left;
    }
    for (size_t part = length - 1; at_start && part >= SECRET_VALUE_MIN_BYTES; part--) {
        if (part <= left && memcmp(bytes, value + length - part, part) == 0) {
            return part;
        }
    }
    return 0;
}

void secrets_take_out(const struct secret *secrets, size_t count, const char *bytes, size_t length,
                      struct text *out)
{
    struct text *escaped = memory_allocate((count + 1) * sizeof *escaped);
    for (size_t i = 0; i < count; i++) {
        append_json(&escaped[i], secrets[i].value);
    }
    for (size_t at = 0; at < length;) {
        size_t longest = 0;
        for (size_t i = 0; i < count; i++) {
            const char *forms[] = {secrets[i].value, text_string(&escaped[i])};
            for (size_t f = 0; f < 2; f++) {
                size_t found = match(forms[f], bytes + at, length - at, at == 0);
                longest = found > longest ? found : longest;
            }
        }
        if (longest > 0) {
            text_append_string(out, "***");
            at += longest;
        } else {
            text_append_char(out, bytes[at++]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        text_clear(&escaped[i]);
    }
    free(escaped);
}

/* ---- the deployment */

struct guarded {
    struct operation operation; /* first */
    struct secrets_deployment *owner;
    LIST_ENTRY(guarded) link;
    struct operation *inner; /* NULL: nothing was sent, `timer` ends it with `failure` */
    struct timer timer;
    struct error failure;
    program_done_fn *program_done; /* one of the two */
    http_done_fn *http_done;
    void *ctx;
};

struct secrets_deployment {
    struct deployment deployment; /* first */
    struct deployment *inner;
    const struct secret *secrets;
    size_t count;
    LIST_HEAD(, guarded) under_way;
};

static void guarded_free(struct guarded *guarded)
{
    LIST_REMOVE(guarded, link);
    timer_cancel(&guarded->timer);
    free(guarded);
}

static void take_out(const struct secrets_deployment *own, const char *bytes, size_t length,
                     struct text *out)
{
    secrets_take_out(own->secrets, own->count, bytes, length, out);
}

/* NULL stays NULL. */
static const struct error *take_out_of_error(const struct secrets_deployment *own,
                                             const struct error *err, struct error *room)
{
    if (err == NULL) {
        return NULL;
    }
    struct text shown = {0};
    /* Where a long text was cut it ends with dots, perhaps within a value. */
    size_t length = strlen(err->text);
    bool is_cut = length > 3 && strcmp(err->text + length - 3, "...") == 0;
    take_out(own, err->text, length - (is_cut ? 3 : 0), &shown);
    *room = *err;
    error_set(room, err->code, "%s%s", text_string(&shown), is_cut ? "..." : "");
    text_clear(&shown);
    return room;
}

static void program_ended(void *ctx, const struct process_result *result, const struct error *err)
{
    struct guarded *guarded = ctx;
    const struct secrets_deployment *own = guarded->owner;
    program_done_fn *done = guarded->program_done;
    void *done_ctx = guarded->ctx;
    struct process_result shown = *result;
    struct error room;
    shown.output = (struct text){0};
    take_out(own, text_string(&result->output), result->output.length, &shown.output);
    guarded_free(guarded);
    done(done_ctx, &shown, take_out_of_error(own, err, &room));
    text_clear(&shown.output);
}

static void request_answered(void *ctx, const struct http_reply *reply, const struct error *err)
{
    struct guarded *guarded = ctx;
    const struct secrets_deployment *own = guarded->owner;
    http_done_fn *done = guarded->http_done;
    void *done_ctx = guarded->ctx;
    struct text body = {0};
    struct text location = {0};
    struct http_reply shown = {0};
    struct error room;
    guarded_free(guarded);
    if (reply != NULL) {
        shown = *reply;
        take_out(own, reply->body, reply->body_bytes, &body);
        shown.body = text_string(&body);
        shown.body_bytes = body.length;
        if (reply->location != NULL) {
            take_out(own, reply->location, strlen(reply->location), &location);
            shown.location = text_string(&location);
        }
    }
    done(done_ctx, reply == NULL ? NULL : &shown, take_out_of_error(own, err, &room));
    text_clear(&body);
    text_clear(&location);
}

static void deliver_failure(void *ctx)
{
    struct guarded *guarded = ctx;
    struct process_result nothing = {.exit_code = -1};
    struct error err = guarded->failure;
    program_done_fn *program_done = guarded->program_done;
    http_done_fn *http_done = guarded->http_done;
    void *done_ctx = guarded->ctx;
    guarded_free(guarded);
    if (program_done != NULL) {
        program_done(done_ctx, &nothing, &err);
    } else {
        http_done(done_ctx, NULL, &err);
    }
}

static void guarded_cancel(struct operation *operation)
{
    struct guarded *guarded = (struct guarded *)operation;
    if (guarded->inner != NULL) {
        operation_cancel(guarded->inner);
    } else {
        error_set(&guarded->failure, ERROR_CANCELLED, "cancelled");
    }
}

static void guarded_drop(struct operation *operation)
{
    struct guarded *guarded = (struct guarded *)operation;
    operation_drop(guarded->inner);
    guarded_free(guarded);
}

static struct guarded *guarded_new(struct secrets_deployment *own, void *ctx)
{
    static const struct operation_ops ops = {.cancel = guarded_cancel, .drop = guarded_drop};
    struct guarded *guarded = memory_allocate(sizeof *guarded);
    guarded->operation.ops = &ops;
    guarded->owner = own;
    guarded->ctx = ctx;
    LIST_INSERT_HEAD(&own->under_way, guarded, link);
    return guarded;
}

/* The texts with values in, NULL-terminated; NULL for NULL. */
static bool put_in_all(const struct secrets_deployment *own, const char *const *texts,
                       struct arena *arena, const char *const **out, struct error *err)
{
    size_t count = 0;
    *out = NULL;
    while (texts != NULL && texts[count] != NULL) {
        count++;
    }
    if (texts == NULL) {
        return true;
    }
    const char **made = arena_allocate(arena, (count + 1) * sizeof *made);
    struct text text = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        text_reset(&text);
        ok = secrets_put_in(own->secrets, own->count, texts[i], &text, err);
        made[i] = arena_copy_string(arena, text_string(&text));
    }
    text_clear(&text);
    *out = made;
    return ok;
}

static bool put_in_one(const struct secrets_deployment *own, const char *text, struct arena *arena,
                       const char **out, struct error *err)
{
    const char *const texts[] = {text, NULL};
    const char *const *made;
    bool ok = put_in_all(own, texts, arena, &made, err);
    *out = text == NULL ? NULL : made[0];
    return ok;
}

static struct operation *run_program(struct deployment *deployment, const struct process_spec *spec,
                                     program_done_fn *done, void *ctx)
{
    struct secrets_deployment *own = (struct secrets_deployment *)deployment;
    struct guarded *guarded = guarded_new(own, ctx);
    struct process_spec whole = *spec;
    struct arena arena;
    arena_init(&arena);
    guarded->program_done = done;
    if (put_in_all(own, spec->argv, &arena, &whole.argv, &guarded->failure) &&
        put_in_all(own, spec->env, &arena, &whole.env, &guarded->failure)) {
        guarded->inner = own->inner->ops->run(own->inner, &whole, program_ended, guarded);
    } else {
        timer_start(deployment->loop, &guarded->timer, 0, deliver_failure, guarded);
    }
    arena_clear(&arena);
    return &guarded->operation;
}

/* A line break in a value would begin another header. */
static bool check_headers(const char *const *headers, struct error *err)
{
    for (size_t i = 0; headers != NULL && headers[i] != NULL; i++) {
        if (strpbrk(headers[i], "\r\n") != NULL) {
            error_set(err, ERROR_USAGE, "the header '%.*s' would have a line break in it",
                      (int)strcspn(headers[i], ":"), headers[i]);
            return false;
        }
    }
    return true;
}

static struct operation *send_request(struct deployment *deployment,
                                      const struct http_request *request, http_done_fn *done,
                                      void *ctx)
{
    struct secrets_deployment *own = (struct secrets_deployment *)deployment;
    struct guarded *guarded = guarded_new(own, ctx);
    struct http_request whole = *request;
    struct error *err = &guarded->failure;
    struct arena arena;
    arena_init(&arena);
    guarded->http_done = done;
    if (put_in_one(own, request->url, &arena, &whole.url, err) &&
        put_in_one(own, request->body, &arena, &whole.body, err) &&
        put_in_all(own, request->headers, &arena, &whole.headers, err) &&
        check_headers(whole.headers, err)) {
        guarded->inner = own->inner->ops->request(own->inner, &whole, request_answered, guarded);
    } else {
        timer_start(deployment->loop, &guarded->timer, 0, deliver_failure, guarded);
    }
    arena_clear(&arena);
    return &guarded->operation;
}

static void free_all(struct deployment *deployment)
{
    struct secrets_deployment *own = (struct secrets_deployment *)deployment;
    if (own == NULL) {
        return;
    }
    own->inner->ops->free(own->inner);
    while (!LIST_EMPTY(&own->under_way)) {
        guarded_free(LIST_FIRST(&own->under_way));
    }
    free(own);
}

static const struct deployment_ops ops = {
    .run = run_program, .request = send_request, .free = free_all};

struct deployment *secrets_deployment_new(struct deployment *inner, const struct secret *secrets,
                                          size_t count)
{
    struct secrets_deployment *own = memory_allocate(sizeof *own);
    own->deployment.ops = &ops;
    own->deployment.loop = inner->loop;
    own->inner = inner;
    own->secrets = secrets;
    own->count = count;
    LIST_INIT(&own->under_way);
    return &own->deployment;
}
