#!lua
-- Send a message to a process's own channel, from the server that has our keys, as
-- every signal is.
--
-- KEYS[1]  channel  the process's channel
-- ARGV[1]  text     the message
--
-- Returns  how many hear it at that server.
return redis.call('PUBLISH', KEYS[1], ARGV[1])
