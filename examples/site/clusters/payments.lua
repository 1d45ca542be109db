-- Payments: the hosts are upgraded by a command over ssh.
return cluster "payments" {
  zookeeper_root = "/pegasus/payments",
  metas = { "10.20.0.1:34601", "10.20.0.2:34601", "10.20.0.3:34601" },
  collectors = { "10.20.0.4:34101" },

  target = { version = "2.5.0" },

  -- The script installs the version, starts the server anew and ends when the process is there.
  deploy = require("deploy.exec") {
    update  = { "ssh", "-o", "BatchMode=yes", "{host}", "/opt/pegasus/upgrade", "{role}", "{port}", "{version}" },
    restart = { "ssh", "-o", "BatchMode=yes", "{host}", "systemctl", "restart", "pegasus-{role}@{port}" },
    timeout = "15m",
  },

  workflow = "workflows/ours.lua",
  -- Its largest servers hold 2,000 replicas.
  params = { drain_timeout = "30m" },
}
