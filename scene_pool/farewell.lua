#!lua
-- Note when a WeChat user said farewell; an older one that comes later changes nothing.
--
-- KEYS[1]  farewell string: the last, in unix seconds by WeChat's clock
-- ARGV[1]  at       when this one was
-- ARGV[2]  keep     how long it is remembered from now on, ms
--
-- Returns  the last.
local at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), tonumber(ARGV[1]))
redis.call('SET', KEYS[1], string.format('%.0f', at), 'PX', ARGV[2])
return at
