#!lua
-- Begin a session. It does not count for the account's limit yet (session_keep.lua).
--
-- KEYS[1]  index    sorted set: the account's sessions -> end of their absolute life,
--                   unix ms; lives as long as the last of them may
-- KEYS[2]  session  hash: account, by, device, place, begun_at, used_at, ends_at, and
--                   `unused` until it is used
-- ARGV[1]  name     the session's name in the index
-- ARGV[2]  idle     how long it lives without being used, ms
-- ARGV[3]  life     how long it lives at the most, ms
-- ARGV[4]  account  the account's number
-- ARGV[5]  by       how it began
-- ARGV[6]  device   the browser, in words
-- ARGV[7]  place    where it is, in words
--
-- Returns  1
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = now + ARGV[3]
redis.call('HSET', KEYS[2], 'account', ARGV[4], 'by', ARGV[5], 'device', ARGV[6],
  'place', ARGV[7], 'begun_at', now, 'used_at', now, 'ends_at', ends, 'unused', 1)
redis.call('PEXPIRE', KEYS[2], math.min(tonumber(ARGV[2]), tonumber(ARGV[3])))

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], ends, ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIREAT', KEYS[1], ends) end
return 1
