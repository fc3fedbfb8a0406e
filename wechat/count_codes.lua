#!lua
-- Count codes that WeChat is asked for, until the day ends in Beijing.
--
-- KEYS[1]  codes    string: codes asked for today; ends by itself with the day
-- ARGV[1]  more     how many more; less than 0 = so many were not asked for after all
-- ARGV[2]  limit    the most that a day may have; 0 = no limit
--
-- Returns  {1, or 0 when they would be too many; codes of today; ms until the day ends}
-- Note     asking again counts again: a lost answer makes the figure one too large at most,
--          and a day ends soon.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Beijing is eight hours ahead of UTC all year round.
local left = 86400000 - (now + 28800000) % 86400000
local used = tonumber(redis.call('GET', KEYS[1]) or 0)
local more, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
if more > 0 and limit > 0 and used + more > limit then return {0, used, left} end
used = math.max(0, used + more)
redis.call('SET', KEYS[1], used, 'PX', left)
return {1, used, left}
