-- Asks wrk's target for distinct users; what follows "--" on wrk's command line is: what to ask, and from which user on.
local colours = { "red", "green", "blue", "grey" }
local n, what, users = 0, "constant", 20000

function init(args)
  what, n, users = args[1], tonumber(args[2]), tonumber(args[3])
end

function request()
  n = n + 7
  local user = "/v1/recommend/user%20" .. (n % users) .. "?k=20"
  if what == "constant" then return wrk.format("GET", "/constant") end
  if what == "list" then return wrk.format("GET", user .. "&reasons=false") end
  if what == "reasons" then return wrk.format("GET", user) end
  if what == "filter" then
    local where = "price%20%3C%20" .. (20 + n % 180) .. "%20and%20colour%20!%3D%20'" .. colours[1 + n % 4] .. "'"
    return wrk.format("GET", user .. "&reasons=false&filter=" .. where)
  end
  local events = {}
  for i = 1, tonumber(what) do
    n = n + 1
    events[i] = '{"user_id":"user ' .. (n * 7919 % users) .. '","item_id":"item ' .. (n * 104729 % 50000) .. '"}'
  end
  local body = '{"events":[' .. table.concat(events, ",") .. "]}"
  return wrk.format("POST", "/v1/events", { ["Content-Type"] = "application/json" }, body)
end

function done(summary, latency)
  local wrong = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "wrong": %d, "p50": %.3f, "p99": %.3f}\n',
    summary.requests, summary.duration / 1e6, wrong, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
