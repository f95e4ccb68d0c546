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
local fence = string.format('%.0f', redis.call('INCR', KEYS[2]))
redis.call('PEXPIRE', KEYS[2], ARGV[3])
redis.call('SET', KEYS[1], fence .. '|' .. ARGV[1], 'PX', ARGV[2])
return fence
