-- KEYS: lease. ARGV: `fence|owner`, length. Compares before it renews.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
