"""The sessions of one account: what is told of them, how many there may be, and their end."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

import accounts
from accounts import OF_FOLLOWERS, OF_WECHAT, By, Session, Sessions
from accounts.sessions import KEEP_SECONDS, NOTE_SECONDS
from store import Script, Store, digest
from tests.time_machine import TimeMachine

LIMIT = 5
IDLE, LIFE = 5000, 9000
KEEP = Path(accounts.__file__).parent / "session_keep.lua"


@pytest.fixture
def sessions(store: Store) -> Sessions:
    """At most five for an account; they outlast what these tests wait."""
    return Sessions(store, idle_seconds=IDLE, absolute_seconds=LIFE, per_account=LIMIT)


async def living(sessions: Sessions, begun: list[Session]) -> list[Session]:
    """Return those of *begun* that live, asking as their browsers would."""
    found = await asyncio.gather(*(sessions.find(each.token) for each in begun))
    return [each for each in found if each]


async def sign_in(sessions: Sessions, **how: Any) -> Session:
    """Begin a session of the account 7, and let it count."""
    session = await sessions.begin(7, **how)
    await sessions.keep(session)
    return session


# ---- the list


async def test_list_tells_browser_place_and_times(
    sessions: Sessions, time_machine: TimeMachine
) -> None:
    """
    The session used last comes first; its age and its last use are told apart.
    """
    desk = await sessions.begin(7, device="Chrome/Windows", place="Hangzhou")
    await sessions.begin(8)
    await time_machine.forward(1000)
    phone = await sessions.begin(7, by=By.INSIDE, device="WeChat/iOS")
    await time_machine.forward(500)
    await sessions.find(desk.token)
    await time_machine.forward(100)

    entries = await sessions.all_of(7)

    assert [
        (desk.id, By.PASSWORD, "Chrome/Windows", "Hangzhou", 1600, 100),
        (phone.id, By.INSIDE, "WeChat/iOS", "", 600, 600),
    ] == [
        (each.id, each.by, each.device, each.place, int(each.first_used), int(each.last_used))
        for each in entries
    ]


async def test_id_opens_nothing(sessions: Sessions) -> None:
    """
    What a list calls a session is no token, and another for each.
    """
    begun = [await sessions.begin(7) for _ in range(3)]

    entries = await sessions.all_of(7)

    assert {each.id for each in begun} == {each.id for each in entries}
    assert [None] * 3 == [await sessions.find(each.id) for each in entries]


async def test_use_is_noted_now_and_then_and_counts_always(
    sessions: Sessions, store: Store, time_machine: TimeMachine
) -> None:
    """
    Of requests that follow one another one is written down; each makes the session live longer.
    """
    session = await sessions.begin(7)
    (key,) = await store.redis.keys(store.key("session", "*"))
    noted = []
    for seconds in (0, NOTE_SECONDS - 5, 10):
        await time_machine.forward(seconds)
        await sessions.find(session.token)
        noted.append((await sessions.all_of(7))[0].last_used < 1)
        assert await store.redis.pttl(key) > (IDLE - 1) * 1000

    assert [True, False, True] == noted


async def test_list_forgets_what_ended_by_itself(
    sessions: Sessions, store: Store, time_machine: TimeMachine
) -> None:
    """
    A session that was not used is in no list, and not in the index afterwards.
    """
    await sessions.begin(7)
    await time_machine.forward(IDLE - 10)
    session = await sessions.begin(7)
    await time_machine.forward(20)

    assert [session.id] == [each.id for each in await sessions.all_of(7)]
    assert 1 == await store.redis.zcard(store.key("sessions", "7"))


async def test_looking_is_no_use(sessions: Sessions, time_machine: TimeMachine) -> None:
    """
    A session does not live longer because its owner looks at the list elsewhere.
    """
    await sessions.begin(7)
    await time_machine.forward(IDLE - 10)
    before = await sessions.all_of(7)
    await time_machine.forward(20)

    assert 1 == len(before)
    assert [] == await sessions.all_of(7)


# ---- how many


async def test_session_unused_the_longest_ends_when_there_are_too_many(
    sessions: Sessions, time_machine: TimeMachine
) -> None:
    """
    Not the oldest one goes, but the one that nobody used; other accounts are left alone.
    """
    other = await sessions.begin(8)
    begun = []
    for _ in range(LIMIT):
        begun.append(await sign_in(sessions))
        await time_machine.forward(100)
    await sessions.find(begun[0].token)

    newest = await sign_in(sessions)

    assert [begun[0], *begun[2:], newest] == await living(sessions, [*begun, newest])
    assert other == await sessions.find(other.token)


async def test_sessions_that_are_over_do_not_count(sessions: Sessions) -> None:
    """
    Who signs in and out all day signs nobody else out.
    """
    stays = await sign_in(sessions)
    for _ in range(3 * LIMIT):
        await sessions.end((await sign_in(sessions)).token)

    assert stays == await sessions.find(stays.token)


async def test_lower_limit_counts_with_the_next_session(sessions: Sessions, store: Store) -> None:
    """
    Where there are more than a new limit allows, as many end as it takes.
    """
    begun = [await sign_in(sessions) for _ in range(LIMIT)]
    stricter = Sessions(store, idle_seconds=IDLE, absolute_seconds=LIFE, per_account=2)

    newest = await sign_in(stricter)

    found = await living(sessions, [*begun, newest])
    assert newest in found
    assert 2 == len(found)


async def test_without_a_limit_all_live(store: Store) -> None:
    """
    0 is no limit.
    """
    sessions = Sessions(store, idle_seconds=IDLE, absolute_seconds=LIFE, per_account=0)
    begun = [await sign_in(sessions) for _ in range(30)]

    assert begun == await living(sessions, begun)
    assert 30 == len(await sessions.all_of(7))


@pytest.mark.parametrize("limit", [1, LIMIT])
async def test_limit_holds_exactly_when_many_begin_at_once(store: Store, limit: int) -> None:
    """
    Fifty sign-ins at the same time leave as many sessions as there may be, and list no other.
    """
    sessions = Sessions(store, idle_seconds=IDLE, absolute_seconds=LIFE, per_account=limit)

    begun = await asyncio.gather(*(sign_in(sessions) for _ in range(50)))

    found = await living(sessions, begun)
    assert limit == len(found)
    assert {each.id for each in found} == {each.id for each in await sessions.all_of(7)}


async def test_nothing_ends_before_all_sessions_are_known(sessions: Sessions, store: Store) -> None:
    """
    The script that decides asks for those that began meanwhile, too.
    """
    begun = [await sign_in(sessions) for _ in range(LIMIT)]
    newest = await sessions.begin(7)
    names = [digest(each.token) for each in begun[:-1]]
    keys = [store.key("session", name) for name in (digest(newest.token), *names)]

    told = await Script(store, KEEP)([store.key("sessions", "7"), *keys], [LIMIT, 1000, *names])

    assert {digest(each.token) for each in (*begun, newest)} == set(told)
    assert [*begun, newest] == await living(sessions, [*begun, newest])


async def test_beginning_twice_is_one_session(sessions: Sessions, store: Store) -> None:
    """
    A step whose answer was lost is taken again, and ends nobody's session for that.
    """
    begun = [await sign_in(sessions) for _ in range(LIMIT - 1)]
    begun += [await sign_in(sessions, token="t" * 43) for _ in range(2)]

    assert LIMIT == await store.redis.zcard(store.key("sessions", "7"))
    assert begun == await living(sessions, begun)


async def test_session_of_a_sign_in_that_fails_ends_no_other(
    sessions: Sessions, time_machine: TimeMachine
) -> None:
    """
    It does not count while that is not decided; one that nobody ended counts after a while.
    """
    begun = [await sign_in(sessions) for _ in range(LIMIT - 1)]
    undecided = [await sessions.begin(7) for _ in range(3 * LIMIT)]
    begun.append(await sign_in(sessions))
    before = await living(sessions, [*begun, *undecided])
    await time_machine.forward(KEEP_SECONDS + 1)

    newest = await sign_in(sessions)

    assert [*begun, *undecided] == before
    assert LIMIT == len(await living(sessions, [*before, newest]))


async def test_session_that_was_ended_cannot_be_kept(sessions: Sessions, store: Store) -> None:
    """
    Whoever is faster with the end has the last word.
    """
    session = await sessions.begin(7)
    await sessions.end(session.token)

    await sessions.keep(session)

    assert [] == await store.redis.keys(store.key("session", "*"))


# ---- their end


async def test_one_is_ended_by_its_id(sessions: Sessions) -> None:
    """
    That one ends, once, and only for the account whose it is.
    """
    one, other = await sessions.begin(7), await sessions.begin(7)

    ended = [
        await sessions.end_one(8, one.id),
        await sessions.end_one(7, "nothing"),
        await sessions.end_one(7, ""),
        await sessions.end_one(7, one.id),
        await sessions.end_one(7, one.id),
    ]

    assert [False, False, False, True, False] == ended
    assert [other] == await living(sessions, [one, other])


async def test_all_others_end(sessions: Sessions) -> None:
    """
    The one that is spared goes on, and so do those of other accounts; one was over already.
    """
    await sessions.end((await sessions.begin(7)).token)
    begun = [await sessions.begin(7, by=by) for by in By]
    stranger = await sessions.begin(8)

    await sessions.end_all(7, spare=begun[1])

    assert [begun[1], stranger] == await living(sessions, [*begun, stranger])


@pytest.mark.parametrize(
    ("ways", "stay"),
    [(OF_WECHAT, {By.PASSWORD}), (OF_FOLLOWERS, {By.PASSWORD, By.WEB}), (set(By), set[By]())],
)
async def test_sessions_end_by_how_they_began(
    sessions: Sessions, ways: frozenset[By], stay: set[By]
) -> None:
    """
    A password's outlives WeChat; a website's outlives that its visitor unfollows the account.
    """
    begun = {by: await sessions.begin(7, by=by) for by in By}

    await sessions.end_all(7, by=ways)

    assert [begun[by] for by in By if by in stay] == await living(sessions, [*begun.values()])


async def test_use_does_not_revive_what_ended(
    sessions: Sessions, store: Store, time_machine: TimeMachine
) -> None:
    """
    Requests that are on their way while the session is ended leave nothing of it behind.
    """
    for _ in range(20):
        session = await sessions.begin(7)
        await time_machine.forward(NOTE_SECONDS)
        await asyncio.gather(
            *(sessions.find(session.token) for _ in range(5)),
            sessions.end_one(7, session.id),
            *(sessions.find(session.token) for _ in range(5)),
        )

        assert await sessions.find(session.token) is None
    assert [] == await store.redis.keys(store.key("session", "*"))


async def test_index_ends_with_the_last_session_that_it_may_know(
    sessions: Sessions, store: Store, time_machine: TimeMachine
) -> None:
    """
    Nothing of an account is kept that nobody signs in to any more.
    """
    await sessions.begin(7)
    await time_machine.forward(LIFE - 100)
    await sessions.begin(7)
    await time_machine.forward(LIFE - 100)
    still = await store.redis.exists(store.key("sessions", "7"))
    await time_machine.forward(101)

    assert still
    assert [] == await store.redis.keys(store.key("*"))


async def test_session_of_an_older_process_lives_on(sessions: Sessions, store: Store) -> None:
    """
    What was begun before there was a list is found as ever, and is in none.
    """
    session = await sessions.begin(7)
    (key,) = await store.redis.keys(store.key("session", "*"))
    await store.redis.hdel(key, "by", "device", "place", "begun_at", "used_at")
    await store.redis.delete(store.key("sessions", "7"))

    assert session == await sessions.find(session.token)
    assert [] == await sessions.all_of(7)
