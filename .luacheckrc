-- The words of pegflow's language, and what its sandbox leaves of Lua.
-- A test compares the first list with the program's own descriptors.
stds.pegflow = {
  read_globals = {
    "remote_command", "set_meta_level", "migrate_node", "downgrade_node", "drain_node",
    "rejoin_node", "kill_partitions", "deploy", "exec", "http", "notify", "log",
    "wait_until", "sleep", "confirm",
    "steps", "parallel", "when", "rolling", "hold", "try",
    "no_primaries", "no_secondaries", "replicas_closed", "is_alive", "has_restarted",
    "runs_target_version", "cluster_is_healthy", "all_servers_alive", "all_of", "any_of", "not_",
    "condition", "survives_loss_of", "no_leftovers",
    "as_listed", "standbys_first", "fewest_primaries", "random",
    "duration", "integer", "number", "boolean", "text", "choice",
    "workflow", "cluster", "model", "variant", "test",

    "assert", "env", "error", "ipairs", "pairs", "pcall", "require", "select", "tonumber", "tostring",
    "type", "xpcall",
    string = {
      fields = {
        "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep",
        "reverse", "sub", "upper",
      },
    },
    table = { fields = { "concat", "insert", "move", "pack", "remove", "sort", "unpack" } },
    math = {
      fields = {
        "abs", "ceil", "floor", "fmod", "huge", "max", "maxinteger", "min", "mininteger", "modf",
        "pi", "sqrt", "tointeger", "type", "ult",
      },
    },
  },
}

std = "pegflow"
max_line_length = 120
-- Annotations for editors only; nothing runs them.
exclude_files = { "stdlib/meta" }
