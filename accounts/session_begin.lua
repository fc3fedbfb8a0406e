#!lua
-- Begin a session. At the account's limit, the one that was not used the longest ends for it.
--
-- KEYS[1]  index    sorted set: the account's sessions -> end of their absolute life,
--                   unix ms; lives as long as the last of them may
-- KEYS[2]  session  hash: account, by, device, place, begun_at, used_at, ends_at, and
--                   `unused` until it is used
-- KEYS[3]  other    a session that the caller was told of; then the others
-- ARGV[1]  name     the session's name in the index
-- ARGV[2]  idle     how long it lives without being used, ms
-- ARGV[3]  life     how long it lives at the most, ms
-- ARGV[4]  limit    how many sessions the account may have; 0 = any number
-- ARGV[5]  account  the account's number
-- ARGV[6]  by       how it began
-- ARGV[7]  device   the browser, in words
-- ARGV[8]  place    where it is, in words
-- ARGV[9]  names    the names of KEYS[3] and those after it
--
-- Returns  nothing in a list when the session has begun; or the names of the account's
--          sessions, when it must be asked again with those: one of them has to end.
--          A session that began since they were told is younger than all of them.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = now + ARGV[3]
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {} end

local used, places = {}, {}
for place = 3, #KEYS do
  used[place] = tonumber(redis.call('HGET', KEYS[place], 'used_at'))
  if used[place] then
    places[#places + 1] = place
  else
    redis.call('ZREM', KEYS[1], ARGV[place + 6])
  end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)

local limit = tonumber(ARGV[4])
local surplus = limit > 0 and redis.call('ZCARD', KEYS[1]) + 1 - limit or 0
if surplus > #places then return redis.call('ZRANGE', KEYS[1], 0, -1) end
table.sort(places, function(one, other) return used[one] < used[other] end)
for rank = 1, surplus do
  redis.call('DEL', KEYS[places[rank]])
  redis.call('ZREM', KEYS[1], ARGV[places[rank] + 6])
end

redis.call('HSET', KEYS[2], 'account', ARGV[5], 'by', ARGV[6], 'device', ARGV[7],
  'place', ARGV[8], 'begun_at', now, 'used_at', now, 'ends_at', ends, 'unused', 1)
redis.call('PEXPIRE', KEYS[2], math.min(tonumber(ARGV[2]), tonumber(ARGV[3])))
redis.call('ZADD', KEYS[1], ends, ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIREAT', KEYS[1], ends) end
return {}
