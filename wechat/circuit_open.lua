#!lua
-- Open a circuit for every process; a probe is due when the pause is over.
--
-- KEYS[1]  trouble  hash: errcode, detail; there while the circuit is open
-- KEYS[2]  probed   there while nobody may probe
-- ARGV[1]  errcode  WeChat's
-- ARGV[2]  detail   sentence for the operator
-- ARGV[3]  pause    time between two probes, ms
-- ARGV[4]  memory   how long the trouble is believed when nobody calls, ms
--
-- Returns  0
-- Note     later calls that fail do not put the probe off.
redis.call('HSET', KEYS[1], 'errcode', ARGV[1], 'detail', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[3])
return 0
