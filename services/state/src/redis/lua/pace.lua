-- The same as `pacing::Budget::take`. KEYS: budget, calls of the last minute, newest first.
-- ARGV in µs: now, lane (0 most urgent), interval, window, jump, share (intervals), grace; then in calls: the burst, the
-- limit, depth and most of the lane. Answers -1 for go, else how long to wait.
local now, lane = tonumber(ARGV[1]), tonumber(ARGV[2])
local interval, window, jump = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local share, grace = tonumber(ARGV[6]) * interval, tonumber(ARGV[7])
local burst, limit = tonumber(ARGV[8]), tonumber(ARGV[9])
local depth, most = tonumber(ARGV[10]), tonumber(ARGV[11])

local function text(number)
  return string.format('%.0f', number)
end

-- When each lane had its last call, and until when one is kept for it.
local known = redis.call('HMGET', KEYS[1], 'whole', 'served:1', 'served:2', 'served:3', 'asks:1', 'asks:2', 'asks:3')
local whole = tonumber(known[1] or ARGV[1])
if whole > now + jump then
  whole = now + burst * interval
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[1], 'whole', text(whole))
  known = {}
end
whole = math.max(whole, now)

local function owed_in(other)
  local served = known[1 + other]
  return served and tonumber(served) + share - now or 0
end

local owed = 0
for other = 1, 3 do
  local asks = known[4 + other]
  if other ~= lane and asks and tonumber(asks) >= now and owed_in(other) <= 0 then
    owed = owed + 1
  end
end

local function wait_for(ahead, calls)
  local call = redis.call('LINDEX', KEYS[2], calls - 1)
  return math.max(whole - (ahead - 1) * interval - now, call and tonumber(call) + window - now or 0, 0)
end

local wait = wait_for(depth - owed, most - owed)
if lane > 0 and wait > 0 then
  wait = math.min(wait, math.max(wait_for(burst, limit), owed_in(lane)))
end
if wait > 0 then
  if lane > 0 then
    redis.call('HSET', KEYS[1], 'asks:' .. lane, text(now + wait + grace))
  end
  redis.call('PEXPIRE', KEYS[1], 120000)
  return wait
end
redis.call('HSET', KEYS[1], 'whole', text(whole + interval))
if lane > 0 then
  redis.call('HSET', KEYS[1], 'served:' .. lane, text(now))
end
local newest = redis.call('LINDEX', KEYS[2], 0)
redis.call('LPUSH', KEYS[2], text(math.max(now, newest and tonumber(newest) or now)))
redis.call('LTRIM', KEYS[2], 0, limit - 1)
redis.call('PEXPIRE', KEYS[1], 120000)
redis.call('PEXPIRE', KEYS[2], 120000)
return -1
