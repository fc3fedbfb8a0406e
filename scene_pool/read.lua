#!lua flags=no-writes
-- Read the record of an attempt, and the store's clock.
--
-- KEYS[1]  attempt  hash: the attempt's record
--
-- Returns  {unix ms, {field, value, field, value, …}}
local time = redis.call('TIME')
return {time[1] * 1000 + math.floor(time[2] / 1000), redis.call('HGETALL', KEYS[1])}
