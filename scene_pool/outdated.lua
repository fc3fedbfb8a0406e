#!lua flags=no-writes
-- Find which of some attempts are not in the state that their pages were told,
-- or have another holder by now.
--
-- KEYS[1]  attempts hashes: the records, one for each key
-- ARGV[1]  told     state and holder of the first key, then of the others
--
-- Returns  the places (from 0) of those that changed or are gone.
local outdated = {}
for place = 1, #KEYS do
  local state, holder = unpack(redis.call('HMGET', KEYS[place], 'state', 'holder'))
  if state ~= ARGV[2 * place - 1] or holder ~= ARGV[2 * place] then
    outdated[#outdated + 1] = place - 1
  end
end
return outdated
