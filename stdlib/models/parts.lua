-- What the models of this folder share.

-- `count` tables of the same size, named t1, t2 and so on.
local function even_tables(count, partitions)
  local tables = {}
  for i = 1, count do
    tables[i] = { name = "t" .. i, partitions = partitions, replicas = 3 }
  end
  return tables
end

return {
  even_tables = even_tables,

  -- 72 partitions in all.
  tables = {
    { name = "temp",  partitions = 8,  replicas = 3 },
    { name = "users", partitions = 32, replicas = 3 },
    { name = "stats", partitions = 32, replicas = 3 },
  },

  -- Every wait is there, only shorter.
  fast_timings = {
    tick = "1s",
    first_tick = "1s",
    beacon = "300ms",
    fd_check = "200ms",
    lease = "4s",
    grace = "5s",
    config_sync = "3s",
    zk_session = "2s",
    stale_lock = "500ms",
    close = "20ms",
    install = "300ms",
    start = "200ms",
    update_retry = "200ms",
  },
}
