-- What wrk sends, and one line of JSON about it.
--
-- Arguments after `--`: `get TARGET` for one target, `items PREFIX COUNT` for random items, `post TARGET` for new items.

local kind, target, count

function init(args)
  kind, target, count = args[1], args[2], tonumber(args[3])
  math.randomseed(tonumber(tostring({}):match("0x(%x+)"), 16) % 2147483647)
  wrk.headers["Accept"] = "application/json"
  if kind == "post" then
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
  end
end

function request()
  if kind == "items" then
    return wrk.format(nil, target .. math.random(1, count))
  elseif kind == "post" then
    local body = string.format('{"title":"made %d","category":"c1","views":%d}', math.random(1, 1e9), math.random(1, 1e5))
    return wrk.format(nil, target, nil, body)
  end
  return wrk.format(nil, target)
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\nFIGURES {"answers":%d,"seconds":%.3f,"p50_ms":%.4f,"p99_ms":%.4f,"failed":%d}\n', summary.requests,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.connect + e.read + e.write + e.status + e.timeout))
end
