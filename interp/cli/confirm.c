#include "cli/confirm.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool confirm_cluster(const struct arguments *arguments, const char *name, const char *to_do,
                     struct error *err)
{
    const char *given = arguments_text(arguments, "confirm");
    char line[256];
    if (given == NULL && !isatty(STDIN_FILENO)) {
        error_set(err, ERROR_USAGE, "no terminal to ask on: to %s cluster '%s', give --confirm=%s",
                  to_do, name, name);
        return false;
    }
    if (given == NULL) {
        printf("\nTo start, type the cluster's name: ");
        fflush(stdout);
        if (fgets(line, sizeof line, stdin) == NULL) {
            line[0] = '\0';
        }
        line[strcspn(line, "\r\n")] = '\0';
        given = line;
    }
    if (strcmp(given, name) != 0) {
        error_set(err, ERROR_REFUSED, "'%s' is not the cluster's name '%s'; nothing was changed",
                  given, name);
        return false;
    }
    return true;
}
