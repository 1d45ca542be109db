/* pegasus/address.h - ip:port, and the name a cluster gives it.
 *
 * Floor: pegasus. Servers are the same if ip:port is the same; a host name is only ever carried
 * back to the cluster that gave it, unchanged (reference protocol, traps 0 and 14). */
#ifndef PEGFLOW_PEGASUS_ADDRESS_H
#define PEGFLOW_PEGASUS_ADDRESS_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* The numbers are those of the wire. A group address aborts the server that receives it. */
enum address_kind { ADDRESS_NONE = 0, ADDRESS_IPV4 = 1, ADDRESS_GROUP = 2 };

struct address {
    uint32_t ip; /* host order */
    uint16_t port;
    uint8_t kind; /* enum address_kind; all zero: none */
};

/* As it travels from master: a name (or a number as text) and a port. `kind` as above. */
struct host_port {
    struct slice host;
    uint16_t port;
    uint8_t kind;
};

enum { ADDRESS_TEXT_BYTES = 24 };
/* "10.0.0.3:34801"; a name is not resolved. */
bool address_parse(const char *text, struct address *out, struct error *err);
/* As address_parse, or a name as DNS allows, "meta1.example:34601": then `out` is set to none. */
bool address_parse_or_name(const char *text, struct address *out, struct error *err);
/* "-" for none. Returns `buffer`. */
const char *address_format(struct address address, char buffer[ADDRESS_TEXT_BYTES]);
bool address_equal(struct address a, struct address b);
bool address_is_set(struct address address); /* kind is IPv4 */

#endif
