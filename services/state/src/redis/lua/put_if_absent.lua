-- KEYS: map. ARGV: key, value. Answers the value that stands.
redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
return redis.call('HGET', KEYS[1], ARGV[1])
