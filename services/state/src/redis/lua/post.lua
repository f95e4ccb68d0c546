-- KEYS: board, numbers of boards. ARGV: fence, topic, then item and text. A notice is `seq|text`.
-- Answers for each text its number and whether it is new; nothing if a later holder has posted.
local latest = redis.call('HGET', KEYS[2], 'fence')
if latest and tonumber(latest) > tonumber(ARGV[1]) then
  return false
end
redis.call('HSET', KEYS[2], 'fence', ARGV[1])
local answer = {}
for i = 3, #ARGV, 2 do
  local item, text = ARGV[i], ARGV[i + 1]
  local known = redis.call('HGET', KEYS[1], item)
  local bar = known and known:match('^%d+|') and known:find('|', 1, true)
  if bar and known:sub(bar + 1) == text then
    answer[#answer + 1] = known:sub(1, bar - 1)
    answer[#answer + 1] = '0'
  else
    local seq = string.format('%.0f', redis.call('HINCRBY', KEYS[2], ARGV[2], 1))
    redis.call('HSET', KEYS[1], item, seq .. '|' .. text)
    answer[#answer + 1] = seq
    answer[#answer + 1] = '1'
  end
end
return answer
