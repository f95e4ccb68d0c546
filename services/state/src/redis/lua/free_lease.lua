-- KEYS: lease. ARGV: `fence|owner`. Compares before it deletes.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
