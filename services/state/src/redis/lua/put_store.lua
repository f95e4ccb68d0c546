-- KEYS: stores. ARGV: store, revision it was read at, new value. Compare and set.
local known = redis.call('HGET', KEYS[1], ARGV[1])
local revision = known and known:match('^(%d+)|') or '0'
if revision ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
