"""Who has to wait, and who does not have to for what others did."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from accounts import Account, Directory, KnownBrowsers, Passwords
from login import Credentials, LoginError
from login.errors import BadCredentials, RateLimited
from store import Throttle
from tests.login.installation import BROWSER, Installation, Process, Screen, login_rules

PASSWORD = "a right password"
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture(scope="package")
async def password_hash(passwords: Passwords) -> str:
    """The hash of `PASSWORD`, made once because it takes its time."""
    return await passwords.hash(PASSWORD)


@pytest.fixture
async def alice(saoma: Installation, password_hash: str) -> Account:
    """An account with a password."""
    return await saoma.directory.add("alice", password_hash)


async def enter(
    saoma: Installation,
    password: str = PASSWORD,
    *,
    name: str = "alice",
    address: str = HOME,
    browser: str = BROWSER,
) -> str:
    """Sign in with a password; return "" or the code of the error."""
    try:
        await saoma.entrance.by_password(name, password, address, browser)
    except LoginError as error:
        return error.code
    return ""


async def guess(saoma: Installation, times: int, **where: str) -> list[str]:
    """Enter a wrong password so often."""
    return [await enter(saoma, "wrong", **where) for _ in range(times)]


# ---- passwords


async def test_strangers_guesses_lock_nobody_out_at_home(saoma: Installation, alice: Account):
    """
    When an account's tries are used up, its right password still opens a browser that it has
    signed in to before, and no other.
    """
    saoma.rules.replace(login_rules(password_tries_per_account=2))
    await enter(saoma)

    guesses = await guess(saoma, 3, address=ELSEWHERE, browser="stranger")

    assert ["bad_credentials", "bad_credentials", "rate_limited"] == guesses
    assert "rate_limited" == await enter(saoma, browser="another of alice's")
    assert "" == await enter(saoma)


async def test_known_browser_has_as_many_tries_as_any(saoma: Installation, alice: Account):
    """
    Whoever sits at a browser that the account knows may not guess there without end either.
    """
    saoma.rules.replace(login_rules(password_tries_per_account=2))
    await enter(saoma)

    assert ["bad_credentials", "bad_credentials", "rate_limited"] == await guess(saoma, 3)
    assert "rate_limited" == await enter(saoma)


async def test_office_behind_one_address_is_not_locked_out_by_one_of_it(
    saoma: Installation, alice: Account
):
    """
    Somebody's guesses at many names use up the address; who has signed in there before gets in.
    """
    saoma.rules.replace(login_rules(password_tries_per_address=3))
    await enter(saoma)

    guesses = [await enter(saoma, "wrong", name=f"u{n}", browser="x") for n in range(4)]

    assert "rate_limited" == guesses[-1]
    assert "rate_limited" == await enter(saoma, browser="x")
    assert "" == await enter(saoma)
    assert "" == await enter(saoma, address=ELSEWHERE, browser="x")


async def test_guesses_from_everywhere_are_counted_together(saoma: Installation, alice: Account):
    """
    Many addresses that try many names are stopped together; known browsers go on.
    """
    saoma.rules.replace(login_rules(password_tries_overall=3))
    await enter(saoma)

    guesses = [
        await enter(saoma, "wrong", name=f"u{n}", address=f"10.0.0.{n}", browser=f"b{n}")
        for n in range(4)
    ]

    assert ["bad_credentials"] * 3 + ["rate_limited"] == guesses
    assert "rate_limited" == await enter(saoma, address=ELSEWHERE, browser="x")
    assert "" == await enter(saoma)


async def test_ipv6_addresses_of_one_customer_count_together(saoma: Installation):
    """
    A /64 is one place: changing the address within it brings no tries.
    """
    saoma.rules.replace(login_rules(password_tries_per_address=2))
    places = ("2001:db8::1", "2001:db8::ffff:2", "2001:db8::3", "2001:db8:0:1::1")

    guesses = [await enter(saoma, "x", name=place, address=place, browser="") for place in places]

    assert ["bad_credentials", "bad_credentials", "rate_limited", "bad_credentials"] == guesses


async def test_hundred_guesses_at_once_are_counted_exactly(saoma: Installation):
    """
    No race lets a guess more through, whichever limit is the first.
    """
    saoma.rules.replace(login_rules(password_tries_overall=4))

    codes = await asyncio.gather(
        *(enter(saoma, "x", name=f"u{n}", address=f"10.0.0.{n}") for n in range(100))
    )

    assert {"bad_credentials": 4, "rate_limited": 96} == Counter(codes)


class Watched:
    """Something whose methods are counted as they are called."""

    def __init__(self, real: Any, calls: list[str]) -> None:
        self._real, self._calls = real, calls

    def __getattr__(self, name: str) -> Any:
        self._calls.append(name)
        return getattr(self._real, name)


@pytest.mark.parametrize("full", [False, True], ids=["free", "limited"])
async def test_names_that_do_not_exist_make_the_same_work(
    saoma: Installation, alice: Account, full: bool
):
    """
    Accounts, browsers, hashes and limits are asked the same, in the same order.
    """
    saoma.rules.replace(login_rules(password_tries_per_account=1))
    done = []
    for name in ("alice", "nobody"):
        calls: list[str] = []
        directory: Directory = Watched(saoma.directory, calls)  # type: ignore[assignment]
        browsers: KnownBrowsers = Watched(saoma.browsers, calls)  # type: ignore[assignment]
        passwords: Passwords = Watched(saoma.passwords, calls)  # type: ignore[assignment]
        throttle: Throttle = Watched(Throttle(saoma.store), calls)  # type: ignore[assignment]
        credentials = Credentials(directory, browsers, passwords, throttle, saoma.rules)
        if full:
            await enter(saoma, "wrong", name=name)
        with pytest.raises(RateLimited if full else BadCredentials):
            await credentials.check(name, "wrong", HOME, BROWSER)
        done.append(calls)

    assert done[0] == done[1]
    assert ("knows" if full else "verify") in done[0]


# ---- codes


async def ask(process: Process, address: str) -> Screen:
    """Open a page at *address* that asks for a code."""
    screen = Screen(process.pages, BROWSER, address=address)
    await screen.send("get_qr")
    return screen


async def test_codes_of_an_address_are_counted_over_all_processes(
    saoma: Installation, process: Process
):
    """
    An address has so many codes a minute, whichever process makes them; then its next page is
    told when to come back, and other addresses are not.
    """
    saoma.rules.replace(login_rules(codes_per_address=2))
    other = await saoma.start_process()
    for one in (process, other):
        assert await (await ask(one, "2001:db8::1")).expect("qr")

    refused = await ask(other, "2001:db8::2")

    error = await refused.expect("error")
    assert "rate_limited" == error["code"]
    assert 1 <= error["retry_after"] <= 60
    assert await (await ask(other, ELSEWHERE)).expect("qr")
    await saoma.time_machine.forward(error["retry_after"])
    await refused.send("get_qr")
    assert await refused.expect("qr")


@pytest.mark.parametrize(("limit", "address"), [(1, "127.0.0.1"), (1, "::1"), (0, HOME)])
async def test_codes_without_a_limit(
    saoma: Installation, process: Process, limit: int, address: str
):
    """
    0 is no limit, and a loopback address is a proxy that nobody named, or the machine itself.
    """
    saoma.rules.replace(login_rules(codes_per_address=limit))

    for _ in range(3):
        assert await (await ask(process, address)).expect("qr")


async def test_code_that_is_shown_again_costs_nothing(saoma: Installation, process: Process):
    """
    Asking again for the code that is shown makes no new one.
    """
    saoma.rules.replace(login_rules(codes_per_address=1))
    screen = await ask(process, HOME)
    await screen.expect("qr")

    assert await screen.get_qr()
