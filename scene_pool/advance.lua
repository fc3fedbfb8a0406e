#!lua
-- Move an attempt from one state to the next, once, then note that and signal its holder.
--
-- KEYS[1]  attempt  hash: the attempt's record
-- KEYS[2]  grant    string: uuid of the attempt; place of its one-time proof
-- KEYS[3]  latest   string: uuid of the latest attempt of the one who scanned
-- KEYS[4]  ticket   string: of the code that is scanned
-- KEYS[5]  former   hash: the session that an earlier step of this kind led to
-- KEYS[6]  receipt  string: digest of the body that a push's signature came with
-- KEYS[7]  changes  stream: holders whose attempts have changed
-- ARGV[1]  from     states that may be left, separated by spaces
-- ARGV[2]  to       the state that is reached
-- ARGV[3]  uuid     the attempt's name
-- ARGV[4]  life     life of the proof, ms; 0 = there is none from now on
-- ARGV[5]  keep     how long the record is kept from now on, ms
-- ARGV[6]  channel  prefix of the channels of processes
-- ARGV[7]  asker    the process that asks, whose own holders need no signal
-- ARGV[8]  signal   what the holder's process is told
-- ARGV[9]  known    how long this is known as the latest attempt, ms; 0 = it is not
-- ARGV[10] scan     "1": the ticket must count still
-- ARGV[11] again    "1": nobody has used the former session, which ends
-- ARGV[12] body     digest of the push's body; "" = there is none that needs a receipt
-- ARGV[13] window   how long the receipt is kept, ms
-- ARGV[14] noted    how many changes are kept, about
-- ARGV[15] guards   how many of the pairs must be in the record already
-- ARGV[16] pairs    of field and value: first the guards, then what is written
--
-- Returns  {1, socket} when the attempt moved; {-1, ""} when the signature came with
--          another body before; else {0, socket, state, openid, scanned_at, answer,
--          redeemer} of the record as it is. The socket is the holder's in the
--          process that asks; "" = the holder is elsewhere.
if ARGV[12] ~= '' then
  local body = redis.call('SET', KEYS[6], ARGV[12], 'NX', 'GET', 'PX', ARGV[13])
  if body and body ~= ARGV[12] then return {-1, ''} end
end

local state, holder = unpack(redis.call('HMGET', KEYS[1], 'state', 'holder'))
local process, socket = string.match(holder or '', '^(.-):(.*)$')
local ours = process == ARGV[7] and socket or ''
local moves = state and string.find(' ' .. ARGV[1] .. ' ', ' ' .. state .. ' ', 1, true)
for pair = 1, ARGV[15] do
  local field, value = ARGV[14 + 2 * pair], ARGV[15 + 2 * pair]
  if moves and redis.call('HGET', KEYS[1], field) ~= value then moves = false end
end
if ARGV[10] == '1' and redis.call('EXISTS', KEYS[4]) == 0 then moves = false end
if ARGV[11] == '1' and redis.call('HEXISTS', KEYS[5], 'unused') == 0 then moves = false end
if not moves then
  return {0, ours, unpack(redis.call(
    'HMGET', KEYS[1], 'state', 'openid', 'scanned_at', 'answer', 'redeemer'))}
end

redis.call('HSET', KEYS[1], 'state', ARGV[2], unpack(ARGV, 16 + 2 * ARGV[15]))
if ARGV[11] == '1' then redis.call('DEL', KEYS[5]) end
if ARGV[9] ~= '0' then redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[9]) end
if ARGV[4] == '0' then
  redis.call('DEL', KEYS[2])
else
  redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
if process then
  redis.call('XADD', KEYS[7], 'NOMKSTREAM', 'MAXLEN', '~', ARGV[14], '*', 'holder', holder)
  if ours == '' then
    redis.call('PUBLISH', ARGV[6] .. process, socket .. ' ' .. ARGV[8])
  end
end
return {1, ours}
