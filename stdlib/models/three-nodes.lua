-- The smallest cluster there is: with one of three servers away, fewer than three are left, and the
-- meta server repairs nothing until it is back. A cluster file must accept that before an upgrade.
local parts = require "models.parts"

return model "three-nodes" {
  release = "master",
  replicas = 3,
  metas = 2,
  collectors = 1,
  tables = parts.tables,
}
