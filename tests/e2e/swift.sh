#!/bin/bash
# The swift pace of workflows/ha.lua over real sockets: undisturbed on both releases, with a primary
# meta server killed in mid-drain, a replica server that dies, and Ctrl-C.
. "$(dirname "$0")/lib.sh"
fast=(--set pace=swift --set meta_pause=2s --set healthy_for=1s --set look_every=200ms)

for model in five-nodes-fast five-nodes-2.5-fast; do
    start_server "$model"
    start_run
    end_run
    check "$model is upgraded" "$status" 0
    check_has "$model: compared" "$log" "no difference"
    check "$model: each server was emptied in one pass" \
        "$(grep -cF "no replica is left on" "$work/log")" 5
    check "$model: and filled again" "$(grep -cF "no replica is missing on" "$work/log")" 5
    check "$model: nothing waited for a round of the meta server" \
        "$(grep -cE "migrate_node|downgrade_node" "$work/log")" 0
    no_violation
done

start_server five-nodes-fast
start_run
wait_for_line "replicas away from" && check_has "a kill" "$(control_post /servers/m1/kill)" '"kill"'
wait_for_line "told again" && control_post /servers/m1/start >/dev/null
end_run
check "a killed primary meta server does not stop the run" "$status" 0
no_violation

start_server five-nodes-fast
start_run
wait_for_line "replicas away from" && control_post /servers/r5/kill >/dev/null
end_run
check "a server that dies stops the run" "$status" 1
check_has "what is put back is said" "$log" "put back"
control_post /servers/r5/start >/dev/null
settings_are_back
no_violation

start_server five-nodes-fast
start_run
wait_for_line "replicas away from" && kill -INT "$run"
end_run
check "Ctrl-C stops the run" "$status" 4
settings_are_back
no_violation

conclude
