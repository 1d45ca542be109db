-- The cluster that `pegflow simulate --model five-nodes-fast` serves on this machine.
return cluster "onebox" {
  zookeeper_root = "/pegasus/onebox",
  metas = { "127.0.0.1:34601", "127.0.0.1:34602" },
  collectors = { "127.0.0.1:34101" },

  target = { version = "2.6.0" },

  -- A real site names its own deployment system here: see stdlib/deploy/exec.lua.
  deploy = require("deploy.simulated") { control = "http://127.0.0.1:34900" },

  workflow = "workflows/ha.lua",
  -- The demonstration shortens this one wait; a real cluster keeps the 30 s.
  params = { meta_pause = "5s" },
}
