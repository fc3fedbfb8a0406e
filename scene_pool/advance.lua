#!lua
-- Move an attempt from one state to the next, once, then signal its holder.
--
-- KEYS[1]  attempt  hash: the attempt's record
-- KEYS[2]  grant    string: uuid of the attempt; place of its one-time proof
-- KEYS[3]  latest   string: uuid of the latest attempt of the one who scanned
-- KEYS[4]  ticket   string: of the code that is scanned
-- KEYS[5]  former   hash: the session that an earlier step of this kind led to
-- ARGV[1]  from     states that may be left, separated by spaces
-- ARGV[2]  to       the state that is reached
-- ARGV[3]  uuid     the attempt's name
-- ARGV[4]  life     life of the proof, ms; 0 = there is none from now on
-- ARGV[5]  keep     how long the record is kept from now on, ms
-- ARGV[6]  channel  prefix of the channels of processes
-- ARGV[7]  signal   what the holder's process is told
-- ARGV[8]  known    how long this is known as the latest attempt, ms; 0 = it is not
-- ARGV[9]  scan     "1": the ticket must count still
-- ARGV[10] again    "1": nobody has used the former session, which ends
-- ARGV[11] guards   how many of the pairs must be in the record already
-- ARGV[12] count    how many pairs of field and value follow
-- ARGV[13] pairs    first the guards, then what is written
--
-- Returns  {1} when the attempt moved; else {0, state, openid, scanned_at,
--          answer, redeemer} of the record as it is.
local state, holder = unpack(redis.call('HMGET', KEYS[1], 'state', 'holder'))
local moves = state and string.find(' ' .. ARGV[1] .. ' ', ' ' .. state .. ' ', 1, true)
for pair = 1, ARGV[11] do
  local field, value = ARGV[11 + 2 * pair], ARGV[12 + 2 * pair]
  if moves and redis.call('HGET', KEYS[1], field) ~= value then moves = false end
end
if ARGV[9] == '1' and redis.call('EXISTS', KEYS[4]) == 0 then moves = false end
if ARGV[10] == '1' and redis.call('HEXISTS', KEYS[5], 'unused') == 0 then moves = false end
if not moves then
  return {0, unpack(redis.call(
    'HMGET', KEYS[1], 'state', 'openid', 'scanned_at', 'answer', 'redeemer'))}
end

redis.call('HSET', KEYS[1], 'state', ARGV[2])
for pair = ARGV[11] + 1, ARGV[12] do
  redis.call('HSET', KEYS[1], ARGV[11 + 2 * pair], ARGV[12 + 2 * pair])
end
if ARGV[10] == '1' then redis.call('DEL', KEYS[5]) end
if ARGV[8] ~= '0' then redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[8]) end
if ARGV[4] == '0' then
  redis.call('DEL', KEYS[2])
else
  redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
local process, socket = string.match(holder, '^(.-):(.*)$')
if process then redis.call('PUBLISH', ARGV[6] .. process, socket .. ' ' .. ARGV[7]) end
return {1}
