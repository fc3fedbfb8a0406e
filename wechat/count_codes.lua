#!lua
-- Count a code that WeChat is asked for, until the day ends in Beijing.
--
-- KEYS[1]  codes    string: codes asked for today; ends by itself with the day
-- KEYS[2]  visitor  hash: codes, free_at (unix ms): what a visitor had of the reserve today
-- ARGV[1]  limit    the most that a day may have; 0 = no limit
-- ARGV[2]  reserve  so many per cent of them are for visitors who have had none of it lately
--
-- Returns  {1, or 0 when it would be too many or too soon; codes of today; ms until the day
--          ends; ms until the visitor may have one, 0 when nobody may}
-- Note     asking again counts again: a lost answer makes the figure one too large at most,
--          and a day ends soon.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Beijing is eight hours ahead of UTC all year round.
local left = 86400000 - (now + 28800000) % 86400000
local used = tonumber(redis.call('GET', KEYS[1]) or 0)
local limit = tonumber(ARGV[1])
if limit > 0 and used >= limit then return {0, used, left, 0} end
if limit > 0 and (limit - used) * 100 <= limit * ARGV[2] then
  local wait = (tonumber(redis.call('HGET', KEYS[2], 'free_at')) or 0) - now
  if wait > 0 then return {0, used, left, wait} end
end
redis.call('SET', KEYS[1], used + 1, 'PX', left)
return {1, used + 1, left, 0}
