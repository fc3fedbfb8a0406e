#!lua
-- Count the scene ids that are leased and those that rest.
--
-- KEYS[1]  scenes   sorted set: scene id -> when it is free again, unix ms
-- KEYS[2]  leased   sorted set: ids shown by a page -> end of that, unix ms
--
-- Returns  {leased, resting}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local leased = redis.call('ZCARD', KEYS[2])
local taken = redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf')
return {leased, math.max(0, taken - leased)}
