"""What the phone says, and what processes say to one another."""

import msgspec
import pytest

from login.flow import State
from login.messages import Denied, encode
from login.replies import TEXTS, Answer, text_of
from login.signal import Signal, parse, signal


@pytest.mark.parametrize("answer", Answer)
def test_every_answer_has_a_text(answer: Answer) -> None:
    """
    Whatever is stored as the answer to a scan can be said, with nothing left to fill in.
    """
    text = text_of(f"{answer}:42", site="login.example.com")

    assert text
    assert "{" not in text
    assert TEXTS.keys() == set(Answer)


def test_answer_names_the_site_and_the_number() -> None:
    """
    Who scans is told where he signs in, and which number to pick.
    """
    text = text_of("choose:42", site="login.example.com")

    assert "login.example.com" in text
    assert "42" in text


def test_site_that_looks_like_a_hole_stays_as_it_is() -> None:
    """
    What is filled in is not filled again.
    """
    assert "{number}" in text_of("signed_in", site="{number}")


def test_answer_that_is_unknown_is_an_error() -> None:
    """
    A wrong word is a mistake of ours, not something for a phone.
    """
    with pytest.raises(ValueError, match="is not a valid Answer"):
        text_of("hello", site="x")


def test_signal_arrives_as_it_was_sent() -> None:
    """
    The script puts the socket before it; all else comes out unharmed.
    """
    text = signal("u1", State.DENIED, Denied(), 12.5)

    socket, heard = parse(f"7 {text}")

    expected = Signal(uuid="u1", state="denied", frame=encode(Denied()), at=12.5)
    assert ("7", expected) == (socket, heard)


def test_signal_without_a_message_has_no_frame() -> None:
    """
    Some changes are for the process only.
    """
    _, heard = parse(f"7 {signal('u1', State.DONE)}")

    assert "" == heard.frame
    assert 0 == heard.at


@pytest.mark.parametrize("text", ["", "7", "7 ", "7 []", '7 {"uuid": 1}', "x y z", "7 {}"])
def test_signal_of_another_make_is_refused(text: str) -> None:
    """
    What is no signal of ours is an error that the listener knows.
    """
    with pytest.raises(msgspec.DecodeError):
        parse(text)
