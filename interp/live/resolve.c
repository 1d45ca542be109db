#include "live/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static bool resolve_name(const char *host, const char *port, struct address *out, struct error *err)
{
    struct addrinfo hints = {
        .ai_family = AF_INET,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICSERV,
    };
    struct addrinfo *found = NULL;
    int failure = getaddrinfo(host, port, &hints, &found);
    if (failure != 0) {
        error_set(err, ERROR_UNREACHABLE, "the name '%s' does not resolve: %s", host,
                  failure == EAI_SYSTEM ? strerror(errno) : gai_strerror(failure));
        return false;
    }
    struct sockaddr_in first;
    memcpy(&first, found->ai_addr, sizeof first);
    freeaddrinfo(found);
    *out = (struct address){
        .ip = ntohl(first.sin_addr.s_addr),
        .port = ntohs(first.sin_port),
        .kind = ADDRESS_IPV4,
    };
    return true;
}

bool resolve_server(const char *host_port, struct address *out, struct error *err)
{
    struct address address;
    if (!address_parse_or_name(host_port, &address, err)) {
        return false;
    }
    if (address_is_set(address)) {
        *out = address;
        return true;
    }
    char *host = memory_copy_string(host_port);
    char *colon = strchr(host, ':'); /* there is one: it was parsed */
    *colon = '\0';
    bool ok = resolve_name(host, colon + 1, out, err);
    free(host);
    return ok;
}
