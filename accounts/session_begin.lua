#!lua
-- Begin a session.
--
-- KEYS[1]  session  hash: account, ends_at
-- KEYS[2]  scanned  sorted set: the account's sessions that rest upon a scan -> end of
--                   their absolute life, unix ms; lives as long as the last of them may
-- ARGV[1]  account  the account's number
-- ARGV[2]  idle     how long it lives without being used, ms
-- ARGV[3]  life     how long it lives at the most, ms
-- ARGV[4]  name     the session's name among those of scans; "" = it is of a password
--
-- Returns  1
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = now + ARGV[3]
redis.call('HSET', KEYS[1], 'account', ARGV[1], 'ends_at', ends)
redis.call('PEXPIRE', KEYS[1], math.min(tonumber(ARGV[2]), tonumber(ARGV[3])))
if ARGV[4] == '' then return 1 end

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], ends, ARGV[4])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) then redis.call('PEXPIREAT', KEYS[2], ends) end
return 1
