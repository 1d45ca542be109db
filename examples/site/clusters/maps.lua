-- Maps: a Jenkins job upgrades a server. Jenkins answers with a place in its queue; once the build
-- has begun, the place says where that is.
return cluster "maps" {
  zookeeper_root = "/pegasus/maps",
  metas = { "10.50.0.1:34601", "10.50.0.2:34601" },
  collectors = { "10.50.0.3:34101" },

  target = { version = "2.5.0" },

  deploy = require("deploy.http") {
    -- "user:token" in base64.
    headers = { Authorization = "Basic " .. env "JENKINS_LOGIN" },
    update = {
      url = "https://jenkins.example/job/pegasus/buildWithParameters"
        .. "?HOST={host}&ROLE={role}&PORT={port}&VERSION={version}",
    },
    poll = {
      timeout = "30m",
      next_url = function(reply)
        local build = reply.location or reply.json.executable and reply.json.executable.url
        return build and build .. "api/json" -- nil: it is asked at the same place again
      end,
      done = function(reply)
        return reply.json.result == "SUCCESS", reply.json.why or "the build goes on"
      end,
      failed = function(reply)
        local result = reply.json.result -- nil while it waits or builds
        return result ~= nil and result ~= "SUCCESS", "the build ended with " .. (result or "")
      end,
    },
  },

  workflow = "workflows/ours.lua",
}
