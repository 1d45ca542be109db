-- Only waits: the cluster is whole again.
return workflow "heal" {
  api = 1,
  steps = function(cluster, p)
    return { wait_until { cluster_is_healthy(), timeout = "1m" } }
  end,
}
