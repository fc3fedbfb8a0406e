"""What a scan does: find its attempt, decide, write, signal, answer the phone.

A scan belongs to the attempt whose *ticket* it carries. The outcome is written
in the same step that signals the page, and an attempt takes one scan only: so
a repeated push, on whichever process, finds the outcome and is answered alike.
"""

import asyncio
import logging
from collections.abc import Callable

from accounts import Account
from login.books import Books
from login.flow import State
from login.messages import Denial, Denied, NotLinked, ToPage
from login.outcomes import ask_for_number, deny, grant_seconds, granted, let_in, refuse, to_choose
from login.receipts import OTHER_PUSH, Receipts
from login.replies import Answer, Replies
from login.rules import Confirmation, Rules
from login.unionids import Unionids
from login.visit import NOWHERE, Visit, visit_of
from scene_pool import Advance, ReceiptTaken, Record, Refused, TicketOwner
from store import digest, new_secret
from wechat import BadSignature, Push

log = logging.getLogger(__name__)

Scanned = tuple[TicketOwner, Record | None]
"""Whose code was scanned, and the record of that attempt unless it is gone."""

# How often a scan looks for its ticket that is yet to be recorded.
POLL_SECONDS = 0.05


class Scans:
    """Decides about scans. *count* is told what came of each.

    *unionids* is None where unionids would join nothing.
    """

    def __init__(
        self,
        books: Books,
        rules: Rules,
        replies: Replies,
        *,
        count: Callable[[str], None],
        unionids: Unionids | None = None,
    ) -> None:
        self._attempts = books.attempts
        self._directory = books.directory
        self._browsers = books.browsers
        self._sessions = books.sessions
        self._rules = rules
        self._replies = replies
        self._count = count
        self._unionids = unionids
        self._nearby: Callable[[str], Scanned | None] = _elsewhere

    def look_first(self, nearby: Callable[[str], Scanned | None]) -> None:
        """Have *nearby* tell whose ticket it is, where a page of this very process shows it."""
        self._nearby = nearby

    async def scanned(self, push: Push, at: float, receipts: Receipts | None = None) -> str:
        """Let the scan in *push*, received at *at* (Unix seconds), take effect.

        Nothing does before *receipts* has passed it. Returns the text that answers the phone.

        Raises:
            BadSignature: as `Receipts.check` does.
            StoreUnavailable, AccountsUnavailable: nothing is known to have
                happened; WeChat should push again.
        """
        here = self._here(push)
        account = await self._directory.by_openid(push.openid) if here else None
        if here and (account or not self._does_more_for_strangers):
            return await self._settle(here, account, push, at, receipts)
        found, account = await self._look_up(push, receipts)
        found = found or await self._scanned_early(push)
        return await self._settle(found, account, push, at) if found else await self._too_late(push)

    def _here(self, push: Push) -> Scanned | None:
        """Return whose code was scanned, where a page here shows it and nothing is odd."""
        here = self._nearby(push.ticket)
        return here if here and _fits(push, here[0]) else None

    @property
    def _does_more_for_strangers(self) -> bool:
        """Whether something is written about a stranger before their scan takes its step."""
        return self._rules.auto_register or self._unionids is not None

    async def _settle(
        self,
        found: Scanned,
        account: Account | None,
        push: Push,
        at: float,
        receipts: Receipts | None = None,
    ) -> str:
        """Take the step that the scan leads to, with what *receipts* has to say of it."""
        owner, record = found
        if record is None:
            return await self._too_late(push)
        if not _fits(push, owner):
            return self._answer("stale", Answer.EXPIRED, owner.uuid)
        if account is None and record.state == State.WAITING:  # else nothing comes of it
            account = await self._known_elsewhere(push.openid)
        step, outcome = await self._decide(owner.uuid, record, account, push, at)
        if receipts:
            step = receipts.due_with(step, push.letter)
        try:
            refused = await self._attempts.advance(step)
        except ReceiptTaken:
            raise BadSignature(OTHER_PUSH) from None
        if refused:
            return await self._scanned_before(owner.uuid, refused, push, visit_of(record))
        answer = step.write["answer"]
        return self._answer(outcome, answer, owner.uuid, visit_of(record), push.created)

    async def _decide(
        self, uuid: str, record: Record, account: Account | None, push: Push, at: float
    ) -> tuple[Advance, str]:
        """Return the step that a scan leads to, and its outcome for the figures; "" = not yet."""
        not_linked = await self._not_linked(record, account)
        if not_linked:
            return refuse(uuid, push, at, not_linked), "denied"
        if await self._asks(account, record.browser):
            return ask_for_number(self._rules, uuid, push, at), ""
        account = account or await self._register(record, push)
        stranger = Answer.LINK if record.linker else Answer.BIND
        step = let_in(self._rules, uuid, push.openid, account, push=push, at=at, stranger=stranger)
        return step, "success" if account else "bind_required"

    async def choose(self, uuid: str, number: int | None) -> None:
        """Settle an attempt that asked for a number; None means that time ran out.

        Raises:
            StoreUnavailable, AccountsUnavailable: nothing was settled.
        """
        record = await self._attempts.read(uuid)
        if record is None or record.state != State.SCANNED:
            return
        if number is None or str(number) != record.number:
            await self._deny(uuid)
            return
        account = await self._directory.by_openid(record.openid)
        if account is None and self._rules.auto_register and not record.linker:
            account = await self._newcomer(record.openid, record.scanned_at)
        step = let_in(self._rules, uuid, record.openid, account)
        if await self._attempts.advance(step) is None:
            self._note("success" if account else "bind_required", uuid)

    async def tell_again(self, uuid: str, record: Record, *, session: str) -> ToPage | None:
        """Return the outcome of an attempt for a page that comes back, with a fresh proof.

        One that is done has none, unless the session that came of it is lost: nobody
        has used it, and it is not *session*, which the browser has (a digest).

        Raises:
            StoreUnavailable: when the store did not answer.
        """
        if record.state == State.SCANNED:
            return to_choose(record.choices)
        if record.state == State.DENIED:
            return Denied(Denial(NotLinked(record.denial) if record.denial else None))
        if record.state == State.DONE and (
            session == record.redeemer or not await self._sessions.is_unused(record.redeemer)
        ):
            return None
        secret, seconds = new_secret(), grant_seconds(self._rules, record.state)
        left = await self._attempts.renew(
            uuid, state=record.state, grant=digest(secret), seconds=seconds
        )
        return granted(record.state, secret, left) if left else None

    async def _too_late(self, push: Push) -> str:
        """Answer a scan of a code that is dead or not ours; a repeat as the push was before."""
        uuid = await self._attempts.issued_to(push.ticket)
        if uuid is None:
            return self._answer("unknown", Answer.EXPIRED)
        record = await self._attempts.read(uuid)
        pushed = (push.openid, str(push.created))
        if record and record.answer and (record.openid, record.scanned_at) == pushed:
            return self._answer("duplicate", record.answer, uuid, visit_of(record), push.created)
        return self._answer("stale", Answer.EXPIRED, uuid)

    async def _known_elsewhere(self, openid: str) -> Account | None:
        """Return the account of a stranger whom another app knows, as WeChat may tell."""
        if self._unionids is None:
            return None
        identity = await self._unionids.complete(openid)
        return await self._directory.recognise(identity) if identity.unionid else None

    async def _not_linked(self, record: Record, account: Account | None) -> NotLinked | None:
        """Return why this WeChat user cannot be linked to the account of the page, if not."""
        if not record.linker or record.state != State.WAITING:
            return None
        if account is None:
            wechats = [] if record.replaces else await self._directory.wechats(int(record.linker))
            full = len(wechats) >= self._directory.limit
            return NotLinked.ACCOUNT_TAKEN if full else None
        return None if str(account.id) == record.linker else NotLinked.OPENID_TAKEN

    async def _asks(self, account: Account | None, browser: str) -> bool:
        """Tell whether the visitor has to pick a number first.

        No browser is known to somebody who has no account yet.
        """
        if self._rules.confirmation is Confirmation.RISK:
            return account is None or not await self._browsers.knows(account.id, browser)
        return self._rules.confirmation is Confirmation.NUMBER

    async def _look_up(
        self, push: Push, receipts: Receipts | None
    ) -> tuple[Scanned | None, Account | None]:
        """Return whose code was scanned and who scanned it, when *receipts* passes the push.

        The store and the database are asked at the same time.
        """
        answers = asyncio.gather(
            receipts.check(push.letter) if receipts else _nothing(),
            self._attempts.scanned(push.ticket),
            return_exceptions=True,
        )
        try:
            account = await self._directory.by_openid(push.openid)
        except BaseException:
            answers.cancel()
            raise
        proven, found = await answers
        if isinstance(proven, BaseException):
            raise proven
        if isinstance(found, BaseException):
            raise found
        return found, account

    async def _scanned_early(self, push: Push) -> Scanned | None:
        """Return whose code it is that was scanned before its ticket was recorded.

        WeChat's push can be faster than its answer to us. The caller's time limit
        ends the wait; WeChat then pushes again.
        """
        attempts = self._attempts
        while await attempts.being_made(push.scene):
            if await attempts.issued_to(push.ticket):
                break
            await asyncio.sleep(POLL_SECONDS)
        return await attempts.scanned(push.ticket)

    async def _scanned_before(self, uuid: str, refused: Refused, push: Push, visit: Visit) -> str:
        """Answer a scan that changes nothing, or that denies: a second one, while we ask."""
        at, state = refused.scanned_at, refused.state
        same = refused.openid == push.openid
        not_allowed = not same or refused.answer == Answer.NOT_ALLOWED
        denied = Answer.NOT_ALLOWED if not_allowed else Answer.DENIED
        if same and refused.answer and at == str(push.created):
            return self._answer("duplicate", refused.answer, uuid, visit, int(at))
        if same and state == State.BIND_REQUIRED:
            asked = Answer.LINK if refused.answer == Answer.LINK else Answer.BIND
            return self._answer("duplicate", asked, uuid, visit)
        if state == State.SCANNED:
            overtaken = await self._deny(uuid, push.ticket)
            if overtaken is None:
                return self._replies.text(denied)
            state = overtaken.state
        if state in (None, State.WAITING, State.SCANNED):  # the code has died while we decided
            return self._answer("stale", Answer.EXPIRED, uuid)
        answer = denied if state == State.DENIED else Answer.USED
        return self._answer("duplicate", answer, uuid)

    async def _deny(self, uuid: str, ticket: str = "") -> Refused | None:
        """Deny an attempt that asks for a number; return what was faster, if anything was.

        *ticket*: of the second scan that denies it.
        """
        overtaken = await self._attempts.advance(deny(uuid, ticket))
        if overtaken is None:
            self._note("denied", uuid)
        return overtaken

    async def _register(self, record: Record, push: Push) -> Account | None:
        """Make an account for a new WeChat user where that is wished and the scan will count."""
        wished = self._rules.auto_register and not record.linker
        if not wished or record.state != State.WAITING:
            return None
        return await self._newcomer(push.openid, str(push.created))

    async def _newcomer(self, openid: str, scanned_at: str) -> Account | None:
        """Make an account for who scanned then, unless they have said farewell since."""
        if await self._attempts.withdrawn(openid, scanned_at):
            return None
        account = await self._directory.register(openid, int(scanned_at))
        if await self._attempts.withdrawn(openid, scanned_at):
            await self._directory.forget(openid, int(scanned_at))  # it may have missed the farewell
            return None
        return account

    def _answer(
        self, outcome: str, answer: str, uuid: str = "", visit: Visit = NOWHERE, at: int = 0
    ) -> str:
        self._note(outcome, uuid)
        return self._replies.text(answer, visit, at)

    def _note(self, outcome: str, uuid: str) -> None:
        log.info("scan outcome=%s attempt=%s", outcome or "asked", uuid or "none")
        if outcome:
            self._count(outcome)


def _fits(push: Push, owner: TicketOwner) -> bool:
    """Tell whether the scan carries the scene id of its code, or none."""
    return push.scene in ("", str(owner.scene_id))


def _elsewhere(_: str) -> None:
    """Know of no page: nobody was named who does."""


async def _nothing() -> None:
    """Wait for nothing."""
