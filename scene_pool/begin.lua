#!lua
-- Begin an attempt whose visitor is known already: it never shows a code.
--
-- KEYS[1]  attempt  hash: the attempt's record
-- ARGV[1]  keep     how long the record is kept, ms
-- ARGV[2]  count    how many pairs of field and value follow
-- ARGV[3]  pairs    what is written
--
-- Returns  1
redis.call('HSET', KEYS[1], 'holder', '')
for pair = 1, ARGV[2] do
  redis.call('HSET', KEYS[1], ARGV[1 + 2 * pair], ARGV[2 + 2 * pair])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
