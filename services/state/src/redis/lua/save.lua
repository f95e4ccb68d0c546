-- ARGV: memory, now, subject, fence, value, member of the index ('' for none).
-- KEYS[12], KEYS[13]: the record and its index. Writes only while the claim owns its job.
if not owned(ARGV[3], ARGV[4]) then
  return 0
end
redis.call('SET', KEYS[12], ARGV[5], 'PX', MEMORY)
if ARGV[6] ~= '' then
  redis.call('ZADD', KEYS[13], 0, ARGV[6])
end
return 1
