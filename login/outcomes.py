"""What a scan leads to: the steps that attempts take then, and what pages are told of them.

Nothing here asks or writes anything: a step is made here and taken elsewhere.
"""

import secrets

from accounts import Account
from login.flow import Event, State, steps
from login.messages import (
    BindRequired,
    BindToken,
    Choices,
    Denial,
    Denied,
    LoginCode,
    NotLinked,
    Scanned,
    Success,
    ToPage,
)
from login.replies import Answer
from login.rules import Rules
from login.signal import signal
from login.traces import asked, entered
from scene_pool import Advance, Record
from store import digest, new_secret
from wechat import Push

# How long a denied attempt is remembered, to say so to a page that comes back.
DENIED_SECONDS = 60.0
CHOICES = 3


def let_in(
    rules: Rules,
    uuid: str,
    openid: str,
    account: Account | None,
    *,
    push: Push | None = None,
    at: float = 0,
    stranger: Answer = Answer.BIND,
) -> Advance:
    """Return the step that ends in a proof for the page: of signing in, or of the scan.

    *push* is the scan, received at *at*, when nothing was asked since; *stranger* is
    what the phone is told of who has no account.
    """
    before = (Event.SCAN,) if push else ()
    leave, reach = steps(*before, Event.CONFIRMED if account else Event.NOT_BOUND)
    secret, seconds = new_secret(), grant_seconds(rules, reach)
    grant = digest(secret)
    write = {"grant": grant, "account": str(account.id) if account else ""}
    if push:
        write |= _scan_of(push, Answer.SIGNED_IN if account else stranger)
    keep = seconds + rules.resume_seconds
    return Advance(
        uuid=uuid,
        leave=leave,
        reach=reach,
        signal=signal(uuid, reach, granted(reach, secret, seconds), at),
        keep_seconds=keep,
        write=write,
        grant=grant,
        grant_seconds=seconds,
        ticket=push.ticket if push else "",
        latest=entered(openid),
        latest_seconds=max(keep, rules.undo_seconds),
    )


def ask_for_number(rules: Rules, uuid: str, push: Push, at: float) -> Advance:
    """Return the step that makes the visitor pick the number that the phone shows."""
    leave, reach = steps(Event.SCAN)
    choices = secrets.SystemRandom().sample(range(10, 100), CHOICES)
    number, text = secrets.choice(choices), ",".join(map(str, choices))
    keep = rules.choose_seconds + rules.resume_seconds
    return Advance(
        uuid=uuid,
        leave=leave,
        reach=reach,
        signal=signal(uuid, reach, to_choose(text), at),
        keep_seconds=keep,
        write={
            "number": str(number),
            "choices": text,
            **_scan_of(push, f"{Answer.CHOOSE}:{number}"),
        },
        ticket=push.ticket,
        latest=asked(push.openid),
        latest_seconds=max(keep, rules.undo_seconds),
    )


def refuse(uuid: str, push: Push, at: float, reason: NotLinked) -> Advance:
    """Return the step that ends an attempt whose page cannot link the one who scanned."""
    leave, reach = steps(Event.SCAN, Event.REFUSED)
    return Advance(
        uuid=uuid,
        leave=leave,
        reach=reach,
        signal=signal(uuid, reach, Denied(Denial(reason)), at),
        keep_seconds=DENIED_SECONDS,
        write={"denial": reason, **_scan_of(push, Answer.NOT_ALLOWED)},
        ticket=push.ticket,
    )


def deny(uuid: str, ticket: str = "") -> Advance:
    """Return the step that ends an attempt which asks for a number, by another scan of *ticket*."""
    leave, reach = steps(Event.REFUSED)
    return Advance(
        uuid=uuid,
        leave=leave,
        reach=reach,
        signal=signal(uuid, reach, Denied()),
        keep_seconds=DENIED_SECONDS,
        ticket=ticket,
    )


def choose_left(rules: Rules, record: Record) -> float:
    """Return how long the visitor may yet pick a number: its record is kept for a return longer."""
    return max(0.0, record.kept_seconds - rules.resume_seconds)


def grant_seconds(rules: Rules, state: str) -> float:
    """Return how long a proof counts that leads on from *state*."""
    return rules.bind_seconds if state == State.BIND_REQUIRED else rules.code_seconds


def granted(state: str, secret: str, seconds: float) -> ToPage:
    """Return the message that hands a proof over."""
    if state == State.BIND_REQUIRED:
        return BindRequired(BindToken(secret, int(seconds)))
    return Success(LoginCode(secret, int(seconds)))


def to_choose(choices: str) -> Scanned:
    """Return the message that has one of the numbers in *choices* picked."""
    numbers = tuple(int(number) for number in choices.split(","))
    return Scanned(Choices(numbers))


def _scan_of(push: Push, answer: str) -> dict[str, str]:
    return {"openid": push.openid, "scanned_at": str(push.created), "answer": answer}
