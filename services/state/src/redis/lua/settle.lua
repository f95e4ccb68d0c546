-- ARGV: memory, now, subject, fence, kind (done later parked), outcome (JSON), its column, version ('' for none),
-- when it is due again ('' for not), strike, park (JSON), journal (JSON, '' for none), journal's member, release.
-- KEYS[12], KEYS[13]: the journal and the index of journals; KEYS[14], KEYS[15]: what the order holds, what all hold.
-- Answers 0 fenced, 1 stands, 2 again.
local subject, fence, kind = ARGV[3], ARGV[4], ARGV[5]
local key = JOB .. subject
if not owned(subject, fence) then
  return 0
end
local job = redis.call('HMGET', key, 'dirty', 'hour', 'column', 'lane', 'ahead')
local dirty, hour, column, lane, ahead = job[1], job[2], job[3], job[4], job[5]
local again = dirty == '1' or dirty == '2'
local due = ARGV[9]
redis.call('ZREM', CLAIMED, subject)
redis.call('HINCRBY', key, 'settled', 1)
if ARGV[12] ~= '' then
  redis.call('SET', KEYS[12], ARGV[12], 'PX', MEMORY)
  redis.call('ZADD', KEYS[13], 0, ARGV[13])
end
if ARGV[14] == '1' then
  replace_hold(KEYS[14], KEYS[15], {})
end

if kind == 'done' then
  conclude(subject, hour, column, ARGV[6], ARGV[7])
  redis.call('HSET', key, 'strikes', '0', 'parkings', '0')
  ahead = '0'
  if ARGV[8] ~= '' then
    redis.call('HSET', key, 'version', ARGV[8])
  end
  if not again then
    -- What was asked for is done, even if it is looked at again by itself.
    redis.call('HSET', key, 'force', '0')
  end
elseif kind == 'later' then
  -- One that cannot get through must not be first for ever.
  ahead = '0'
  if ARGV[10] == '1' then
    redis.call('HINCRBY', key, 'strikes', 1)
  end
else
  redis.call('HSET', key, 'strikes', '0')
  redis.call('HINCRBY', key, 'parkings', 1)
  ahead = '0'
  -- An event that came meanwhile puts it back at once, as it would a moment later.
  if again then
    conclude(subject, hour, column, PENDING, 'pending')
  else
    conclude(subject, hour, column, PARKED_OUTCOME, 'parked')
  end
end

wake()
if again then
  make_ready(subject, lane, (ahead == '1' or dirty == '2') and '1' or '0')
  return 2
end
redis.call('HSET', key, 'ahead', ahead, 'dirty', '0')
if kind == 'parked' then
  redis.call('HSET', key, 'park', ARGV[11])
  redis.call('ZADD', PARKED_NAMES, 0, subject)
  enter(subject, 'parked', PARKED, due == '' and '+inf' or due)
elseif due ~= '' then
  enter(subject, 'delayed', DELAYED, due)
else
  redis.call('HSET', key, 'phase', 'idle')
  redis.call('PEXPIRE', key, MEMORY)
end
return 1
