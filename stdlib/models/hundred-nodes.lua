-- A large cluster: a hundred replica servers, 30,000 partitions.
local parts = require "models.parts"

return model "hundred-nodes" {
  release = "master",
  replicas = 100,
  metas = 2,
  collectors = 1,
  tables = parts.even_tables(30, 1000),
}
