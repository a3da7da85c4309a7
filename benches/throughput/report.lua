-- One line of JSON about what was asked.
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\nFIGURES {"requests":%d,"us":%d,"p50_us":%.1f,"p99_us":%.1f,"failed":%d}\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
