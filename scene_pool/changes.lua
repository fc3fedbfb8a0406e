#!lua
-- Find the holders of one process whose attempts have changed since a certain change, and
-- keep the list of changes, which begins with an entry about nobody.
--
-- KEYS[1]  changes  stream: holders whose attempts have changed
-- ARGV[1]  since    id of that change; "0" = none was known yet
-- ARGV[2]  process  whose holders are asked for
-- ARGV[3]  lasts    how long the list is kept when nobody asks again, ms
--
-- Returns  {id of the last change, 1, holder, holder, …}, or {id of the last change, 0}
--          when that change is not in the list any more, so that others may be missing.
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('XADD', KEYS[1], '*', 'holder', '') end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]

local changes = redis.call('XRANGE', KEYS[1], ARGV[1], '+')
if not changes[1] or changes[1][1] ~= ARGV[1] then return {last, 0} end
local answer = {last, 1}
local ours = ARGV[2] .. ':'
for place = 2, #changes do
  local holder = changes[place][2][2]
  if string.sub(holder, 1, #ours) == ours then answer[#answer + 1] = holder end
end
return answer
