-- As five-nodes, of release 2.5.
local parts = require "models.parts"

return model "five-nodes-2.5" {
  release = "2.5",
  replicas = 5,
  metas = 2,
  collectors = 1,
  tables = parts.tables,
}
