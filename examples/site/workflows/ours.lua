-- The high-availability upgrade with what our site adds to it. All the rest is that of the shipped
-- flow, and changes with it.

-- While a table is created or dropped, what is healthy changes under our feet.
local tables_are_settled = condition "no table is being created or dropped" (function(snapshot)
  for _, app in ipairs(snapshot.tables) do
    if app.status ~= "AVAILABLE" and app.status ~= "DROPPED" then
      return false, app.name .. " is " .. app.status
    end
  end
  return true
end)

return variant "ha" {
  name = "our high-availability upgrade",
  summary = "As shipped, with a rest after each server; collectors are not ours.",

  params = {
    -- Our tables are large: copies take their time.
    heal_timeout = "6h",
    soak = duration { "10m", "how long a server must run before the next one is stopped" },
  },

  requires = { all_servers_alive() },

  before = {
    -- Whoever reads the record finds the place by it.
    ["replicas/*/drain/deploy"] = function(node)
      return log("replica server " .. node.index .. ", " .. node.name .. ", is empty")
    end,
    metas = log "replica servers are done",
  },

  after = {
    -- New versions fail in their first minutes, if they do.
    ["replicas/*"] = function(_, p)
      return sleep(p.soak)
    end,
  },

  replace = {
    ["replicas/*/wait_until"] = function(_, p)
      return wait_until {
        all_of { cluster_is_healthy(), tables_are_settled },
        stable_for = "10s",
        every = p.look_every,
        timeout = p.heal_timeout,
      }
    end,
  },

  -- The monitoring team upgrades collectors.
  remove = { "collectors" },
}
