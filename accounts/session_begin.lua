#!lua
-- Begin a session.
--
-- KEYS[1]  session  hash: account, ends_at
-- ARGV[1]  account  the account's number
-- ARGV[2]  idle     how long it lives without being used, ms
-- ARGV[3]  life     how long it lives at the most, ms
--
-- Returns  1
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'account', ARGV[1], 'ends_at', now + ARGV[3])
redis.call('PEXPIRE', KEYS[1], math.min(tonumber(ARGV[2]), tonumber(ARGV[3])))
return 1
