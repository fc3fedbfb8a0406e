#!lua flags=no-writes
-- Read the record of an attempt, the store's clock, and how long the record is kept.
--
-- KEYS[1]  attempt  hash: the attempt's record
--
-- Returns  {unix ms, ms that the record has left, {field, value, field, value, …}}
local time = redis.call('TIME')
return {
  time[1] * 1000 + math.floor(time[2] / 1000),
  redis.call('PTTL', KEYS[1]),
  redis.call('HGETALL', KEYS[1]),
}
