#!lua
-- Make another one-time proof for an outcome that is told again. It stands for the one that
-- the record names: both count, until a step uses that one up.
--
-- KEYS[1]  attempt  hash: the attempt's record
-- KEYS[2]  grant    string: uuid of the attempt|the proof in the record
-- ARGV[1]  state    the state that the proof is for
-- ARGV[2]  uuid     the attempt's name
-- ARGV[3]  grant    digest of the proof
-- ARGV[4]  life     the most that it may live, ms; never longer than the record
--
-- Returns  ms that it lives, or 0 when the attempt is not in that state.
if redis.call('HGET', KEYS[1], 'state') ~= ARGV[1] then return 0 end
local life = math.min(tonumber(ARGV[4]), redis.call('PTTL', KEYS[1]))
if life <= 0 then return 0 end
local grant = redis.call('HGET', KEYS[1], 'grant')
if not grant or grant == '' then
  grant = ARGV[3]
  redis.call('HSET', KEYS[1], 'grant', grant)
end
redis.call('SET', KEYS[2], ARGV[2] .. '|' .. grant, 'PX', life)
return life
