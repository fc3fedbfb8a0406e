#!lua flags=no-writes
-- Read sessions without using them.
--
-- KEYS[1]  session  hash: by, device, place, begun_at, used_at; then the other sessions
--
-- Returns  for each, false when it is over, or by, device, place, and how long ago it
--          began and was used last, ms.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = {}
for place = 1, #KEYS do
  local by, device, city, begun, used = unpack(
    redis.call('HMGET', KEYS[place], 'by', 'device', 'place', 'begun_at', 'used_at'))
  found[place] = by and {by, device, city, now - begun, now - used}
end
return found
