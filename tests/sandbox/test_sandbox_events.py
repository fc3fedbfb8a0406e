"""The XML of pushes against captured ones."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wechatpy import parse_message

from sandbox import event_xml, message_xml

ACCOUNT = "gh_4685d4eef135"
OPENID = "o0gycwIqxXT7DDkwqY-NyqmLb8Pg"
TICKET = (
    "gQGu8DoAAAAAAAAAASxodHRwOi8vd2VpeGluLnFxLmNv"
    "bS9xL05EdGZXcjNsQnh0X2kwMHhlQmNXAAIEEb62VwMEAAAAAA=="
)


@pytest.mark.parametrize(
    ("name", "event", "at", "event_key", "ticket"),
    [
        ("01-subscribe-qrscene", "subscribe", 1473747992, "qrscene_230", TICKET),
        ("02-scan-same-user-and-ticket", "SCAN", 1473748010, "230", TICKET),
        ("03-unsubscribe", "unsubscribe", 1473748255, "", None),
        ("04-subscribe-plain-empty-eventkey", "subscribe", 1473748532, "", None),
    ],
)
def test_event_is_the_captured_one(
    fixtures: Path, name: str, event: str, at: int, event_key: str, ticket: str | None
) -> None:
    """
    Given what a captured event says, the XML is that event's, element for element.
    """
    captured = "".join((fixtures / f"{name}.xml").read_text().split("\n"))

    made = event_xml(
        account_id=ACCOUNT,
        openid=OPENID,
        event=event,
        created_at=at,
        event_key=event_key,
        ticket=ticket,
    )

    assert captured == made


def test_message_is_the_captured_one(fixtures: Path) -> None:
    """
    A text message is the captured one, with its MsgId over 2**53.
    """
    name = "08-text-message-64bit-msgid.xml"
    captured = "".join((fixtures / name).read_text().split("\n"))

    made = message_xml(
        account_id="gh_b4ec5147c722",
        openid="oH4HtwGsY-0JSjhNhJLA7jYYOMsQ",
        text="xxx",
        message_id=6583883461605926895,
        created_at=1532929824.9,
    )

    assert captured == made


@settings(max_examples=50)
@given(st.text("]>[<&!CDATA ä中", min_size=1))
def test_message_survives_any_markup(text: str) -> None:
    """
    An independent parser reads the text that was put in, the end of a CDATA section included.
    """
    xml = message_xml(account_id="gh_1", openid="o1", text=text, message_id=1, created_at=0)

    content = parse_message(xml).content

    # xmltodict strips white space at the ends and makes nothing of what is only that.
    assert text.strip() == (content or "").strip()
