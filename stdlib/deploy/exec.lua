-- The deploy adapter for sites that upgrade a server with a command.
--
--   deploy = require("deploy.exec") {
--     update  = { "ssh", "{host}", "upgrade.sh", "{role}", "{version}" },
--     restart = { "ssh", "{host}", "systemctl", "restart", "pegasus-{role}-{port}" },
--     timeout = "10m",
--   }
--
-- In each word {name} {host} {ip} {port} {address} {role} {version} stand for the server's own. The
-- command is run as it stands, word by word: no shell sees it.

local actions = { "update", "restart", "start", "stop" }
local fields = { "name", "host", "ip", "port", "address", "role" }

local function is_one_of(words, word)
  for _, known in ipairs(words) do
    if known == word then
      return true
    end
  end
  return false
end

-- A mistake in a template is told when the file is read, not in the middle of a run.
local function check_template(action, template)
  if type(template) ~= "table" or #template == 0 then
    error("deploy.exec: " .. action .. " must be a list of words, the program first", 3)
  end
  for _, word in ipairs(template) do
    for name in tostring(word):gmatch("{([^{}]*)}") do
      if name ~= "version" and not is_one_of(fields, name) then
        error("deploy.exec: " .. action .. " has {" .. name .. "}; there are {"
          .. table.concat(fields, "} {") .. "} {version}", 3)
      end
    end
  end
end

local function fill(word, node, version)
  return (tostring(word):gsub("{([^{}]*)}", function(name)
    if name ~= "version" then
      return tostring(node[name])
    end
    if version == nil then
      error("deploy.exec: {version} needs target = { version = ... } in the cluster file", 0)
    end
    return version
  end))
end

return function(options)
  local adapter = {}
  for name in pairs(options) do
    if name ~= "timeout" and not is_one_of(actions, name) then
      error("deploy.exec: unknown field '" .. tostring(name) .. "'; there are "
        .. table.concat(actions, ", ") .. " and timeout", 2)
    end
  end
  for _, action in ipairs(actions) do
    local template = options[action]
    if template ~= nil then
      check_template(action, template)
      adapter[action] = function(node, version)
        local command = { timeout = options.timeout }
        for position, word in ipairs(template) do
          command[position] = fill(word, node, version)
        end
        return exec(command)
      end
    end
  end
  return adapter
end
