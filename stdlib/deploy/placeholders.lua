-- What the deploy adapters share: in the texts of a site {name} {host} {ip} {port} {address} {role}
-- {version} stand for the server's own.

local fields = { "name", "host", "ip", "port", "address", "role" }

local function is_one_of(words, word)
  for _, known in ipairs(words) do
    if known == word then
      return true
    end
  end
  return false
end

-- A mistake in a text is told when the file is read, not in the middle of a run.
local function check(what, text)
  for name in text:gmatch("{([^{}]*)}") do
    if name ~= "version" and not is_one_of(fields, name) then
      error(what .. " has {" .. name .. "}; there are {" .. table.concat(fields, "} {")
        .. "} {version}", 0)
    end
  end
end

-- `encode`, if given, makes each value fit where it stands.
local function fill(what, text, node, version, encode)
  return (text:gsub("{([^{}]*)}", function(name)
    local value = version
    if name ~= "version" then
      value = tostring(node[name])
    elseif version == nil then
      error(what .. ": {version} needs target = { version = ... } in the cluster file", 0)
    end
    return encode == nil and value or encode(value)
  end))
end

-- The names in `given` are all among `known`.
local function check_names(what, given, known)
  for name in pairs(given) do
    if not is_one_of(known, name) then
      error(what .. ": unknown field '" .. tostring(name) .. "'; there are "
        .. table.concat(known, ", ", 1, #known - 1) .. " and " .. known[#known], 0)
    end
  end
end

return { check = check, fill = fill, check_names = check_names }
