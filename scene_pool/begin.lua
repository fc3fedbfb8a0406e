#!lua
-- Begin an attempt whose visitor is known already: it never shows a code.
--
-- KEYS[1]  attempt  hash: the attempt's record
-- KEYS[2]  latest   string: uuid of the latest attempt of who came
-- ARGV[1]  uuid     the attempt's name
-- ARGV[2]  keep     how long the record is kept, ms
-- ARGV[3]  known    how long this is known as the latest attempt, ms; 0 = it is not
-- ARGV[4]  count    how many pairs of field and value follow
-- ARGV[5]  pairs    what is written
--
-- Returns  1
redis.call('HSET', KEYS[1], 'holder', '')
for pair = 1, ARGV[4] do
  redis.call('HSET', KEYS[1], ARGV[3 + 2 * pair], ARGV[4 + 2 * pair])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if ARGV[3] ~= '0' then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3]) end
return 1
