#include "base/duration.h"
#include "cli/cli.h"
#include "cli/cluster_writer.h"
#include "cli/session.h"
#include "serve/control.h"
#include "serve/server.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static const struct option_row options[] = {
    {.name = "model",
     .letter = 'm',
     .kind = OPTION_TEXT,
     .value_name = "NAME",
     .fallback = "five-nodes",
     .help = "a model of the standard library, or a model file"},
    {.name = "listen",
     .kind = OPTION_TEXT,
     .value_name = "IP",
     .fallback = "127.0.0.1",
     .help = "a loopback address to listen on"},
    {.name = "base-port",
     .kind = OPTION_INTEGER,
     .value_name = "N",
     .help = "number the servers' ports from N; 0: free ports; default: as Pegasus does"},
    {.name = "control-port",
     .kind = OPTION_INTEGER,
     .value_name = "N",
     .help = "port of the control endpoint; default: behind the servers', or 34900"},
    {.name = "write-cluster",
     .kind = OPTION_TEXT,
     .value_name = "FILE",
     .help = "write a cluster file that fits what is served"},
    {.name = "lib",
     .letter = 'L',
     .kind = OPTION_LIST,
     .value_name = "DIR",
     .help = "look for required files there too (as PEGFLOW_PATH, a list parted by ':')"},
};

struct simulation {
    const struct model *model;
    struct loop *loop;
    struct server_set *set;
    struct control *control;
};

/* ---- what to serve, and where */

static bool read_port(const struct arguments *arguments, const char *name, int32_t fallback,
                      int32_t *port, struct error *err)
{
    if (arguments_text(arguments, name) == NULL) {
        *port = fallback;
        return true;
    }
    int64_t value = arguments_integer(arguments, name);
    if (value < 0 || value > UINT16_MAX) {
        error_set(err, ERROR_USAGE, "option '--%s': %" PRId64 " is no port (0 to %d)", name, value,
                  UINT16_MAX);
        return false;
    }
    *port = (int32_t)value;
    return true;
}

/* Only this machine: the simulated cluster obeys whoever connects. */
static bool read_listen(const struct arguments *arguments, uint32_t *ip, struct error *err)
{
    const char *text = arguments_text(arguments, "listen");
    struct text with_port = {0};
    struct address address;

    text_printf(&with_port, "%s:1", text);
    bool ok = address_parse(text_string(&with_port), &address, err);
    text_clear(&with_port);
    if (!ok || address.ip >> 24 != 127) {
        error_set(err, ERROR_USAGE,
                  "option '--listen': '%s' is no loopback address (127.0.0.1); a simulated cluster "
                  "is served to this machine only",
                  text);
        return false;
    }
    *ip = address.ip;
    return true;
}

static void explain_port(struct error *err)
{
    struct error cause = *err;

    if (err->code == ERROR_REFUSED) {
        error_set(err, ERROR_REFUSED,
                  "%s; choose other ports by --base-port (0: free ones) and --control-port",
                  cause.text);
    }
}

static void print_event(void *ctx, int64_t at_us, const char *what)
{
    (void)ctx;
    printf("%10.3fs  %s\n", (double)at_us / US_PER_SECOND, what);
    fflush(stdout);
}

static bool open_servers(struct simulation *simulation, const struct arguments *arguments,
                         struct error *err)
{
    struct address *addresses = NULL;
    struct address control = {.kind = ADDRESS_IPV4};
    int32_t count = 0;
    int32_t base_port = 0;
    int32_t control_port = 0;
    bool ok = false;

    if (!read_listen(arguments, &control.ip, err) ||
        !read_port(arguments, "base-port", -1, &base_port, err) ||
        !server_addresses(simulation->model, control.ip, base_port, &addresses, &count, err)) {
        goto done;
    }
    int32_t behind = base_port > 0 ? base_port + count : 0;
    int32_t fallback = base_port < 0 ? SERVER_DEFAULT_CONTROL_PORT : behind;
    if (!read_port(arguments, "control-port", fallback, &control_port, err)) {
        goto done;
    }
    if (control_port > UINT16_MAX) {
        error_set(err, ERROR_USAGE, "no port is left behind %d for the control endpoint",
                  UINT16_MAX);
        goto done;
    }
    control.port = (uint16_t)control_port;
    ok = server_set_open(simulation->loop, simulation->model, addresses, print_event, NULL,
                         &simulation->set, err) &&
         control_open(simulation->set, control, &simulation->control, err);
    if (!ok) {
        explain_port(err);
    }
done:
    free(addresses);
    return ok;
}

static bool write_cluster(const struct simulation *simulation, const char *path, struct error *err)
{
    struct text content = {0};

    if (path == NULL) {
        return true;
    }
    cluster_writer_compose(simulation->model, server_set_sim(simulation->set),
                           control_address(simulation->control), &content);
    bool ok = cluster_writer_save(path, &content, err);
    text_clear(&content);
    return ok;
}

/* ---- what is said of it */

static void print_servers(const struct simulation *simulation)
{
    struct sim *sim = server_set_sim(simulation->set);
    char name[ADDRESS_TEXT_BYTES];

    printf("model %s: cluster %s, Pegasus %s\n", simulation->model->name,
           simulation->model->cluster_name, release_traits(simulation->model->release)->name);
    printf("%-8s %-10s %-22s %s\n", "SERVER", "ROLE", "ADDRESS", "VERSION");
    for (int32_t i = 0; i < sim_server_count(sim); i++) {
        printf("%-8s %-10s %-22s %s\n", sim_server_label(sim, i),
               role_name(sim_server_role(sim, i)), address_format(sim_server_address(sim, i), name),
               sim_server_version(sim, i));
    }
    printf("control: http://%s (GET /servers, POST /servers/r1/update ...)\n",
           address_format(control_address(simulation->control), name));
    printf("Ctrl-C ends it\nready\n");
    fflush(stdout);
}

/* Returns the exit code. */
static int print_summary(const struct simulation *simulation)
{
    struct sim *sim = server_set_sim(simulation->set);
    char text[4][DURATION_TEXT_BYTES];
    struct sim_totals totals;
    size_t violations = sim_violation_count(sim);

    sim_totals(sim, &totals);
    printf("ended after %s: %" PRId64 " changes of configuration, %" PRId64 " primaries moved\n",
           duration_format(server_set_now_us(simulation->set), text[0]), totals.changes,
           totals.primaries_moved);
    printf("partition time without reads %s (longest outage %s), without writes %s (%s); "
           "fewest live replicas of a partition %" PRId32 "\n",
           duration_format(totals.reads_away_us, text[0]),
           duration_format(totals.longest_read_us, text[1]),
           duration_format(totals.writes_away_us, text[2]),
           duration_format(totals.longest_write_us, text[3]), totals.fewest_live_replicas);
    for (size_t i = 0; i < violations; i++) {
        const struct sim_violation *violation = sim_violation(sim, i);
        printf("violation at %.3fs: %s\n", (double)violation->at_us / US_PER_SECOND,
               violation->what);
    }
    printf("violations: %zu\n", violations);
    return violations > 0 ? error_exit_code(ERROR_VIOLATION) : 0;
}

/* ---- the command */

static void on_signal(void *ctx, int signal_number)
{
    (void)signal_number;
    loop_stop(ctx);
}

static bool catch_signals(struct loop *loop, struct error *err)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    return loop_catch_signals(loop, &signals, on_signal, loop, err);
}

static int serve(const struct model *model, const struct arguments *arguments, struct error *err)
{
    struct simulation simulation = {.model = model};
    int exit_code = -1;

    if (!loop_open_real(&simulation.loop, err) || !catch_signals(simulation.loop, err) ||
        !open_servers(&simulation, arguments, err) ||
        !write_cluster(&simulation, arguments_text(arguments, "write-cluster"), err)) {
        goto done;
    }
    print_servers(&simulation);
    if (!loop_run(simulation.loop, err)) {
        goto done;
    }
    exit_code = print_summary(&simulation);
done:
    control_free(simulation.control);
    server_set_free(simulation.set);
    loop_close(simulation.loop);
    return exit_code;
}

static int run(const struct arguments *arguments, struct error *err)
{
    struct lang *lang = session_lang_new(arguments);
    struct error_list errors;
    const struct model *model = NULL;
    int exit_code = 0;

    error_list_init(&errors);
    if (lang_load_model(lang, arguments_text(arguments, "model"), &model, &errors)) {
        exit_code = serve(model, arguments, err);
    } else {
        exit_code = cli_report_errors(&errors);
    }
    error_list_clear(&errors);
    lang_free(lang);
    return exit_code;
}

const struct command command_simulate = {
    .name = "simulate",
    .summary = "serve a simulated cluster on this machine's loopback",
    .operands = "",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .description =
        "Serves a model as a Pegasus cluster: each server answers RPC and HTTP on a port of its\n"
        "own, as strictly as the real one. A control endpoint stands for the deployment system:\n"
        "GET /servers, POST /servers/r1/stop, kill, start, restart or update, GET /violations,\n"
        "GET /totals, GET /traffic, POST /break-updates?broken=true; and for those who use the\n"
        "cluster: GET /tables, POST /tables/NAME/create?partitions=8&replicas=3 and /drop.\n"
        "The line 'ready' says that all of it listens; then stops, starts and violations are told\n"
        "line by line, until Ctrl-C or SIGTERM.\n"
        "It exits with 6 when a request came that would have brought a real server down.",
    .example =
        "  pegflow simulate --model five-nodes --base-port 0 --write-cluster cluster.lua\n"
        "      serves five replica servers, two metas and a collector on free ports, and writes\n"
        "      the cluster file with which 'pegflow run workflows/ha.lua -c cluster.lua' finds "
        "them",
    .run = run,
};
