"""The numbers of what pages without a socket are told.

A number follows from the record alone: how many codes the attempt has had, and
its state. So it is the same on every process, and a request for what comes after
a number may be repeated anywhere.
"""

from login.flow import State
from scene_pool import Record

ORDER = (
    State.WAITING,
    State.EXPIRED,
    State.SCANNED,
    State.BIND_REQUIRED,
    State.APPROVED,
    State.DENIED,
    State.DONE,
)
"""The states of an attempt under one code, in an order in which none comes back."""


def number(codes: int, state: State) -> int:
    """Return the number of the message that tells *state* under the last of so many codes."""
    return codes * len(ORDER) + ORDER.index(state) + 1


def state_of(record: Record) -> State:
    """Return the state of an attempt; that its code has run out is not written anywhere."""
    state = State(record.state)
    is_dead = state is State.WAITING and record.left_seconds <= 0
    return State.EXPIRED if is_dead else state
