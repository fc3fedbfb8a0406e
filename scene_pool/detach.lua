#!lua
-- Note that the holder of an attempt is gone.
--
-- KEYS[1]  attempt  hash: the attempt's record
-- KEYS[2]  scenes   sorted set: scene id -> when it is free again, unix ms
-- KEYS[3]  leased   sorted set: ids shown by a page -> end of that, unix ms
-- ARGV[1]  holder   process:socket that is gone
-- ARGV[2]  resume   how long the page may come back, ms
-- ARGV[3]  scene    what becomes of the scene id: "free" = it may be used again at once,
--                   "rest" = it rests, "keep" = it stays leased while the page may come back,
--                   which is away between two of its requests and not gone
--
-- Returns  1, or 0 when another socket holds the attempt.
local state, holder, scene, free_at = unpack(redis.call(
  'HMGET', KEYS[1], 'state', 'holder', 'scene', 'free_at'))
if not holder or holder ~= ARGV[1] then return 0 end
if scene and tonumber(redis.call('ZSCORE', KEYS[2], scene)) == tonumber(free_at) then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  if ARGV[3] == 'keep' then
    redis.call('ZADD', KEYS[3], 'XX', 'LT', now + ARGV[2], scene)
  else
    redis.call('ZREM', KEYS[3], scene)
  end
  if ARGV[3] == 'free' then
    redis.call('ZADD', KEYS[2], 'XX', now, scene)
    redis.call('HDEL', KEYS[1], 'scene')
  end
end
redis.call('HSET', KEYS[1], 'holder', ARGV[3] == 'keep' and 'away' or '')
if state ~= 'waiting' then return 1 end
local resume = tonumber(ARGV[2])
if resume == 0 then
  redis.call('DEL', KEYS[1])
elseif redis.call('PTTL', KEYS[1]) > resume then
  redis.call('PEXPIRE', KEYS[1], resume)
end
return 1
