#!lua
-- Read a session and start its idle time anew, within its absolute life.
--
-- KEYS[1]  session  hash: account, ends_at
-- ARGV[1]  idle     how long it lives without being used, ms
--
-- Returns  the account's number, or false when there is no such session.
local account, ends = unpack(redis.call('HMGET', KEYS[1], 'account', 'ends_at'))
if not account then return false end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('PEXPIREAT', KEYS[1], math.min(now + ARGV[1], tonumber(ends)))
return account
