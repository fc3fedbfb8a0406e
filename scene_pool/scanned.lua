#!lua flags=no-writes
-- Find the attempt whose code was scanned, and read its record as `read.lua` does.
--
-- KEYS[1]  ticket   string: uuid|scene id|lease of the attempt that shows it
-- ARGV[1]  attempt  prefix of the records of attempts; one hash tag with the ticket
--
-- Returns  {} when no code of ours has this ticket (any more); else {its string,
--          unix ms, ms that the record has left, {field, value, field, value, …}}
local owner = redis.call('GET', KEYS[1])
if not owner then return {} end
local attempt = ARGV[1] .. string.match(owner, '^[^|]*')
local time = redis.call('TIME')
return {
  owner,
  time[1] * 1000 + math.floor(time[2] / 1000),
  redis.call('PTTL', attempt),
  redis.call('HGETALL', attempt),
}
