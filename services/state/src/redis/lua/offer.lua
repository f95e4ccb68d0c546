-- ARGV: memory, now, hour, mark's name ('' for none), mark, delivery's memory, then seven per offer.
-- KEYS[12]: the delivery, if this is one. Answers how many are ready, or -1 for a delivery seen before.
if KEYS[12] and not redis.call('SET', KEYS[12], '1', 'NX', 'PX', ARGV[6]) then
  return -1
end
for i = 7, #ARGV, 7 do
  offer({
    subject = ARGV[i], counted = ARGV[i + 1], lane = ARGV[i + 2], ahead = ARGV[i + 3],
    force = ARGV[i + 4], unpark = ARGV[i + 5], version = ARGV[i + 6],
  }, ARGV[3])
end
if ARGV[4] ~= '' then
  local mark = redis.call('HGET', MARKS, ARGV[4])
  if not mark or tonumber(mark) < tonumber(ARGV[5]) then
    redis.call('HSET', MARKS, ARGV[4], ARGV[5])
  end
end
local waiting = redis.call('ZCARD', READY)
if waiting > 0 then
  wake()
end
return waiting
