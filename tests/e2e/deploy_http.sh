#!/bin/bash
# A deployment service that takes jobs: asked after until done or failed, gone in the middle; and
# webhooks, heard and not.
. "$(dirname "$0")/lib.sh"
service=

end_service() {
    [ -z "$service" ] || kill "$service" 2>/dev/null
    service=
}
trap 'end_service; finish' EXIT

start_server five-nodes-fast
exec 4< <(exec python3 tests/e2e/deploy_service.py "$control")
service=$!
read -r port <&4
url="http://127.0.0.1:$port"

# The cluster file of the simulation, with this service as its adapter.
adapter() { # TOKEN
    local job="url = \"$url/jobs\", json = { server = \"{address}\", version = \"{version}\", action ="
    cat >"$work/adapter" <<LUA
  deploy = require("deploy.http") {
    headers = { Token = "$1" },
    update = { $job "update" } },
    restart = { $job "restart" } },
    start = { $job "start" } },
    stop = { $job "stop" } },
    poll = {
      every = "200ms",
      timeout = "3s",
      done = function(reply) return reply.json.state == "done", "the job is " .. reply.json.state end,
      failed = function(reply) return reply.json.state == "failed", reply.json.why end,
    },
  },
LUA
    sed -e "/^ *deploy = /{r $work/adapter
d}" "$work/cluster.lua" >"$work/service.lua"
}

# Runs steps on the first collector: $out, $status.
run_steps() { # STEPS
    cat >"$work/steps.lua" <<LUA
return workflow "steps" {
  api = 1,
  steps = function(cluster)
    local node = cluster.collectors[1]
    return { $1 }
  end,
}
LUA
    out=$("$pegflow" run "$work/steps.lua" -c "$work/service.lua" --confirm=onebox --verbose 2>&1 \
        </dev/null)
    status=$?
}

adapter 5f1c
run_steps "notify { url = \"$url/hook\", text = 'half \"way\"' }, deploy(node) { \"update\" },
  wait_until { all_of { is_alive(node), has_restarted(node) }, timeout = \"30s\" }"
check "a job that is done: exit code" "$status" 0
check_has "what was answered" "$out" "answered 202"
check_has "a poll that is asked again" "$out" "GET $url/jobs/1 answered 503 (for "
check_has "the end of the job" "$out" "GET $url/jobs/1 answered 200; its output: {\"state\": \"done\""
check "the webhook" "$(curl -sS "$url/hook")" '{"text":"half \"way\""}'

run_steps 'deploy(node) { "start" }, log "never reached"'
check "a job that fails: exit code" "$status" 1
check_has "its reason" "$out" "the job has failed: no space left on device"

run_steps "notify { url = \"http://127.0.0.1:1/hook\", text = \"x\" },
  notify { url = \"$url/elsewhere\", text = \"x\" }, log \"all the same\""
check "webhooks that fail: exit code" "$status" 0
check_has "nobody listens" "$out" "nobody was told: POST http://127.0.0.1:1/hook: connection refused"
check_has "somebody says no" "$out" "nobody was told: POST $url/elsewhere answered 403; its output: "
check_has "the flow goes on" "$out" "all the same"

adapter wrong
run_steps 'deploy(node) { "update" }'
check "a token that is wrong: exit code" "$status" 1
check_has "what the service says" "$out" 'answered 403; its output: {"error": "no token"}'

adapter 5f1c
run_steps 'deploy(node) { "stop" }'
check "a service that is gone: exit code" "$status" 1
check_has "what was seen last" "$out" "not done within 3s; last seen: GET $url/jobs/"
check_has "and why" "$out" "connection refused"
wait "$service" 2>/dev/null
service=

end_server INT
check "no violation was counted" "$status" 0
conclude
