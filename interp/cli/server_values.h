/* cli/server_values.h - one setting's values on several servers, in few words.
 *
 * Floor: cli. Asks nobody. */
#ifndef PEGFLOW_CLI_SERVER_VALUES_H
#define PEGFLOW_CLI_SERVER_VALUES_H

#include "base/text.h"
#include "pegasus/inventory.h"

/* "0" where all are equal, else "0 (4 servers), 50 (10.0.0.3:34801)": each value with the server,
 * or how many have it, in the order of their first. O(count * values). */
void server_values_fold(const struct server *servers, const char *const *values, size_t count,
                        struct text *out);

#endif
