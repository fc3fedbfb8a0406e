"""Time passes in the store at once: everything that ends there comes nearer by that much.

Scripts take their time from the store's clock, which a test cannot turn. So
what they compare with it is moved instead: lives of keys, scores of the pool,
and the instants inside records.
"""

from store import Store

FORWARD = """
local by = tonumber(ARGV[2])
local cursor = '0'
repeat
  local found = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)
  cursor = found[1]
  for _, key in ipairs(found[2]) do
    local kind = redis.call('TYPE', key).ok
    if kind == 'zset' and not string.find(key, ':ids$') then
      for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
        redis.call('ZINCRBY', key, -by, member)
      end
    elseif kind == 'hash' then
      for _, field in ipairs({'begun_at', 'dead_at', 'end_at', 'ends_at', 'free_at', 'used_at'}) do
        local value = redis.call('HGET', key, field)
        if value then redis.call('HSET', key, field, string.format('%.0f', value - by)) end
      end
    end
    local left = redis.call('PTTL', key)
    if left >= 0 then redis.call('PEXPIRE', key, left - by) end
  end
until cursor == '0'
"""


class TimeMachine:
    """Moves the time of everything under one store's prefix."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def forward(self, seconds: float) -> None:
        """Let *seconds* pass."""
        await self._store.redis.eval(FORWARD, 0, self._store.key("*"), round(seconds * 1000))
