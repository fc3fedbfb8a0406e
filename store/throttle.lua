#!lua
-- Count one more try under every key, unless one of them has had too many.
--
-- KEYS[1]  windows  sorted sets, one for each key: try -> when it was, unix ms
-- ARGV[1]  try      unguessable name of this try; the same try counts once
-- ARGV[2]  limits   limit and window in ms of the first key, then of the others
--
-- Returns  0 when the try is counted, else ms to wait before the next.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = 0
for place = 1, #KEYS do
  local limit, window = tonumber(ARGV[2 * place]), tonumber(ARGV[2 * place + 1])
  redis.call('ZREMRANGEBYSCORE', KEYS[place], '-inf', now - window)
  local known = redis.call('ZSCORE', KEYS[place], ARGV[1])
  local over = redis.call('ZCARD', KEYS[place]) - limit
  if over >= 0 and not known then
    local oldest = redis.call('ZRANGE', KEYS[place], over, over, 'WITHSCORES')[2]
    wait = math.max(wait, oldest + window - now)
  end
end
if wait > 0 then return wait end
for place = 1, #KEYS do
  redis.call('ZADD', KEYS[place], now, ARGV[1])
  redis.call('PEXPIRE', KEYS[place], ARGV[2 * place + 1])
end
return 0
