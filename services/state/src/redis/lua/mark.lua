-- Puts things on a heap, due at once. KEYS: due, things, the last mark, wake.
-- ARGV: since, now, doubt, then keys. A thing is `mark|since|tries|doubt`.
local since, now = tonumber(ARGV[1]), tonumber(ARGV[2])
-- One number per call, never given out twice: what is marked anew after it was dealt with is not what it was.
local mark = string.format('%.0f', redis.call('INCR', KEYS[3]))
for i = 4, #ARGV do
  local key = ARGV[i]
  local first, tries, doubt = since, '0', ARGV[3]
  local known = redis.call('HGET', KEYS[2], key)
  if known then
    local _, before, put_off, doubted = known:match('^(%d+)|(-?%d+)|(%d+)|([01])$')
    if before then
      first = math.min(first, tonumber(before))
      tries = put_off
      doubt = (doubt == '1' or doubted == '1') and '1' or '0'
    end
  end
  redis.call('HSET', KEYS[2], key, mark .. '|' .. string.format('%.0f', first) .. '|' .. tries .. '|' .. doubt)
  redis.call('ZADD', KEYS[1], string.format('%.0f', math.min(first, now)), key)
end
if redis.call('LLEN', KEYS[4]) == 0 then
  redis.call('RPUSH', KEYS[4], '1')
end
return 1
