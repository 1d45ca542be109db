#!/bin/bash
# workflows/ha.lua over real sockets: undisturbed, and with what goes wrong in real nights.
. "$(dirname "$0")/lib.sh"
# Every wait is there, only shorter.
fast=(--set meta_pause=2s --set healthy_for=1s --set look_every=200ms --set nudge_every=2s)

for model in five-nodes-fast five-nodes-2.5-fast; do
    start_server "$model"
    start_run
    end_run
    check "$model is upgraded" "$status" 0
    check_has "$model: compared" "$log" "no difference"
    check "$model: every server on the new version" \
        "$(curl -sS "$control/servers" | tr '{' '\n' | grep -cF "\"version\":\"$(target)\"")" 8
    no_violation
done

start_server five-nodes-fast
start_run
wait_for_line "downgrade_node" && check_has "a kill" "$(control_post /servers/m1/kill)" '"kill"'
wait_for_line "told again" && control_post /servers/m1/start >/dev/null
end_run
check "a killed primary meta server does not stop the run" "$status" 0
check_has "the new one was told" "$log" "told again to the primary meta server"
no_violation

start_server five-nodes-fast
start_run
wait_for_line "downgrade_node" && control_post /servers/r5/kill >/dev/null
end_run
check "a server that dies stops the run" "$status" 1
check_has "what is put back is said" "$log" "put back"
control_post /servers/r5/start >/dev/null
settings_are_back
no_violation

# Somebody else's hand: bulk load sets a level, a colleague a limit.
start_server five-nodes-fast
leader=127.0.0.1:$(port_of m1)
start_run --output json
wait_for_line "downgrade_node" && python3 tests/e2e/pegrpc.py "$leader" level 500 >/dev/null
wait_for_line '"event":"paused"' && sleep 2 && kill -USR1 "$run"
wait_for_line '"by":"operator"' &&
    python3 tests/e2e/pegrpc.py "$leader" cli meta.lb.add_secondary_max_count_for_one_node 7 >/dev/null
wait_for_line 'changed it to 7 on' &&
    python3 tests/e2e/pegrpc.py "$leader" cli meta.lb.add_secondary_max_count_for_one_node \
        "$(sed -nE 's/^.*one_node is held at ([0-9]+), but.*$/\1/p' "$work/log" | tail -1)" >/dev/null
wait_for_line '"by":"value"'
end_run
check "a level that somebody changes pauses the run, and SIGUSR1 goes on" "$status" 0
check_has "the level is taken again" "$log" "meta level held at steady again (somebody else's: lively)"
settings_are_back
no_violation

start_server five-nodes-fast
leader=127.0.0.1:$(port_of m1)
start_run
wait_for_line "downgrade_node" && python3 tests/e2e/pegrpc.py "$leader" level 500 >/dev/null
wait_for_line "PAUSED" && kill -INT "$run"
end_run
check "a stop in a pause leaves the other's level" "$status" 5
check_has "and says so" "$log" "meta level is left as lively, set by somebody else (before: steady)"
check_has "and what ends a pause" "$log" "continue goes on as planned, stop ends the run"
end_server INT >/dev/null

start_server five-nodes-fast
start_run
wait_for_line "downgrade_node" && kill -INT "$run"
end_run
check "Ctrl-C stops the run" "$status" 4
settings_are_back
"$pegflow" run workflows/ha.lua -c "$work/cluster.lua" --confirm=other >"$work/log" 2>&1 </dev/null
check "another name is refused" "$?" 3
sed -E 's/cluster "onebox"/cluster "prod"/; s/pegasus.onebox/pegasus\/prod/' "$work/cluster.lua" >"$work/prod.lua"
log=$("$pegflow" run workflows/ha.lua -c "$work/prod.lua" --confirm=prod 2>&1 </dev/null)
check "the wrong cluster is refused" "$?" 3
check_has "and named" "$log" "says that its cluster is 'onebox'"
no_violation

conclude
