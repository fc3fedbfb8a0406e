"""What one page shows: a code until it ends, or what became of it. Nothing here waits."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from login.codes import ShownCode
from login.flow import AFTER, State, can_follow
from login.messages import Code, Expired, Qr, Rest, ToPage, encode
from login.numbering import number
from login.timers import Timer

if TYPE_CHECKING:
    from login.pages import Pages

Send = Callable[[str], None]
Close = Callable[[int], None]


class Display:
    """What one page was told. *too_late* is called when no number was picked in time."""

    __slots__ = (
        "_code",
        "_dead_at",
        "_pages",
        "_resume",
        "_send",
        "_timer",
        "_too_late",
        "close",
        "codes",
        "gone",
        "muted",
        "paused",
        "rounds",
        "state",
    )

    def __init__(
        self, pages: "Pages", send: Send, close: Close, too_late: Callable[[], None]
    ) -> None:
        self._pages = pages
        self._send = send
        self._too_late = too_late
        self.close = close
        self.gone = False
        """Whether the socket is closed: nothing can be told any more."""
        self.muted = False
        """Whether the page knows already what it would be told."""
        self.state: State | None = None
        """What the page was told last."""
        self.codes = 0
        """How many codes the attempt has had."""
        self.rounds = 0
        """Codes before the one on the page that the visitor did not ask for."""
        self.paused = False
        """Whether the page was told to wait for its visitor, so that a `get_qr` is a click."""
        self._code: ShownCode | None = None
        self._resume = ""
        self._dead_at = 0.0
        """When the code on the page ends, by `time.monotonic`."""
        self._timer: Timer | None = None

    @property
    def awaits_scan(self) -> bool:
        """Whether the page was told nothing that only a scan leads to."""
        return self.state in (None, State.WAITING, State.EXPIRED)

    @property
    def code(self) -> ShownCode | None:
        """The code that the page shows, unless that has ended."""
        lives = self.state is State.WAITING and time.monotonic() < self._dead_at
        return self._code if lives else None

    @property
    def number(self) -> int:
        """The number of what the page was told last; 0 when that has none."""
        return number(self.codes, self.state) if self.state else 0

    def tell(self, message: ToPage) -> None:
        """Send a message, unless nobody is there or it is known."""
        if not (self.gone or self.muted):
            self._send(encode(message))

    def pass_on(self, frame: str) -> None:
        """Send a message that is written already."""
        self._send(frame)

    # ---- a code

    def show(self, code: ShownCode, rounds: int, resume: str) -> None:
        """Show *code* until it ends; the page may come back with the token *resume*."""
        self._code, self._resume, self.rounds, self.paused = code, resume, rounds, False
        self.codes = code.serial
        self._dead_at = time.monotonic() + code.left
        self.state = State.WAITING
        self._start_timer(code.left, self._code_ended)
        shown = Code(
            ticket=code.ticket,
            url=code.url,
            image=self._pages.client.picture_of(code.ticket),
            expires=max(0, int(code.left + 0.5)),
            uuid=resume.partition(".")[0],
            resume=resume,
        )
        self.tell(Qr(shown))

    def show_again(self) -> bool:
        """Show the code that the page has; False when it has none that lives."""
        left = self._dead_at - time.monotonic()
        if self._code is None or self.state is not State.WAITING or left <= 0:
            return False
        self.show(replace(self._code, left=left), self.rounds, self._resume)
        return True

    def expire(self) -> None:
        """Have the page ask for another code, or wait until its visitor does."""
        self.state = State.EXPIRED
        pause = self._pages.pause(self.rounds)
        self.paused = pause is not None
        self.tell(Expired(Rest(pause)))

    def _code_ended(self) -> None:
        if self.state is State.WAITING:
            self.expire()

    # ---- after the scan

    def is_news(self, state: str) -> bool:
        """Tell whether the page was not told that *state* yet, and can get there."""
        known = state in AFTER  # another version of us may write more
        return known and (self.state is None or can_follow(state, self.state))

    def settle(self, state: State, choose_left: float | None = None) -> None:
        """Note that the page is told of *state* now, which ends its code.

        *choose_left*: the seconds to pick a number, when that did not begin just now.
        """
        self.state = state
        self.stop_timer()
        if state is State.SCANNED:
            left = self._pages.rules.choose_seconds if choose_left is None else choose_left
            self._start_timer(left, self._too_late)

    def stop_timer(self) -> None:
        """Let nothing happen by itself any more."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _start_timer(self, seconds: float, then: Callable[[], None]) -> None:
        self.stop_timer()
        self._timer = self._pages.timers.call_later(seconds, then)
