#!lua flags=no-writes
-- Tell whether WeChat is making a ticket for a scene id: its code may be scanned
-- before we know it.
--
-- KEYS[1]  making   sorted set: ids that WeChat makes a ticket for -> until when, unix ms
-- ARGV[1]  scene    the scene id
--
-- Returns  1 or 0.
local time = redis.call('TIME')
local until_ms = redis.call('ZSCORE', KEYS[1], ARGV[1])
return until_ms and tonumber(until_ms) > time[1] * 1000 + time[2] / 1000 and 1 or 0
