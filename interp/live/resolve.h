/* live/resolve.h - the address behind a name.
 *
 * Floor: live. Asks the system's resolver and blocks as long as it does: used before a run begins,
 * never from a callback. */
#ifndef PEGFLOW_LIVE_RESOLVE_H
#define PEGFLOW_LIVE_RESOLVE_H

#include "pegasus/address.h"

/* `host_port` as address_parse_or_name takes it. Of several addresses the resolver's first, IPv4
 * alone: Pegasus knows no other. A name that has none is ERROR_UNREACHABLE. */
bool resolve_server(const char *host_port, struct address *out, struct error *err);

#endif
