"""Asks every open socket for life, with one timer for all of them.

The sockets sit in a ring of slots. The timer goes round once in an interval: in
each slot it closes the sockets that have not answered since its last visit, and
asks the others. A task or a timer for each socket does the same, but is as large
as a tenth of an idle page, and wakes the loop for each socket by itself.
"""

import asyncio
from typing import Protocol

# How long the timer rests: so few sockets share a slot that to ask them keeps nobody waiting.
PAUSE_SECONDS = 0.1


class Beating(Protocol):
    """A socket, as far as it is asked for life."""

    slot: int
    """Where it sits in the ring; the heartbeat's own."""
    answers: bool
    """Whether it has answered since it was asked; to be set to True when it does."""

    def ask(self) -> None:
        """Ask whether the other side lives. A socket that is closing may ignore it."""

    def give_up(self) -> None:
        """Close the socket: the other side does not answer."""


class Heartbeat:
    """Asks each socket every *seconds*, for the first time after as long."""

    def __init__(self, seconds: float) -> None:
        slots = max(1, round(seconds / PAUSE_SECONDS))
        self._pause = seconds / slots
        self._slots: list[set[Beating]] = [set() for _ in range(slots)]
        self._sockets = 0
        self._now = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return self._sockets

    def add(self, socket: Beating) -> None:
        """Ask *socket* from now on."""
        socket.slot, socket.answers = self._now, True
        self._slots[self._now].add(socket)
        self._sockets += 1
        if self._timer is None:
            self._wait()

    def discard(self, socket: Beating) -> None:
        """Ask *socket* no more. Without any, there is no timer either."""
        self._slots[socket.slot].remove(socket)
        self._sockets -= 1
        if self._timer and not self._sockets:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._pause, self._go_on)

    def _go_on(self) -> None:
        self._now = (self._now + 1) % len(self._slots)
        self._wait()
        for socket in tuple(self._slots[self._now]):
            if socket.answers:
                socket.answers = False
                socket.ask()
            else:
                socket.give_up()
