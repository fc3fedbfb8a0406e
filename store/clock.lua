#!lua flags=no-writes
-- Tell the time. Of a cluster, the server that has our keys is to answer: so a key
-- is named in the call, although none is used.
--
-- Returns  Unix time by the store's clock, ms.
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
