-- Feed: the servers are pods of Kubernetes, named as their hosts are. A new image restarts the
-- container in its place; the pod itself says when that has happened.
return cluster "feed" {
  zookeeper_root = "/pegasus/feed",
  metas = { "10.60.0.1:34601", "10.60.0.2:34601" },
  collectors = { "10.60.0.3:34101" },

  target = { version = "2.5.0" },

  deploy = require("deploy.http") {
    update = {
      method = "PATCH",
      url = "https://kubernetes.example:6443/api/v1/namespaces/pegasus/pods/{host}",
      headers = {
        ["Content-Type"] = "application/strategic-merge-patch+json",
        Authorization = "Bearer " .. env "KUBE_TOKEN",
      },
      json = { spec = { containers = { { name = "{role}", image = "registry.example/pegasus:{version}" } } } },
      poll = {
        timeout = "10m",
        url = "https://kubernetes.example:6443/api/v1/namespaces/pegasus/pods/{host}",
        done = function(reply)
          local wanted = reply.json.spec.containers[1].image
          local container = reply.json.status.containerStatuses[1]
          return container.ready and container.image == wanted, "it runs " .. container.image
        end,
        failed = function(reply)
          local waiting = reply.json.status.containerStatuses[1].state.waiting
          return waiting ~= nil and waiting.reason == "ErrImagePull", waiting and waiting.message
        end,
      },
    },
  },

  workflow = "workflows/ours.lua",
}
