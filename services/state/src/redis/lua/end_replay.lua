-- KEYS: a replay. ARGV: memory, its value. Without effect on one that is over or not there.
local known = redis.call('GET', KEYS[1])
if known and known:sub(1, 5) == 'open|' then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
end
return 1
