#!/bin/bash
# tools/check-floors.sh lets the tree pass, and refuses each kind of include against the floors.
. "$(dirname "$0")/lib.sh"

# FILE INCLUDE EXPECTED: a tree with that one line in that file. EXPECTED is "fine" or words of the
# complaint.
case_of() {
    local output
    rm -rf "$work/tree"
    mkdir -p "$work/tree/$(dirname "$1")"
    printf '#include %s\n' "$2" >"$work/tree/$1"
    output=$(tools/check-floors.sh "$work/tree" 2>&1) && output=fine
    check_has "$1 with $2" "$output" "$3"
}

case_of live/a.c '"base/text.h"' fine
case_of live/a.c '"live/cluster.h"' fine
case_of live/a.c '<stdio.h>' fine
case_of live/a.c '"sim/sim.h"' "live/ is below sim/"
case_of base/a.h '"pegasus/types.h"' "base/ is below pegasus/"
case_of serve/a.c '"lang/lang.h"' "serve/ is below lang/"
case_of live/a.c '"text.h"' "include by floor and file"
case_of live/a.c '"../sim/sim.h"' "include by floor and file"
case_of live/a.c '"cellar/a.h"' "include by floor and file"
case_of live/a.c '"base/deep/a.h"' "include by floor and file"
case_of cellar/a.c '<stdio.h>' "lies on no floor"
case_of lang/a.c '<lua.h>' fine
case_of engine/a.c '<lua.h>' "only lang/ knows Lua"
case_of cli/a.c ' <lauxlib.h>' "only lang/ knows Lua"
case_of live/a.c '<curl/curl.h>' fine
case_of base/loop_wait.c '<curl/curl.h>' fine
case_of base/text.c '<curl/curl.h>' "only the event loop and live/ know libcurl"
case_of serve/a.c '<curl/curl.h>' "only the event loop and live/ know libcurl"
case_of live/a.c '<zookeeper/zookeeper.h>' fine
case_of engine/a.c '<zookeeper/zookeeper.h>' "only live/ knows ZooKeeper"
case_of serve/a.c '<sys/socket.h>' fine
case_of sim/a.c '<sys/socket.h>' "sim/ knows no sockets"
case_of wire/a.c '<netinet/in.h>' "wire/ knows no sockets"
case_of lang/a.c '<poll.h>' "lang/ knows no sockets"
case_of lang/a.c '"sim/model.h"' fine
case_of lang/a.c '"sim/sim.h"' "lang/ makes models, it runs none"
case_of lang/a.c '"live/cluster.h"' "lang/ touches no socket"
case_of engine/a.c '"live/cluster.h"' fine
case_of engine/a.c '"live/sockets.h"' "meets the world only through"
case_of engine/a.c '"sim/sim.h"' "meets the world only through"
case_of report/a.c '"serve/server.h"' "meets the world only through"
case_of cli/a.c '"serve/server.h"' fine

conclude
