"""When an account may write first: windows that a user's own act opens.

After a scan or a follow, 3 messages within 1 minute; after a message from the user, 5 within
48 hours. Source: WeChat, "Send customer service message",
/doc/service/api/customer/message/api_sendcustommessage.
"""

from dataclasses import dataclass
from enum import Enum

from sandbox.clock import Clock
from sandbox.errors import ApiError


class Act(Enum):
    """What opened a window: seconds it stays open, messages it carries."""

    SCAN_OR_FOLLOW = (60, 3)
    MESSAGE = (48 * 3600, 5)


@dataclass(slots=True)
class Window:
    """One open window."""

    closes_at: float
    messages_left: int


class Windows:
    """The open windows of every user; a new act of the same kind opens its window anew."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[Act, dict[str, Window]] = {act: {} for act in Act}

    def open(self, openid: str, act: Act) -> None:
        """Open the window of *act* for *openid*."""
        now = self._clock()
        windows = self._windows[act]
        # Taken out and put back: windows of one kind last equally long, so each dictionary stays
        # in the order its windows close, and the closed ones are at its head.
        windows.pop(openid, None)
        while windows and next(iter(windows.values())).closes_at <= now:
            del windows[next(iter(windows))]
        seconds, messages = act.value
        windows[openid] = Window(now + seconds, messages)

    def close(self, openid: str) -> None:
        """Close every window of *openid*, as unfollowing does."""
        for windows in self._windows.values():
            windows.pop(openid, None)

    def spend(self, openid: str) -> None:
        """Use one message, of the window that closes first.

        Raises:
            ApiError: 45015 no window is open, 45047 the open ones are used up.
        """
        now = self._clock()
        found = [windows.get(openid) for windows in self._windows.values()]
        windows = [window for window in found if window is not None and now < window.closes_at]
        if not windows:
            raise ApiError(45015)
        usable = [window for window in windows if window.messages_left]
        if not usable:
            raise ApiError(45047)
        min(usable, key=lambda window: window.closes_at).messages_left -= 1
