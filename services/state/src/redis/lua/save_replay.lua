-- ARGV: memory, now, subject, fence, value. KEYS[12]: the replay.
-- Writes only while the claim owns its job, and nobody has ended the replay.
if not owned(ARGV[3], ARGV[4]) then
  return 0
end
local known = redis.call('GET', KEYS[12])
if known and known:sub(1, 5) ~= 'open|' then
  return 0
end
redis.call('SET', KEYS[12], ARGV[5], 'PX', MEMORY)
return 1
