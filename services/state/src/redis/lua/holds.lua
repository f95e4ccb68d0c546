-- Stands before scripts that change what an order holds. Makes it hold `units` (item → number) instead of what it held;
-- answers the items of which the sum of all orders changed.
local function replace_hold(hold, held, units)
  local before, changed = {}, {}
  local known = redis.call('HGETALL', hold)
  for i = 1, #known, 2 do
    before[known[i]] = tonumber(known[i + 1])
  end
  local function change(item, old, new)
    if old == new then
      return
    end
    changed[#changed + 1] = item
    if new == 0 then
      redis.call('HDEL', hold, item)
    else
      redis.call('HSET', hold, item, string.format('%.0f', new))
    end
    if redis.call('HINCRBY', held, item, string.format('%.0f', new - old)) <= 0 then
      redis.call('HDEL', held, item)
    end
  end
  for item, old in pairs(before) do
    change(item, old, units[item] or 0)
  end
  for item, new in pairs(units) do
    if not before[item] then
      change(item, 0, new)
    end
  end
  return changed
end
