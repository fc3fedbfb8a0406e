#!lua
-- End sessions of one account.
--
-- KEYS[1]  index    sorted set: the account's sessions
-- KEYS[2]  session  hash: by; then the other sessions
-- ARGV[1]  ways     end those only that began in one of these, with blanks between
-- ARGV[2]  names    the names of KEYS[2] and those after it
--
-- Returns  how many ended now.
local ended = 0
for place = 2, #KEYS do
  local by = redis.call('HGET', KEYS[place], 'by')
  if by and string.find(' ' .. ARGV[1] .. ' ', ' ' .. by .. ' ', 1, true) then
    ended = ended + redis.call('DEL', KEYS[place])
  end
  if redis.call('EXISTS', KEYS[place]) == 0 then redis.call('ZREM', KEYS[1], ARGV[place]) end
end
return ended
