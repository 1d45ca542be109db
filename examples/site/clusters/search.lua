-- Search: a deployment service of our own upgrades the hosts. It takes an order and names a job.
return cluster "search" {
  zookeeper_root = "/pegasus/search",
  metas = { "10.30.0.1:34601", "10.30.0.2:34601" },
  collectors = { "10.30.0.3:34101" },

  target = { version = "2.5.0" },

  deploy = require("deploy.http") {
    headers = { ["X-Requested-By"] = "pegflow" },
    update = {
      url  = "https://deploy.example/v1/hosts/{host}/services/pegasus-{role}",
      json = { version = "{version}", port = "{port}", restart = true },
      expect = function(reply)
        return reply.status == 202, "the service answered " .. reply.status .. ", not 202"
      end,
    },
    restart = { url = "https://deploy.example/v1/hosts/{host}/services/pegasus-{role}/restart" },
    timeout = "2m",
    -- The job is where the Location of the answer says.
    poll = {
      timeout = "20m",
      done = function(reply)
        return reply.json.state == "done", "the job is " .. reply.json.state
      end,
      failed = function(reply)
        return reply.json.state == "failed", reply.json.message
      end,
    },
  },

  workflow = "workflows/ours.lua",

  -- Each partition of this table has one replica; whoever reads it goes on without it for a while.
  accept = {
    outage = { "query_cache" },
    reason = "query_cache is a cache: readers fall back to the index",
  },
}
