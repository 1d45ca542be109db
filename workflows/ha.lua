-- The high-availability upgrade, as the upgrade guide has it: one server at a time, emptied before
-- it stops, so that no request waits for longer than a partition needs to change its primary.
--
--   pegflow check workflows/ha.lua
--   pegflow run workflows/ha.lua -c my-cluster.lua --set drain_timeout=20m
--   pegflow run workflows/ha.lua -c my-cluster.lua --set pace=swift

-- How many secondaries the meta server may add to one server in one round.
local add_limit = "meta.lb.add_secondary_max_count_for_one_node"

-- What both paces share.

-- Closing writes what is in memory to disk, so that the restart is short.
local function closed(node, p)
  return wait_until {
    replicas_closed(node),
    nudge = kill_partitions(node),
    nudge_every = p.nudge_every,
    every = p.look_every,
    timeout = p.close_timeout,
  }
end

-- A fast restart never shows in the list of nodes: the start time proves it.
local function restarted(node, p)
  return wait_until {
    all_of { is_alive(node), has_restarted(node), runs_target_version(node) },
    every = p.look_every,
    timeout = p.restart_timeout,
  }
end

-- Only when all replicas are home is it the next server's turn.
local function healthy_again(p)
  return wait_until {
    cluster_is_healthy(),
    stable_for = p.healthy_for,
    every = p.look_every,
    timeout = p.heal_timeout,
  }
end

-- The guide's way: the meta server checks each move, and makes it in its next round. Three rounds
-- of ten seconds a server, and a partition waits longer the more of them move in one round.
local function careful(node, p)
  -- While the server fills again, let it fill fast.
  return hold {
    setting = { [add_limit] = p.readd_limit },

    -- Nothing may come back to the server before it runs the new version.
    hold "drain" {
      setting = { [add_limit] = 0 },

      -- Another server takes over each partition that this one serves.
      wait_until {
        no_primaries(node),
        nudge = migrate_node(node) { batch = p.batch },
        nudge_every = p.nudge_every,
        every = p.look_every,
        timeout = p.drain_timeout,
      },
      -- What is left are copies: the partitions go on without them.
      wait_until {
        all_of { no_primaries(node), no_secondaries(node) },
        nudge = downgrade_node(node) { batch = p.batch },
        nudge_every = p.nudge_every,
        every = p.look_every,
        timeout = p.drain_timeout,
      },
      closed(node, p),

      -- Package and configuration, then a restart.
      deploy(node) { "update" },
      restarted(node, p),
    },

    -- The replicas come home.
    healthy_again(p),
  }
end

-- Nothing waits for a round: one partition after the other leaves, and afterwards all come back, by
-- forced proposals. The meta server does not check those; each is sent right after its partition
-- and the servers it concerns were asked, and never twice on the same answer.
local function swift(node, p)
  return {
    -- Until every replica is back by our own proposals, the meta server adds none.
    hold "drain" {
      setting = { [add_limit] = 0 },

      drain_node(node) { in_flight = 1, timeout = p.drain_timeout },
      closed(node, p),

      -- Package and configuration, then a restart.
      deploy(node) { "update" },
      restarted(node, p),

      rejoin_node(node) { in_flight = 32, timeout = p.heal_timeout },
    },
    healthy_again(p),
  }
end

local paces = { careful = careful, swift = swift }

return workflow "high-availability upgrade" {
  api = 1,
  summary = "One server at a time, emptied before it stops.",

  params = {
    batch           = integer  { 100, "partitions moved in one round; bounds how long each one waits", min = 1 },
    close_timeout   = duration { "10m", "how long a server may take to close its replicas" },
    drain_timeout   = duration { "10m", "how long replicas may take to leave a server" },
    heal_timeout    = duration { "2h", "how long partitions may take to have all their replicas again" },
    healthy_for     = duration { "5s", "how long everything must stay healthy before the next server" },
    look_every      = duration { "1s", "how often the cluster is looked at while waiting", min = "50ms" },
    meta_pause      = duration { "30s", "time between two meta servers", min = "1s" },
    nudge_every     = duration { "10s", "how soon a command is given again when it had no effect yet" },
    pace            = choice   { "careful", "the guide's rounds, or forced proposals", of = { "careful", "swift" } },
    readd_limit     = integer  { 100, "secondaries added to one server per round while it fills again", min = 1 },
    restart_timeout = duration { "10m", "how long a server may take to come back" },
  },

  -- Do not begin while something is broken already.
  requires = { cluster_is_healthy() },

  steps = function(cluster, p)
    -- At level steady the meta server repairs partitions but balances nothing behind our back.
    return hold {
      meta_level = "steady",

      rolling "replicas" {
        over = cluster.replicas,
        steps = function(node)
          return paces[p.pace](node, p)
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
