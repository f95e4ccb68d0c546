-- KEYS: the billing journal. ARGV: the entry's number, the entry. Entries are only ever added.
if redis.call('LLEN', KEYS[1]) + 1 ~= tonumber(ARGV[1]) then
  return 0
end
redis.call('RPUSH', KEYS[1], ARGV[2])
return 1
