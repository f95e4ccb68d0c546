-- KEYS: a run, whether its end was asked for. ARGV: memory.
local known = redis.call('GET', KEYS[1])
if known and known:sub(1, 5) == 'open|' then
  redis.call('SET', KEYS[2], '1', 'PX', ARGV[1])
end
return 1
