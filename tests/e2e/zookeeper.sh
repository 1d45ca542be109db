#!/bin/bash
# The shared lock and the shared journal against a real ZooKeeper, started here on free ports of the
# loopback with data folders of its own: the unit tests that need one are run with its address.
. "$(dirname "$0")/lib.sh"
jar=/usr/share/java/zookeeper.jar
tests=$(dirname "$pegflow")/tests
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
ldd "$pegflow" | grep -q libzookeeper_st || skip "pegflow was built without its client library"
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

# Runs a program of unit tests in the background, with the server that it may stop.
start_tests() { # NAME PORT PID
    PEGFLOW_TEST_ZOOKEEPER=127.0.0.1:$2 PEGFLOW_TEST_ZOOKEEPER_PID=$3 \
        timeout 240 "$tests/$1" >"$work/${1//\//-}.out" 2>&1 &
    running+=($!)
}

# Takes over its counts; its output when it failed.
count_tests() { # NAME
    local counts
    counts=$(sed -nE 's/^[0-9]+%: Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+)$/\1 \2 \3/p' \
        "$work/${1//\//-}.out")
    read -r all failures errors <<<"${counts:-1 0 1}"
    passed=$((passed + all - failures - errors))
    failed=$((failed + failures + errors))
    [ $((failures + errors)) = 0 ] || cat "$work/${1//\//-}.out"
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

# For each program one that it may stop, one for pegflow itself, and three that are one ensemble.
programs=(live/zookeeper_test live/shared_lock_test live/shared_journal_test cli/shared_record_test)
read -r -a ports <<<"$(free_ports 14)"
for n in 0 1 2 3 4; do
    configure "$work/$n" "${ports[n]}"
    start_zookeeper "$work/$n"
done
for n in 5 6 7; do
    configure "$work/$n" "${ports[n]}"
    printf '%s\n' initLimit=10 syncLimit=2 "server.5=127.0.0.1:${ports[8]}:${ports[9]}" \
        "server.6=127.0.0.1:${ports[10]}:${ports[11]}" \
        "server.7=127.0.0.1:${ports[12]}:${ports[13]}" >>"$work/$n/zoo.cfg"
    echo "$n" >"$work/$n/data/myid"
    start_zookeeper "$work/$n"
done
for n in 0 1 2 3 4 5 6 7; do
    wait_for "${ports[n]}" "$work/$n"
done

export PEGFLOW_TEST_ZOOKEEPER_CLOSED=/closed
export PEGFLOW_TEST_ZOOKEEPER_THREE=127.0.0.1:${ports[5]},127.0.0.1:${ports[6]},127.0.0.1:${ports[7]}
export PEGFLOW_TEST_ZOOKEEPER_TWO_PIDS=${servers[6]},${servers[7]}
running=()
for n in 0 1 2 3; do
    make_closed_node "${ports[n]}" /closed
    start_tests "${programs[n]}" "${ports[n]}" "${servers[n]}"
done

# ---- pegflow run, on a simulated cluster whose file names this ZooKeeper
lock_by() { # SERVERS ROOT: adds them to the cluster file
    sed -i '/lock = /d; s|^}$|  lock = { zookeeper = "'"$1"'", root = "'"$2"'", session = "4s" },\n}|' \
        "$work/cluster.lua"
}

start_run() { # STATE ARGUMENTS...
    local state=$1
    shift
    "$pegflow" run "$@" -c "$work/cluster.lua" --state "$work/$state" --confirm=onebox \
        >"$work/$state.log" 2>&1 </dev/null &
    run=$!
}

wait_for_line() { # STATE TEXT
    for _ in $(seq 300); do
        grep -qF -- "$2" "$work/$1.log" && return 0
        sleep 0.1
    done
    echo "no line with '$2' came:"
    cat "$work/$1.log"
}

# Runs to the end; its exit code is in $code, what it said in $said.
whole_run() { # STATE ARGUMENTS...
    start_run "$@"
    wait "$run"
    code=$?
    said=$(cat "$work/$1.log")
}

cat >"$work/hold.lua" <<'LUA'
return workflow "hold" {
  api = 1,
  steps = function(cluster, p)
    return hold { meta_level = "steady",
      setting = { ["meta.lb.add_secondary_max_count_for_one_node"] = 0 },
      sleep "10s",
      remote_command { to = "meta", "meta.lb.assign_delay_ms", "300000" },
    }
  end,
}
LUA
start_server five-nodes-fast
lock_by "127.0.0.1:${ports[4]}" /pegflow
start_run one "$work/hold.lua"
holder=$run
wait_for_line one "set meta.lb.add_secondary_max_count_for_one_node"
whole_run two tests/data/heal.lua
check "a run from another state folder is refused" "$code" 3
check_has "with who holds the lock" "$said" "cluster 'onebox' is being changed by "
check_has "which process" "$said" ", pid $holder on "
check_has "and where" "$said" "lock '/pegflow/onebox/lock-0000000000' in ZooKeeper"
check "and leaves no run behind" "$(ls "$work/two/runs")" ""
check_has "the journal has the token and the session" \
    "$(head -n 1 "$work"/one/runs/*/journal.jsonl)" \
    '"lock":{"token":0,"place":"/pegflow/onebox","session":"'

said=$("$pegflow" holds --clear --confirm=onebox -c "$work/cluster.lua" --state "$work/two" 2>&1)
check "nor is anything cleared from there" "$?" 3
check_has "which is said" "$said" "cluster 'onebox' is being changed by "
check "what watch prints has no session" \
    "$("$pegflow" watch last --output json --state "$work/one" | head -n 1 | grep -c '"session"')" 0

kill -STOP "${servers[4]}"
wait_for_line one "PAUSED"
check_has "without a word from ZooKeeper the run pauses" "$(cat "$work/one.log")" \
    "the shared lock is not confirmed: ZooKeeper '127.0.0.1:"
"$pegflow" stop last --state "$work/one" >/dev/null
wait "$holder"
code=$?
said=$(cat "$work/one.log")
kill -CONT "${servers[4]}"
check "it can be stopped" "$code" 4
check_has "the setting is put back" "$said" \
    "meta.lb.add_secondary_max_count_for_one_node is back at 20"
check "the next action was not begun" "$(grep -c 'assign_delay' "$work/one.log")" 0

wait_for "${ports[4]}" "$work/4"
for _ in $(seq 20); do # until the session of the run before has expired
    whole_run two tests/data/heal.lua
    [ "$code" = 3 ] || break
    sleep 0.5
done
check "the next run takes the lock" "$code" 0
whole_run two tests/data/heal.lua
check "and gives it up" "$code" 0
check "and has nothing to say of ZooKeeper" "$(grep -c '^pegflow:' "$work/two.log")" 0

python3 tests/e2e/pegrpc.py "127.0.0.1:$(port_of m1)" cli meta.lb.assign_delay_ms 180000000 >/dev/null
said=$("$pegflow" holds --clear --confirm=onebox -c "$work/cluster.lua" --state "$work/two" 2>&1)
check "under the lock what was left is cleared" "$?" 0
check_has "and told" "$said" "meta.lb.assign_delay_ms is back at 600000"
whole_run two tests/data/heal.lua
check "which gives the lock up" "$code" 0

lock_by 127.0.0.1:1 /pegflow
whole_run two tests/data/heal.lua
check "without a ZooKeeper nothing is begun" "$code" 3
check_has "its address is said" "$said" \
    "take the shared lock: ZooKeeper '127.0.0.1:1': no session in time: 127.0.0.1:1: connection refused"
lock_by "127.0.0.1:${ports[4]}" /pegasus
whole_run two tests/data/heal.lua
check "a lock among Pegasus's state is refused" "$code" 3
check_has "by both places" "$said" "the lock's place '/pegasus/onebox' and Pegasus's own root "

wait "${running[@]}"
for n in 0 1 2 3; do
    count_tests "${programs[n]}"
done

# ---- an ensemble loses its majority in mid-run, and finds it again
sed -i 's/sleep "10s"/sleep "2s"/; s/300000/600000/' "$work/hold.lua"
lock_by "$PEGFLOW_TEST_ZOOKEEPER_THREE" /pegflow
sed -i 's/session = "4s"/session = "10s"/' "$work/cluster.lua"
start_run three "$work/hold.lua"
wait_for_line three "set meta.lb.add_secondary_max_count_for_one_node"
kill -STOP "${servers[6]}" "${servers[7]}"
wait_for_line three "PAUSED"
kill -CONT "${servers[6]}" "${servers[7]}"
wait "$run"
check "the run waits for the majority, and goes on by itself" "$?" 0
check_has "when the lock is confirmed" "$(cat "$work/three.log")" \
    "the shared lock is confirmed again: the run goes on"

# ---- a run whose host is gone is brought to another one, and gone on with there
start_run gone "$work/hold.lua"
wait_for_line gone "meta.lb.add_secondary_max_count_for_one_node held at 0"
sleep 1 # what it wrote last is on its way to ZooKeeper
kill -KILL "$run"
wait "$run" 2>/dev/null
id=$(ls "$work/gone/runs")
rm -rf "$work/gone"
fetch() { # RUN
    said=$("$pegflow" fetch "$1" -c "$work/cluster.lua" --state "$work/here" 2>&1)
    code=$?
}
fetch "$id"
check "a run is brought from ZooKeeper" "$code" 0
check_has "and told where it is" "$said" "run $id is here now, in $work/here/runs/$id"
fetch "$id"
check "one that is here is not written over" "$code" 3
check_has "which is said" "$said" "run $id is here already"
fetch 20200101-000000-onebox
check "one that is not kept is not made" "$code" 3
check_has "which is said too" "$said" "nothing of run '20200101-000000-onebox' is kept"
fetch ../one
check "a path is no run" "$code" 2
check "only that one is here" "$(ls "$work/here/runs")" "$id"
said=$("$pegflow" resume "$id" --state "$work/here" --confirm=onebox 2>&1 </dev/null)
check "it is gone on with" "$?" 0
check_has "with what it held" "$said" "meta.lb.add_secondary_max_count_for_one_node is back at 20"
check_has "and everything is as before" "$said" "no difference"
rm -rf "$work/here"
fetch "$id"
check "of one that is done nothing is kept" "$code" 3
end_server INT
conclude
