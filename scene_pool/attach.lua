#!lua
-- Record the ticket that WeChat made for a leased scene id: from now on a scan
-- of it belongs to this attempt.
--
-- KEYS[1]  scenes   sorted set: scene id -> when it is free again, unix ms
-- KEYS[2]  leased   sorted set: ids shown by a page -> end of that, unix ms
-- KEYS[3]  attempt  hash: the attempt's record
-- KEYS[4]  ticket   string: uuid|scene id|lease of the attempt that shows it
-- KEYS[5]  issued   string: uuid of the attempt; outlives the ticket, so that a scan
--                   of a dead code of ours is told from a scan of somebody else's
-- KEYS[6]  making   sorted set: ids that WeChat makes a ticket for -> until when, unix ms
-- ARGV[1]  lease    name of the lease that the ticket was made for
-- ARGV[2]  uuid     the attempt's name
-- ARGV[3]  ticket   the ticket itself
-- ARGV[4]  url      what the code encodes
-- ARGV[5]  age      how old the ticket may be by now, ms
-- ARGV[6]  life     life of a ticket, ms
-- ARGV[7]  late     how long after its end a scan still counts, ms
-- ARGV[8]  rest     how old the ticket must be before the id is used again, ms;
--                   0 = the id is free when the page is gone
-- ARGV[9]  resume   how long a page may be away, ms
-- ARGV[10] holder   process:socket that shows the code
-- ARGV[11] secret   digest of the resume token
-- ARGV[12] browser  digest of the browser's cookie
-- ARGV[13] memory   how long a dead code is known as ours, ms
-- ARGV[14] rounds   codes before this one that nobody had asked for
-- ARGV[15] device   browser and system of the page, in words
-- ARGV[16] place    where the page was opened, in words
-- ARGV[17] linker   the account that a scan is to link WeChat to; "" = it signs in
-- ARGV[18] replaces 1 = in the place of a WeChat user that the account has
--
-- Returns  {'ok', ms the ticket has left, which code of the attempt it is, from 1};
--          {'lost'} when the lease, its id or the attempt is another's by now; {'scanned'} when an older code of the attempt
--          was scanned meanwhile; {'taken'} when the ticket is another lease's, or
--          was: the id then rests until it is dead, so that the next lease has another.
local scenes, leased, attempt, ticket = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local state, lease, scene, free_at, holder, attached = unpack(redis.call(
  'HMGET', attempt, 'state', 'lease', 'scene', 'free_at', 'holder', 'attached'))
if lease ~= ARGV[1] then return {'lost'} end
if state and state ~= 'waiting' then return {'scanned'} end
local held = holder and holder ~= '' and holder ~= 'away'
if held and holder ~= ARGV[10] then return {'lost'} end
if not scene or tonumber(redis.call('ZSCORE', scenes, scene)) ~= tonumber(free_at) then
  return {'lost'}
end

local mine = ARGV[2] .. '|' .. scene .. '|' .. lease
local owner = redis.call('GET', ticket)
-- A code that has just died here may live a moment longer at WeChat, which then
-- gives it again: whoever photographed it would scan for this page.
local was = attached ~= lease and redis.call('EXISTS', KEYS[5]) == 1
redis.call('ZREM', KEYS[6], scene)
if owner ~= mine and (owner or was) then
  redis.call('ZADD', scenes, now + math.max(0, redis.call('PTTL', ticket)), scene)
  redis.call('ZREM', leased, scene)
  if state then redis.call('HDEL', attempt, 'lease', 'scene') else redis.call('DEL', attempt) end
  return {'taken'}
end

if attached ~= lease then redis.call('HINCRBY', attempt, 'codes', 1) end
local dead = now - ARGV[5] + ARGV[6]
local buried = math.max(dead + ARGV[7], now + 1)
local rest = tonumber(ARGV[8])
redis.call('SET', ticket, mine, 'PXAT', buried)
redis.call('SET', KEYS[5], ARGV[2], 'PXAT', buried + ARGV[13])
local free = rest > 0 and now + rest or buried
redis.call('ZADD', scenes, free, scene)
redis.call('ZADD', leased, dead, scene)
redis.call('HSET', attempt, 'state', 'waiting', 'attached', lease, 'ticket', ARGV[3],
  'url', ARGV[4], 'dead_at', dead, 'end_at', buried + ARGV[9], 'holder', ARGV[10],
  'resume', ARGV[11], 'browser', ARGV[12], 'free_at', free,
  'rounds', ARGV[14], 'device', ARGV[15], 'place', ARGV[16],
  'linker', ARGV[17], 'replaces', ARGV[18])
redis.call('PEXPIREAT', attempt, buried + ARGV[9])
return {'ok', dead - now, tonumber(redis.call('HGET', attempt, 'codes') or 0)}
