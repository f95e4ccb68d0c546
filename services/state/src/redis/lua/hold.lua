-- KEYS: what the order holds, what all orders hold. ARGV: item, units; each item once.
local units = {}
for i = 1, #ARGV, 2 do
  units[ARGV[i]] = tonumber(ARGV[i + 1])
end
return replace_hold(KEYS[1], KEYS[2], units)
