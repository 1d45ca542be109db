/* cli/snapshot.c - pegflow snapshot: writes a cluster's shape as a model file.
 *
 * Gets a reader only: calls that change something do not exist here. */
#include "cli/cluster_writer.h"
#include "cli/model_writer.h"
#include "cli/shape.h"

#include <stdio.h>

static int write_out(const struct arguments *arguments, const struct text *content,
                     struct error *err)
{
    const char *path = arguments_text(arguments, "output");
    if (path != NULL) {
        return cluster_writer_save(path, content, err) ? 0 : -1;
    }
    fwrite(content->bytes, 1, content->length, stdout);
    return 0;
}

static int take(struct session *session, struct gatherer *gatherer,
                const struct arguments *arguments, struct error *err)
{
    struct shape shape = {0};
    struct text content = {0};
    int code = -1;
    shape_add_needs(&session->inventory, gatherer_needs(gatherer));
    const struct evidence *evidence = session_gather(session, gatherer, err);
    if (evidence != NULL && shape_take(session, evidence, &session->arena, &shape, err)) {
        model_writer_compose(&shape.model, &session->inventory, &content);
        code = write_out(arguments, &content, err);
    }
    if (code == 0 && shape.assumed.length > 0) {
        fprintf(stderr, "pegflow snapshot: not read, so as in every model: %s\n",
                text_string(&shape.assumed));
    }
    text_clear(&shape.assumed);
    text_clear(&content);
    return code;
}

static int run_snapshot(const struct arguments *arguments, struct error *err)
{
    struct session session = {0};
    int code = session_load(&session, arguments);
    if (code < 0 && session_meet(&session, err)) {
        struct gatherer *gatherer = gatherer_new(&session.gatherers);
        code = take(&session, gatherer, arguments, err);
        gatherer_free(gatherer);
    }
    session_close(&session);
    return code;
}

static const struct option_row options[] = {
    SESSION_OPTIONS,
    {"output", 'o', OPTION_TEXT, "FILE", NULL, "write it there, whole or not at all"},
};

const struct command command_snapshot = {
    .name = "snapshot",
    .summary = "record a cluster's shape as a model to rehearse on; changes nothing",
    .operands = "",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .description =
        "Writes a model file: which server holds which replica, the settings, the freeze and\n"
        "writes' minimums, the failure detector's timings. What a cluster does not tell is as in\n"
        "every model: how long a start, a copy or an installation takes. No data and no names of\n"
        "servers but in comments. Exit code 3 when the cluster could not be met.",
    .example = "  pegflow snapshot -c prod.lua > prod-model.lua\n"
               "  pegflow rehearse workflows/ha.lua -c prod.lua --model prod-model.lua",
    .run = run_snapshot,
};
