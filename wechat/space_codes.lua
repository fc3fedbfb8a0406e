#!lua
-- Note that a visitor has had a code of the day's reserve: the next one has to wait.
--
-- The wait doubles with each code, and is at least what it takes to spread those that are left
-- over the rest of the day in Beijing.
--
-- KEYS[1]  codes    string: codes asked for today; ends by itself with the day
-- KEYS[2]  visitor  hash: codes, free_at (unix ms): what a visitor had of the reserve today
-- ARGV[1]  limit    the most that a day may have
-- ARGV[2]  first    the first wait, ms
-- ARGV[3]  grown    the longest that doubling leads to, ms
-- ARGV[4]  longest  the longest wait of all, ms
--
-- Returns  the wait in ms
-- Note     asking again lets the visitor wait twice as long, once.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local left = 86400000 - (now + 28800000) % 86400000
local spread = left / math.max(1, ARGV[1] - tonumber(redis.call('GET', KEYS[1]) or 0))
local codes = (tonumber(redis.call('HGET', KEYS[2], 'codes')) or 0) + 1
local grown = math.min(ARGV[3], ARGV[2] * 2 ^ math.min(codes - 1, 50))
local wait = math.ceil(math.min(ARGV[4], math.max(grown, spread)))
redis.call('HSET', KEYS[2], 'codes', codes, 'free_at', string.format('%.0f', now + wait))
redis.call('PEXPIRE', KEYS[2], left)
return wait
