-- As five-nodes-fast, of release 2.5.
local parts = require "models.parts"

return model "five-nodes-2.5-fast" {
  release = "2.5",
  replicas = 5,
  metas = 2,
  collectors = 1,
  tables = parts.tables,
  timings = parts.fast_timings,
}
