#!/bin/bash
# What resume and revert refuse: a record that is no good, or not of this cluster, a run that is at
# work or over, files that were changed. Nothing is done then, and nothing is lost.
. "$(dirname "$0")/lib.sh"
runs=$XDG_STATE_HOME/pegflow/runs

cat >"$work/hold.lua" <<'LUA'
return workflow "hold" {
  api = 1,
  steps = function()
    return hold { setting = { ["meta.lb.assign_delay_ms"] = 1800000 }, sleep "SLEEP" }
  end,
}
LUA

start_hold() { # HOW LONG
    sed "s/SLEEP/$1/" "$work/hold.lua" >"$work/flow.lua"
    : >"$work/log"
    "$pegflow" run "$work/flow.lua" -c "$work/cluster.lua" --confirm=onebox --verbose >"$work/log" \
        2>&1 </dev/null &
    run=$!
}

ask() { # COMMAND RUN MORE ARGUMENTS...
    out=$("$pegflow" "$@" --confirm=onebox 2>&1 </dev/null)
    status=$?
}

# Both commands say it, with the exit code, and the journal stays as it is.
refused() { # WHAT RUN EXIT_CODE TEXT
    local command before
    before=$(md5sum "$runs"/*/journal.jsonl 2>/dev/null)
    for command in resume revert; do
        ask "$command" "$2"
        check "$1: $command: exit code" "$status" "$3"
        check_has "$1: $command" "$out" "$4"
    done
    check "$1: the journal stays as it is" "$(md5sum "$runs"/*/journal.jsonl 2>/dev/null)" "$before"
}

# Changes each record by an expression of Python, and makes its checksums right again.
rewrite() { # EXPRESSION
    python3 - "$journal" "$1" <<'PY'
import hashlib, json, sys
path, change = sys.argv[1:]
before, out = "", []
for line in open(path):
    record = json.loads(line)
    del record["check"]
    exec(change)
    body = json.dumps(record, separators=(",", ":"), ensure_ascii=False)[:-1]
    before = hashlib.sha256((before + body).encode()).hexdigest()[:16]
    out.append(body + ',"check":"' + before + '"}\n')
open(path, "w").write("".join(out))
PY
}

start_server five-nodes-fast

ask resume last
check "no run at all" "$status" 2
check_has "no run at all" "$out" "no run"

# ---- at work, then killed
start_hold 1h
wait_for_line "sleep for"
id=$(ls "$runs")
journal=$runs/$id/journal.jsonl
refused "a run at work" last 3 "run $id is at work on cluster 'onebox'"
kill -KILL "$run"
wait "$run" 2>/dev/null
refused "no such run" 1999 2 "1999"
cp -a "$runs/$id" "$work/kept"

again() { # the record as it was
    rm -rf "${runs:?}/$id"
    cp -a "$work/kept" "$runs/$id"
}

# ---- the journal
rewrite 'if record["event"] == "journal": record["data"]["format"] = 2'
refused "a newer format" "$id" 2 "format 2"
again
rewrite 'if record["event"] == "journal": record["data"]["zookeeper_root"] = "/pegasus/other"'
refused "another cluster" "$id" 3 "the run worked on ZooKeeper root '/pegasus/other', the meta server reports '/pegasus/onebox'"
again
rewrite 'if record["event"] == "journal": record["data"]["servers"]["replica"] = [{"name": "10.9.9.9:34801", "address": "10.9.9.9:34801"}]'
refused "other servers" "$id" 3 "lists none of the run's 1 replica servers"
again
rewrite 'if record["event"] == "held": del record["data"]["before"]'
refused "a record without what it must have" "$id" 2 "misses the value held or the one before"
again
line=$(grep -n '"event":"held"' "$journal" | cut -d: -f1)
sed -i "${line}s/600000/600001/" "$journal"
refused "edited by hand" "$id" 2 "line $line of the journal"
again
sed -i 3d "$journal"
refused "a line is missing" "$id" 2 "line 3 of the journal"
again
: >"$journal"
refused "an empty one" "$id" 2 "$journal"
rm "$journal"
refused "none" "$id" 2 "$journal"
mkdir "$journal"
refused "a folder in its place" "$id" 2 "$journal"
again

# ---- the files
copy=$(ls "$runs/$id/files"/*flow.lua)
echo "-- more" >>"$copy"
refused "a kept file that was changed" "$id" 2 "is not as it was kept"
rm "$copy"
refused "a kept file that is gone" "$id" 2 "$copy"
again
sed -i 's/1h/2h/' "$work/flow.lua"
ask resume "$id"
check "a file that was changed since" "$status" 3
check_has "the difference is shown" "$out" "+    return hold { setting = { [\"meta.lb.assign_delay_ms\"] = 1800000 }, sleep \"2h\" }"
check_has "it is named" "$out" "$work/flow.lua; put it back as it was, or go on with the files as they were then: --kept-files"

# ---- the name
cp -a "$runs/$id" "$runs/$id-2"
refused "a name that two runs begin with" "${id%-onebox}" 2 "$id-2"
rm -rf "$runs/$id-2"

# ---- a torn end is dropped, and with the kept files it goes on
printf '{"seq":99,"time":"20' >>"$journal"
: >"$work/log"
"$pegflow" resume "$id" --confirm=onebox --verbose --kept-files >"$work/log" 2>&1 </dev/null &
run=$!
wait_for_line "sleep for 1h"
check_has "a torn end" "$(cat "$work/log")" "its last line was torn, and is dropped"
kill -INT "$run"
end_run
check "a run that goes on is stopped" "$status" 4
check_has "and puts back" "$log" "meta.lb.assign_delay_ms is back at 600000"

# ---- stopped: nothing is held any more; put back closes it all the same
ask revert "$id"
check "a stopped run is closed" "$status" 0
check_has "nothing was left" "$out" "nothing had to be"
refused "a closed run" "$id" 3 "has ended (reverted)"
start_hold 1s
end_run
check "a short one" "$status" 0
refused "a run that is done" last 3 "has ended (done): nothing of it is left to be done"

end_server INT
check "no violation was counted" "$status" 0
conclude
