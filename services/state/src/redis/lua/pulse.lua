-- KEYS: as queue.lua, latest run, latest replay, the store's status records. ARGV: memory, now, then the names of the
-- status records. Answers how many are ready, delayed, claimed, parked; since when the job that is due longest waits,
-- latest run, latest replay ('' for none of each); the status records. Reads only.
local since

local function earlier(at)
  at = tonumber(at)
  if at and (not since or at < since) then
    since = at
  end
end

-- Within a class the first has waited longest.
local low = '-inf'
while true do
  local first = redis.call('ZRANGEBYSCORE', READY, low, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if not first[1] then
    break
  end
  local key = JOB .. first[1]
  if redis.call('TYPE', key).ok == 'hash' then
    local job = redis.call('HMGET', key, 'since', 'first_seen')
    earlier(job[1] or job[2])
  end
  low = text((math.floor(tonumber(first[2]) / CLASS) + 1) * CLASS)
end
for _, index in ipairs({ DELAYED, CLAIMED, PARKED }) do
  local first = redis.call('ZRANGEBYSCORE', index, '-inf', NOW, 'WITHSCORES', 'LIMIT', 0, 1)
  earlier(first[2])
end

local answer = { '', '', '', '', since and text(since) or '', redis.call('GET', KEYS[12]) or '',
  redis.call('GET', KEYS[13]) or '' }
for place, index in ipairs({ READY, DELAYED, CLAIMED, PARKED }) do
  answer[place] = text(redis.call('ZCARD', index))
end
for i = 3, #ARGV do
  answer[#answer + 1] = redis.call('HGET', KEYS[14], ARGV[i]) or ''
end
return answer
