#!lua
-- Give a scene id back that was never shown.
--
-- KEYS[1]  scenes   sorted set: scene id -> when it is free again, unix ms
-- KEYS[2]  leased   sorted set: ids shown by a page -> end of that, unix ms
-- KEYS[3]  attempt  hash: the attempt's record
-- KEYS[4]  making   sorted set: ids that WeChat makes a ticket for -> until when, unix ms
-- ARGV[1]  lease    name of the lease
-- ARGV[2]  rest     how long the ticket that was made for it still lives, ms; 0 = none was
--                   made, the id may be used at once
--
-- Returns  1 when the id went back, 0 when there was nothing to give.
local lease, attached, scene, state, free_at = unpack(
  redis.call('HMGET', KEYS[3], 'lease', 'attached', 'scene', 'state', 'free_at'))
if lease ~= ARGV[1] or attached == lease then return 0 end
if not scene or tonumber(redis.call('ZSCORE', KEYS[1], scene)) ~= tonumber(free_at) then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], 'XX', now + ARGV[2], scene)
redis.call('ZREM', KEYS[2], scene)
redis.call('ZREM', KEYS[4], scene)
if state then redis.call('HDEL', KEYS[3], 'lease', 'scene') else redis.call('DEL', KEYS[3]) end
return 1
