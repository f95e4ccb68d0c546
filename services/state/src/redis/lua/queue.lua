-- The life of a job; stands before each script about jobs. `embedded/queue.rs` takes the same steps.
--
-- Fields of a job: v, phase (ready delayed claimed parked idle), lane (0 most urgent), ahead, force, dirty (0 no,
-- 1 run again, 2 run again ahead), seq, fence, until, strikes, parkings, first_seen, hour (none: not counted),
-- outcome (JSON), column (the outcome's name in the ledger), park (JSON), version, settled, since (when it was made
-- ready last; none: when it was first seen).
--
-- Numbers go to Redis through `text`: Lua's own conversion keeps 14 digits.
local READY, DELAYED, CLAIMED, PARKED, PARKED_NAMES = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local WAKE, NUMBERS, MARKS, LEDGER_HOURS, LEDGER, JOB = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11]
local MEMORY, NOW = ARGV[1], ARGV[2]
local PENDING, PARKED_OUTCOME = '"Pending"', '"Parked"'
-- Classes are 2^49 apart: eight of them and any sequence fit into a double exactly.
local CLASS = 562949953421312
local PHASES = { ready = true, delayed = true, claimed = true, parked = true, idle = true }

local function text(number)
  return string.format('%.0f', number)
end

-- A worker that waits should look. One entry is enough: it is a level, not a count.
local function wake()
  if redis.call('LLEN', WAKE) == 0 then
    redis.call('RPUSH', WAKE, '1')
  end
end

local function score(lane, ahead, seq)
  local class = tonumber(lane) * 2 + (ahead == '1' and 0 or 1)
  return text(class * CLASS + tonumber(seq))
end

local function enter_ready(subject, lane, ahead, seq)
  redis.call('HSET', JOB .. subject, 'phase', 'ready', 'lane', lane, 'ahead', ahead, 'seq', seq, 'dirty', '0')
  redis.call('PERSIST', JOB .. subject)
  redis.call('ZADD', READY, score(lane, ahead, seq), subject)
end

local function make_ready(subject, lane, ahead)
  redis.call('HSET', JOB .. subject, 'since', NOW)
  enter_ready(subject, lane, ahead, text(redis.call('HINCRBY', NUMBERS, 'seq', 1)))
end

local function enter(subject, phase, index, at)
  redis.call('HSET', JOB .. subject, 'phase', phase, 'until', at)
  redis.call('ZADD', index, at, subject)
end

local function leave_parked(subject)
  redis.call('ZREM', PARKED, subject)
  redis.call('ZREM', PARKED_NAMES, subject)
end

-- Gives a job another outcome, in the ledger too. A row that was forgotten meanwhile is not begun again.
local function conclude(subject, hour, old, outcome, column)
  redis.call('HSET', JOB .. subject, 'outcome', outcome, 'column', column)
  if hour and old and old ~= column and redis.call('HEXISTS', LEDGER .. hour, 'seen') == 1 then
    redis.call('HINCRBY', LEDGER .. hour, old, -1)
    redis.call('HINCRBY', LEDGER .. hour, column, 1)
  end
end

local function unpark(subject, lane, ahead)
  leave_parked(subject)
  local job = redis.call('HMGET', JOB .. subject, 'hour', 'column')
  conclude(subject, job[1], job[2], PENDING, 'pending')
  redis.call('HDEL', JOB .. subject, 'park')
  make_ready(subject, lane, ahead)
end

-- One HSET and as little else as there can be: this is what each webhook of a new order costs.
local function first_sighting(o, hour)
  local seq = text(redis.call('HINCRBY', NUMBERS, 'seq', 1))
  local fields = {
    'v', '1', 'phase', 'ready', 'lane', o.lane, 'ahead', o.ahead, 'force', o.force, 'dirty', '0', 'seq', seq,
    'fence', '0', 'strikes', '0', 'parkings', '0', 'first_seen', NOW, 'outcome', PENDING, 'column', 'pending',
    'settled', '0',
  }
  if o.counted == '1' then
    fields[#fields + 1] = 'hour'
    fields[#fields + 1] = hour
    redis.call('HINCRBY', LEDGER .. hour, 'pending', 1)
    if redis.call('HINCRBY', LEDGER .. hour, 'seen', 1) == 1 then
      redis.call('PEXPIRE', LEDGER .. hour, text(2 * tonumber(MEMORY)))
      redis.call('ZADD', LEDGER_HOURS, hour, hour)
    end
  end
  redis.call('HSET', JOB .. o.subject, unpack(fields))
  redis.call('ZADD', READY, score(o.lane, o.ahead, seq), o.subject)
end

-- o: subject, counted, lane, ahead, force, unpark, version ('' for none)
local function offer(o, hour)
  local subject = o.subject
  local key = JOB .. subject
  local job = redis.call('HMGET', key, 'phase', 'lane', 'ahead', 'version', 'dirty', 'seq')
  local phase = job[1]
  if not phase then
    return first_sighting(o, hour)
  end
  if not PHASES[phase] or not tonumber(job[2]) or not tonumber(job[6]) then
    -- Unreadable: the next claim parks it alone.
    redis.call('ZADD', READY, text(tonumber(o.lane) * 2 * CLASS), subject)
    return
  end
  local known = job[4] and tonumber(job[4])
  if o.version ~= '' and known and tonumber(o.version) <= known then
    return
  end
  if phase == 'parked' and o.unpark == '0' then
    return
  end
  if o.force == '1' then
    redis.call('HSET', key, 'force', '1')
  end
  local lane = tonumber(o.lane) < tonumber(job[2]) and o.lane or job[2]
  local ahead = (o.ahead == '1' or job[3] == '1') and '1' or '0'
  if phase == 'claimed' then
    local dirty = (o.ahead == '1' or job[5] == '2') and '2' or '1'
    redis.call('HSET', key, 'dirty', dirty, 'lane', lane)
  elseif phase == 'ready' then
    enter_ready(subject, lane, ahead, job[6])
  elseif phase == 'delayed' then
    redis.call('ZREM', DELAYED, subject)
    make_ready(subject, lane, ahead)
  elseif phase == 'idle' then
    make_ready(subject, o.lane, o.ahead)
  else
    unpark(subject, o.lane, o.ahead)
  end
end

-- Whether a claim still owns its job.
local function owned(subject, fence)
  local job = redis.call('HMGET', JOB .. subject, 'phase', 'fence')
  return job[1] == 'claimed' and job[2] == fence
end
