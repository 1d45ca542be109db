/* cli/confirm.h - a person's word before a cluster is changed: its name, typed or given.
 *
 * Floor: cli. Blocks on standard input. */
#ifndef PEGFLOW_CLI_CONFIRM_H
#define PEGFLOW_CLI_CONFIRM_H

#include "cli/cli.h"

#define CONFIRM_OPTION                                                                             \
    {                                                                                              \
        "confirm", 0, OPTION_TEXT, "NAME", NULL,                                                   \
            "the cluster's name, where no terminal can ask for it"                                 \
    }

/* True when --confirm is the cluster's name, or it was typed. `to_do`: "upgrade", for the message.
 * ERROR_USAGE where nobody can be asked, ERROR_REFUSED for another name. */
bool confirm_cluster(const struct arguments *arguments, const char *name, const char *to_do,
                     struct error *err);

#endif
