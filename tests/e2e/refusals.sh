#!/bin/bash
# Bad input, bad peers and bad adapters: one clear message each, the right exit code, nothing changed
# or everything put back.
. "$(dirname "$0")/lib.sh"
peer=

end_peer() {
    [ -z "$peer" ] || kill "$peer" 2>/dev/null
    peer=
}
trap 'end_peer; finish' EXIT

# A cluster file for one meta server's port: write_cluster NAME PORT [MORE LINES]
write_cluster() {
    printf 'return cluster "onebox" {\n  metas = { "127.0.0.1:%s" },\n%s\n}\n' "$2" "${3:-}" \
        >"$work/$1.lua"
}

refused() { # WHAT EXIT-CODE TEXT ARGUMENTS...
    local what=$1 code=$2 text=$3 output got
    shift 3
    output=$("$pegflow" "$@" 2>&1 </dev/null)
    got=$?
    check "$what: exit code" "$got" "$code"
    check_has "$what: message" "$output" "$text"
}

# ---- files
cat >"$work/three.lua" <<'LUA'
return workflow "three mistakes" {
  api = 1,
  steps = function(cluster, p)
    return {
      wait_until { cluster_is_healthy(), timout = "5m" },
      sleep "90",
      remote_comand { to = "meta", "help" },
    }
  end,
}
LUA
output=$("$pegflow" check "$work/three.lua" 2>&1)
check "three mistakes: exit code" "$?" 2
check_has "the first" "$output" "three.lua:5:"
check_has "its suggestion" "$output" "did you mean 'timeout'?"
check_has "the second" "$output" "three.lua:6:"
check_has "what to write" "$output" "90s"
check_has "the third" "$output" "three.lua:7:"
check_has "its name" "$output" "remote_command"
printf 'return cluster "onebox" { metas = {} }\n' >"$work/none.lua"
refused "no metas" 2 "none.lua:1" doctor -c "$work/none.lua"
refused "a file that is not there" 2 "nowhere.lua" doctor -c "$work/nowhere.lua"
refused "no cluster file" 2 "-c FILE" doctor
refused "run without a terminal" 2 "-c FILE" run workflows/ha.lua

cat >"$work/variant.lua" <<'LUA'
return variant "ha" {
  name = "ours",
  before = { ["replicas/*/drain/deplo"] = { log "now" } },
  remove = { "nothing" },
}
LUA
refused "a variant of a step that is not there" 2 "did you mean 'replicas/*/drain/deploy'?" \
    check "$work/variant.lua"
refused "all of them" 2 "remove: there is no step 'nothing'" rehearse "$work/variant.lua"
cat >"$work/holds.lua" <<'LUA'
return workflow "two minds" {
  api = 1,
  steps = function(cluster, p)
    return parallel {
      hold { setting = { ["meta.lb.assign_delay_ms"] = 1000 }, sleep "1s" },
      hold { setting = { ["meta.lb.assign_delay_ms"] = 2000 }, sleep "1s" },
    }
  end,
}
LUA
for command in check rehearse "plan --model five-nodes"; do
    # shellcheck disable=SC2086
    refused "holds that contradict each other, $command" 2 \
        "holds.lua:6: meta.lb.assign_delay_ms is wanted to be 2000 here, and 1000 at" \
        $command "$work/holds.lua"
done
impossible() { # TEXT TABLE
    printf 'return model "m" { release = "master", replicas = 4, tables = { { name = "t", %s } } }\n' \
        "$2" >"$work/impossible.lua"
    for command in "rehearse workflows/ha.lua" "plan workflows/ha.lua" "simulate"; do
        # shellcheck disable=SC2086
        refused "impossible, $command" 2 "$1" $command --model "$work/impossible.lua"
    done
}
impossible "wants 5 replicas of each partition, but the model has 4" "partitions = 1, replicas = 5"
impossible "r9" "partitions = 1, placement = { \"r1 r2 r9\" }"
impossible "r1 twice" "partitions = 1, placement = { \"r1 r1 r2\" }"
impossible "placement" "partitions = 2, placement = { \"r1 r2 r3\" }"

# ---- peers that are no Pegasus server
for mode in http silent garbage huge close; do
    exec 4< <(exec python3 tests/e2e/bad_peer.py "$mode")
    peer=$!
    read -r port <&4
    write_cluster "$mode" "$port" '  deploy = require("deploy.exec") { update = { "true" } },'
    case $mode in
    http) text="HTTP" ;;
    silent) text="127.0.0.1:$port" ;;
    garbage) text="127.0.0.1:$port" ;;
    huge) text="2147483647 bytes" ;;
    close) text="closed" ;;
    esac
    refused "a meta server that is $mode" 3 "$text" doctor -c "$work/$mode.lua"
    if [ "$mode" = http ]; then
        refused "a run on one that is $mode" 3 "$text" run workflows/ha.lua \
            -c "$work/$mode.lua" --confirm=onebox
    fi
    end_peer
    exec 4<&-
done
write_cluster closed "$port" # nobody listens there any more
refused "a closed port" 3 "refused" doctor -c "$work/closed.lua"

# ---- only standbys
start_server five-nodes-fast
write_cluster standby "$(port_of m2)"
refused "only a standby" 3 "127.0.0.1:$(port_of m2)" doctor -c "$work/standby.lua"

# ---- servers given by name
printf 'return cluster "onebox" { metas = { "127.0.0.1:%s", "meta2.invalid:34601" } }\n' \
    "$(port_of m1)" >"$work/unknown.lua"
refused "a name that does not resolve" 3 "unknown.lua' names the meta server 'meta2.invalid:34601'" \
    doctor -c "$work/unknown.lua"
refused "a run with it" 3 "the name 'meta2.invalid' does not resolve" run tests/data/heal.lua \
    -c "$work/unknown.lua" --confirm=onebox
refused "check resolves nothing" 0 "ok" check tests/data/heal.lua -c "$work/unknown.lua"
printf 'return cluster "onebox" { metas = { "127.0.0.1:%s", "localhost:%s" } }\n' \
    "$(port_of m1)" "$(port_of m1)" >"$work/twice.lua"
refused "one server under two names" 3 "names one server twice" doctor -c "$work/twice.lua"
sed 's/"127\.0\.0\.1:/"localhost:/g' "$work/cluster.lua" >"$work/named.lua"
refused "metas and collectors by name" 0 "meta          localhost:$(port_of m2)" \
    doctor -c "$work/named.lua"
refused "a run on them" 0 "done in" run tests/data/heal.lua -c "$work/named.lua" --confirm=onebox

# ---- servers that the file and the cluster take for something else
sed "s/collectors = { /&\"127.0.0.1:$(port_of r2)\", /" "$work/cluster.lua" >"$work/roles.lua"
text="names the collector server 127.0.0.1:$(port_of r2), but that is the replica server"
for command in doctor "plan workflows/ha.lua" "run workflows/ha.lua --confirm=onebox"; do
    # shellcheck disable=SC2086
    refused "a replica server as a collector, $command" 3 "$text" $command -c "$work/roles.lua"
done
sed "s/metas = { /&\"127.0.0.1:1\", /" "$work/cluster.lua" >"$work/foreign.lua"
refused "a meta server too many" 3 "names the meta server 127.0.0.1:1, which the cluster does not" \
    plan workflows/ha.lua -c "$work/foreign.lua"
sed -E 's/metas = \{ ("[^"]*"), [^}]*/metas = { \1 /' "$work/cluster.lua" >"$work/fewer.lua"
refused "a meta server too few" 3 "does not name the meta server localhost:$(port_of m2)" \
    run workflows/ha.lua -c "$work/fewer.lua" --confirm=onebox
sed "s/metas = /racks = { [\"10.9.9.9\"] = \"a\", [\"localhost\"] = \"b\" },\n  &/" \
    "$work/cluster.lua" >"$work/racks.lua"
output=$(COLUMNS=200 "$pegflow" plan workflows/ha.lua --no-estimate -c "$work/racks.lua" 2>&1)
check "a rack for nobody: exit code" "$?" 0
check_has "a rack for nobody: message" "$output" "gives a rack to '10.9.9.9', which is no server"
check "a rack for all: nothing" "$(grep -c "rack to 'localhost'" <<<"$output")" 0

# ---- adapters: the run fails, and what it held is back
adapter() { # NAME TEMPLATE-LINES
    sed -E "s|^( *deploy = ).*|\1require(\"deploy.exec\") { $2 },|" "$work/cluster.lua" \
        >"$work/$1.lua"
}
failing() { # WHAT TEXT FILE
    local output got
    output=$("$pegflow" run workflows/ha.lua -c "$work/$3.lua" --confirm=onebox \
        --set look_every=200ms 2>&1 </dev/null)
    got=$?
    check "$1: exit code" "$got" 1
    check_has "$1: message" "$output" "$2"
    output=$("$pegflow" doctor -c "$work/cluster.lua" 2>&1)
    check_has "$1: the limit is back" "$output" "add_secondary_max_count_for_one_node = 20"
    "$pegflow" run tests/data/heal.lua -c "$work/cluster.lua" --confirm=onebox >/dev/null 2>&1
    check "$1: the cluster heals" "$?" 0
}
adapter fails 'update = { "sh", "-c", "echo no such package {version}; exit 7" }'
failing "a command that fails" "exit code 7" fails
adapter missing 'update = { "/no/such/program", "{host}" }'
failing "a command that is missing" "/no/such/program" missing
adapter hangs 'timeout = "2s", update = { "sh", "-c", "echo begun; sleep 600" }'
failing "a command that hangs" "not done within 2s" hangs
check "its processes are gone" "$(pgrep -f 'echo begun; sleep 600' | wc -l)" 0

# ---- an update after which the old version still runs
control_post "/break-updates?broken=true" >/dev/null
output=$("$pegflow" run workflows/ha.lua -c "$work/cluster.lua" --confirm=onebox \
    --set restart_timeout=5s --set look_every=200ms 2>&1 </dev/null)
check "a broken package: exit code" "$?" 1
check_has "a broken package: message" "$output" "the target is"
end_server INT
check "no violation was counted" "$status" 0

conclude
