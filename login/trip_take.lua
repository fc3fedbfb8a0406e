#!lua
-- Take the one code that a browser came back with, before anybody else does.
--
-- KEYS[1]  trip     hash: browser, app, next; code, taker and outcome once it is back
-- ARGV[1]  browser  digest of the browser's cookie
-- ARGV[2]  code     digest of the code; "" when there is none, because the user refused
-- ARGV[3]  taker    unguessable name of the request; the same one may ask again
-- ARGV[4]  keep     how long the trip is known from now on, ms
--
-- Returns  {'gone'} when there is no such trip of this browser, or it came back with another
--          code; {'mine' or 'taken', app, next, outcome}, the outcome "" as long as there is none.
local browser, app, next_path, code, taker, outcome = unpack(redis.call(
  'HMGET', KEYS[1], 'browser', 'app', 'next', 'code', 'taker', 'outcome'))
if not browser or browser ~= ARGV[1] then return {'gone'} end
if not code then
  redis.call('HSET', KEYS[1], 'code', ARGV[2], 'taker', ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return {'mine', app, next_path, ''}
end
if code ~= ARGV[2] then return {'gone'} end
return {taker == ARGV[3] and 'mine' or 'taken', app, next_path, outcome or ''}
