-- ARGV: memory, now, end of the claim, why an unreadable job is parked (JSON), then lanes that rise.
-- Answers subject, lane, fence, force, strikes, parkings, first_seen; or nothing.
local DUE_PER_CLAIM = 100
local SUBJECTS = { ['stock:push'] = true, ['products:push'] = true }

local function due(index)
  return redis.call('ZRANGEBYSCORE', index, '-inf', NOW, 'LIMIT', 0, DUE_PER_CLAIM)
end

local function readable(subject, job)
  return PHASES[job[1]] and job[2] and tonumber(job[2]) and tonumber(job[3]) and tonumber(job[4])
    and (subject:match('^order:%d+$') or subject:match('^initial:.')
    or subject:match('^replay:.') or SUBJECTS[subject])
end

-- Parks a job of which the record cannot be read, so that it stalls nobody. A ledger row is moved only if the
-- record still says which.
local function park_garbled(subject)
  redis.call('ZREM', READY, subject)
  redis.call('ZREM', DELAYED, subject)
  redis.call('ZREM', CLAIMED, subject)
  local key = JOB .. subject
  if redis.call('TYPE', key).ok ~= 'hash' then
    redis.call('DEL', key)
  end
  local job = redis.call('HMGET', key, 'hour', 'column', 'first_seen')
  conclude(subject, job[1], job[2], PARKED_OUTCOME, 'parked')
  redis.call('HSET', key, 'v', '1', 'lane', '0', 'ahead', '0', 'dirty', '0', 'force', '0', 'seq', '0',
    'fence', '0', 'strikes', '0', 'parkings', '0', 'settled', '0', 'park', ARGV[4])
  if not job[3] or not tonumber(job[3]) then
    redis.call('HSET', key, 'first_seen', NOW)
  end
  redis.call('PERSIST', key)
  redis.call('ZADD', PARKED_NAMES, 0, subject)
  enter(subject, 'parked', PARKED, '+inf')
end

local function fields(subject)
  if redis.call('TYPE', JOB .. subject).ok ~= 'hash' then
    return {}
  end
  return redis.call('HMGET', JOB .. subject, 'phase', 'lane', 'first_seen', 'seq', 'ahead', 'dirty', 'force',
    'strikes', 'parkings')
end

-- Due jobs become ready in the order of their times, the time kept out of their place: they queue up behind.
for phase, index in ipairs({ PARKED, DELAYED, CLAIMED }) do
  for _, subject in ipairs(due(index)) do
    local job = fields(subject)
    if not readable(subject, job) then
      park_garbled(subject)
    elseif phase == 1 then
      unpark(subject, job[2], '0')
    else
      redis.call('ZREM', index, subject)
      if phase == 2 then
        make_ready(subject, job[2], job[5])
      else
        -- Its holder has died. It keeps its place, which is older than all that came since.
        enter_ready(subject, job[2], (job[5] == '1' or job[6] == '2') and '1' or '0', job[4])
      end
    end
  end
end

-- The first ready job of the lanes that were asked for.
local function first_ready()
  for i = 5, #ARGV do
    local class = tonumber(ARGV[i]) * 2
    local first = redis.call('ZRANGEBYSCORE', READY, text(class * CLASS), '(' .. text((class + 2) * CLASS),
      'LIMIT', 0, 1)
    if first[1] then
      return first[1]
    end
  end
  return nil
end

while true do
  local subject = first_ready()
  if not subject then
    return false
  end
  redis.call('ZREM', READY, subject)
  local job = fields(subject)
  if not readable(subject, job) then
    park_garbled(subject)
  elseif job[1] == 'ready' then
    -- Rises with every claim, and past all fences of a state that was lost: it is at least the time.
    local last = tonumber(redis.call('HGET', NUMBERS, 'fence') or '0')
    local fence = text(math.max(last + 1, tonumber(NOW)))
    redis.call('HSET', NUMBERS, 'fence', fence)
    redis.call('HSET', JOB .. subject, 'fence', fence, 'dirty', '0')
    enter(subject, 'claimed', CLAIMED, ARGV[3])
    return { subject, job[2], fence, job[7] or '0', job[8] or '0', job[9] or '0', job[3] }
  end
end
