#!/bin/bash
# Settings of replica servers, held over the wire: kept over a restart, shown, and put back after a
# run was killed.
. "$(dirname "$0")/lib.sh"
rate=nfs.max_copy_rate_megabytes_per_disk

rate_of() { # PORT
    python3 tests/e2e/pegrpc.py "127.0.0.1:$1" cli "$rate" | tr -d '\n'
}

look() {
    out=$("$pegflow" "$@" 2>&1 </dev/null)
    status=$?
}

start_server five-nodes-fast
cat >"$work/hold.lua" <<EOF
return workflow "copy slowly" {
  api = 1,
  steps = function(cluster, p)
    return hold "slow" { on = "replicas", setting = { ["$rate"] = 200 },
      deploy(cluster.replicas[#cluster.replicas]) { "restart" },
      wait_until { has_restarted(cluster.replicas[#cluster.replicas]), timeout = "1m" },
      sleep "2s",
      log "kept",
      sleep "1m",
    }
  end,
}
EOF
look plan "$work/hold.lua" -c "$work/cluster.lua" --no-estimate
check_has "planned, folded" "$(tr -s ' \n' ' ' <<<"$out")" "$rate of each replica server 0 -> 200"
look plan "$work/hold.lua" -c "$work/cluster.lua" --no-estimate --output json
ports=$(python3 -c 'import json, sys
print(*[row["server"].rsplit(":")[-1] for row in json.loads(sys.argv[1])["holds"]])' "$out")
last=${ports##* }
check "the servers" "$(wc -w <<<"$ports" | tr -d ' ')" 5
"$pegflow" run "$work/hold.lua" -c "$work/cluster.lua" --confirm=onebox >"$work/log" 2>&1 </dev/null &
run=$!
left=300
until grep -qF " kept" "$work/log" || [ "$left" = 0 ]; do
    left=$((left - 1))
    sleep 0.1
done
check_has "shown before it begins" "$(cat "$work/log")" "$rate of each replica server: 0 -> 200"
check_has "the restarted server is told again" "$(cat "$work/log")" "localhost:$last told again"
check_has "it has the value" "$(rate_of "$last")" '"200"'
look holds -c "$work/cluster.lua"
check "held, nothing is wrong" "$status" 0
check_has "by whom" "$out" "held       $rate of localhost:$last = 200, before: 0; by run "
kill -KILL "$run"
wait "$run" 2>/dev/null
look holds -c "$work/cluster.lua"
check "left by a run that was killed" "$status" 3
check_has "which says so" "$out" "FINDING    $rate of localhost:$last = 200, before: 0; run "
look holds -c "$work/cluster.lua" --clear --confirm=onebox
check "it is not cleared" "$status" 3
look holds -c "$work/cluster.lua" --output json
check_has "for a program" "$out" "\"server\":\"localhost:$last\",\"state\":\"left by us\",\"now\":\"200\""
look revert last --confirm=onebox
check "reverted" "$status" 0
for port in $ports; do
    check_has "$port has its value back" "$(rate_of "$port")" '"0"'
done
look holds -c "$work/cluster.lua"
check "nothing is left" "$status" 0
end_server INT

conclude
