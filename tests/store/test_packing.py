"""What hiredis writes for us is what redis-py would have written."""

from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import UnixDomainSocketConnection

from store import Store
from store.packing import pack_in_c

Value = str | bytes | int | float
VALUES = st.one_of(st.text(), st.binary(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False))
COMMANDS = st.sampled_from(["GET", "EVALSHA", "SCRIPT LOAD", "CONFIG GET"])


@given(COMMANDS, st.lists(VALUES, max_size=8))
def test_command_is_written_as_redis_py_writes_it(command: str, values: list[Value]) -> None:
    """
    Text, bytes and numbers of any size, and names of commands of two words.
    """
    pool = pack_in_c(BlockingConnectionPool.from_url("unix:///nowhere"))
    ours = pool.connection_class().pack_command(command, *values)
    theirs = UnixDomainSocketConnection(path="/nowhere").pack_command(command, *values)

    assert b"".join(map(bytes, theirs)) == b"".join(ours)


async def test_large_values_survive(store: Store) -> None:
    """
    A value of a megabyte comes back as it was, and whatever letters it has.
    """
    text = "扫码\r\n$7\r\n" * 70_000

    await store.ask("SET", store.key("large"), text)

    assert text == await store.ask("GET", store.key("large"))
