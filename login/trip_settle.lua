#!lua
-- Note what became of a code, for requests that bring it again.
--
-- KEYS[1]  trip     hash: browser, app, next; code, taker and outcome once it is back
-- ARGV[1]  taker    the request that took the code
-- ARGV[2]  outcome  what became of it
-- ARGV[3]  keep     how long that is known, ms
--
-- Returns  1, or 0 when the trip is over or another request's.
if redis.call('HGET', KEYS[1], 'taker') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'outcome', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
