-- The cluster that `pegflow simulate --model five-nodes-fast` serves on this machine: to try the
-- site's workflow before the night it runs.
return cluster "onebox" {
  zookeeper_root = "/pegasus/onebox",
  metas = { "127.0.0.1:34601", "127.0.0.1:34602" },
  collectors = { "127.0.0.1:34101" },

  target = { version = "2.6.0" },

  deploy = require("deploy.simulated") { control = "http://127.0.0.1:34900" },

  workflow = "workflows/ours.lua",
  -- Its servers come back within seconds.
  params = { meta_pause = "5s", soak = "2s" },
}
