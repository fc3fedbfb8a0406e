#!lua
-- Note that a browser is on its way to WeChat and back.
--
-- KEYS[1]  trip     hash: browser, app, next; code, taker and outcome once it is back
-- ARGV[1]  browser  digest of the browser's cookie
-- ARGV[2]  app      which app the visitor signs in through
-- ARGV[3]  next     where the visitor wants to go then
-- ARGV[4]  life     how long the visitor may take, ms
--
-- Returns  1
redis.call('HSET', KEYS[1], 'browser', ARGV[1], 'app', ARGV[2], 'next', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
