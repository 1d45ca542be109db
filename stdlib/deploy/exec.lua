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

local placeholders = require("deploy.placeholders")

local actions = { "update", "restart", "start", "stop" }

local function check_template(what, template)
  if type(template) ~= "table" or #template == 0 then
    error(what .. " must be a list of words, the program first", 0)
  end
  for _, word in ipairs(template) do
    placeholders.check(what, tostring(word))
  end
end

return function(options)
  local adapter = {}
  placeholders.check_names("deploy.exec", options, { "update", "restart", "start", "stop", "timeout" })
  for _, action in ipairs(actions) do
    local template = options[action]
    local what = "deploy.exec: " .. action
    if template ~= nil then
      check_template(what, template)
      adapter[action] = function(node, version)
        local command = { timeout = options.timeout }
        for position, word in ipairs(template) do
          command[position] = placeholders.fill(what, tostring(word), node, version)
        end
        return exec(command)
      end
    end
  end
  return adapter
end
