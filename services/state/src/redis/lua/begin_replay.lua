-- ARGV: memory, now, hour, replay's id, its value, its subject, its lane.
-- KEYS[12]: the latest replay's id; KEYS[13]: the stem of replays. Answers the value that stands.
local same = redis.call('GET', KEYS[13] .. ARGV[4])
if same then
  return same
end
local latest = redis.call('GET', KEYS[12])
local known = latest and redis.call('GET', KEYS[13] .. latest)
if known and known:sub(1, 5) == 'open|' then
  return known
end
redis.call('SET', KEYS[13] .. ARGV[4], ARGV[5], 'PX', MEMORY)
redis.call('SET', KEYS[12], ARGV[4])
offer({
  subject = ARGV[6], counted = '0', lane = ARGV[7], ahead = '0', force = '0', unpark = '1', version = '',
}, ARGV[3])
wake()
return ARGV[5]
