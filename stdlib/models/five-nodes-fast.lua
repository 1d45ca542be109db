-- The same with short timings, to try a workflow out within minutes.
local parts = require "models.parts"

return model "five-nodes-fast" {
  release = "master",
  replicas = 5,
  metas = 2,
  collectors = 1,
  tables = parts.tables,
  timings = parts.fast_timings,
}
