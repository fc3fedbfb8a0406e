"""What the phone says, and what processes say to one another."""

from typing import Any

import msgspec
import pytest

from login import Replies, Visit
from login.flow import State
from login.messages import Denied, encode
from login.replies import TEXTS, Answer
from login.signal import Signal, parse, signal
from tests.login.installation import login_rules

VISIT = Visit("Chrome/Windows", "Hangzhou")
AT = 1_767_225_600  # 2026-01-01 00:00 UTC


def replies(**changes: Any) -> Replies:
    """Return the English texts of a site, with changes."""
    given: dict[str, Any] = {
        "site": "login.example.com",
        "language": "en",
        "time_zone": "Asia/Shanghai",
        "texts": {},
        "undo_word": "T",
        "refuse_word": "N",
        "rules": login_rules(),
    }
    return Replies(**given | changes)


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("answer", Answer)
def test_every_answer_has_a_text(answer: Answer, language: str) -> None:
    """
    Whatever is stored as the answer to a scan can be said, with nothing left to fill in.
    """
    text = replies(language=language).text(f"{answer}:42")

    assert text
    assert "{" not in text
    assert TEXTS[language].keys() == set(Answer)


def test_text_names_site_browser_place_and_time() -> None:
    """
    Who scans is told where he signs in, in which browser, from where and when.
    """
    lines = replies().text("signed_in", VISIT, AT).split("\n")

    assert {
        "Browser: Chrome on Windows",
        "Place: Hangzhou",
        "Time: 2026-01-01 08:00",
    } < set(lines)
    assert "login.example.com" in lines[1]


def test_text_is_in_the_language_of_the_site() -> None:
    """
    In Chinese the browser is named in Chinese too.
    """
    text = replies(language="zh").text("choose:42", VISIT, AT)

    assert "Windows 上的 Chrome" in text
    assert "选择数字 42" in text


def test_time_is_that_of_the_site() -> None:
    """
    Times are told in the time zone of the settings.
    """
    text = replies(time_zone="America/New_York").text("signed_in", VISIT, AT)

    assert "2025-12-31 19:00" in text


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "UTC"])
@pytest.mark.parametrize("at", [0, 10**12 - 1])
def test_time_of_any_push_can_be_told(zone: str, at: int) -> None:
    """
    A second that no calendar has is no reason to leave the phone without an answer.
    """
    assert "Time: " in replies(time_zone=zone).text("signed_in", VISIT, at)


@pytest.mark.parametrize(
    ("visit", "left_out", "kept"),
    [
        (Visit("", "Hangzhou"), "Browser", "Place: Hangzhou"),
        (Visit("Chrome", ""), "Place", "Browser: Chrome"),
        (Visit("Windows", ""), "Place", "Browser: Windows"),
    ],
)
def test_line_of_what_is_not_known_is_left_out(visit: Visit, left_out: str, kept: str) -> None:
    """
    The phone says nothing about a browser or a place that nobody knows.
    """
    text = replies().text("signed_in", visit, AT)

    assert left_out not in text
    assert kept in text.split("\n")


def test_text_of_the_site_replaces_ours() -> None:
    """
    A text that the site has written itself is said, the others stay.
    """
    own = replies(texts={"used": "Too late for {site}, {{sorry}} {{place}}."})

    assert "Too late for login.example.com, {sorry} {place}." == own.text("used")
    assert replies().text("expired") == own.text("expired")


@pytest.mark.parametrize("hole", ["{number}", "{0}", "{", "}", "{site.x}", "%s"])
def test_what_is_filled_in_is_not_filled_again(hole: str) -> None:
    """
    A site, a browser or a place that looks like a placeholder stays as it is.
    """
    text = replies(site=hole).text("signed_in", Visit(hole, hole), AT)

    assert f"Browser: {hole}\nPlace: {hole}\n" in text
    assert f"signed in to {hole};" in text


def test_answer_that_is_unknown_is_an_error() -> None:
    """
    A wrong word is a mistake of ours, not something for a phone.
    """
    with pytest.raises(ValueError, match="is not a valid Answer"):
        replies().text("hello")


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
