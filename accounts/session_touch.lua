#!lua
-- Read a session and start its idle time anew, within its absolute life.
--
-- KEYS[1]  session  hash: account, used_at, ends_at, and `unused` until it is used
-- ARGV[1]  idle     how long it lives without being used, ms
-- ARGV[2]  note     how old the noted use has to be for this one to be noted, ms
--
-- Returns  the account's number, or false when there is no such session.
local account, used, ends, unused =
  unpack(redis.call('HMGET', KEYS[1], 'account', 'used_at', 'ends_at', 'unused'))
if not account then return false end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('PEXPIREAT', KEYS[1], math.min(now + ARGV[1], tonumber(ends)))
if used and now - used >= tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], 'used_at', now) end
if unused then redis.call('HDEL', KEYS[1], 'unused') end
return account
