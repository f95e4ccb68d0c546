-- Takes things off a heap or puts them off, where their mark is still the same. KEYS: due, things.
-- ARGV: until ('' to take off), then key and mark.
local until_ = ARGV[1]
for i = 2, #ARGV, 2 do
  local key = ARGV[i]
  local known = redis.call('HGET', KEYS[2], key)
  local mark, since, tries, doubt
  if known then
    mark, since, tries, doubt = known:match('^(%d+)|(-?%d+)|(%d+)|([01])$')
    if not mark then
      -- Unreadable: it was told under mark 0.
      mark, since, tries, doubt = '0', until_, '0', '1'
    end
  end
  if mark == ARGV[i + 1] then
    if until_ == '' then
      redis.call('HDEL', KEYS[2], key)
      redis.call('ZREM', KEYS[1], key)
    else
      tries = string.format('%.0f', tonumber(tries) + 1)
      redis.call('HSET', KEYS[2], key, mark .. '|' .. since .. '|' .. tries .. '|' .. doubt)
      redis.call('ZADD', KEYS[1], until_, key)
    end
  end
end
return 1
