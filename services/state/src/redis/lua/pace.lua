-- The same as `pacing::take`. KEYS: budget. ARGV in µs: now, interval, burst (calls), depth of the lane (calls),
-- jump. Answers -1 for go, else how long to wait.
local now, interval = tonumber(ARGV[1]), tonumber(ARGV[2])
local whole = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
if whole > now + tonumber(ARGV[5]) then
  whole = now + tonumber(ARGV[3]) * interval
end
whole = math.max(whole, now)
local wait = whole - (tonumber(ARGV[4]) - 1) * interval - now
if wait > 0 then
  return wait
end
redis.call('SET', KEYS[1], string.format('%.0f', whole + interval), 'PX', 120000)
return -1
