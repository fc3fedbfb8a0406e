"""Sessions: they live while they are used, and end."""

import pytest

from accounts import OF_FOLLOWERS, By, Sessions
from store import Store, digest
from tests.time_machine import TimeMachine


@pytest.fixture
def sessions(store: Store) -> Sessions:
    """Sessions that end after 100 s without use, and after 250 s in any case."""
    return Sessions(store, idle_seconds=100, absolute_seconds=250)


async def test_session_is_found_by_its_token_only(sessions: Sessions):
    """
    The token in the cookie is what opens a session.
    """
    session = await sessions.begin(7)

    assert session == await sessions.find(session.token)
    assert await sessions.find(session.token + "x") is None


async def test_session_that_is_not_used_ends(sessions: Sessions, time_machine: TimeMachine):
    """
    Idle time is counted from the last use.
    """
    session = await sessions.begin(7)

    await time_machine.forward(60)
    used = await sessions.find(session.token)
    await time_machine.forward(60)
    used_again = await sessions.find(session.token)
    await time_machine.forward(101)

    assert used == used_again == session
    assert await sessions.find(session.token) is None


async def test_session_that_is_used_ends_at_last(sessions: Sessions, time_machine: TimeMachine):
    """
    No use keeps a session beyond its absolute life.
    """
    session = await sessions.begin(7)

    for _ in range(3):
        await time_machine.forward(80)
        assert session == await sessions.find(session.token)
    await time_machine.forward(20)

    assert await sessions.find(session.token) is None


async def test_session_that_was_ended_is_gone(sessions: Sessions):
    """
    Signing out works at once, and only for that session.
    """
    here, elsewhere = await sessions.begin(7), await sessions.begin(7)

    await sessions.end(here.token)

    assert await sessions.find(here.token) is None
    assert elsewhere == await sessions.find(elsewhere.token)


async def test_store_does_not_hold_what_opens_a_session(sessions: Sessions, store: Store):
    """
    Nothing in a dump of the store can be used as a cookie.
    """
    session = await sessions.begin(7)

    keys = sorted(await store.redis.keys(store.key("*")))
    said = [*keys, session.id, repr(session), repr(await sessions.all_of(7))]
    said += [str(await store.redis.hgetall(keys[0])), str(await store.redis.zrange(keys[1], 0, -1))]

    assert 2 == len(keys)
    assert session.token not in str(said)


# ---- sessions that rest upon a scan


async def test_end_scanned_ends_those_of_scans_only(sessions: Sessions):
    """
    Sessions of passwords stay, and so do those of other accounts.
    """
    scanned = [await sessions.begin(7, by=By.SCAN) for _ in range(3)]
    stay = [await sessions.begin(7), await sessions.begin(8, by=By.SCAN)]

    for _ in range(2):
        await sessions.end_all(7, by=OF_FOLLOWERS)

    assert [None] * 3 == [await sessions.find(each.token) for each in scanned]
    assert stay == [await sessions.find(each.token) for each in stay]


async def test_end_scanned_does_not_hold_up_the_next_session(sessions: Sessions):
    """
    Who follows again and scans again is signed in again.
    """
    await sessions.begin(7, by=By.SCAN)
    await sessions.end_all(7, by=OF_FOLLOWERS)

    session = await sessions.begin(7, by=By.SCAN)

    assert session == await sessions.find(session.token)


async def test_end_scanned_knows_a_session_for_its_whole_life(
    sessions: Sessions, time_machine: TimeMachine
):
    """
    However long a session is kept alive by use, it can be ended.
    """
    session = await sessions.begin(7, by=By.SCAN)
    for _ in range(3):
        await time_machine.forward(80)
        assert await sessions.find(session.token)

    await sessions.end_all(7, by=OF_FOLLOWERS)

    assert await sessions.find(session.token) is None


async def test_sessions_of_scans_leave_nothing_behind(
    sessions: Sessions, store: Store, time_machine: TimeMachine
):
    """
    What ended by itself is not remembered beyond the life that it could have had.
    """
    await sessions.begin(7, by=By.SCAN)
    await time_machine.forward(200)
    await sessions.begin(7, by=By.SCAN)
    await time_machine.forward(60)
    await sessions.begin(7, by=By.SCAN)  # the first is over by now

    remembered = await store.redis.zcard(store.key("sessions", "7"))
    await time_machine.forward(251)

    assert 2 == remembered
    assert [] == await store.redis.keys(store.key("*"))


async def test_session_is_ended_by_the_digest_of_its_token(sessions: Sessions):
    """
    Who knows the digest only can end the session, that one and no other.
    """
    one, other = await sessions.begin(7), await sessions.begin(7)

    await sessions.end_by_digest(digest(one.token))
    await sessions.end_by_digest(digest(one.token))

    assert await sessions.find(one.token) is None
    assert other == await sessions.find(other.token)
