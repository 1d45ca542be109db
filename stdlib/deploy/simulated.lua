-- The deploy adapter for simulated clusters: the control endpoint of `pegflow simulate` stands for
-- the deployment system.
--
--   deploy = require("deploy.simulated") { control = "http://127.0.0.1:34900" }

return function(options)
  if type(options.control) ~= "string" then
    error("deploy.simulated: control must be the address of the control endpoint, such as "
      .. "\"http://127.0.0.1:34900\"", 2)
  end

  local function ask_for(action, query)
    return function(node, version)
      local suffix = ""
      if query and version ~= nil then
        suffix = "?version=" .. version:gsub("+", "%%2B")
      end
      return http {
        method = "POST",
        url = options.control .. "/servers/" .. node.address .. "/" .. action .. suffix,
        timeout = options.timeout or "2m",
      }
    end
  end

  return {
    update = ask_for("update", true),
    restart = ask_for("restart", false),
    start = ask_for("start", false),
    stop = ask_for("stop", false),
  }
end
