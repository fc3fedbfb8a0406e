"""The flow: every state, every event, and nothing that the table does not say."""

import itertools

import pytest

from login.flow import FINAL, TRANSITIONS, Event, State, can_follow, steps

LEGAL = {
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
FOLLOWERS = {
    State.WAITING: set(State) - {State.WAITING},
    State.EXPIRED: set(State) - {State.EXPIRED},
    State.SCANNED: {State.APPROVED, State.BIND_REQUIRED, State.DENIED, State.DONE},
    State.BIND_REQUIRED: {State.APPROVED, State.DENIED, State.DONE},
    State.APPROVED: {State.DENIED, State.DONE},
    State.DENIED: set(),
    State.DONE: {State.DENIED},
}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_event_in_a_state_leads_where_the_table_says_or_nowhere(state: State, event: Event) -> None:
    """
    Each of the pairs is legal and has one end, or is illegal and has none.
    """
    reached = TRANSITIONS.get((state, event))

    assert LEGAL.get((state, event)) == reached


@pytest.mark.parametrize("event", Event)
def test_steps_of_one_event_leave_the_states_that_allow_it(event: Event) -> None:
    """
    A step may be taken from the states that have the event in the table, and from no other.
    """
    leave, reach = steps(event)

    assert {state for state, known in LEGAL if known is event} == set(leave)
    assert {end for (_, known), end in LEGAL.items() if known is event} == {reach}


@pytest.mark.parametrize(
    ("events", "leave", "reach"),
    [
        ((Event.SCAN, Event.CONFIRMED), {State.WAITING, State.EXPIRED}, State.APPROVED),
        ((Event.SCAN, Event.NOT_BOUND), {State.WAITING, State.EXPIRED}, State.BIND_REQUIRED),
        ((Event.BOUND, Event.CLAIMED), {State.BIND_REQUIRED}, State.DONE),
        ((Event.TICKET_DEAD, Event.SCAN, Event.REFUSED), {State.WAITING}, State.DENIED),
    ],
)
def test_steps_of_several_events_go_through_the_table(
    events: tuple[Event, ...], leave: set[State], reach: State
) -> None:
    """
    Events that happen at once are one step from the first state to the last.
    """
    assert (leave, reach) == (set(steps(*events)[0]), steps(*events)[1])


@pytest.mark.parametrize(
    "events",
    [
        (Event.CONFIRMED, Event.SCAN),
        (Event.SCAN, Event.SCAN),
        (Event.BOUND, Event.BOUND),
        (Event.REFUSED, Event.CONFIRMED),
        (Event.UNDONE, Event.CLAIMED),
        (Event.SCAN, Event.CLAIMED),
        (),
    ],
)
def test_steps_in_an_illegal_order_are_refused(events: tuple[Event, ...]) -> None:
    """
    A mistake of ours is an error at once, not a step from nowhere.
    """
    with pytest.raises(ValueError, match="no single state"):
        steps(*events)


@pytest.mark.parametrize(("state", "former"), list(itertools.product(State, State)))
def test_can_follow_tells_news_from_old_stories(state: State, former: State) -> None:
    """
    A page that is in a state learns of those that can come after it only.
    """
    assert (state in FOLLOWERS[former]) is can_follow(state, former)


def test_final_states_lead_to_nothing_that_a_page_waits_for() -> None:
    """
    What is denied stays so; what is done may be taken back, or done again; every other goes on.
    """
    assert {State.DENIED, State.DONE} == FINAL
    assert {State.DENIED} == set(State) - {state for state, _ in TRANSITIONS}
    assert {State.DONE, State.DENIED} == {
        end for (start, _), end in TRANSITIONS.items() if start is State.DONE
    }
