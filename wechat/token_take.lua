#!lua
-- Read the shared access token, or take the right to fetch the next.
--
-- KEYS[1]  token    hash: value, turn, ahead; lives as long as the token may be used
-- KEYS[2]  fetching turn of who fetches
-- ARGV[1]  refused  turn of the token that WeChat refused, or ""
-- ARGV[2]  turn     unguessable name of the asker and of what it may fetch
-- ARGV[3]  patience how long a fetch may take, ms
--
-- Returns  {token, its turn, ms left, ms before its end from which the next is
--          to be fetched, 1 when the asker is to fetch it}; no token = ""
-- Note     asking again with the same turn gives the same right. A refused token
--          is dropped only while it is the one that stands here.
local token, fetching = KEYS[1], KEYS[2]
local value, turn, ahead = unpack(redis.call('HMGET', token, 'value', 'turn', 'ahead'))
if turn and turn == ARGV[1] then
  redis.call('DEL', token)
  value = false
end
local left = redis.call('PTTL', token)
local fetch = 0
if not value or left < tonumber(ahead) then
  local holder = redis.call('GET', fetching)
  if not holder then redis.call('SET', fetching, ARGV[2], 'PX', ARGV[3]) end
  if not holder or holder == ARGV[2] then fetch = 1 end
end
if not value then return {'', '', 0, 0, fetch} end
return {value, turn, left, tonumber(ahead), fetch}
