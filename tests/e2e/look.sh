#!/bin/bash
# Runs looked at from other terminals: watch, status, history, holds; alive, ended, killed, damaged.
. "$(dirname "$0")/lib.sh"
fast=(--set meta_pause=1s --set healthy_for=1s --set look_every=200ms --set nudge_every=2s)

# Runs the workflow in the background; its lines go to $work/log.
start_run() { # MORE ARGUMENTS...
    : >"$work/log"
    "$pegflow" run workflows/ha.lua -c "$work/cluster.lua" --confirm=onebox "${fast[@]}" "$@" \
        >"$work/log" 2>&1 </dev/null &
    run=$!
}

# Returns when a line of the file has the text.
wait_for_line() { # FILE TEXT
    local left=300
    until grep -qF -- "$2" "$1"; do
        left=$((left - 1))
        if [ "$left" = 0 ]; then
            echo "no line with '$2' came:"
            cat "$1"
            return 1
        fi
        sleep 0.1
    done
}

# $out (both outputs) and $status of a command of pegflow.
look() {
    out=$("$pegflow" "$@" 2>&1 </dev/null)
    status=$?
}

# A member of the JSON in $out, by a Python expression over `it`.
member() { # EXPRESSION
    python3 -c 'import json, sys; it = json.loads(sys.argv[1]); print(eval(sys.argv[2]))' "$out" "$1"
}

# One call to a meta server, as another tool would make it.
other_tool() { # PORT WORDS...
    local port=$1
    shift
    python3 tests/e2e/pegrpc.py "127.0.0.1:$port" cli "$@" >/dev/null
}

# ---- nothing yet
look status
check "no run" "$status: $out" "0: no run is under way, and none that was holds anything"
look history
check "nothing has run" "$status: $out" "0: nothing has run"
look history --output json
check "nothing, for a program" "$out" "[]"
look watch last
check "nothing to watch" "$status" 2

# ---- a run that goes on, and ends
start_server five-nodes-fast
start_run --reason "ticket 12"
wait_for_line "$work/log" "replica 1 of 5"
: >"$work/watched"
"$pegflow" watch last >"$work/watched" 2>"$work/watch-errors" </dev/null &
watch=$!
"$pegflow" watch last --output json >"$work/json" 2>/dev/null </dev/null &
json=$!
# An interactive shell's child takes Ctrl-C; one of a script must be told to.
python3 -c 'import signal, os, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$pegflow" watch last >/dev/null 2>"$work/left" </dev/null &
other=$!
wait_for_line "$work/watched" "replica 2 of 5"
look status
check "a run is under way" "$status" 0
check_has "it is running" "$out" " running, "
check_has "who and why" "$out" "on $(hostname): ticket 12"
check_has "how far" "$out" "1 of 5 done"
check_has "where it is" "$out" "now  "
check_has "what it holds" "$out" "meta level: steady, as before"
look status last --output json
check "its state" "$(member 'it["state"]')" running
check "its servers" "$(member '[s["state"] for s in it["servers"]["replica"]].count("in work")')" 1
kill -INT "$other"
wait "$other"
check "Ctrl-C ends the watching" "$?" 130
check_has "and leaves the run alone" "$(cat "$work/left")" "the run goes on; pegflow watch "
look run workflows/ha.lua -c "$work/cluster.lua" --confirm=onebox
check "a second run is refused" "$status" 3
check_has "and told how to see the first" "$out" "pegflow watch "
look holds -c "$work/cluster.lua" --clear --confirm=onebox
check "nothing is cleared under a run" "$status" 3
wait "$run"
check "the run was not disturbed" "$?" 0
wait "$watch"
check "watch ends with its exit code" "$?" 0
wait "$json"
check "in JSON too" "$?" 0
check "what is shown live is what the file says" \
    "$(diff <(grep -E '^[0-9:]{8}\.' "$work/log") "$work/watched" && echo same)" same
check "each record is a line" "$(wc -l <"$work/json")" \
    "$(wc -l <"$XDG_STATE_HOME"/pegflow/runs/*/journal.jsonl)"
check "without the file's checksums" "$(grep -c '"check"' "$work/json")" 0
look status
check "nothing is under way any more" "$status: $out" \
    "0: no run is under way, and none that was holds anything"
look status last
check_has "how it ended" "$out" "5 of 5 done"
look watch last
check "one that has ended is shown whole" "$status: $(grep -c . <<<"$out")" \
    "0: $(grep -c . "$work/watched")"
look history -c "$work/cluster.lua"
check_has "it is history" "$out" "ticket 12"
look history -c onebox --output json
check "by name too" "$(member 'it[0]["outcome"], it[0]["exit_code"], it[0]["reason"]')" \
    "('done', 0, 'ticket 12')"
look history -c elsewhere
check "not of another cluster" "$out" "nothing has run"
look holds -c "$work/cluster.lua"
check "nothing is left" "$status" 0
check_has "who set it last" "$out" "last set by us: to 20 at "
check_has "standbys have none" "$out" "has none of these settings"

# ---- a run that is killed
start_run
wait_for_line "$work/log" "downgrade_node"
"$pegflow" watch last >/dev/null 2>"$work/watch-errors" </dev/null &
watch=$!
sleep 0.5
kill -KILL "$run"
wait "$run" 2>/dev/null
wait "$watch"
check "watch sees it die, with values held" "$?" 5
killed=$("$pegflow" history --output json -n 1 | sed -nE 's/^\[\{"run":"([^"]*)".*/\1/p')
check "it says what to do" "$(cat "$work/watch-errors")" \
    "killed; pegflow resume $killed goes on with it, pegflow revert $killed puts back what it holds"
look status
check "somebody is needed" "$status" 3
check_has "it is said to be dead" "$out" " KILLED, "
check_has "where it stood" "$out" "now  "
check_has "what it holds still" "$out" "meta.lb.add_secondary_max_count_for_one_node: 20 -> 0"
check_has "what to do" "$out" "next        pegflow resume $killed"
look history -n 1
check_has "history knows" "$out" "  killed  "
look holds -c "$work/cluster.lua"
check "it has left something" "$status" 3
check_has "by which run" "$out" "pegflow revert $killed"
look holds -c "$work/cluster.lua" --clear --confirm=onebox
check "which is not cleared" "$status" 3
check_has "but reverted" "$out" "pegflow revert $killed puts it back"
look status 2
check "a beginning of two runs" "$status" 2

# ---- damaged journals
runs=$XDG_STATE_HOME/pegflow/runs
sed -i '3s/partitions/portions/' "$runs/$killed/journal.jsonl"
mkdir -p "$runs/29990101-000000-onebox/journal.jsonl" "$runs/29990102-000000-onebox"
: >"$runs/29990102-000000-onebox/journal.jsonl"
look history
check "history lists them all" "$status: $(grep -c unreadable <<<"$out")" "0: 3"
check_has "with what is wrong" "$out" "line 3 of the journal"
look status
check "they need somebody" "$status" 3
check_has "a damaged one is named" "$out" "run         $killed"
look status "$killed"
check "one that is asked for" "$status" 2
look watch "$killed"
check "nor watched" "$status" 2
check_has "the line is named" "$out" "line 3 of the journal"
look watch 29990101
check "a folder in its place" "$status" 2
look watch 29990102
check "an empty one" "$status" 2
look holds -c "$work/cluster.lua"
check_has "what they set is not known" "$out" "unreadable run $killed"
end_server INT

# ---- what another tool left
for model in five-nodes-fast five-nodes-2.5-fast; do
    start_server "$model"
    export XDG_STATE_HOME=$work/state-$model
    leader=$(port_of m1)
    other_tool "$leader" meta.lb.assign_delay_ms 180000000
    other_tool "$leader" meta.lb.assign_secondary_black_list "127.0.0.1:$(port_of r1)"
    look holds -c "$work/cluster.lua"
    check "$model: leftovers are findings" "$status" 3
    check_has "$model: named by its signature" "$out" "50 hours"
    check_has "$model: and not ours" "$out" "not set by us"
    look holds -c "$work/cluster.lua" --output json
    check "$model: for programs" \
        "$(member '[s["state"] for s in it["settings"]].count("left"), it["findings"]')" "(2, 2)"
    look holds -c "$work/cluster.lua" --clear
    check "$model: not without a word" "$status" 2
    look holds -c "$work/cluster.lua" --clear --confirm=other
    check "$model: nor by another name" "$status" 3
    look holds -c "$work/cluster.lua" --clear --confirm=onebox --reason "old script"
    check "$model: cleared" "$status" 0
    check_has "$model: what is put back" "$out" "meta.lb.assign_delay_ms is back at 600000"
    check_has "$model: the list too" "$out" "meta.lb.assign_secondary_black_list is back at (empty)"
    look holds -c "$work/cluster.lua"
    check "$model: nothing is left" "$status" 0
    look holds -c "$work/cluster.lua" --clear
    check "$model: nothing to clear" "$status" 0
    look history
    check_has "$model: recorded" "$out" "holds --clear  old script"
    if [ "$model" = five-nodes-fast ]; then
        # Both meta servers die between the look and the word.
        other_tool "$leader" meta.lb.assign_delay_ms 180000000
        out=$(python3 tests/e2e/terminal.py "$pegflow" holds -c "$work/cluster.lua" --clear -- \
            "the cluster's name" \
            "!curl -sS -X POST $control/servers/m1/kill $control/servers/m2/kill >/dev/null" \
            "" onebox </dev/null)
        check "what cannot be cleared is told" "$?" 5
        check_has "with why" "$out" "meta.lb.assign_delay_ms could not be put back to 600000"
        look history -n 1
        check_has "and recorded" "$out" "not restored"
    fi
    end_server INT
done

# ---- on a terminal
start_server five-nodes-fast
export XDG_STATE_HOME=$work/state-terminal
cat >"$work/small.lua" <<'LUA'
return workflow "small" {
  api = 1,
  steps = function() return { log "hello", sleep "100ms" } end,
}
LUA
cat >"$work/slow.lua" <<'LUA'
return workflow "slow" {
  api = 1,
  steps = function() return { sleep "3s" } end,
}
LUA
on_terminal() { # WORKFLOW, MORE ARGUMENTS...
    out=$(python3 tests/e2e/terminal.py "$pegflow" run "$@" -c "$work/cluster.lua" \
        --confirm=onebox -- </dev/null)
    status=$?
}
export TERM=xterm NO_COLOR=1
on_terminal workflows/ha.lua "${fast[@]}"
check "a run on a terminal" "$status" 0
check_has "is drawn in place" "$out" $'\033[J'
check_has "shows how far it is" "$out" "3 of 5 done"
check_has "what it waits for" "$out" "waits for "
check_has "until when" "$out" ", then the step fails"
check "no colour, no mode of the terminal" \
    "$(grep -oE $'\033\\[[0-9;?]*[a-zA-Z]' <<<"$out" | grep -cvE $'\033\\[[0-9]*[AJ]$')" 0

# ---- without a terminal
detached=$(python3 tests/e2e/terminal.py "$pegflow" run "$work/slow.lua" -c "$work/cluster.lua" --detach -- \
    "the cluster's name" onebox </dev/null)
check "a run that is let go" "$?" 0
check_has "is named" "$detached" "goes on without this terminal; pegflow watch "
look status last
check_has "it goes on" "$out" " running, "
look run "$work/small.lua" -c "$work/cluster.lua" --confirm=onebox --detach
check "a second one is refused" "$status" 3
look watch last
check "it ends as any other" "$status" 0
check_has "and says so" "$out" "done after "
look run "$work/small.lua" -c "$work/cluster.lua" --confirm=onebox --detach --output json --state "$work/other"
check "for programs" "$(member 'list(it)')" "['run']"
look watch last --state "$work/other"
check "it is done" "$status" 0
touch "$work/file"
look run "$work/small.lua" -c "$work/cluster.lua" --confirm=onebox --detach --state "$work/file"
check "one that cannot begin" "$status" 3
check_has "says why" "$out" "nowhere to record the run"

TERM=dumb on_terminal "$work/small.lua"
check "one that cannot draw gets lines" "$status: $(grep -c $'\033' <<<"$out")" "0: 0"
on_terminal "$work/small.lua" --output plain
check "and one that shall not" "$status: $(grep -c $'\033' <<<"$out")" "0: 0"
on_terminal "$work/small.lua" --output=livly
check "another form is refused" "$status" 2
end_server INT

conclude
