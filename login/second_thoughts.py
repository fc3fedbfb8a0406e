"""What a WeChat user takes back: "that was not me".

After a scan the phone is told two words. One takes the last sign-in back: a
login code, a bind token or a session of that very attempt is worth nothing from
then on. The other refuses the attempt that asked for a number. Each finds one
attempt, by the openid of who scanned, and leaves all others alone; asked again,
it finds what it did and says the same.
"""

import logging
from collections.abc import Callable
from contextlib import suppress

from accounts import AccountsUnavailable, fold
from login.books import Books, identity_of
from login.flow import Event, State, steps
from login.journal import Deed
from login.messages import Denied
from login.outcomes import DENIED_SECONDS
from login.replies import Answer, Replies
from login.signal import signal
from login.traces import asked, entered
from login.visit import Whence, visit_of
from scene_pool import Advance, Record
from wechat import Push

log = logging.getLogger(__name__)


class SecondThoughts:
    """Takes sign-ins back. *denied* is told of each that was refused before it was one."""

    def __init__(self, books: Books, replies: Replies, *, denied: Callable[[], None]) -> None:
        self._books = books
        self._attempts = books.attempts
        self._replies = replies
        self._denied = denied

    async def answered(self, push: Push) -> str | None:
        """Do what the text in *push* says; return the answer, or None when it says nothing to us.

        Raises:
            StoreUnavailable, AccountsUnavailable: perhaps something is not done
                yet; WeChat should push again.
        """
        openid, said = push.openid, fold(push.text)
        if said == fold(self._replies.undo_word):
            return await self._take_back(Answer.UNDONE, push, [entered(openid), asked(openid)])
        if said == fold(self._replies.refuse_word):
            return await self._take_back(Answer.REFUSED, push, [asked(openid)])
        return None

    async def _take_back(self, answer: Answer, push: Push, names: list[str]) -> str:
        """Take the first attempt back that is found under one of *names*."""
        for name in names:
            uuid = await self._attempts.latest(name)
            record = await self._attempts.read(uuid) if uuid else None
            if not uuid or not record or not _is_of(record, push):
                continue
            is_news = await self._end(uuid, record)
            if is_news:
                log.info("taken back by=%s attempt=%s", answer, uuid)
                await self._note(answer, record)
            if is_news is not None:
                return self._replies.text(answer, visit_of(record), int(record.scanned_at))
        return self._replies.text(Answer.NOTHING)

    async def _note(self, answer: Answer, record: Record) -> None:
        """Note it in the journal, where the account is known by which it was done."""
        deed = Deed.REFUSE if answer is Answer.REFUSED else Deed.TAKE_BACK
        account_id = int(record.account or 0)
        if not account_id:
            with suppress(AccountsUnavailable):
                account = await self._books.directory.by_openid(record.openid)
                account_id = account.id if account else 0
        if account_id:
            whence = Whence(visit=visit_of(record))
            self._books.journal.note(deed, account_id, whence)

    async def _end(self, uuid: str, record: Record) -> bool | None:
        """Have the attempt count for nothing.

        Returns whether that is news, or None when there is no attempt any more.
        """
        leave, reach = steps(Event.UNDONE)
        refused = await self._attempts.advance(
            Advance(
                uuid=uuid,
                leave=leave,
                reach=reach,
                signal=signal(uuid, reach, Denied()),
                keep_seconds=DENIED_SECONDS,
                guards={"openid": record.openid},
                write={"grant": ""},
                grant=record.grant,
            )
        )
        if refused and refused.state != State.DENIED:
            return None
        if refused is None and record.state == State.SCANNED:
            self._denied()
        undone = await self._undo(uuid)
        return refused is None or undone

    async def _undo(self, uuid: str) -> bool:
        """Undo what came of an attempt that was denied: session, known browser, binding.

        Returns whether there was anything of it left.
        """
        record = await self._attempts.read(uuid)
        if record is None or not record.account:
            return False
        ended = bool(record.redeemer) and await self._books.sessions.end_by_digest(record.redeemer)
        return await forget_outcome(self._books, record) or ended


async def forget_outcome(books: Books, record: Record) -> bool:
    """Undo what an attempt has done beside its session: the known browser, and its binding.

    Returns whether there was anything to undo.

    Raises:
        AccountsUnavailable, StoreUnavailable: when not all of it is undone yet.
    """
    was_known = await books.browsers.forget(int(record.account), record.browser)
    who, at = identity_of(record), int(record.scanned_at or 0)
    if not record.bound or await books.directory.bound_by(who, at) != int(record.account):
        return was_known
    await books.directory.forget(who, at)
    return True


def _is_of(record: Record, push: Push) -> bool:
    """Tell whether *push* may be about that attempt: not one that was scanned after it.

    A push that is late or repeated must not undo what its writer has not seen.
    """
    by = record.follower or record.openid
    return by == push.openid and int(record.scanned_at or 0) <= push.created
