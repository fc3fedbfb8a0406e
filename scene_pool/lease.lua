#!lua
-- Lease the scene id that has rested the longest, for one code of an attempt.
--
-- KEYS[1]  scenes   sorted set: scene id -> when it is free again, unix ms
-- KEYS[2]  ids      sorted set: the same ids, each scored by itself
-- KEYS[3]  leased   sorted set: ids shown by a page -> end of that, unix ms
-- KEYS[4]  attempt  hash: the attempt's record
-- KEYS[5]  making   sorted set: ids that WeChat makes a ticket for -> until when, unix ms
-- ARGV[1]  lease    unguessable name of this lease
-- ARGV[2]  first    first scene id of the pool
-- ARGV[3]  size     how many ids the pool has
-- ARGV[4]  hold     how long the id stays taken if nothing more is heard, ms
-- ARGV[5]  free_old "1": the attempt's former id is free from now on
-- ARGV[6]  patience how long WeChat may take to make the ticket, ms
--
-- Returns  {id, 0}; {0, ms until an id is free} when none is, 0 ms meaning
--          "ask again"; {0, -1} when the attempt's last code has been scanned.
-- Note     asking again with the same lease returns the same id.
local scenes, ids, leased, attempt, making = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local first, size, hold = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local last = first + size - 1
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local state, lease, old, free_at = unpack(redis.call(
  'HMGET', attempt, 'state', 'lease', 'scene', 'free_at'))
if state and state ~= 'waiting' then return {0, -1} end
if lease == ARGV[1] and old then return {tonumber(old), 0} end
-- An id is the attempt's as long as it has the score that was written for it:
-- whoever takes the id after its time writes another.
if old and tonumber(redis.call('ZSCORE', scenes, old)) == tonumber(free_at) then
  redis.call('ZREM', leased, old)
  if ARGV[5] == '1' then redis.call('ZADD', scenes, 'XX', now, old) end
end

local function take(id)
  redis.call('ZADD', scenes, now + hold, id)
  redis.call('ZADD', ids, id, id)
  redis.call('ZADD', leased, now + hold, id)
  redis.call('ZADD', making, now + ARGV[6], id)
  redis.call('PEXPIRE', making, ARGV[6])
  redis.call('HSET', attempt, 'lease', ARGV[1], 'scene', id, 'free_at', now + hold)
  if redis.call('PTTL', attempt) < hold then redis.call('PEXPIRE', attempt, hold) end
  return {id, 0}
end

-- 1. An id that has rested. Ids outside of the pool (it shrank or moved) have
-- rested too, so nothing about them need be remembered; a thousand at a time.
for _ = 1, 1000 do
  local id = tonumber(redis.call('ZRANGE', scenes, '-inf', now, 'BYSCORE', 'LIMIT', 0, 1)[1])
  if not id then break end
  if id >= first and id <= last then return take(id) end
  redis.call('ZREM', scenes, id)
  redis.call('ZREM', ids, id)
end

-- 2. The lowest id that was never used: found by halving, because ids of the
-- pool may have been used in any order when first or size changed in between.
if redis.call('ZCOUNT', ids, first, last) < size then
  local low, high = first, last
  while low < high do
    local middle = math.floor((low + high) / 2)
    if redis.call('ZCOUNT', ids, low, middle) < middle - low + 1 then
      high = middle
    else
      low = middle + 1
    end
  end
  return take(low)
end

-- 3. None. Say when the next one of the pool is free.
local coming = redis.call('ZRANGE', scenes, now, '+inf', 'BYSCORE', 'LIMIT', 0, 100, 'WITHSCORES')
for place = 1, #coming, 2 do
  local id = tonumber(coming[place])
  if id >= first and id <= last then return {0, math.max(1, coming[place + 1] - now)} end
end
return {0, coming[2] and math.max(1, coming[2] - now) or 0}
