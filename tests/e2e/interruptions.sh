#!/bin/bash
# What interrupts a run: it is stopped for seconds, its terminal is closed, its reader dies, its disk
# is full, its state folder cannot be written. File systems are mounted in a namespace of its own.
if [ -z "${PEGFLOW_MOUNTS:-}" ]; then
    root=$([ "$(id -u)" = 0 ] || echo -r)
    if unshare -m $root mount -t tmpfs none /tmp 2>/dev/null; then
        PEGFLOW_MOUNTS=yes exec unshare -m $root "$0"
    fi
    PEGFLOW_MOUNTS=no
fi
. "$(dirname "$0")/lib.sh"
fast=(--set meta_pause=1s --set healthy_for=1s --set look_every=200ms --set nudge_every=2s)

leave() {
    umount "$work/small" 2>/dev/null
    finish
}
trap leave EXIT

cat >"$work/hold.lua" <<'LUA'
return workflow "hold" {
  api = 1,
  steps = function()
    return {
      hold { setting = { ["meta.lb.assign_delay_ms"] = 1800000 },
        log "begun",
        sleep "2s",
        exec { "ls", "-l", "/proc/self/fd" },
        remote_command { to = "meta", "server-info" },
      },
    }
  end,
}
LUA

start_hold() { # MORE ARGUMENTS...
    : >"$work/log"
    "$pegflow" run "$work/hold.lua" -c "$work/cluster.lua" --confirm=onebox "$@" \
        >"$work/log" 2>&1 </dev/null &
    run=$!
}

delay_is_back() {
    "$pegflow" holds -c "$work/cluster.lua" >/dev/null 2>&1
    check "$1: nothing is left" "$?" 0
}

# The outcome of the last run, by its journal.
outcome() {
    "$pegflow" history -n 1 --output json | sed -nE 's/.*"outcome":"([^"]*)".*/\1/p'
}

start_server five-nodes-fast
# ---- signals, and what a child inherits
start_hold
wait_for_line "begun"
kill -HUP "$run"
end_run
check "SIGHUP changes nothing" "$status" 0
check "a program has three descriptors, and the one it reads them by" \
    "$(grep -oE '[0-9]+ -> ' "$XDG_STATE_HOME"/pegflow/runs/*/journal.jsonl | sort -u | tr -dc '0-9')" 0123
start_hold
wait_for_line "begun" && kill -TERM "$run"
end_run
check "SIGTERM is the first Ctrl-C" "$status" 4
check_has "what it held is back" "$log" "meta.lb.assign_delay_ms is back at"

# ---- the terminal is closed, the reader of a pipe dies
python3 - "$pegflow" run "$work/hold.lua" -c "$work/cluster.lua" --confirm=onebox <<'PY'
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
shown = b""
while b"begun" not in shown:
    shown += os.read(terminal, 4096)
os.close(terminal)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
PY
check "a closed terminal changes nothing" "$?: $(outcome)" "0: done"
for form in text json; do
    "$pegflow" run "$work/hold.lua" -c "$work/cluster.lua" --confirm=onebox \
        $([ $form = json ] && echo --output json) 2>&1 </dev/null | head -n 1 >/dev/null
    check "nor does a reader that dies ($form)" "${PIPESTATUS[0]}: $(outcome)" "0: done"
done
delay_is_back "with nobody to read"

# ---- a state folder that cannot be written
if [ "$PEGFLOW_MOUNTS" = yes ]; then
    mkdir "$work/small"
    mount -t tmpfs -o ro none "$work/small"
    "$pegflow" run "$work/hold.lua" -c "$work/cluster.lua" --confirm=onebox --state "$work/small/runs" \
        >"$work/log" 2>&1 </dev/null
    code=$?
    check "nothing is begun without a record" "$code: $(grep -c 'held at' "$work/log")" "3: 0"
    check_has "which is said" "$(cat "$work/log")" "Read-only file system"
    umount "$work/small"

    # ---- a full disk: what is said fills the room kept ahead, then the disk has none
    cat >"$work/long.lua" <<'LUA'
return workflow "long" {
  api = 1,
  steps = function()
    local body = { setting = { ["meta.lb.assign_delay_ms"] = 1800000 }, log "begun", sleep "1s" }
    for number = 1, 150 do
      body[#body + 1] = log { string.rep("a long story, number " .. number .. " ", 120) }
    end
    body[#body + 1] = log "all said"
    return hold(body)
  end,
}
LUA
    long() {
        : >"$work/log"
        "$pegflow" "$@" --confirm=onebox --state "$work/small" >"$work/log" 2>&1 </dev/null &
        run=$!
        wait_for_line "begun"
        dd if=/dev/zero of="$work/small/fill" bs=4096 2>/dev/null
        wait_for_line "PAUSED"
    }
    mount -t tmpfs -o size=4m none "$work/small"
    long run "$work/long.lua" -c "$work/cluster.lua"
    check_has "a full disk pauses the run" "$(cat "$work/log")" "keep 256 KB free for the journal"
    id=$("$pegflow" history --state "$work/small" --output json | sed -nE 's/^\[\{"run":"([^"]*)".*/\1/p')
    "$pegflow" continue "$id" --state "$work/small" >/dev/null
    wait_for_line "the operator has decided: the run stays paused"
    check_has "its status says why" "$("$pegflow" status "$id" --state "$work/small")" \
        "keep 256 KB free for the journal"
    rm "$work/small/fill"
    end_run
    check "it goes on by itself when there is room" "$status" 0
    check_has "to its end" "$log" "all said"

    long run "$work/long.lua" -c "$work/cluster.lua"
    kill -INT "$run"
    end_run
    check "stopped on a full disk" "$status" 4
    check_has "it is put back" "$log" "meta.lb.assign_delay_ms is back at"
    id=$("$pegflow" history --state "$work/small" -n 1 --output json | sed -nE 's/^\[\{"run":"([^"]*)".*/\1/p')
    check_has "and recorded" "$(tail -n 1 "$work/small/runs/$id/journal.jsonl")" '"outcome":"stopped"'
    "$pegflow" run "$work/hold.lua" -c "$work/cluster.lua" --confirm=onebox --state "$work/small" \
        >"$work/log" 2>&1 </dev/null
    code=$?
    check "none is begun there" "$code: $(grep -c 'held at' "$work/log")" "3: 0"
    check_has "for want of room" "$(cat "$work/log")" "No space left on device"
    umount "$work/small"
    delay_is_back "a full disk"
else
    echo "not tested: a full disk and a read-only one (nothing may be mounted here)"
fi

# ---- stopped for some seconds, while the primary meta server dies
start_run
wait_for_line "downgrade_node" && kill -STOP "$run"
control_post /servers/m1/kill >/dev/null
sleep 6
kill -CONT "$run"
wait_for_line "this program stood still for" && control_post /servers/m1/start >/dev/null
end_run
check "a run that stood still ends well" "$status" 0
check_has "it looks at what it holds first" "$log" "what is held was looked at"
check_has "and the new primary meta server was told" "$log" "told again"
settings_are_back
no_violation
conclude
