"""The heartbeat: every socket is asked in turn, who does not answer is given up, nothing stays."""

import asyncio
import weakref

from handlers import Heartbeat


class Socket:
    """A socket whose other side lives, or does not."""

    def __init__(self, *, lives: bool = True) -> None:
        self.slot = 0
        self.answers = True
        self.lives = lives
        self.asked = 0
        self.told = asyncio.Event()
        self.given_up = asyncio.Event()

    def ask(self) -> None:
        """Be asked; the answer of the living is there at once."""
        self.asked += 1
        self.answers = self.lives
        self.told.set()

    def give_up(self) -> None:
        """Hear that nobody is there."""
        self.given_up.set()


async def test_every_socket_is_asked_once_in_a_round() -> None:
    """
    However many there are and whenever they came, none is asked twice before another was.
    """
    heartbeat, sockets = Heartbeat(0.3), list[Socket]()
    for _ in range(30):
        sockets.append(Socket())
        heartbeat.add(sockets[-1])
        if len(sockets) == 15:
            await sockets[0].told.wait()
    before = [socket.asked for socket in sockets]

    for _ in range(2):
        for socket in sockets:
            socket.told.clear()
        await asyncio.gather(*(socket.told.wait() for socket in sockets))
    for socket in sockets:
        heartbeat.discard(socket)

    rounds = [now - socket for now, socket in zip((s.asked for s in sockets), before, strict=True)]
    assert min(rounds) >= 2
    assert max(rounds) - min(rounds) <= 1


async def test_socket_that_does_not_answer_is_given_up_and_others_are_not() -> None:
    """
    Who is silent from one visit to the next is given up, among many who answer.
    """
    heartbeat, silent = Heartbeat(0.2), Socket(lives=False)
    living = [Socket() for _ in range(20)]
    for socket in (*living, silent):
        heartbeat.add(socket)

    await silent.given_up.wait()
    asked = silent.asked
    living[-1].told.clear()
    await living[-1].told.wait()
    for socket in (*living, silent):
        heartbeat.discard(socket)

    assert 1 == asked
    assert not any(socket.given_up.is_set() for socket in living)


async def test_nothing_stays_of_a_socket_that_is_gone() -> None:
    """
    A socket is asked no more and let go at once; the others go on, and so does who comes later.
    """
    heartbeat, other = Heartbeat(0.2), Socket()
    gone = Socket()
    heartbeat.add(gone)
    heartbeat.add(other)
    kept = weakref.ref(gone)

    heartbeat.discard(gone)
    del gone
    await other.told.wait()
    heartbeat.discard(other)
    empty = len(heartbeat)
    later = Socket()
    heartbeat.add(later)
    await later.told.wait()
    heartbeat.discard(later)

    assert kept() is None
    assert 0 == empty
    assert 1 == other.asked
