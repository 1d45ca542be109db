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
    headers = { Token = $1 },
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

# ---- a secret: not set, then set; its value is nowhere
adapter 'env "DEPLOY_TOKEN"'
line=$(grep -n DEPLOY_TOKEN "$work/service.lua" | cut -d: -f1)
run_steps 'deploy(node) { "update" }'
check "a secret that is not set: exit code" "$status" 2
check_has "where it is named" "$out" \
    "service.lua:$line: env \"DEPLOY_TOKEN\": the environment has no such variable, or an empty one"
check "check does not need it" "$("$pegflow" check "$work/steps.lua" -c "$work/service.lua" >/dev/null && echo ok)" ok
export DEPLOY_TOKEN=5f1
run_steps 'deploy(node) { "update" }'
check_has "a secret that is short" "$out" "its value is shorter than 4 characters"
export DEPLOY_TOKEN=5f1c ECHO_TOKEN='no"t for you'
run_steps "http { url = \"$url/\" .. env \"DEPLOY_TOKEN\", expect = function() return true end },
  http { url = \"http://127.0.0.1:1/?t=\" .. env \"DEPLOY_TOKEN\" }"
check "a secret in a URL nobody takes: exit code" "$status" 3
check_has "it is shown as written, and comes back as ***" "$out" \
    "GET $url/env \"DEPLOY_TOKEN\" answered 404; its output: no /***"
check_has "and taken out of errors" "$out" "GET http://127.0.0.1:1/?t=***: connection refused"
run_steps "exec { 'sh', '-c', 'echo \"\$T\" and \"\$1\"; exit 3', 'sh', env 'ECHO_TOKEN', env = { T = env 'ECHO_TOKEN' } }"
check "a program that tells it: exit code" "$status" 1
check_has "it is taken out of the output" "$out" "its output: *** and ***"
check "and is nowhere" "$(grep -c 'for you' <<<"$out")" 0
check_has "the arguments are shown as written" "$out" 'exit 3 sh env "ECHO_TOKEN"'

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

adapter '"wrong"'
run_steps 'deploy(node) { "update" }'
check "a token that is wrong: exit code" "$status" 1
check_has "what the service says" "$out" 'answered 403; its output: {"error": "no token"}'

adapter 'env "DEPLOY_TOKEN"'
run_steps 'deploy(node) { "stop" }'
check "a service that is gone: exit code" "$status" 1
check_has "what was seen last" "$out" "not done within 3s; last seen: GET $url/jobs/"
check_has "and why" "$out" "connection refused"
wait "$service" 2>/dev/null
service=

end_server INT
check "no violation was counted" "$status" 0
conclude
