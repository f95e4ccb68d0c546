-- KEYS: epoch. ARGV: now, run id of the server. Another server than before may have lost the last second.
local known = redis.call('HMGET', KEYS[1], 'since', 'run_id')
if known[1] and known[2] == ARGV[2] then
  return known[1]
end
redis.call('HSET', KEYS[1], 'since', ARGV[1], 'run_id', ARGV[2])
return ARGV[1]
