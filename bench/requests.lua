-- Requests for wrk: the lines of the file that the first argument names, each `method <tab> path <tab> token <tab>
-- body`. The second argument is the API key. Every thread takes its share of the lines in turn; with a third argument,
-- "again", it begins anew at their end, and without it says that it ran out, since no request may then be sent twice.

THREADS = 2

local workers = {}

function setup(thread)
  thread:set("number", #workers)
  workers[#workers + 1] = thread
end

function init(arguments)
  local key, at = arguments[2], 0
  again = arguments[3] == "again"
  requests, position, ran_out = {}, 0, 0
  for line in io.lines(arguments[1]) do
    if at % THREADS == number then
      local method, path, token, body = line:match("^(%S+)\t(%S+)\t(%S*)\t(.*)$")
      local headers = { apikey = key, ["Content-Type"] = "application/json" }
      if token ~= "" then headers.Authorization = "Bearer " .. token end
      requests[#requests + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
    end
    at = at + 1
  end
end

function request()
  position = position + 1
  if position > #requests then
    if not again then ran_out = 1 end
    position = 1
  end
  return requests[position]
end

function done(summary, latency)
  local short = 0
  for _, thread in ipairs(workers) do short = short + thread:get("ran_out") end
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"microseconds":%d,"refused":%d,"broken":%d,"ran_out":%d,"p50":%d,"p99":%d,"worst":%d,"bytes":%d}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, short,
    latency:percentile(50), latency:percentile(99), latency.max, summary.bytes))
end
