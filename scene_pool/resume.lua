#!lua
-- Make another socket the holder of an attempt, then note that and tell the former one.
--
-- KEYS[1]  attempt  hash: the attempt's record
-- KEYS[2]  leased   sorted set: ids shown by a page -> end of that, unix ms
-- KEYS[3]  scenes   sorted set: scene id -> when it is free again, unix ms
-- KEYS[4]  changes  stream: holders whose attempts have changed
-- ARGV[1]  secret   digest of the resume token
-- ARGV[2]  browser  digest of the browser's cookie
-- ARGV[3]  holder   process:socket that shows the attempt from now on
-- ARGV[4]  channel  prefix of the channels of processes
-- ARGV[5]  signal   what the former holder's process is told
-- ARGV[6]  noted    how many changes are kept, about
--
-- Returns  1, or 0 when there is no such attempt or a secret is wrong.
local secret, browser, state, holder, scene, free_at, dead, gone = unpack(redis.call(
  'HMGET', KEYS[1], 'resume', 'browser', 'state', 'holder', 'scene', 'free_at', 'dead_at', 'end_at'))
if not secret or secret ~= ARGV[1] or browser ~= ARGV[2] then return 0 end
if holder == ARGV[3] then return 1 end
redis.call('HSET', KEYS[1], 'holder', ARGV[3])
if state == 'waiting' then
  redis.call('PEXPIREAT', KEYS[1], gone)
  -- The id may have been given up for another, which there was none of.
  if scene and tonumber(redis.call('ZSCORE', KEYS[3], scene)) == tonumber(free_at) then
    redis.call('ZADD', KEYS[2], 'GT', dead, scene)
  end
end
local process, socket = string.match(holder, '^(.-):(.*)$')
if process then
  redis.call('XADD', KEYS[4], 'NOMKSTREAM', 'MAXLEN', '~', ARGV[6], '*', 'holder', holder)
  redis.call('PUBLISH', ARGV[4] .. process, socket .. ' ' .. ARGV[5])
end
return 1
