-- ARGV: memory, now, subject, fence, end of the claim.
if not owned(ARGV[3], ARGV[4]) then
  return 0
end
enter(ARGV[3], 'claimed', CLAIMED, ARGV[5])
return 1
