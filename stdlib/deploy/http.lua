-- The deploy adapter for sites whose deployment service answers requests, whatever its paths are.
--
--   deploy = require("deploy.http") {
--     headers = { Authorization = "Bearer " .. env "DEPLOY_TOKEN" },
--     update = {
--       url  = "https://deploy.example/hosts/{host}/{role}",
--       json = { package = "pegasus-{version}", port = "{port}", restart = true },
--     },
--     restart = { url = "https://deploy.example/hosts/{host}/{role}/restart" },
--     timeout = "2m",
--     -- The service answers at once and names its job; done and failed look at what that says.
--     poll = {
--       timeout = "30m",
--       next_url = function(reply) return reply.json.url end,
--       done = function(reply) return reply.json.status == "successful" end,
--       failed = function(reply) return reply.json.status == "failed", reply.json.explanation end,
--     },
--   }
--
-- Each action takes url, method ("POST" unless given), json or body, headers, timeout, expect and
-- poll, as the step http does. `headers`, `timeout` and `poll` beside the actions are for all of
-- them; an action with poll = false has none.
--
-- In the urls, in all texts of json, in body and in headers {name} {host} {ip} {port} {address} {role}
-- {version} stand for the server's own: percent-encoded in the url, and a text of json that is {port}
-- and nothing else becomes the number.
--
-- Without poll the service is asked once. It may answer before the server was started anew: the
-- steps after a deploy wait for the new start time. With poll a job that fails is told at once, and
-- why, where without it the flow's own wait ends it later.

local placeholders = require("deploy.placeholders")

local actions = { "update", "restart", "start", "stop" }

local function percent_encode(text)
  return (text:gsub("[^%w%-%._~:]", function(character)
    return ("%%%02X"):format(character:byte())
  end))
end

-- Every text of a template, however deep it is: `visit` gives what takes its place.
local function map_texts(value, visit)
  if type(value) == "string" then
    return visit(value)
  elseif type(value) ~= "table" then
    return value
  end
  local mapped = {}
  for key, inner in pairs(value) do
    mapped[key] = map_texts(inner, visit)
  end
  return mapped
end

local function check_template(what, template)
  if type(template) ~= "table" then
    error(what .. " must be a table such as { url = \"https://deploy.example/{host}\" }", 0)
  end
  placeholders.check_names(what, template,
    { "url", "method", "json", "body", "headers", "timeout", "expect", "poll" })
  if type(template.url) ~= "string" then
    error(what .. ".url must be the address of the request", 0)
  end
  map_texts(template, function(text)
    placeholders.check(what, text)
    return text
  end)
end

-- Its url is filled in; what is wrong with the rest, http tells.
local function fill_poll(what, poll, node, version)
  local filled = {}
  for name, value in pairs(poll) do
    filled[name] = value
  end
  if type(poll.url) == "string" then
    filled.url = placeholders.fill(what, poll.url, node, version, percent_encode)
  end
  return filled
end

-- One request's headers over those of all.
local function join(all, own)
  local joined = {}
  for _, headers in ipairs { all or {}, own or {} } do
    for name, value in pairs(headers) do
      joined[name] = value
    end
  end
  return joined
end

local function request(what, options, template, node, version)
  local function fill(text)
    return placeholders.fill(what, text, node, version)
  end
  local function fill_json(text)
    return text == "{port}" and node.port or fill(text)
  end
  local poll = options.poll
  if template.poll ~= nil then
    poll = template.poll or nil
  end
  return http {
    url = placeholders.fill(what, template.url, node, version, percent_encode),
    method = template.method or "POST",
    json = map_texts(template.json, fill_json),
    body = map_texts(template.body, fill),
    headers = map_texts(join(options.headers, template.headers), fill),
    timeout = template.timeout or options.timeout,
    expect = template.expect,
    poll = type(poll) == "table" and fill_poll(what, poll, node, version) or poll,
  }
end

return function(options)
  local adapter = {}
  placeholders.check_names("deploy.http", options,
    { "update", "restart", "start", "stop", "headers", "timeout", "poll" })
  for _, shared in ipairs { "headers", "poll" } do
    map_texts(options[shared], function(text)
      placeholders.check("deploy.http: " .. shared, text)
      return text
    end)
  end
  for _, action in ipairs(actions) do
    local template = options[action]
    local what = "deploy.http: " .. action
    if template ~= nil then
      check_template(what, template)
      adapter[action] = function(node, version)
        return request(what, options, template, node, version)
      end
    end
  end
  return adapter
end
