-- The simplified upgrade, as the upgrade guide has it: one server at a time, stopped as it is. Nothing
-- is moved away first: requests to the partitions it serves wait until it is back, or until the meta
-- server takes it for dead, some twenty seconds later, and lets another server serve them. For
-- clusters whose clients can wait that long; for all others there is ha.lua.
--
--   pegflow check workflows/simple.lua
--   pegflow run workflows/simple.lua -c my-cluster.lua

-- How many secondaries the meta server may add to one server in one round.
local add_limit = "meta.lb.add_secondary_max_count_for_one_node"

return workflow "simplified upgrade" {
  api = 1,
  summary = "One server at a time, restarted as it is.",

  params = {
    heal_timeout    = duration { "2h", "how long partitions may take to have all their replicas again" },
    healthy_for     = duration { "5s", "how long everything must stay healthy before the next server" },
    look_every      = duration { "1s", "how often the cluster is looked at while waiting", min = "50ms" },
    meta_pause      = duration { "30s", "time between two meta servers", min = "1s" },
    readd_limit     = integer  { 100, "secondaries added to one server per round while it fills again", min = 1 },
    restart_timeout = duration { "10m", "how long a server may take to come back" },
  },

  -- Do not begin while something is broken already: the server that stops takes replicas with it.
  requires = { cluster_is_healthy() },

  steps = function(cluster, p)
    -- At level steady the meta server repairs partitions but balances nothing behind our back.
    return hold {
      meta_level = "steady",

      rolling "replicas" {
        over = cluster.replicas,
        steps = function(node)
          -- While the server fills again, let it fill fast.
          return hold {
            setting = { [add_limit] = p.readd_limit },

            -- Package and configuration, then a restart. It is refused where the replicas that stay
            -- would not be enough for writes.
            deploy(node) { "update" },
            -- A fast restart never shows in the list of nodes: the start time proves it.
            wait_until {
              all_of { is_alive(node), has_restarted(node), runs_target_version(node) },
              every = p.look_every,
              timeout = p.restart_timeout,
            },

            -- What the server held is there again. Only then is it the next server's turn.
            wait_until {
              cluster_is_healthy(),
              stable_for = p.healthy_for,
              every = p.look_every,
              timeout = p.heal_timeout,
            },
          }
        end,
      },

      -- The one that leads comes last, so that the lead changes hands only once; and each new leader
      -- has time to hear from every server before the next one stops.
      rolling "metas" {
        over = cluster.metas,
        order = standbys_first(),
        pause = p.meta_pause,
        steps = function(node)
          return {
            deploy(node) { "update" },
            wait_until {
              all_of {
                is_alive(node),
                has_restarted(node),
                runs_target_version(node),
                all_servers_alive(),
              },
              every = p.look_every,
              timeout = p.restart_timeout,
            },
          }
        end,
      },

      -- Collectors hold no data: a short gap in the metrics is the whole cost. They show no version,
      -- so the start time is the proof.
      rolling "collectors" {
        over = cluster.collectors,
        steps = function(node)
          return {
            deploy(node) { "update" },
            wait_until { has_restarted(node), every = p.look_every, timeout = p.restart_timeout },
          }
        end,
      },
    }
  end,
}
