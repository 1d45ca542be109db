-- Ads: Ansible AWX (or Tower) launches a job template for each server.
return cluster "ads" {
  zookeeper_root = "/pegasus/ads",
  metas = { "10.40.0.1:34601", "10.40.0.2:34601" },
  collectors = { "10.40.0.3:34101" },

  target = { version = "2.5.0" },

  deploy = require("deploy.http") {
    headers = { Authorization = "Bearer " .. env "AWX_TOKEN" },
    update = {
      url  = "https://awx.example/api/v2/job_templates/42/launch/",
      json = { limit = "{host}", extra_vars = { role = "{role}", port = "{port}", version = "{version}" } },
    },
    poll = {
      timeout = "30m",
      every = "10s",
      -- Each answer, the first one too, has the job's own path in it.
      next_url = function(reply)
        return reply.json.url
      end,
      done = function(reply)
        return reply.json.status == "successful", "the job is " .. reply.json.status
      end,
      failed = function(reply)
        local status = reply.json.status
        return status == "failed" or status == "error" or status == "canceled",
          "the job is " .. status .. ": " .. (reply.json.job_explanation or "")
      end,
    },
  },

  workflow = "workflows/ours.lua",
}
