---@meta
-- Written from the program's own descriptors: `pegflow describe --stubs`.

---@class pegflow.step
---@class pegflow.condition
---@class pegflow.policy
---@class pegflow.param
---@class pegflow.file
---@class pegflow.duration
---@operator add(pegflow.duration|string): pegflow.duration
---@operator mul(number): pegflow.duration

---@class pegflow.node
---@field name string the cluster's own name for it
---@field host string
---@field ip string
---@field port integer
---@field address string ip:port
---@field role "replica"|"meta"|"collector"
---@field index integer

---@class pegflow.cluster
---@field name string
---@field replicas pegflow.node[]
---@field metas pegflow.node[]
---@field collectors pegflow.node[]

---@class pegflow.reply what functions about an http step get
---@field status integer
---@field body string
---@field json any the body as a value, nil where it is not JSON
---@field location string? of the header of that name
---@field url string what was asked

---@class pegflow.snapshot.node
---@field name string
---@field address string
---@field status "ALIVE"|"UNALIVE"|"unknown"
---@field primaries integer
---@field secondaries integer

---@class pegflow.snapshot.partition
---@field index integer
---@field ballot integer
---@field primary pegflow.snapshot.node?
---@field secondaries pegflow.snapshot.node[]
---@field max_replica_count integer
---@field healthy boolean

---@class pegflow.snapshot.table
---@field name string
---@field app_id integer
---@field status string
---@field max_replica_count integer
---@field partitions pegflow.snapshot.partition[]

---@class pegflow.snapshot
---@field nodes pegflow.snapshot.node[]
---@field tables pegflow.snapshot.table[]
---@field level string
---@field stored_level string
---@field leader string
---@field cluster_name string?

---@class pegflow.step.retry
---@field times integer how often it is done again at most
---@field every? string|pegflow.duration the pause before it is done again
---@field backoff? number each pause is so many times the one before, an hour at most

---the place of a secret: a variable of the environment
---@param name string
---@return string
function env(name) end

---@class pegflow.remote_command.override
---@field guard boolean true: the guard's no does not stop this step
---@field reason string why; shown whenever it is used
---@field expires string its end, UTC: "2026-12-01" (that day is the last) or "2026-12-01T06:00Z"

---@class pegflow.remote_command.fields
---@field to string|pegflow.node "meta" (the leader), "metas", "replicas", a node, or "ip:port"
---@field [1] string the command, in full
---@field [integer] any its arguments
---@field expect? function function(reply): true, or false and a reason; without it any known good reply will do
---@field override? pegflow.remote_command.override the guard's no does not stop this step, for a while: { guard = true, reason = "...", expires = "2026-12-01" }; an unknown still does
---@field id? string the step's name in paths, instead of its kind and number
---@field timeout? string|pegflow.duration the step fails if it is not done by then
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---sends a remote command; what does not only read counts as a change
---@param fields pegflow.remote_command.fields
---@return pegflow.step
function remote_command(fields) end

---@class pegflow.set_meta_level.fields
---@field [1] string "steady", "lively", "freezed" ...
---@field id? string the step's name in paths, instead of its kind and number
---@field timeout? string|pegflow.duration the step fails if it is not done by then
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---sets the meta level for good; to keep it for a while: hold
---@param fields pegflow.set_meta_level.fields|any
---@return pegflow.step
function set_meta_level(fields) end

---@class pegflow.migrate_node.fields
---@field tables? string|string[] names of the tables; "*" is all of them
---@field targets? pegflow.policy which secondary becomes primary
---@field batch? integer partitions moved in one tick; bounds how long each one waits
---@field id? string the step's name in paths, instead of its kind and number
---@field timeout? string|pegflow.duration the step fails if it is not done by then
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---proposes every primary away from the server
---@param fields pegflow.node
---@return fun(fields: pegflow.migrate_node.fields): pegflow.step
function migrate_node(fields) end

---@class pegflow.downgrade_node.override
---@field guard boolean true: the guard's no does not stop this step
---@field reason string why; shown whenever it is used
---@field expires string its end, UTC: "2026-12-01" (that day is the last) or "2026-12-01T06:00Z"

---@class pegflow.downgrade_node.fields
---@field tables? string|string[] names of the tables; "*" is all of them
---@field batch? integer partitions downgraded in one tick
---@field override? pegflow.downgrade_node.override the guard's no does not stop this step, for a while: { guard = true, reason = "...", expires = "2026-12-01" }; an unknown still does
---@field id? string the step's name in paths, instead of its kind and number
---@field timeout? string|pegflow.duration the step fails if it is not done by then
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---proposes every secondary on the server to be inactive
---@param fields pegflow.node
---@return fun(fields: pegflow.downgrade_node.fields): pegflow.step
function downgrade_node(fields) end

---@class pegflow.drain_node.override
---@field guard boolean true: the guard's no does not stop this step
---@field reason string why; shown whenever it is used
---@field expires string its end, UTC: "2026-12-01" (that day is the last) or "2026-12-01T06:00Z"

---@class pegflow.drain_node.fields
---@field in_flight? integer partitions under way at once
---@field timeout? string|pegflow.duration the step fails if a replica is still there by then
---@field override? pegflow.drain_node.override the guard's no does not stop this step, for a while: { guard = true, reason = "...", expires = "2026-12-01" }; an unknown still does
---@field id? string the step's name in paths, instead of its kind and number
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---every replica leaves the server in one pass, primaries too, by forced proposals, each sent right after its partition was read; hold the limit of added secondaries at 0 around it
---@param fields pegflow.node
---@return fun(fields: pegflow.drain_node.fields): pegflow.step
function drain_node(fields) end

---@class pegflow.rejoin_node.fields
---@field in_flight? integer partitions under way at once
---@field timeout? string|pegflow.duration the step fails if a replica is still away by then
---@field id? string the step's name in paths, instead of its kind and number
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---what left the server comes back by forced proposals, paced, without waiting for the meta server's rounds; inside the hold that kept it away
---@param fields pegflow.node
---@return fun(fields: pegflow.rejoin_node.fields): pegflow.step
function rejoin_node(fields) end

---@class pegflow.kill_partitions.fields
---@field tables? string|string[] names of the tables; "*" is all of them
---@field batch? integer partitions closed in one go
---@field id? string the step's name in paths, instead of its kind and number
---@field timeout? string|pegflow.duration the step fails if it is not done by then
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---closes the replicas that were downgraded, so that their data reaches the disk
---@param fields pegflow.node
---@return fun(fields: pegflow.kill_partitions.fields): pegflow.step
function kill_partitions(fields) end

---@class pegflow.deploy.override
---@field guard boolean true: the guard's no does not stop this step
---@field reason string why; shown whenever it is used
---@field expires string its end, UTC: "2026-12-01" (that day is the last) or "2026-12-01T06:00Z"

---@class pegflow.deploy.fields
---@field [1] string "update", "restart", "start" or "stop"
---@field override? pegflow.deploy.override the guard's no does not stop this step, for a while: { guard = true, reason = "...", expires = "2026-12-01" }; an unknown still does
---@field id? string the step's name in paths, instead of its kind and number
---@field timeout? string|pegflow.duration the step fails if it is not done by then
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---does the steps that the cluster file's deploy adapter gives for the server
---@param fields pegflow.node
---@return fun(fields: pegflow.deploy.fields): pegflow.step
function deploy(fields) end

---@class pegflow.exec.fields
---@field [integer] any the program and its arguments; never a shell
---@field env? table<string, string> variables added to the environment: { NAME = "value" }
---@field cwd? string the folder it runs in
---@field expect? function function(result) with .exit_code and .output: true, or false and a reason; without it the exit code must be 0
---@field idempotent? boolean to do it twice is as to do it once: a resumed run that does not know what came of it does it again without asking
---@field timeout? string|pegflow.duration then it is ended, and the step fails
---@field id? string the step's name in paths, instead of its kind and number
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---runs a program on this machine
---@param fields pegflow.exec.fields|any
---@return pegflow.step
function exec(fields) end

---@class pegflow.http.poll
---@field timeout string|pegflow.duration the step fails if the job is not done so long after the first reply
---@field done function function(reply): true when the job is done; or false, and how far it is
---@field failed? function function(reply): true, and a reason, when the job has failed; asked before done
---@field every? string|pegflow.duration how often to ask
---@field url? string what is asked (GET, with the same headers); without it and next_url, the Location that the first reply names
---@field next_url? function function(reply): what to ask next, by the reply before it, the first one to begin with; nil: the same again

---@class pegflow.http.fields
---@field url string http:// or https://
---@field method? string "GET", "POST", "PUT", "PATCH" or "DELETE"
---@field json? any the body, as a value
---@field body? string the body, as text
---@field headers? table<string, string> { ["Name"] = "value" }
---@field expect? function function(reply): true, or false and a reason; reply has .status, .body, .json (the body, where it is JSON), .location and .url (which was asked); without it the status must be 200 to 299
---@field timeout? string|pegflow.duration the step fails without an answer by then
---@field poll? pegflow.http.poll the request begins a job, which is asked after until it is done; a refused connection, a silent service and the statuses 429 and 500 to 599 are asked again, other failures end the step
---@field idempotent? boolean to do it twice is as to do it once: a resumed run that does not know what came of it does it again without asking
---@field id? string the step's name in paths, instead of its kind and number
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---sends an HTTP request, and waits for the job that it began
---@param fields pegflow.http.fields
---@return pegflow.step
function http(fields) end

---@class pegflow.notify.fields
---@field url string the webhook: http:// or https://
---@field text? string what it says; sent as { text = ... }
---@field json? any what is sent, in place of text
---@field headers? table<string, string> { ["Name"] = "value" }
---@field timeout? string|pegflow.duration then it is given up, and the flow goes on
---@field id? string the step's name in paths, instead of its kind and number
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---tells people, by a webhook; that it could not is noted, and the flow goes on
---@param fields pegflow.notify.fields
---@return pegflow.step
function notify(fields) end

---@class pegflow.log.fields
---@field [1] string what the run's record shall say
---@field id? string the step's name in paths, instead of its kind and number
---@field timeout? string|pegflow.duration the step fails if it is not done by then
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---says something in the run's record
---@param fields pegflow.log.fields|any
---@return pegflow.step
function log(fields) end

---@class pegflow.wait_until.fields
---@field [1] pegflow.condition what must hold
---@field timeout string|pegflow.duration the step fails if it does not hold by then
---@field every? string|pegflow.duration how often to look
---@field stable_for? string|pegflow.duration it must hold this long without a break
---@field nudge? pegflow.step an action sent at once, and again while it does not hold
---@field nudge_every? string|pegflow.duration how long to wait before the nudge is sent again
---@field on_timeout? string "fail"; "ask": a person says whether to wait as long again; meanwhile it goes on looking
---@field id? string the step's name in paths, instead of its kind and number
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---waits for a condition to hold
---@param fields pegflow.wait_until.fields
---@return pegflow.step
function wait_until(fields) end

---@class pegflow.sleep.fields
---@field [1] string|pegflow.duration how long
---@field id? string the step's name in paths, instead of its kind and number
---@field timeout? string|pegflow.duration the step fails if it is not done by then
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---waits a fixed time
---@param fields pegflow.sleep.fields|any
---@return pegflow.step
function sleep(fields) end

---@class pegflow.confirm.fields
---@field [1] string what a person must say yes to
---@field id? string the step's name in paths, instead of its kind and number
---@field timeout? string|pegflow.duration the step fails if it is not done by then
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---waits for a person to say yes; a no stops the run
---@param fields pegflow.confirm.fields|any
---@return pegflow.step
function confirm(fields) end

---@class pegflow.steps.fields
---@field [integer] any done in this order
---@field id? string the step's name in paths, instead of its kind and number
---@field timeout? string|pegflow.duration the step fails if it is not done by then
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---does steps one after the other
---@overload fun(fields: pegflow.steps.fields): pegflow.step
---@param fields string
---@return fun(fields: pegflow.steps.fields): pegflow.step
function steps(fields) end

---@class pegflow.parallel.fields
---@field max? integer how many at once
---@field [integer] any done at the same time; when one fails, the others are ended
---@field id? string the step's name in paths, instead of its kind and number
---@field timeout? string|pegflow.duration the step fails if it is not done by then
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---does steps at the same time
---@overload fun(fields: pegflow.parallel.fields): pegflow.step
---@param fields string
---@return fun(fields: pegflow.parallel.fields): pegflow.step
function parallel(fields) end

---@class pegflow.when.fields
---@field [integer] any done if the condition holds
---@field id? string the step's name in paths, instead of its kind and number
---@field timeout? string|pegflow.duration the step fails if it is not done by then
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---does steps if a condition holds when they are reached, and leaves them out otherwise
---@param fields pegflow.condition
---@return fun(fields: pegflow.when.fields): pegflow.step
function when(fields) end

---@class pegflow.rolling.fields
---@field over pegflow.node[] the servers: cluster.replicas, .metas, .collectors
---@field steps function function(node): the steps for one server
---@field order? pegflow.policy which server is next; asked before each
---@field pause? string|pegflow.duration time between two servers
---@field max_in_flight? integer how many servers at once; one begins only when the guard allows it to be away together with those in work
---@field max_failures? integer how many servers, canaries aside, may fail before no other is begun; a run with a failed server never ends as done
---@field canary? integer how many servers go first, one by one; then a person says whether to go on
---@field soak? string|pegflow.duration how long the cluster is watched after the canary, before a person is asked: it must stay healthy, and the canary's servers must not restart
---@field within? string "rack": one rack after the other, by the cluster file's racks
---@field id? string the step's name in paths, instead of its kind and number
---@field timeout? string|pegflow.duration the step fails if it is not done by then
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---does steps for one server after the other, or for some at once
---@overload fun(fields: pegflow.rolling.fields): pegflow.step
---@param fields string
---@return fun(fields: pegflow.rolling.fields): pegflow.step
function rolling(fields) end

---@class pegflow.hold.fields
---@field meta_level? string the level the meta server keeps
---@field setting? table<string, string|number|boolean> values that settings keep: { ["name"] = value }
---@field on? string|pegflow.node whose settings: "meta" (whoever leads), "metas" or "replicas" (each of them), or a node
---@field [integer] any done while the values are kept
---@field id? string the step's name in paths, instead of its kind and number
---@field timeout? string|pegflow.duration the step fails if it is not done by then
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---keeps values while its steps run, and puts them back however they end
---@overload fun(fields: pegflow.hold.fields): pegflow.step
---@param fields string
---@return fun(fields: pegflow.hold.fields): pegflow.step
function hold(fields) end

---@class pegflow.try.fields
---@field steps pegflow.step[] what to do
---@field rescue? pegflow.step[] done when one of them fails, and then the failure is over; not done when a person stops the run, or a value could not be put back
---@field finally? pegflow.step[] done in any case, also when the run is stopped, and not ended by a stop
---@field id? string the step's name in paths, instead of its kind and number
---@field timeout? string|pegflow.duration the step fails if it is not done by then
---@field retry? pegflow.step.retry does the step again after a failure: { times = 3, every = "10s", backoff = 2 }; an action whose outcome is unknown is not repeated
---@field on_failure? string "stop"; "continue": the failure is told and passed over; "ask": a person says retry, continue or stop

---does other steps when one fails
---@param fields pegflow.try.fields
---@return pegflow.step
function try(fields) end

---no partition has its primary on the server
---@param fields pegflow.node
---@return pegflow.condition
function no_primaries(fields) end

---no partition has a secondary on the server
---@param fields pegflow.node
---@return pegflow.condition
function no_secondaries(fields) end

---the server itself says that it has let go of every replica that left it
---@param fields pegflow.node
---@return pegflow.condition
function replicas_closed(fields) end

---the server answers by itself, and the meta server lists it as alive
---@param fields pegflow.node
---@return pegflow.condition
function is_alive(fields) end

---its start time is another than before its deploy step
---@param fields pegflow.node
---@return pegflow.condition
function has_restarted(fields) end

---it serves the cluster file's target version, where one is given
---@param fields pegflow.node
---@return pegflow.condition
function runs_target_version(fields) end

---every partition of every table has all its replicas, on servers that answer
---@return pegflow.condition
function cluster_is_healthy() end

---every replica and meta server is alive and answers
---@return pegflow.condition
function all_servers_alive() end

---@class pegflow.all_of.fields
---@field [integer] any asked in this order

---each of them holds
---@param fields pegflow.all_of.fields
---@return pegflow.condition
function all_of(fields) end

---@class pegflow.any_of.fields
---@field [integer] any asked in this order

---at least one of them holds
---@param fields pegflow.any_of.fields
---@return pegflow.condition
function any_of(fields) end

---it does not hold; unknown stays unknown
---@param fields pegflow.condition
---@return pegflow.condition
function not_(fields) end

---a site's own: function(snapshot) returns true, false or nil (unknown), and a reason
---@param fields string
---@return fun(predicate: fun(snapshot: pegflow.snapshot): boolean?, string?): pegflow.condition
function condition(fields) end

---@class pegflow.survives_loss_of.fields
---@field [1] integer how many servers may be lost

---every partition stays writable, and the cluster does not freeze, whichever servers of that number are lost
---@param fields pegflow.survives_loss_of.fields|any
---@return pegflow.condition
function survives_loss_of(fields) end

---no setting looks as if another tool had left it behind
---@return pegflow.condition
function no_leftovers() end

---order: as the servers are listed
---@return pegflow.policy
function as_listed() end

---order of metas: the one that leads is the last, looked up anew each time
---@return pegflow.policy
function standbys_first() end

---targets: the secondary whose server has the fewest primaries
---@return pegflow.policy
function fewest_primaries() end

---targets: any secondary
---@return pegflow.policy
function random() end

---@class pegflow.duration.fields
---@field [1] string|pegflow.duration the value if nobody gives another
---@field [2] string what it is for
---@field min? string|pegflow.duration no less than this
---@field max? string|pegflow.duration no more than this

---a time with its unit; knows *, + and comparison
---@param fields pegflow.duration.fields
---@return pegflow.param
function duration(fields) end

---@class pegflow.integer.fields
---@field [1] integer the value if nobody gives another
---@field [2] string what it is for
---@field min? integer no less than this
---@field max? integer no more than this

---a whole number
---@param fields pegflow.integer.fields
---@return pegflow.param
function integer(fields) end

---@class pegflow.number.fields
---@field [1] number the value if nobody gives another
---@field [2] string what it is for

---a number
---@param fields pegflow.number.fields
---@return pegflow.param
function number(fields) end

---@class pegflow.boolean.fields
---@field [1] boolean the value if nobody gives another
---@field [2] string what it is for

---true or false
---@param fields pegflow.boolean.fields
---@return pegflow.param
function boolean(fields) end

---@class pegflow.text.fields
---@field [1] string the value if nobody gives another
---@field [2] string what it is for

---any text
---@param fields pegflow.text.fields
---@return pegflow.param
function text(fields) end

---@class pegflow.choice.fields
---@field [1] string the value if nobody gives another
---@field [2] string what it is for
---@field of string[] the words to choose from

---one of some words
---@param fields pegflow.choice.fields
---@return pegflow.param
function choice(fields) end

---@class pegflow.workflow.fields
---@field api integer the version of this language: 1
---@field summary? string one line on what it does
---@field params? table<string, pegflow.param> what a site may set: { name = duration { ... } }
---@field requires? pegflow.condition[] conditions that hold before anything is done
---@field always? pegflow.condition[] conditions asked every 2 s while the steps run, and before: one that does not hold ends the run as failed, and held values are put back; unknown does so after a minute
---@field steps function function(cluster, p): the steps; cluster has .name, .replicas, .metas, .collectors; p the params

---what to do with a cluster
---@param fields string
---@return fun(fields: pegflow.workflow.fields): pegflow.file
function workflow(fields) end

---@class pegflow.cluster.target
---@field version string what /version shows after the upgrade

---@class pegflow.cluster.accept
---@field outage? string[] tables whose partitions may be without a primary while a server is away
---@field freeze? boolean whether the meta server may stop repairing while a server is away
---@field reason string why; the plan and the report show it

---@class pegflow.cluster.lock
---@field zookeeper string its servers, by address or name: "zk1:2181,zk2:2181,zk3:2181"
---@field root? string below it is a node with the cluster's name; never inside Pegasus's own root
---@field session? string|pegflow.duration after a crash, or without a word from ZooKeeper, the lock is let go so much later

---@class pegflow.cluster.fields
---@field metas string[] the meta servers, by address or name: { "10.0.0.1:34601", ... }
---@field collectors? string[] the collectors, by address or name
---@field deploy? table<string, fun(node: pegflow.node, version?: string): any> the deploy adapter: update, restart, start, stop: function(node, version) returns steps
---@field target? pegflow.cluster.target what to upgrade to: { version = "2.6.0" }
---@field zookeeper_root? string must be what the meta server reports; without it, that ends with the cluster's name
---@field params? table<string, string|number|boolean> values for the workflow's params
---@field workflow? string the workflow this cluster uses
---@field accept? pegflow.cluster.accept what a guard would refuse and this cluster lets happen: { outage = { "table" }, freeze = true, reason = "..." }
---@field racks? table<string, string> which servers stand together: { ["10.0.0.3:34801"] = "r1", ["node4"] = "r2" }
---@field lock? pegflow.cluster.lock a lock in ZooKeeper, so that runs from other hosts are refused too: { zookeeper = "zk1:2181,zk2:2181", root = "/pegflow", session = "10s" }

---one cluster
---@param fields string
---@return fun(fields: pegflow.cluster.fields): pegflow.file
function cluster(fields) end

---@class pegflow.model.tables
---@field name string its name
---@field partitions integer how many
---@field replicas? integer how many of each partition
---@field app_id? integer 0: numbered in order
---@field written? boolean clients write to it all the time
---@field placement? string[] who holds each partition, the primary first: { "r1 r4 r5", "- r2", ... }, where - is nobody; without it, evenly by the seed

---@class pegflow.model.timings
---@field tick? string|pegflow.duration how often the leader looks at partitions
---@field first_tick? string|pegflow.duration from a leader's start of service to its first look
---@field beacon? string|pegflow.duration how often a server says that it lives
---@field fd_check? string|pegflow.duration how often missing beacons are looked for
---@field lease? string|pegflow.duration a server stops serving after so long without an answer
---@field grace? string|pegflow.duration the meta server takes a server for dead after so long
---@field config_sync? string|pegflow.duration how often a server reports its replicas
---@field rpc_latency? string|pegflow.duration one way
---@field zk_write? string|pegflow.duration one write to ZooKeeper
---@field state_change? string|pegflow.duration of the leader's serial work, for each change
---@field zk_session? string|pegflow.duration until a dead leader's lock is free
---@field stale_lock? string|pegflow.duration until a restarted leader's old lock is removed
---@field leader_load? string|pegflow.duration a new leader's reading of the state
---@field close? string|pegflow.duration closing one replica
---@field stop? string|pegflow.duration from the signal to the end of the process
---@field install? string|pegflow.duration package and configuration
---@field start? string|pegflow.duration from the process's start to its first beacon, without replicas
---@field load? string|pegflow.duration loading one replica
---@field replay? string|pegflow.duration the log of one written replica that was not closed
---@field learn? string|pegflow.duration one replica catching up
---@field copy? string|pegflow.duration copying one replica to a server that never had it
---@field update_retry? string|pegflow.duration until a change of configuration is asked for again

---@class pegflow.model.programs
---@field match string part of the program and its arguments, put together with blanks
---@field takes? string|pegflow.duration how long; without it, what the model's timings give for an update, else no time
---@field exit_code? integer with another than 0 nothing is done in the model
---@field output? string what it prints
---@field times? integer it answers so often, then the next row that fits; after one without times they begin anew

---@class pegflow.model.http
---@field match string part of "POST https://host/path"
---@field takes? string|pegflow.duration how long; without it, what the model's timings give for an update, else no time
---@field status? integer of the reply; with another than 200 to 299 nothing is done in the model
---@field body? string of the reply
---@field location? string the Location that the reply names
---@field times? integer it answers so often, then the next row that fits; after one without times they begin anew

---@class pegflow.model.fields
---@field release string "master" or "2.5"
---@field replicas? integer replica servers
---@field metas? integer meta servers
---@field collectors? integer collectors
---@field tables pegflow.model.tables[] { { name =, partitions =, replicas = }, ... }
---@field cluster? string the cluster's name
---@field zookeeper_root? string ends with the cluster's name
---@field version? string what the servers run
---@field next_version? string what an update installs
---@field seed? integer the same seed gives the same events
---@field host? string the host name of every server
---@field meta_level? string at the start and after each change of leader
---@field add_secondary_limit? integer secondaries added to one server per tick
---@field flow_control? boolean whether that limit is kept
---@field assign_delay? string|pegflow.duration how long a lost replica is waited for
---@field live_percentage? integer with fewer servers alive, all is frozen
---@field min_live_nodes? integer with fewer servers alive, all is frozen
---@field min_replicas_for_writes? integer with fewer, a partition takes no writes
---@field stable_running? string|pegflow.duration a server that starts again sooner is suspicious
---@field unstable_restarts? integer after so many, its beacons get no answer
---@field timings? pegflow.model.timings how long things take
---@field programs? pegflow.model.programs[] what exec is answered in a rehearsal, where nothing is executed; the first row that fits
---@field http? pegflow.model.http[] what http and notify are answered in a rehearsal

---a cluster to simulate
---@param fields string
---@return fun(fields: pegflow.model.fields): pegflow.file
function model(fields) end

---@class pegflow.variant.fields
---@field name string what the changed workflow is called
---@field summary? string one line on what it does; without it, the base's
---@field params? table<string, pegflow.param|string|number|boolean> other defaults for params of the base, and params of its own: { name = "20m", mine = integer { ... } }
---@field requires? pegflow.condition[] conditions besides those of the base
---@field always? pegflow.condition[] conditions besides those of the base
---@field before? table<string, pegflow.step|pegflow.step[]|fun(node: pegflow.node, p: any, cluster: pegflow.cluster): any> steps put before a step: { ["replicas/*/drain/deploy"] = { ... } }, where * is any server; or a function(node, p, cluster) that returns them
---@field after? table<string, pegflow.step|pegflow.step[]|fun(node: pegflow.node, p: any, cluster: pegflow.cluster): any> steps put after a step, written as in before
---@field replace? table<string, pegflow.step|pegflow.step[]|fun(node: pegflow.node, p: any, cluster: pegflow.cluster): any> steps put in the place of a step, written as in before
---@field remove? string[] ids of steps that are left out

---a workflow, shipped ("ha") or of the site's own (require "name"), with some of its steps changed
---@param fields string|pegflow.file
---@return fun(fields: pegflow.variant.fields): pegflow.file
function variant(fields) end

