-- KEYS: lease, its fence. ARGV: owner, length, memory of the fence. Answers the fence, or nothing.
local held = redis.call('GET', KEYS[1])
if held then
  local fence, owner = held:match('^(%d+)|(.*)$')
  if owner ~= ARGV[1] then
    return false
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return fence
end
-- At least the time: rises even past fences that were forgotten, which boards still know.
local time = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local fence = string.format('%.0f', math.max(last + 1, tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)))
redis.call('SET', KEYS[2], fence, 'PX', ARGV[3])
redis.call('SET', KEYS[1], fence .. '|' .. ARGV[1], 'PX', ARGV[2])
return fence
