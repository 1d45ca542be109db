-- A real cluster of release 2.5, recorded. Of the tables 'pair' (two replicas) and 'solo' (one) no
-- replica can be taken away without an outage: a guard stops an upgrade until the cluster file accepts it.
return model "recorded-2.5" {
  release = "2.5",
  replicas = 5,
  metas = 3,
  collectors = 1,
  tables = {
    {
      name = "stat", app_id = 1, partitions = 4, replicas = 3, written = true,
      placement = {
        "r5 r1 r4", "r4 r5 r1", "r3 r2 r4", "r2 r3 r1",
      },
    },
    {
      name = "temp", app_id = 2, partitions = 16, replicas = 3, written = true,
      placement = {
        "r1 r4 r5", "r5 r2 r3", "r4 r3 r5", "r3 r5 r1",
        "r2 r5 r3", "r1 r4 r2", "r5 r3 r4", "r4 r1 r2",
        "r3 r5 r2", "r2 r1 r4", "r1 r4 r2", "r5 r3 r1",
        "r4 r1 r3", "r3 r2 r5", "r2 r4 r5", "r1 r2 r3",
      },
    },
    {
      name = "users", app_id = 3, partitions = 32, replicas = 3,
      placement = {
        "r5 r4 r3", "r4 r3 r2", "r3 r5 r4", "r2 r3 r1",
        "r1 r4 r5", "r5 r4 r3", "r4 r5 r1", "r3 r5 r4",
        "r2 r4 r1", "r1 r2 r4", "r5 r1 r4", "r4 r2 r5",
        "r3 r1 r2", "r2 r1 r5", "r1 r2 r4", "r5 r2 r3",
        "r4 r1 r2", "r3 r5 r1", "r2 r5 r1", "r1 r3 r5",
        "r5 r4 r2", "r4 r3 r1", "r3 r5 r2", "r2 r1 r5",
        "r1 r3 r4", "r5 r2 r3", "r4 r3 r5", "r3 r4 r2",
        "r2 r1 r3", "r1 r2 r5", "r5 r3 r1", "r4 r2 r3",
      },
    },
    {
      name = "pair", app_id = 4, partitions = 8, replicas = 2,
      placement = {
        "r3 r5", "r2 r1", "r1 r2", "r4 r3",
        "r5 r4", "r3 r5", "r2 r4", "r1 r4",
      },
    },
    {
      name = "solo", app_id = 5, partitions = 4, replicas = 1,
      placement = {
        "r3", "r2", "r1", "r5",
      },
    },
  },
}
