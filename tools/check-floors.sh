#!/bin/sh
# Refuses an include against the floors: check-floors.sh [FOLDER], by default interp.
#
# A file includes only from its own floor and from lower ones, with the whole path ("base/text.h").
# Lua belongs to lang/, libcurl to the event loop and live/, ZooKeeper to live/, sockets to base/,
# live/ and serve/.
# engine/ and report/ meet the world only through live/'s interfaces, lang/ not at all.
set -eu
folder=${1:-interp}

find "$folder" -name '*.[ch]' | sort | xargs awk -v folder="$folder" '
function refuse(why) {
    printf "%s:%d: %s: %s\n", FILENAME, FNR, $0, why
    refused++
}
function check_floor(path,    parts, floor) {
    if (split(path, parts, "/") != 2 || !(parts[1] in level)) {
        refuse("include by floor and file, as \"base/text.h\"")
        return
    }
    floor = parts[1]
    if (level[floor] > level[own]) {
        refuse(own "/ is below " floor "/")
    } else if ((own == "engine" || own == "report") &&
               (floor == "sim" || floor == "serve" || path == "live/sockets.h")) {
        refuse(own "/ meets the world only through the interfaces of live/")
    } else if (own == "lang" && (floor == "live" || floor == "serve" || floor == "wire")) {
        refuse("lang/ touches no socket")
    } else if (own == "lang" && floor == "sim" && path != "sim/model.h") {
        refuse("lang/ makes models, it runs none")
    }
}
function check_system(path) {
    if (path ~ /^(lua|lauxlib|lualib|luaconf)\.h$/ && own != "lang") {
        refuse("only lang/ knows Lua")
    }
    if (path ~ /^curl\// && own != "live" && FILENAME !~ /\/base\/loop[a-z_]*\.[ch]$/) {
        refuse("only the event loop and live/ know libcurl")
    }
    if (path ~ /^zookeeper\// && own != "live") {
        refuse("only live/ knows ZooKeeper")
    }
    if (path ~ /^(sys\/socket|sys\/un|sys\/epoll|netinet\/.*|netdb|poll|sys\/poll)\.?h?$/ &&
        own != "base" && own != "live" && own != "serve") {
        refuse(own "/ knows no sockets")
    }
}
BEGIN {
    count = split("base pegasus wire live sim serve lang engine report cli", floors, " ")
    for (i = 1; i <= count; i++) {
        level[floors[i]] = i
    }
}
FNR == 1 {
    own = substr(FILENAME, length(folder) + 2)
    sub(/\/.*/, "", own)
    if (!(own in level)) {
        printf "%s: lies on no floor\n", FILENAME
        refused++
        nextfile
    }
}
match($0, /^[ \t]*#[ \t]*include[ \t]*"[^"]*"/) {
    path = $0
    sub(/^[^"]*"/, "", path)
    sub(/".*/, "", path)
    check_floor(path)
}
match($0, /^[ \t]*#[ \t]*include[ \t]*<[^>]*>/) {
    path = $0
    sub(/^[^<]*</, "", path)
    sub(/>.*/, "", path)
    check_system(path)
}
END {
    if (refused > 0) {
        printf "%d include%s against the floors\n", refused, refused == 1 ? "" : "s"
        exit 1
    }
}'
