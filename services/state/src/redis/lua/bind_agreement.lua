-- KEYS: agreements, accounts. ARGV: agreement, account, value.
-- Answers 1, or 0 if this account has another name, or -1 if this name has another account.
local name = redis.call('HGET', KEYS[2], ARGV[2])
if name and name ~= ARGV[1] then
  return 0
end
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and known:match('^(%d+)|') ~= ARGV[2] then
  return -1
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
