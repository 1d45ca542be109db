#!/bin/bash
# The shared lock and the shared journal against a real ZooKeeper, started here on free ports of the
# loopback with data folders of its own: the unit tests that need one are run with its address.
. "$(dirname "$0")/lib.sh"
jar=/usr/share/java/zookeeper.jar
tests=$(dirname "$pegflow")/tests/live
servers=()

leave() {
    for pid in "${servers[@]}"; do
        kill -KILL "$pid" 2>/dev/null
        kill -CONT "$pid" 2>/dev/null
    done
    finish
}
trap leave EXIT

skip() {
    echo "not tested against a real ZooKeeper: $1"
    conclude
    exit
}
command -v java >/dev/null || skip "there is no java"
[ -e "$jar" ] || skip "there is no $jar (Debian's package zookeeper)"

free_ports() { # COUNT
    python3 -c '
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in held:
    s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in held))' "$1"
}

# One server in the folder, whose zoo.cfg is there. Its pid is appended to `servers`.
start_zookeeper() { # FOLDER
    java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData \
        -cp "$1:$jar" org.apache.zookeeper.server.quorum.QuorumPeerMain "$1/zoo.cfg" \
        >"$1/log" 2>&1 &
    servers+=($!)
    disown $! # bash is not to tell of its end
}

answers() { # PORT: whether it serves
    local word
    { exec 4<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
    printf srvr >&4
    read -r -t 2 word <&4
    exec 4>&-
    [[ $word == Zookeeper* ]]
}

wait_for() { # PORT FOLDER
    for _ in $(seq 300); do
        answers "$1" && return 0
        sleep 0.1
    done
    echo "ZooKeeper did not get ready:"
    cat "$2/log"
    exit 1
}

configure() { # FOLDER PORT: alone
    mkdir -p "$1/data"
    printf '%s\n' tickTime=500 "dataDir=$1/data" "clientPort=$2" clientPortAddress=127.0.0.1 \
        admin.enableServer=false 4lw.commands.whitelist=srvr >"$1/zoo.cfg"
}

# Runs a program of unit tests and takes over its counts.
run_tests() { # NAME
    local output counts
    output=$(timeout 120 "$tests/$1" 2>&1)
    counts=$(sed -nE 's/^[0-9]+%: Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+)$/\1 \2 \3/p' \
        <<<"$output")
    read -r all failures errors <<<"${counts:-1 0 1}"
    passed=$((passed + all - failures - errors))
    failed=$((failed + failures + errors))
    [ $((failures + errors)) = 0 ] || printf '%s\n' "$output"
}

# A node that everybody may read and nobody may write.
make_closed_node() { # PORT PATH
    python3 -c '
import socket, struct, sys
def text(s): return struct.pack(">i", len(s)) + s.encode()
def call(s, body):
    s.sendall(struct.pack(">i", len(body)) + body)
    size, = struct.unpack(">i", s.recv(4, socket.MSG_WAITALL))
    return s.recv(size, socket.MSG_WAITALL)
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5)
call(s, struct.pack(">iqiqi16s?", 0, 0, 10000, 0, 16, b"", False))
acl = struct.pack(">ii", 1, 1) + text("world") + text("anyone")
answer = call(s, struct.pack(">ii", 1, 1) + text(sys.argv[2]) + text("") + acl + struct.pack(">i", 0))
sys.exit(struct.unpack(">iqi", answer[:16])[2] != 0)' "$1" "$2" ||
        echo "the closed node could not be made"
}

read -r port first second third f2 f3 f4 e2 e3 e4 <<<"$(free_ports 10)"
configure "$work/alone" "$port"
start_zookeeper "$work/alone"
for n in 1 2 3; do
    ports=("" "$first" "$second" "$third")
    configure "$work/$n" "${ports[n]}"
    printf '%s\n' initLimit=10 syncLimit=2 "server.1=127.0.0.1:$f2:$e2" \
        "server.2=127.0.0.1:$f3:$e3" "server.3=127.0.0.1:$f4:$e4" >>"$work/$n/zoo.cfg"
    echo "$n" >"$work/$n/data/myid"
    start_zookeeper "$work/$n"
done
wait_for "$port" "$work/alone"
for n in 1 2 3; do
    wait_for "${ports[n]}" "$work/$n"
done
make_closed_node "$port" /closed

export PEGFLOW_TEST_ZOOKEEPER=127.0.0.1:$port PEGFLOW_TEST_ZOOKEEPER_PID=${servers[0]}
export PEGFLOW_TEST_ZOOKEEPER_CLOSED=/closed
export PEGFLOW_TEST_ZOOKEEPER_THREE=127.0.0.1:$first,127.0.0.1:$second,127.0.0.1:$third
export PEGFLOW_TEST_ZOOKEEPER_TWO_PIDS=${servers[2]},${servers[3]}
for program in ${PEGFLOW_TEST_ONLY:-zookeeper_test shared_lock_test shared_journal_test}; do
    run_tests "$program"
done

conclude
