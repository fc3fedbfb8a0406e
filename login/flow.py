"""The flow of an attempt: every state, every event, every transition.

Rule: whatever affects the state of an attempt is in `TRANSITIONS` and nowhere
else. The store takes a step only from the states that this table allows, so an
event that is late, repeated or foreign finds no row and changes nothing.

    waiting ──scan──► scanned ──confirmed──► approved ──claimed──► done ──claimed──► done
       │                 │  └──not bound───► bind_required ─bound─► approved
       │                 └──refused──► denied ◄──undone── scanned, approved, bind_required, done
       └──ticket dead──► expired ──get_qr──► waiting

A code that is dead may still be scanned for a moment: somebody who dwelt on
WeChat's Follow button means the code that he scanned. So `expired` knows
`scan`; until when is a matter of the ticket, not of the state.

`refused` is a wrong number, a second scan or the end of the time to choose: it
comes too late for an attempt that was approved. `undone` is the word of the one
who scanned; a session that began is ended with it.

An attempt that is `done` may be claimed again by its page, which never heard of
the session: that one ends and another begins. So `done` knows `claimed`; whether
anybody has used the session is a matter of the session, not of the state.

`expired` is not written to the store: it follows from the ticket's age.
"""

from enum import StrEnum
from functools import cache


class State(StrEnum):
    """Where an attempt is."""

    WAITING = "waiting"
    SCANNED = "scanned"
    APPROVED = "approved"
    BIND_REQUIRED = "bind_required"
    DENIED = "denied"
    EXPIRED = "expired"
    DONE = "done"


class Event(StrEnum):
    """What can happen to an attempt."""

    GET_QR = "get_qr"
    TICKET_DEAD = "ticket_dead"
    SCAN = "scan"
    CONFIRMED = "confirmed"
    NOT_BOUND = "not_bound"
    REFUSED = "refused"
    UNDONE = "undone"
    BOUND = "bound"
    CLAIMED = "claimed"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.WAITING, Event.SCAN): State.SCANNED,
    (State.WAITING, Event.TICKET_DEAD): State.EXPIRED,
    (State.EXPIRED, Event.GET_QR): State.WAITING,
    (State.EXPIRED, Event.SCAN): State.SCANNED,
    (State.SCANNED, Event.CONFIRMED): State.APPROVED,
    (State.SCANNED, Event.NOT_BOUND): State.BIND_REQUIRED,
    (State.SCANNED, Event.REFUSED): State.DENIED,
    (State.SCANNED, Event.UNDONE): State.DENIED,
    (State.APPROVED, Event.UNDONE): State.DENIED,
    (State.BIND_REQUIRED, Event.UNDONE): State.DENIED,
    (State.BIND_REQUIRED, Event.BOUND): State.APPROVED,
    (State.APPROVED, Event.CLAIMED): State.DONE,
    (State.DONE, Event.CLAIMED): State.DONE,
    (State.DONE, Event.UNDONE): State.DENIED,
}

# In these a page has nothing to wait for.
FINAL = frozenset({State.DENIED, State.DONE})


def _all_after(state: State) -> frozenset[State]:
    reached: set[State] = set()
    ends = {state}
    while ends:
        ends = {end for (start, _), end in TRANSITIONS.items() if start in ends} - reached
        reached |= ends
    return frozenset(reached - {state})


AFTER = {state: _all_after(state) for state in State}


def can_follow(state: str, former: State) -> bool:
    """Tell whether an attempt in *former* may yet come to *state*: else that is an old story.

    Signals and reads overtake one another; a page must not see its attempt go back.
    """
    return state in AFTER[former]


@cache
def steps(*events: Event) -> tuple[tuple[State, ...], State]:
    """Return the states that *events*, one after the other, may leave, and the one they reach.

    Raises:
        ValueError: when no state allows them in that order.
    """
    reached = {state: state for state in State}
    for event in events:
        reached = {
            start: TRANSITIONS[here, event]
            for start, here in reached.items()
            if (here, event) in TRANSITIONS
        }
    ends = set(reached.values())
    if len(ends) != 1:
        raise ValueError(f"no single state is reached by {', '.join(events)}")
    return tuple(reached), ends.pop()
