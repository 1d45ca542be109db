-- Five replica servers, two metas and a collector, with the timings of a production configuration.
local parts = require "models.parts"

return model "five-nodes" {
  release = "master",
  replicas = 5,
  metas = 2,
  collectors = 1,
  tables = parts.tables,
}
