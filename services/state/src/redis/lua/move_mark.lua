-- KEYS: marks. ARGV: name, mark. A watermark never goes back.
local mark = redis.call('HGET', KEYS[1], ARGV[1])
if not mark or tonumber(mark) < tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
return 1
