"""What each phone's chat with the account shows, kept for an hour."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from sandbox.clock import Clock

REMEMBERED = 3600
LONGEST_CHAT = 200
MOST_CHATS = 10_000


class BubbleKind(StrEnum):
    """Who or what put a line into the chat."""

    SENT = "sent"
    """The user wrote it."""
    REPLY = "reply"
    """The account answered a push, or sent a customer service message."""
    SYSTEM = "system"
    """WeChat's own grey words about a service that did not answer."""
    SCANNED = "scanned"
    FOLLOWED = "followed"
    UNFOLLOWED = "unfollowed"


@dataclass(frozen=True, slots=True)
class Bubble:
    """One line of a chat; `text` is empty for what the user did without words."""

    id: int
    kind: BubbleKind
    text: str
    at: float


class Chats:
    """All chats, each bounded in length and age."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_id = 0
        self._chats: dict[str, deque[Bubble]] = {}

    def add(self, openid: str, kind: BubbleKind, text: str = "") -> Bubble:
        """Append a line to the chat of *openid*."""
        self._last_id += 1
        bubble = Bubble(self._last_id, kind, text, self._clock())
        # Taken out and put back: the dictionary stays in order of the last line.
        chat = self._chats.pop(openid, None) or deque(maxlen=LONGEST_CHAT)
        chat.append(bubble)
        self._chats[openid] = chat
        self._forget_old()
        return bubble

    def of(self, openid: str) -> list[Bubble]:
        """Return the chat of *openid*, oldest line first."""
        since = self._clock() - REMEMBERED
        return [bubble for bubble in self._chats.get(openid, ()) if bubble.at > since]

    def _forget_old(self) -> None:
        since = self._clock() - REMEMBERED
        while self._chats:
            openid, chat = next(iter(self._chats.items()))
            if chat[-1].at > since and len(self._chats) <= MOST_CHATS:
                break
            del self._chats[openid]
