#!lua
-- Say whether a circuit is open, and give the right to probe once in a while.
--
-- KEYS[1]  trouble  hash: errcode, detail; there while the circuit is open
-- KEYS[2]  probed   there while nobody may probe
-- ARGV[1]  prober   unguessable name of the asker
-- ARGV[2]  pause    time between two probes, ms
--
-- Returns  {errcode, detail, 1 when the asker is to probe}; closed = ""
-- Note     asking again with the same name gives the same right.
local errcode, detail = unpack(redis.call('HMGET', KEYS[1], 'errcode', 'detail'))
if not errcode then return {'', '', 0} end
local prober = redis.call('GET', KEYS[2])
if not prober then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end
return {errcode, detail, (not prober or prober == ARGV[1]) and 1 or 0}
