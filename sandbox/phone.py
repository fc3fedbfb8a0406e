"""The virtual phone: what its holder does, and what the platform makes of it.

Each act changes the platform first and then tells the account's server, so a server that asks
back while it handles the push sees the new state. Calls end when the push was answered.
"""

import itertools
import logging
from dataclasses import dataclass

from sandbox.chats import BubbleKind
from sandbox.codes import Code
from sandbox.errors import PhoneError, UnknownCode
from sandbox.events import event_xml, is_xml_text, message_xml
from sandbox.platform import Platform
from sandbox.pusher import Delivery, Pusher
from sandbox.users import User
from sandbox.windows import Act

SERVICE_FAULT = "该公众号提供的服务出现故障，请稍后再试"
"""What WeChat's phone says in grey when the server answered badly or not at all."""

LONGEST_MESSAGE = 2048

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an act: `event` is what was pushed, None when nothing was."""

    openid: str
    event: str | None
    expired: bool = False
    reply: str | None = None
    delivered: bool = False


class Phone:
    """One phone that every user of the platform can hold; safe for acts at the same time."""

    def __init__(self, platform: Platform, pusher: Pusher) -> None:
        self._platform = platform
        self._pusher = pusher
        self._message_ids = itertools.count(1)

    @property
    def held(self) -> int:
        """How many pushes a fault keeps back until another has gone."""
        return self._pusher.held

    async def scan(
        self,
        *,
        ticket: str | None = None,
        url: str | None = None,
        openid: str | None = None,
        follow: bool = True,
    ) -> Done:
        """Scan a code, named by its ticket or its address.

        An unknown openid, or none, makes a new user. A user who does not follow the account yet
        follows it now; with *follow* false they look at the account and turn back, and nothing is
        pushed. A code that has expired is pushed all the same: on a real phone that happens when
        somebody dwells on Follow.

        Raises:
            UnknownCode: There is no such code.
            PhoneError: The openid is no openid.
        """
        code = self._find(ticket, url)
        user = self._platform.users.get_or_add(openid)
        expired = self._platform.clock() >= code.expires_at
        if not user.follower and not follow:
            return Done(user.openid, None, expired=expired)
        self._platform.codes.scanned(code)
        self._platform.chats.add(user.openid, BubbleKind.SCANNED)
        if user.follower:
            delivery = await self._push_event(user, "SCAN", str(code.scene), code.ticket)
            return self._done(user, "SCAN", delivery, expired=expired)
        self._platform.users.follow(user, scene=code.scene)
        self._platform.chats.add(user.openid, BubbleKind.FOLLOWED)
        delivery = await self._push_event(user, "subscribe", f"qrscene_{code.scene}", code.ticket)
        return self._done(user, "subscribe", delivery, expired=expired)

    async def follow(self, openid: str) -> Done:
        """Follow the account without a code; an unknown openid makes a new user."""
        user = self._platform.users.get_or_add(openid)
        if user.follower:
            return Done(user.openid, None)
        self._platform.users.follow(user, scene=None)
        self._platform.chats.add(user.openid, BubbleKind.FOLLOWED)
        return self._done(user, "subscribe", await self._push_event(user, "subscribe"))

    async def unfollow(self, openid: str) -> Done:
        """Leave the account; whatever the server replies, nobody is there to read it.

        Raises:
            UnknownUser: Nobody has this openid.
        """
        user = self._platform.users.get(openid)
        if not user.follower:
            return Done(user.openid, None)
        user.follower = False
        self._platform.windows.close(openid)
        self._platform.chats.add(openid, BubbleKind.UNFOLLOWED)
        delivery = await self._push_event(user, "unsubscribe")
        return Done(openid, "unsubscribe", reply=delivery.reply, delivered=delivery.delivered)

    async def message(self, openid: str, text: str) -> Done:
        """Write *text* to the account; the answer's `event` is None, for a message is none.

        Raises:
            UnknownUser: Nobody has this openid.
            PhoneError: The user does not follow the account, or the text is empty or too long.
        """
        user = self._platform.users.get(openid)
        if not user.follower:
            raise PhoneError("only followers can write to the account")
        if not text.strip() or len(text) > LONGEST_MESSAGE or not is_xml_text(text):
            raise PhoneError(f"a message has 1 to {LONGEST_MESSAGE} characters, no control ones")
        self._platform.chats.add(openid, BubbleKind.SENT, text)
        self._platform.windows.open(openid, Act.MESSAGE)
        now = self._platform.clock()
        xml = message_xml(
            account_id=self._platform.account.account_id,
            openid=openid,
            text=text,
            # Over 2**53, as real ones are: a client that reads it as a float loses digits.
            message_id=(int(now) << 32) + next(self._message_ids),
            created_at=now,
        )
        return self._done(user, None, await self._pusher.push(xml, openid=openid))

    def _find(self, ticket: str | None, url: str | None) -> Code:
        if not ticket and not url:
            raise PhoneError("a ticket or a url is needed")
        codes = self._platform.codes
        code = codes.by_ticket(ticket) if ticket else codes.by_url(url or "")
        if code is None:
            raise UnknownCode("no such code, or it was forgotten")
        return code

    async def _push_event(
        self, user: User, event: str, event_key: str = "", ticket: str | None = None
    ) -> Delivery:
        if event != "unsubscribe":
            self._platform.windows.open(user.openid, Act.SCAN_OR_FOLLOW)
        logger.info("phone event=%s", event)
        xml = event_xml(
            account_id=self._platform.account.account_id,
            openid=user.openid,
            event=event,
            created_at=self._platform.clock(),
            event_key=event_key,
            ticket=ticket,
        )
        return await self._pusher.push(xml, openid=user.openid)

    def _done(
        self, user: User, event: str | None, delivery: Delivery, *, expired: bool = False
    ) -> Done:
        if not delivery.delivered:
            self._platform.chats.add(user.openid, BubbleKind.SYSTEM, SERVICE_FAULT)
        elif delivery.reply is not None:
            self._platform.chats.add(user.openid, BubbleKind.REPLY, delivery.reply)
        return Done(user.openid, event, expired, delivery.reply, delivery.delivered)
