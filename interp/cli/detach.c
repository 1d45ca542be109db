#include "cli/detach.h"

#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Its output comes by `output`; its input is nothing, and no terminal can end it. */
static bool start(char **argv, int output, pid_t *child, struct error *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &none);
    int failure = posix_spawn(child, "/proc/self/exe", &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) {
        error_set_errno(err, failure, "start a process for the run");
    }
    return failure == 0;
}

/* "run ID, recorded in FOLDER" is the first line that only a run that has begun prints. */
static bool tells_run(const char *line, char run[RUN_ID_BYTES])
{
    static const char begin[] = "run ";
    const char *end = strstr(line, ", recorded in ");
    if (strncmp(line, begin, sizeof begin - 1) != 0 || end == NULL) {
        return false;
    }
    line += sizeof begin - 1;
    size_t length = (size_t)(end - line);
    if (length == 0 || length >= RUN_ID_BYTES) {
        return false;
    }
    memcpy(run, line, length);
    run[length] = '\0';
    return true;
}

static void read_output(FILE *from, struct detached *out)
{
    char *line = NULL;
    size_t capacity = 0;
    while (out->run[0] == '\0' && getline(&line, &capacity, from) > 0) {
        if (!tells_run(line, out->run)) {
            text_append_string(&out->said, line);
        }
    }
    free(line);
}

static int exit_code_of(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : error_exit_code(ERROR_SYSTEM);
}

bool detach(const struct arguments *arguments, const char *cluster, struct detached *out,
            struct error *err)
{
    static const char *const without[] = {"detach", "confirm", "output", NULL};
    int ends[2];
    pid_t child = 0;
    struct text confirm = {0};
    *out = (struct detached){0};
    if (pipe2(ends, O_CLOEXEC) != 0) {
        error_set_errno(err, errno, "make a pipe to the run's process");
        return false;
    }
    text_printf(&confirm, "--confirm=%s", cluster);
    const char *const more[] = {text_string(&confirm), "--output=plain", NULL};
    char **argv = arguments_write(arguments, without, more);
    bool ok = start(argv, ends[1], &child, err);
    close(ends[1]);
    FILE *from = ok ? fdopen(ends[0], "r") : NULL;
    if (from != NULL) {
        read_output(from, out);
        fclose(from);
        out->exit_code = out->run[0] == '\0' ? exit_code_of(child) : 0;
    } else {
        close(ends[0]);
    }
    arguments_free_words(argv);
    text_clear(&confirm);
    return ok;
}
