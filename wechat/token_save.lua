#!lua
-- Store the access token that was fetched, and give the right to fetch back.
--
-- KEYS[1]  token    hash: value, turn, ahead; lives as long as the token may be used
-- KEYS[2]  fetching turn of who fetches
-- ARGV[1]  turn     name under which it was fetched
-- ARGV[2]  value    the token; "" = none came
-- ARGV[3]  left     how long it may be used, ms
-- ARGV[4]  ahead    how long before its end the next is to be fetched, ms
--
-- Returns  the turn of the token from now on; "" when the right had ended and
--          nothing was stored: another's token may be newer.
-- Note     a token that came again keeps its turn: it was not refused meanwhile.
local token, fetching = KEYS[1], KEYS[2]
if redis.call('GET', fetching) ~= ARGV[1] then return '' end
redis.call('DEL', fetching)
if ARGV[2] == '' then return '' end
local value, turn = unpack(redis.call('HMGET', token, 'value', 'turn'))
if value ~= ARGV[2] then turn = ARGV[1] end
redis.call('HSET', token, 'value', ARGV[2], 'turn', turn, 'ahead', ARGV[4])
redis.call('PEXPIRE', token, ARGV[3])
return turn
