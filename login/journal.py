"""What happened to accounts: who, what, when, from where, and how it ended.

Whoever does something says so here and goes on at once: nothing waits for the
journal and nothing fails with it. One task writes what was said, in its order, to
the file that an operator keeps and to the account's own list, which `/user` shows.
What cannot be written is told in the log.

No openid, token or secret comes here, nor what somebody typed.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from accounts import Account, Activity, Line, Session
from login.audit_file import AuditFile
from login.errors import LoginError
from login.visit import UNKNOWN, Whence
from store import StoreUnavailable

log = logging.getLogger(__name__)

# Entries that may wait, and how many are written at once.
MOST_WAITING = 1000
BATCH = 100
# How long the end of a process waits for what is not written yet.
END_SECONDS = 5.0
SHOWN = 20
OK = "ok"
REFUSALS = frozenset(
    {
        *("bad_credentials", "openid_taken", "account_taken", "wechat_limit"),
        *("wechat_own", "password_needed", "last_way_in", "name_taken", "name_fixed"),
    }
)
"""Codes of errors that an account's owner and an operator should hear of."""


class Deed(StrEnum):
    """What was done, or refused."""

    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    BIND = "bind"
    REBIND = "rebind"
    UNBIND = "unbind"
    RENAME = "rename"
    END_SESSIONS = "end_sessions"
    TAKE_BACK = "take_back"
    REFUSE = "refuse"
    UNFOLLOW = "unfollow"


class SignInBy(StrEnum):
    """By which way somebody signed in."""

    NONE = ""
    SCAN = "scan"
    PASSWORD = "password"  # noqa: S105, a word
    BIND = "bind"
    WEB = "web"


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line. Texts that are not known are empty."""

    at: float
    """Unix seconds, by the store's clock."""
    event: str
    outcome: str = OK
    """`OK`, or the code of the error."""
    by: str = ""
    """By which way, of a sign-in."""
    account: int
    username: str = ""
    address: str = ""
    browser: str = ""
    place: str = ""
    session: str = ""
    """The session's id, as the list of sessions has it."""

    @property
    def refused(self) -> bool:
        """Whether it did not happen."""
        return self.outcome != OK

    def line(self) -> str:
        """Return it as a line of the file: ASCII, whatever is in the names."""
        fields = msgspec.structs.asdict(self)
        fields["at"] = datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds")
        return json.dumps({name: value for name, value in fields.items() if value != ""})


class Journal:
    """Keeps entries. Its task is owned by `open_journal`."""

    def __init__(
        self, activity: Activity, clock: Callable[[], float], file: AuditFile | None = None
    ) -> None:
        self._activity = activity
        self._clock = clock
        self._file = file
        self._waiting: asyncio.Queue[Entry] = asyncio.Queue(MOST_WAITING)

    def note(
        self,
        deed: Deed,
        account: Account | int,
        whence: Whence = UNKNOWN,
        *,
        by: SignInBy = SignInBy.NONE,
        outcome: str = OK,
        session: Session | None = None,
    ) -> None:
        """Note that *deed* was done to the account by somebody from *whence*. Never fails."""
        entry = Entry(
            at=self._clock(),
            event=deed,
            outcome=outcome,
            by=by,
            account=account.id if isinstance(account, Account) else account,
            username=account.username if isinstance(account, Account) else "",
            address=whence.address,
            browser=whence.visit.device,
            place=whence.visit.place,
            session=session.id if session else "",
        )
        try:
            self._waiting.put_nowait(entry)
        except asyncio.QueueFull:
            log.warning("audit lost event=%s account=%d", entry.event, entry.account)

    def note_refusal(self, deed: Deed, error: LoginError, whence: Whence) -> None:
        """Note that *deed* was refused with *error*, if that concerns a known account."""
        if isinstance(error.account, Account) and error.code in REFUSALS:
            self.note(deed, error.account, whence, outcome=error.code)

    async def latest(self, account_id: int) -> list[Entry] | None:
        """Return the account's latest entries, newest first; None when they cannot be had."""
        try:
            texts = await self._activity.of(account_id)
        except StoreUnavailable as error:
            log.warning("activity not read error=%s", error)
            return None
        entries = [msgspec.json.decode(text, type=Entry) for text in texts]
        return sorted(entries, key=lambda entry: entry.at, reverse=True)[:SHOWN]

    async def settled(self) -> None:
        """Return when everything that was noted is written, or given up."""
        await self._waiting.join()

    async def run(self) -> None:
        """Write what is noted, until cancelled."""
        while True:
            entries = [await self._waiting.get()]
            while len(entries) < BATCH and not self._waiting.empty():
                entries.append(self._waiting.get_nowait())
            try:
                await self._write(entries)
            finally:
                for _ in entries:
                    self._waiting.task_done()

    async def _write(self, entries: Sequence[Entry]) -> None:
        if self._file:
            await self._write_lines(self._file, [entry.line() for entry in entries])
        try:
            await self._activity.add(
                Line(entry.account, msgspec.json.encode(entry).decode(), entry.refused)
                for entry in entries
            )
        except StoreUnavailable as error:
            log.warning("activity not written entries=%d error=%s", len(entries), error)

    async def _write_lines(self, file: AuditFile, lines: list[str]) -> None:
        try:
            await asyncio.to_thread(file.append, lines)
        except OSError as error:
            log.warning("audit not written lines=%d error=%s", len(lines), error.strerror or error)


@asynccontextmanager
async def open_journal(
    activity: Activity, clock: Callable[[], float], path: str = ""
) -> AsyncIterator[Journal]:
    """Keep a journal, in the file *path* too unless that is empty; write the last of it at the end.

    Raises:
        OSError: when the file cannot be written.
    """
    file = AuditFile(path) if path else None
    if file:
        file.append([])
    journal = Journal(activity, clock, file)
    task = asyncio.create_task(journal.run())
    try:
        yield journal
    finally:
        with suppress(TimeoutError):
            await asyncio.wait_for(journal.settled(), END_SECONDS)
        task.cancel()
        await asyncio.wait([task])
        if file:
            file.close()
