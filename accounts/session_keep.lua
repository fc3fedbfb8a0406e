#!lua
-- Let a session count. At the account's limit, the one that was not used the longest ends
-- for it. One that was not kept counts as well when it began a while ago.
--
-- KEYS[1]  index    sorted set: the account's sessions
-- KEYS[2]  session  hash: kept
-- KEYS[3]  other    a session that the caller was told of, hash: begun_at, used_at, kept;
--                   then the others
-- ARGV[1]  limit    how many sessions may count
-- ARGV[2]  while    after which time every session counts, ms
-- ARGV[3]  names    the names of KEYS[3] and those after it
--
-- Returns  nothing in a list when that is done, or the session over; or the names of the
--          account's sessions, when it must be asked again with all of them but its own.
if redis.call('EXISTS', KEYS[2]) == 0 then return {} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local living, used, places = 1, {}, {}
for place = 3, #KEYS do
  local begun, last, kept = unpack(redis.call('HMGET', KEYS[place], 'begun_at', 'used_at', 'kept'))
  if last then
    living = living + 1
    used[place] = tonumber(last)
    if kept or now - begun > tonumber(ARGV[2]) then places[#places + 1] = place end
  else
    redis.call('ZREM', KEYS[1], ARGV[place])
  end
end

local limit, count = tonumber(ARGV[1]), redis.call('ZCARD', KEYS[1])
if count > limit and count > living then return redis.call('ZRANGE', KEYS[1], 0, -1) end
table.sort(places, function(one, other) return used[one] < used[other] end)
for rank = 1, #places + 1 - limit do
  redis.call('DEL', KEYS[places[rank]])
  redis.call('ZREM', KEYS[1], ARGV[places[rank]])
end
redis.call('HSET', KEYS[2], 'kept', 1)
return {}
